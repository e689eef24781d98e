/**
 * Limits per credential and per address, in units with a clock of the test's own.
 */
import { setTimeout as rest } from 'node:timers/promises'
import test from 'ava'
import { Attempts } from '../../runtime/access/attempts.ts'
import { systemClock } from '../../runtime/core/clock.ts'
import { GatewayError } from '../../runtime/core/errors.ts'
import { SessionSlots } from '../../runtime/limits/concurrency.ts'
import type { LimitSubject } from '../../runtime/limits/limit-subject.ts'
import { LimitedConnection } from '../../runtime/limits/limited-connection.ts'
import { TokenBuckets } from '../../runtime/limits/token-bucket.ts'
import { UsageQuota } from '../../runtime/limits/usage-quota.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { readResponseReport } from '../../runtime/usage/response-report.ts'
import { createClock } from '../access/clock.ts'

const unlimited = {
  sessions: Number.POSITIVE_INFINITY,
  upgradesPerMinute: Number.POSITIVE_INFINITY,
  requestsPerMinute: Number.POSITIVE_INFINITY,
  messagesPerSecond: Number.POSITIVE_INFINITY,
  tokensPerDay: Number.POSITIVE_INFINITY,
  costPerDay: Number.POSITIVE_INFINITY,
}

function shareOf(id: string, limits: Partial<LimitSubject['limits']>): LimitSubject {
  return { id, whose: 'credential', limits: { ...unlimited, ...limits } }
}

const errorOf = (work: Promise<unknown>) =>
  work.then(
    () => null,
    fault => fault as GatewayError,
  )

/** Two replicas with one store and one clock. */
function replicas() {
  const clock = createClock(Date.UTC(2026, 0, 1, 23, 59, 30))
  const store = createMemoryStore({ now: clock.now })
  const reached: string[] = []
  const onReached = (share: LimitSubject, kind: string) => void reached.push(`${kind} ${share.id}`)
  let ids = 0
  const newId = () => {
    ids += 1
    return `lease-${ids}`
  }
  const one = () => ({
    counts: new UsageQuota({ store, now: clock.now, onReached }),
    leases: { store, every: clock.every, onReached, newId },
  })
  return { clock, reached, first: one(), second: one() }
}

test('upgrades are counted by the minute over all replicas, and the answer says when the minute is over', async t => {
  const { clock, first, second, reached } = replicas()
  const share = shareOf('credential:a', { upgradesPerMinute: 2 })
  t.is(await errorOf(first.counts.count('upgrades', share)), null)
  t.is(await errorOf(second.counts.count('upgrades', share)), null)
  const fault = await errorOf(first.counts.count('upgrades', share))
  t.like(fault, { code: 'limit_reached', status: 429, retryAfterMs: 30_000 })
  t.is(
    await errorOf(second.counts.count('upgrades', shareOf('credential:b', { upgradesPerMinute: 2 }))),
    null,
  )
  t.deepEqual(reached, ['upgrades credential:a'])
  clock.advance(30_000)
  t.is(await errorOf(first.counts.count('upgrades', share)), null)
})

test('tokens are counted by the day over all replicas, until midnight', async t => {
  const { clock, first, second } = replicas()
  const share = shareOf('credential:a', { tokensPerDay: 100 })
  t.is(await first.counts.spend(share, { tokens: 60, nanos: 0 }), null)
  t.is(await errorOf(second.counts.checkBudgets(share)), null)
  t.like(await second.counts.spend(share, { tokens: 40, nanos: 0 }), { code: 'limit_reached' })
  t.like(await errorOf(first.counts.checkBudgets(share)), { status: 429, retryAfterMs: 30_000 })
  clock.advance(30_000)
  t.is(await errorOf(first.counts.checkBudgets(share)), null)
})

for (const [frame, tokens] of [
  ['{"type":"response.done","response":{"usage":{"total_tokens":42}}}', 42],
  ['{"type":"response.done","response":{"usage":null}}', 0],
  ['{"type":"response.done","response":{"usage":{"total_tokens":-5}}}', 0],
  ['{"type":"response.done","response":{"usage":{"total_tokens":"7"}}}', 0],
  ['{"type":"response.done"}', 0],
  ['no json', 0],
] as const) {
  test(`${frame} tells ${tokens} tokens`, t => {
    t.is(readResponseReport(Buffer.from(frame)).total, tokens)
  })
}

test('tries are counted for so many addresses at once and no more, and begin anew each minute', t => {
  const clock = createClock(0)
  const tries = new Attempts({ now: clock.now, refusalsPerMinute: 2, onReached: () => undefined })
  const at = (number: number) => shareOf(`address:${number}`, { upgradesPerMinute: 1 })
  const limited = { code: 'limit_reached' }
  tries.count('upgrades', at(1))
  t.throws(() => tries.count('upgrades', at(1)), limited)
  tries.count('requests', at(1))
  for (let n = 0; n < 2; n += 1) tries.refused(at(2))
  t.throws(() => tries.count(null, at(2)), limited)
  clock.advance(59_999)
  t.like(
    t.throws(() => tries.count('upgrades', at(2))),
    { retryAfterMs: 1 },
  )
  clock.advance(1)
  tries.count('upgrades', at(1))
  tries.count('upgrades', at(2))
  for (let number = 0; number < 60_000; number += 1) tries.count('upgrades', at(number + 10))
  t.is(tries.size, 50_000)
})

test('places are taken over all replicas and given back; a refused session holds none', async t => {
  const { first, second } = replicas()
  const narrow = shareOf('address:1', { sessions: 1 })
  const wide = shareOf('credential:a', { sessions: 2 })
  const places = await SessionSlots.take([wide, narrow], first.leases)
  places.hold()
  for (let n = 0; n < 5; n += 1) {
    const fault = await errorOf(SessionSlots.take([wide, narrow], second.leases))
    t.like(fault, { code: 'limit_reached', status: 429, retryAfterMs: 5000 })
  }
  // The wide share has one place left, although one was taken while the narrow share was found full.
  const other = await SessionSlots.take([wide], second.leases)
  t.truthy(await errorOf(SessionSlots.take([wide], first.leases)))
  places.release()
  places.release()
  await SessionSlots.take([narrow], second.leases)
  other.release()
})

test('a place that the store gave without being able to say so is given back', async t => {
  const { first, second } = replicas()
  const share = shareOf('credential:a', { sessions: 1 })
  const enlist = async (...given: Parameters<typeof first.leases.store.enlist>) => {
    await first.leases.store.enlist(...given)
    throw new GatewayError('store_unavailable', 'no answer in time')
  }
  const { unlist, list } = first.leases.store
  const store = { enlist, unlist: unlist.bind(first.leases.store), list: list.bind(first.leases.store) }
  t.like(await errorOf(SessionSlots.take([share], { ...first.leases, store })), { code: 'store_unavailable' })
  await t.notThrowsAsync(SessionSlots.take([share], second.leases))
})

test('places of a living session are kept; those of a replica that died, or of a client that went away before its session began, come free', async t => {
  const { clock, first, second } = replicas()
  const share = shareOf('credential:a', { sessions: 1 })
  await SessionSlots.take([share], first.leases)
  t.truthy(await errorOf(SessionSlots.take([share], second.leases)))
  clock.advance(90_000)
  const died = await SessionSlots.take([share], { ...first.leases, every: () => new Set() })
  died.hold()
  clock.advance(90_000)
  const living = await SessionSlots.take([share], second.leases)
  living.hold()
  clock.advance(600_000)
  t.truthy(await errorOf(SessionSlots.take([share], first.leases)))
  living.release()
  t.deepEqual(clock.waits, [])
})

test('messages fill a bucket of two seconds, shared by the sessions of a credential', t => {
  const clock = createClock()
  const rates = new TokenBuckets(clock.now)
  const share = shareOf('credential:a', { messagesPerSecond: 10 })
  const [one, two] = [rates.use([share]), rates.use([share])]
  for (let n = 0; n < 10; n += 1) t.deepEqual([one.take(), two.take()], [null, null])
  t.is(one.take(), share)
  clock.advance(100)
  t.is(two.take(), null)
  t.is(two.take(), share)
  one.release()
  one.release()
  t.is(rates.size, 1)
  two.release()
  t.is(rates.size, 0)
})

test('the coarse time, by which messages are counted, goes on by itself', async t => {
  const before = systemClock.coarseNow()
  t.true(before <= Date.now())
  while (systemClock.coarseNow() === before) await rest(1)
  t.true(systemClock.coarseNow() > before)
})

test('a machine whose time is set back refuses nobody for it', t => {
  const clock = createClock()
  const rate = new TokenBuckets(clock.now).use([shareOf('credential:a', { messagesPerSecond: 10 })])
  t.is(rate.take(), null)
  clock.advance(-3_600_000)
  t.is(rate.take(), null)
  clock.advance(100)
  t.is(rate.take(), null)
})

test('a session is told before its minutes end, and ended when they do', t => {
  const clock = createClock()
  const told: unknown[] = []
  const inner = {
    message: () => undefined,
    writable: () => undefined,
    announce: () => undefined,
    drain: () => undefined,
    expiring: (ms: number) => void told.push(['expiring', ms, clock.now()]),
    fault: (error: GatewayError) => void told.push([error.code, error.close, clock.now()]),
    closed: () => undefined,
  }
  const start = clock.now()
  const share = shareOf('credential:a', {})
  const holdings = {
    subject: share,
    buckets: { take: () => null, release: () => undefined },
    slots: { release: () => undefined },
    onCut: () => undefined,
  }
  const options = {
    sessionMs: 600_000,
    wrapUpMs: 30_000,
    onReached: (whose: LimitSubject, kind: string) => void told.push([kind, whose]),
    after: clock.after,
  }
  new LimitedConnection(inner, holdings, options)
  clock.advance(600_000)
  t.deepEqual(told, [
    ['expiring', 30_000, start + 570_000],
    ['minutes', share],
    ['limit_reached', 1008, start + 600_000],
  ])
  const closed = new LimitedConnection(inner, holdings, options)
  closed.closed(1000, '')
  t.deepEqual(clock.waits, [])
})
