/**
 * `npm run explore -- [--rollouts N] [--minutes N] [--from SEED]`: plays rollouts by the seeds from SEED on (by default a
 * random one), and stops at the first that breaks an invariant, with its seed and its last steps. `--seed SEED` replays one,
 * step by step.
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { playRollout, type RolloutResult } from './rollout.ts'

const maxSeed = 2 ** 31 - 1
const shownSteps = 100
const msPerSecond = 1000
const msPerMinute = 60 * msPerSecond

const { values } = parseArgs({
  options: {
    rollouts: { type: 'string', default: '1000' },
    minutes: { type: 'string', default: 'Infinity' },
    from: { type: 'string', default: String(randomInt(maxSeed)) },
    seed: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(`npm run explore -- [--rollouts N] [--minutes N] [--from SEED] [--seed SEED]

Plays N rollouts (1000) under a virtual clock, by the seeds from SEED on (a random one), and stops at the first that breaks
an invariant, with its seed and its last steps. --minutes ends it earlier, after so long. --seed replays one, step by step.`)
  process.exit(0)
}
const [rollouts, from, minutes] = [Number(values.rollouts), Number(values.from), Number(values.minutes)]
const seed = values.seed === undefined ? null : Number(values.seed)
if (!(rollouts > 0) || !(minutes > 0) || ![rollouts, from, seed ?? 0].every(Number.isSafeInteger)) {
  console.error('--rollouts and --minutes take a number above 0, --from and --seed a whole number')
  process.exit(2)
}
// An exit at once would cut off what a slow reader has not taken from a pipe yet.
process.exitCode = (seed === null ? await explore() : await replay(seed)) ? 0 : 1

/** @returns whether nothing was found */
async function replay(seed: number): Promise<boolean> {
  const { violation, trace } = await playRollout({ seed, isTraced: true })
  for (const line of trace) console.log(line)
  console.log(violation === null ? 'all invariants hold' : violation.message)
  return violation === null
}

/** @returns whether nothing was found */
async function explore(): Promise<boolean> {
  const startedAt = performance.now()
  let [steps, virtualMs] = [0, 0]
  console.log(`${rollouts} rollouts, seeds from ${from}`)
  const elapsedMs = () => performance.now() - startedAt
  let played = 0
  for (; played < rollouts && elapsedMs() < minutes * msPerMinute; played += 1) {
    const result = await playRollout({ seed: from + played })
    steps += result.steps
    virtualMs += result.virtualMs
    if (result.violation !== null) {
      await show(result)
      return false
    }
  }
  const seconds = Math.round(elapsedMs() / msPerSecond)
  const hours = Math.round(virtualMs / msPerSecond / 3600)
  console.log(`nothing found in ${played} rollouts, ${steps} steps and ${hours} virtual hours, ${seconds} s`)
  return true
}

async function show({ seed }: RolloutResult): Promise<void> {
  const { violation, trace } = await playRollout({ seed, isTraced: true })
  for (const line of trace.slice(-shownSteps)) console.error(line)
  console.error(`\nseed ${seed}: ${violation?.message}`)
  console.error(`all ${trace.length} lines: npm run explore -- --seed ${seed}`)
}
