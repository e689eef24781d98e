/**
 * `npm run fuzz -- [--minutes N] [--seed S] [--surface NAME]`: fuzzes longer than `npm test` does, with a seed of its own.
 * A failing input is written into the corpus, where the surface's test plays it from then on.
 */
import { createHash, randomInt } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { corpus, FuzzFailure, replay, runSurface } from './run.ts'
import type { Surface } from './surface.ts'
import { surfaces } from './surfaces.ts'

const maxSeed = 2 ** 31 - 1
const msPerMinute = 60_000

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(randomInt(maxSeed)) },
    surface: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(`npm run fuzz -- [--minutes N] [--seed S] [--surface NAME]

Fuzzes longer than npm test does (10 minutes), with a seed of its own. A failing input is written into the corpus, where
the surface's test plays it from then on. Surfaces: ${surfaces.map(({ name }) => name).join(', ')}.`)
  process.exit(0)
}
const [minutes, seed] = [Number(values.minutes), Number(values.seed)]
const chosen = surfaces.filter(({ name }) => values.surface === undefined || name === values.surface)
if (!(minutes > 0) || !Number.isSafeInteger(seed) || chosen.length === 0) {
  console.error(
    `--minutes takes a number above 0, --seed a whole number, --surface one of ${surfaces.map(({ name }) => name).join(', ')}`,
  )
  process.exit(2)
}

const msEach = (minutes * msPerMinute) / chosen.length
console.log(`seed ${seed}, ${minutes} minutes, ${chosen.length} surfaces`)
let failures = 0
for (const surface of chosen) failures += (await fuzz(surface)) ? 0 : 1
process.exit(failures === 0 ? 0 : 1)

/** Runs something on a stage, and ends what it started. */
async function onStage<Result>(
  run: (t: { teardown(end: () => unknown): void }) => Promise<Result>,
): Promise<Result> {
  const ends: (() => unknown)[] = []
  try {
    return await run({ teardown: end => void ends.push(end) })
  } finally {
    for (const end of ends.reverse()) await end()
  }
}

/** @returns whether nothing was found */
async function fuzz(surface: Surface<never>): Promise<boolean> {
  const until = performance.now() + msEach
  try {
    const played = await onStage(t =>
      runSurface(t, surface, { seed, goesOn: () => performance.now() < until }),
    )
    console.log(`${surface.name}: ${played} inputs, nothing found`)
    return true
  } catch (fault) {
    if (!(fault instanceof FuzzFailure)) throw fault
    const inputs = await onlyGuilty(surface, fault.inputs as never[])
    const text = `${JSON.stringify(inputs, null, 1)}\n`
    const folder = join(corpus, surface.name)
    const file = join(folder, `${createHash('sha256').update(text).digest('hex').slice(0, 12)}.json`)
    console.error(`${fault.message}\n`)
    if (inputs.length === 0) return false
    mkdirSync(folder, { recursive: true })
    writeFileSync(file, text)
    console.error(`${file}: name it after what it shows; npm test plays it from now on`)
    return false
  }
}

/** The one input that fails alone, where there is one. */
async function onlyGuilty(surface: Surface<never>, inputs: readonly never[]): Promise<readonly never[]> {
  for (const input of inputs) {
    const isGuilty = await onStage(t => replay(t, surface, [input])).then(
      () => false,
      () => true,
    )
    if (isGuilty) return [input]
  }
  return inputs
}
