/** What a replica does with calls that some replica must hear, over records that only note what they are asked. */
import { mock } from 'node:test'
import test, { type ExecutionContext } from 'ava'
import { Handover, lookIntervalMs } from '../../runtime/calls/handover.ts'
import { readCallRecord } from '../../runtime/calls/record.ts'
import { leaseMs } from '../../runtime/calls/records.ts'
import { GatewayError } from '../../runtime/core/errors.ts'
import type { Drainable } from '../../runtime/server/drain.ts'
import { createClock } from '../access/clock.ts'

const offerIntervalMs = 250

function stage(t: ExecutionContext) {
  const seen: string[] = []
  const known = {
    unheard: [] as string[],
    isClaimed: true,
    fields: { call_id: 'rtc_1', provider: 'p' } as Record<string, string> | null,
    refusal: null as GatewayError | null,
    isHeardElsewhere: false,
    isAway: false,
    /** What a claim waits for. */
    claiming: Promise.resolve(),
    /** What joining a call takes. */
    joining: Promise.resolve(),
  }
  const answer = async <Value>(words: string, value: () => Value): Promise<Value> => {
    seen.push(words)
    if (known.isAway) throw new GatewayError('store_unavailable', 'away')
    return value()
  }
  const clock = createClock(0)
  const drained = new Set<Drainable>()
  const handover = new Handover({
    records: {
      listHeard: id => answer(`list ${id}`, () => undefined),
      unlistHeard: id => answer(`unlist ${id}`, () => undefined),
      unheard: count => answer(`look at ${count}`, () => known.unheard),
      claimTakeover: (id, holder, ms) =>
        answer(`claim ${id} ${holder} ${ms}`, () => known.claiming).then(() => known.isClaimed),
      lookUp: id =>
        answer(`read ${id}`, () => (known.fields === null ? null : readCallRecord(id, known.fields))),
      offerCall: (id, holder) => answer(`offer ${id} ${holder}`, () => undefined),
      isHeardElsewhere: (id, holder) => answer(`lease of ${id} ${holder}`, () => known.isHeardElsewhere),
      releaseTakeover: id => answer(`release ${id}`, () => undefined),
    },
    holder: 'h',
    drain: { add: one => void drained.add(one), remove: one => void drained.delete(one) },
    refusal: () => known.refusal,
    joined: () => known.joining,
    finishTools: async () => undefined,
    every: clock.every,
    log: {
      info: event => void seen.push(event),
      warn: event => void seen.push(event),
      error: () => undefined,
    },
    take: ({ sessionId }) => void seen.push(`take ${sessionId}`),
    leave: id => void seen.push(`leave ${id}`),
  })
  t.teardown(() => handover.close())
  const settle = async () => {
    for (let turn = 0; turn < 5; turn += 1) await new Promise(resolve => setImmediate(resolve))
    return seen.splice(0)
  }
  const hold = (sessionId: string) => handover.hold(readCallRecord(sessionId, {}))
  return { handover, known, drained, clock, settle, hold }
}

const claim = (id: string) => `claim ${id} h ${leaseMs}`
const taken = ['look at 50', claim('a'), 'read a', 'sideband.call.taken_over', 'take a']

/** What stands in the store, and what is done at the next look. */
const looks: readonly (readonly [
  what: string,
  known: Partial<ReturnType<typeof stage>['known']>,
  done: readonly string[],
])[] = [
  ['no call is unheard', {}, ['look at 50']],
  ['a call is unheard', { unheard: ['a'] }, taken],
  ['another replica takes it', { unheard: ['a'], isClaimed: false }, ['look at 50', claim('a')]],
  [
    'its session is forgotten',
    { unheard: ['a'], fields: null },
    ['look at 50', claim('a'), 'read a', 'unlist a'],
  ],
  [
    'its session has no call',
    { unheard: ['a'], fields: { provider: 'p' } },
    ['look at 50', claim('a'), 'read a', 'unlist a'],
  ],
  [
    'its session has ended',
    { unheard: ['a'], fields: { call_id: 'rtc_1', ended_at: 'x' } },
    ['look at 50', claim('a'), 'read a', 'unlist a'],
  ],
  ['this replica takes nothing new', { unheard: ['a'], refusal: new GatewayError('draining', 'no') }, []],
  ['the store is away', { isAway: true }, ['look at 50', 'sideband.handover.failed']],
]

for (const [what, known, done] of looks) {
  test(`${what}: ${done.at(-1) ?? 'nothing is done'}`, async t => {
    const stood = stage(t)
    Object.assign(stood.known, known)
    stood.clock.advance(lookIntervalMs - 1)
    t.deepEqual(await stood.settle(), [])
    stood.clock.advance(1)
    t.deepEqual(await stood.settle(), [...done])
    stood.known.isAway = false
    stood.known.unheard = []
    stood.clock.advance(lookIntervalMs)
    t.deepEqual(await stood.settle(), stood.known.refusal === null ? ['look at 50'] : [], 'it looks again')
  })
}

test('while one look is under way no other begins, and a replica that is closed takes nothing any more', async t => {
  const { known, clock, settle, handover } = stage(t)
  const claiming = Promise.withResolvers<void>()
  Object.assign(known, { unheard: ['a'], claiming: claiming.promise })
  clock.advance(lookIntervalMs)
  t.deepEqual(await settle(), ['look at 50', claim('a')])
  clock.advance(lookIntervalMs)
  t.deepEqual(await settle(), [])
  await handover.close()
  await handover.close()
  claiming.resolve()
  t.deepEqual(await settle(), ['read a', 'release a'], 'another replica need not wait')
  clock.advance(2 * lookIntervalMs)
  t.deepEqual(await settle(), [])
})

test('a call that this replica holds is claimed and listed, and listed again three times in a lease; it takes it not twice', async t => {
  const { known, clock, settle, hold, drained, handover } = stage(t)
  hold('a')
  t.deepEqual(await settle(), [claim('a'), 'list a'])
  t.is(drained.size, 1)
  known.unheard = ['a']
  clock.advance(lookIntervalMs)
  t.deepEqual(await settle(), ['look at 50'])
  known.refusal = new GatewayError('draining', 'no')
  clock.advance(leaseMs / 3 - lookIntervalMs)
  t.deepEqual(await settle(), ['list a'])
  handover.release('a')
  handover.release('a')
  t.is(drained.size, 0)
  clock.advance(leaseMs)
  t.deepEqual(await settle(), [])
})

test('a replica that begins to drain while it takes a call leaves it to others at once', async t => {
  const { known, clock, settle } = stage(t)
  const claiming = Promise.withResolvers<void>()
  Object.assign(known, { unheard: ['a'], claiming: claiming.promise })
  clock.advance(lookIntervalMs)
  await settle()
  known.refusal = new GatewayError('draining', 'no')
  claiming.resolve()
  t.deepEqual(await settle(), ['read a', 'release a'])
})

test('a call is announced when it is joined, and offered only once its own claim is written', async t => {
  const { known, settle, hold, drained, handover } = stage(t)
  const [claiming, joining] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  Object.assign(known, { claiming: claiming.promise, joining: joining.promise })
  hold('a')
  const [held] = drained
  let isAnnounced = false
  void Promise.resolve(held?.announce(1000)).then(() => {
    isAnnounced = true
  })
  t.deepEqual(await settle(), [claim('a')])
  t.false(isAnnounced)
  joining.resolve()
  await settle()
  t.true(isAnnounced)
  held?.drain(1000)
  t.deepEqual(await settle(), [])
  claiming.resolve()
  t.deepEqual(await settle(), ['list a', 'offer a h'])
  handover.release('a')
})

test('a replica that closes offers what it still holds and has not offered, and a fault of one keeps no other', async t => {
  const { known, settle, hold, drained, handover } = stage(t)
  for (const id of ['a', 'b', 'c']) hold(id)
  const [a] = drained
  a?.drain(1000)
  handover.release('c')
  await settle()
  await handover.close()
  t.deepEqual(await settle(), ['offer b h'])
  handover.release('a')
  handover.release('b')
  known.isAway = true
  hold('d')
  hold('e')
  await settle()
  await handover.close()
  const failed = 'sideband.handover.failed'
  t.deepEqual(await settle(), ['offer d h', 'offer e h', failed, failed])
})

test.serial(
  'a replica that drains offers its call, and leaves it once another one has the lease',
  async t => {
    const { known, settle, hold, drained } = stage(t)
    hold('a')
    await settle()
    mock.timers.enable({ apis: ['setTimeout'] })
    t.teardown(() => mock.timers.reset())
    const [held] = drained
    await held?.announce(1000)
    held?.drain(1000)
    t.deepEqual(await settle(), ['offer a h'])
    mock.timers.tick(offerIntervalMs - 1)
    t.deepEqual(await settle(), [])
    mock.timers.tick(1)
    t.deepEqual(await settle(), ['lease of a h'])
    known.isAway = true
    mock.timers.tick(offerIntervalMs)
    t.deepEqual(await settle(), ['lease of a h'], 'while the store is away nobody can take it')
    Object.assign(known, { isAway: false, isHeardElsewhere: true })
    mock.timers.tick(offerIntervalMs)
    t.deepEqual(await settle(), ['lease of a h', 'leave a'])
    mock.timers.tick(10 * offerIntervalMs)
    t.deepEqual(await settle(), [])
  },
)

test.serial('a call that is over meanwhile is offered no more; an offer that fails is told', async t => {
  const { known, settle, hold, drained, handover } = stage(t)
  hold('a')
  hold('b')
  await settle()
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const [a, b] = drained
  a?.drain(1000)
  await settle()
  handover.release('a')
  mock.timers.tick(offerIntervalMs)
  t.deepEqual(await settle(), [])
  known.isAway = true
  b?.drain(1000)
  t.deepEqual(await settle(), ['offer b h', 'sideband.handover.failed'])
})
