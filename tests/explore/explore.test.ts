/** Rollouts by fixed seeds: what breaks an invariant here breaks it each time. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { revisionOf } from '../../runtime/store/revision.ts'
import { startChild } from '../gateway/child.ts'
import { playRollout, type RolloutOptions, type RolloutResult } from './rollout.ts'
import type { PlantedStoreFault } from './shared-store.ts'

/** Some 5 s on an idle core. */
const rollouts = 600

/** Seeds beyond those that broke an invariant once. */
const onceBroken = [9097, 15_486, 1_001_094, 1_001_362, 1_001_565, 1_001_937, 1_002_479, 50_003_978]

/** Fails with the seed and the last steps of a rollout that broke an invariant. */
async function hold(t: ExecutionContext, options: RolloutOptions): Promise<RolloutResult> {
  const result = await playRollout(options)
  if (result.violation === null) return result
  const { trace } = await playRollout({ ...options, isTraced: true })
  for (const line of trace.slice(-100)) t.log(line)
  throw new Error(`${result.violation.message}; replay it by: npm run explore -- --seed ${options.seed}`)
}

test.serial(`all invariants hold in ${rollouts} rollouts`, async t => {
  const told = { done: 0, interrupted: 0 }
  for (let seed = 1; seed <= rollouts; seed += 1) {
    const result = await hold(t, { seed })
    told.done += result.told.done
    told.interrupted += result.told.interrupted
  }
  t.log(`${told.done} calls of tools were answered, ${told.interrupted} were interrupted`)
  t.true(told.done > 100 && told.interrupted > 10)
})

for (const seed of onceBroken)
  test.serial(`all invariants hold in the rollout of seed ${seed}`, async t => {
    t.is((await hold(t, { seed })).violation, null)
  })

for (const where of ['drain', 'resume'] as const) {
  test.serial(
    `all invariants hold with the process killed in place of each effect of a ${where}`,
    async t => {
      for (const seed of [1, 2, 3, 4, 5, 6]) {
        let effect = 0
        for (let wasKilled = true; wasKilled; effect += 1)
          ({ wasKilled } = await hold(t, { seed, killAt: { in: where, effect } }))
        t.log(`seed ${seed}: ${effect - 1} effects`)
        t.true(effect > 5, 'there were effects to kill it in')
      }
    },
  )
}

test.serial(
  'a tool runs once and its call is answered, with the process killed in place of each effect of a call',
  async t => {
    const told = { done: 0, interrupted: 0 }
    for (const seed of [1, 2, 3, 4, 5]) {
      const { effectsOfCall } = await hold(t, {
        seed,
        killAt: { in: 'call', effect: Number.POSITIVE_INFINITY },
      })
      t.true(effectsOfCall > 10, 'there are effects to kill it in')
      for (let effect = 0; effect < effectsOfCall; effect += 1) {
        const result = await hold(t, { seed, killAt: { in: 'call', effect } })
        t.true(result.wasKilled)
        told.done += result.told.done
        told.interrupted += result.told.interrupted
      }
      t.log(`seed ${seed}: ${effectsOfCall} effects`)
    }
    t.true(told.done > 0 && told.interrupted > 0)
  },
)

test.serial('a call that runs twice is found by a kill in one of its effects', async t => {
  const violations: string[] = []
  // How a seed goes, and whether its rollout comes to such a call, changes with every operation of the store.
  for (const seed of [1, 2, 3, 4, 5]) {
    for (let effect = 0; effect < 40; effect += 1) {
      const options = { seed, planted: forgetRuns(), killAt: { in: 'call', effect } } as const
      const { violation } = await playRollout(options)
      if (violation !== null) violations.push(violation.message)
    }
  }
  t.log(`${violations.length} of 200 kills found it`)
  t.true(violations.some(violation => /run twice|beside itself/.test(violation)))
})

test.serial('a seed gives the same steps each time', async t => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const [first, second] = [
      await playRollout({ seed, isTraced: true }),
      await playRollout({ seed, isTraced: true }),
    ]
    t.true(first.trace.length > 50)
    t.deepEqual(first.trace, second.trace)
  }
})

test.serial('a replay is written to its last line, however slowly it is read', async t => {
  const main = join(import.meta.dirname, 'main.ts')
  const child = startChild(t, process.execPath, [main, '--seed', '1'])
  const { trace } = await playRollout({ seed: 1, isTraced: true })
  let written = ''
  for await (const chunk of child.stdout) {
    written += String(chunk)
    await sleep(10)
  }
  t.deepEqual(written.trimEnd().split('\n'), [...trace, 'all invariants hold'].join('\n').split('\n'))
})

function forgetRuns(): PlantedStoreFault {
  return (operation, given) => {
    if (operation !== 'compareAndSet') return given
    const [key, was, text, ttlMs] = given
    return [key, was, String(text).replaceAll('"status":"running"', '"status":"pending"'), ttlMs]
  }
}

/** Faults of a store, each with what is found of it; within 100 rollouts unless it says how many. */
const planted: readonly (readonly [
  what: string,
  found: RegExp,
  make: () => PlantedStoreFault,
  rollouts?: number,
])[] = [
  [
    'does not look whether a ticket is spent',
    /spent twice|two living successors|answered 2 times|forgotten/,
    () => (operation, given) => {
      if (operation !== 'update' && operation !== 'updateAndRead') return given
      const [key, { unless: _, when: __, ...change }, ttlMs] = given as [
        string,
        Record<string, unknown>,
        number,
      ]
      return [key, change, ttlMs]
    },
  ],
  [
    'forgets that a client has its next ticket',
    /two living successors/,
    () => (operation, given) => {
      if (operation !== 'update' && operation !== 'updateAndRead') return given
      const [key, change, ttlMs] = given as [string, { set?: { held?: 1; next?: string } }, number]
      const isHold = change.set?.held === 1 || change.set?.next === ''
      return isHold ? [key, {}, ttlMs] : given
    },
    400,
  ],
  [
    'writes an older state of a conversation over a newer one',
    /older state|answered 2 times|forgotten/,
    () => {
      const written = new Map<unknown, unknown[]>()
      return (operation, given) => {
        if (operation !== 'compareAndSet') return given
        const [key, was, text, ttlMs] = given
        const texts = [...(written.get(key) ?? []), text]
        written.set(key, texts)
        return [key, was, texts.length % 5 === 0 ? texts.at(-4) : text, ttlMs]
      }
    },
  ],
  [
    'takes every write of a conversation, whatever its writer knew',
    /older state|answered 2 times|forgotten/,
    () => (operation, given, held) => {
      if (operation !== 'compareAndSet') return given
      const [key, , text, ttlMs] = given
      return [key, revisionOf(held ?? ''), text, ttlMs]
    },
  ],
  ['forgets that a call runs', /run twice|beside itself/, forgetRuns],
  [
    'never takes a place back',
    /places are held/,
    () => (operation, given) => (operation === 'unlist' ? null : given),
  ],
]

for (const [what, found, make, tried = 100] of planted) {
  test.serial(`a store that ${what} is found`, async t => {
    const violations: string[] = []
    for (let seed = 1; seed <= tried; seed += 1) {
      const { violation } = await playRollout({ seed, planted: make() })
      if (violation !== null) violations.push(violation.message)
    }
    t.log(`${violations.length} of ${tried} rollouts found it`)
    t.true(
      violations.some(violation => found.test(violation)),
      violations.join('\n'),
    )
  })
}
