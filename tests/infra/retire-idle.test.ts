/** Old revisions go when their last socket has, by hand and in a workflow alike. */
import test from 'ava'
import { type Hands, retireIdle } from '../../.github/scripts/retire-idle.ts'

interface Stage {
  readonly listed?: readonly (readonly [revision: string, weight: number])[]
  readonly active?: readonly string[]
  /** Open sockets at each look, by revision; the last number holds. */
  readonly open?: Readonly<Record<string, number[]>>
}

function stage({ listed = [['blue', 100]], active = ['blue', 'old', 'older'], open = {} }: Stage = {}) {
  const done: string[] = []
  const said: string[] = []
  const waits: number[] = []
  const hands: Hands = {
    weights: async () => listed.map(([revision, weight]) => ({ revision, weight })),
    active: async () => active,
    openSockets: async revision => {
      const counts = open[revision] ?? [0]
      return (counts.length > 1 ? counts.shift() : counts[0]) ?? 0
    },
    deactivate: async revision => {
      done.push(revision)
    },
    wait: async seconds => {
      waits.push(seconds)
    },
    say: line => said.push(line),
  }
  return { done, said, waits, hands }
}

test('revisions that the stack does not list are deactivated, and no other', async t => {
  const { done, hands } = stage()
  t.deepEqual(await retireIdle(3600, hands), [])
  t.deepEqual(done, ['old', 'older'])
})

test('each goes when its own last socket has gone', async t => {
  const { done, hands, waits } = stage({ open: { old: [3, 1, 0] } })
  t.deepEqual(await retireIdle(3600, hands), [])
  t.deepEqual(done, ['older', 'old'])
  t.deepEqual(waits, [300, 30, 30])
})

test('the log is given time to tell of the last sockets before their number is believed', async t => {
  const { waits, hands } = stage()
  await retireIdle(3600, hands)
  t.deepEqual(waits, [300])
})

test('a revision whose sockets do not go stays, with every one of them, and is named', async t => {
  const { done, said, hands, waits } = stage({ open: { old: [5] } })
  t.deepEqual(await retireIdle(600, hands), ['old'])
  t.deepEqual(done, ['older'])
  t.is(
    waits.reduce((sum, seconds) => sum + seconds),
    600,
  )
  t.regex(said.at(-1) ?? '', /^old stays: it holds sockets after 600 s/)
})

test('where nothing is idle nothing is waited for', async t => {
  const { waits, hands } = stage({ active: ['blue'] })
  t.deepEqual(await retireIdle(3600, hands), [])
  t.deepEqual(waits, [])
})

test('a stack that lists no revision has none deactivated', async t => {
  const { done, hands } = stage({ listed: [] })
  await t.throwsAsync(retireIdle(3600, hands), { message: /lists no revision/ })
  t.deepEqual(done, [])
})

test('where a revision with traffic is not active, none is deactivated', async t => {
  const { done, waits, hands } = stage({ active: ['old'] })
  await t.throwsAsync(retireIdle(3600, hands), { message: /^blue should have traffic and is not active/ })
  t.deepEqual([done, waits], [[], []])
})

test('a listed revision without traffic need not be active', async t => {
  const listed = [
    ['blue', 100],
    ['green', 0],
  ] as const
  const { done, hands } = stage({ listed })
  await retireIdle(3600, hands)
  t.deepEqual(done, ['old', 'older'])
})
