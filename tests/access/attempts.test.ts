/** What addresses try, by the minute of the clock: when one is refused, for how long, and how many are counted at once. */
import test from 'ava'
import { Attempts } from '../../runtime/access/attempts.ts'
import type { ShareLimits } from '../../runtime/config/access.ts'
import type { LimitSubject } from '../../runtime/limits/limit-subject.ts'
import { createClock } from './clock.ts'

const limits: ShareLimits = {
  sessions: 1,
  upgradesPerMinute: 2,
  requestsPerMinute: 3,
  messagesPerSecond: 1,
  tokensPerDay: 1,
  costPerDay: 1,
}
const addressOf = (id: string): LimitSubject => ({ id: `address:${id}`, whose: 'address', limits })
const one = addressOf('192.0.2.1')
const other = addressOf('192.0.2.2')

function stage({ at = 0, refusalsPerMinute = 2 } = {}) {
  const clock = createClock(at)
  const reached: string[] = []
  const onReached = ({ id }: LimitSubject, kind: string) => void reached.push(`${id} ${kind}`)
  return {
    clock,
    attempts: new Attempts({ now: clock.now, refusalsPerMinute, onReached }),
    reached: () => reached.splice(0),
  }
}

const rows = [
  ['upgrades', 2, 'More than 2 connections a minute for this address; try again later'],
  ['requests', 3, 'More than 3 requests a minute for this address; try again later'],
] as const

for (const [kind, allowed, message] of rows) {
  test(`${kind} beyond ${allowed} a minute are refused until the minute is over, those of one address alone`, t => {
    const { attempts, clock, reached } = stage({ at: 12_500 })
    for (let n = 0; n < allowed; n += 1) attempts.count(kind, one)
    t.deepEqual(reached(), [])
    const refused = { code: 'limit_reached', message }
    t.like(
      t.throws(() => attempts.count(kind, one), refused),
      { retryAfterMs: 47_500 },
    )
    t.deepEqual(reached(), [`address:192.0.2.1 ${kind}`])
    clock.advance(47_499)
    t.like(
      t.throws(() => attempts.count(kind, one), refused),
      { retryAfterMs: 1 },
    )
    t.notThrows(() => attempts.count(kind, other))
    t.notThrows(() => attempts.count(kind === 'upgrades' ? 'requests' : 'upgrades', one))
    t.notThrows(() => attempts.count(null, one), 'what only reads is not counted')
    clock.advance(1)
    for (let n = 0; n < allowed; n += 1) t.notThrows(() => attempts.count(kind, one))
    t.throws(() => attempts.count(kind, one), refused)
  })
}

test('after so many refused credentials nothing of an address is looked at until the minute is over', t => {
  const { attempts, clock, reached } = stage({ at: 60_000 + 1000 })
  attempts.refused(one)
  for (const kind of ['upgrades', 'requests', null] as const) t.notThrows(() => attempts.count(kind, one))
  attempts.refused(one)
  for (const kind of ['upgrades', 'requests', null] as const) {
    const error = t.throws(() => attempts.count(kind, one), {
      code: 'limit_reached',
      message: 'More than 2 refused credentials a minute from this address; try again later',
    })
    t.like(error, { retryAfterMs: 59_000 })
    t.deepEqual(reached(), ['address:192.0.2.1 refusals'])
    t.notThrows(() => attempts.count(kind, other))
  }
  clock.advance(59_000)
  for (const kind of ['upgrades', 'requests', null] as const) t.notThrows(() => attempts.count(kind, one))
})

test('of more addresses than 50,000 the one that came first is forgotten, and no other', t => {
  const { attempts, clock } = stage({ refusalsPerMinute: 1 })
  const addresses = Array.from({ length: 50_000 }, (_, index) => addressOf(`${index}`))
  for (const address of addresses) attempts.refused(address)
  t.is(attempts.size, 50_000)
  const [first = one, second = one] = addresses
  for (const address of [first, second]) t.throws(() => attempts.count(null, address))
  attempts.count(null, one)
  t.is(attempts.size, 50_000)
  t.throws(() => attempts.count(null, second))
  t.notThrows(() => attempts.count(null, first))
  clock.advance(60_000)
  attempts.count(null, one)
  t.is(attempts.size, 1)
})
