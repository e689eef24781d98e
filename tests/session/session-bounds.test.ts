/** How much a session holds for either end while that end is slow or not there. */
import test from 'ava'
import type { Meter } from '../../runtime/core/ports.ts'
import { createMetrics } from '../../runtime/observability/metrics.ts'
import { until } from '../gateway/within.ts'
import { enter, limits, type Stage, stage } from './session-stage.ts'

test('what is held for an upstream that is not there is bounded in bytes', t => {
  const s = stage()
  for (let sent = 0; sent < 20; sent += 1) s.session.forward('x'.repeat(100), null)
  t.is(s.session.phase, 'closed')
  t.true(s.told().includes('client closed 1013 upstream_too_slow'))
})

test('what waits for a slow upstream is bounded in bytes', t => {
  const s = stage()
  enter.open(s)
  s.buffered.upstream = 9950
  s.session.forward('x'.repeat(40), null)
  t.is(s.session.phase, 'open')
  s.session.forward('x'.repeat(60), null)
  t.is(s.session.phase, 'closed')
})

test('a slow client pauses upstream, and resumes it when half of what waits is gone', t => {
  const s = stage()
  enter.open(s)
  s.told()
  s.buffered.client = 101
  s.session.deliver('a')
  s.session.deliver('b')
  t.deepEqual(s.told(), ['client gets a', 'upstream paused', 'client gets b'])
  s.buffered.client = 51
  s.session.writable()
  t.deepEqual(s.told(), [])
  s.buffered.client = 50
  s.session.writable()
  t.deepEqual(s.told(), ['upstream resumed'])
  s.session.clientClosed(1000, '')
})

test('a client for which exactly the limit waits does not pause upstream, nor is it ended for all that may be under way', t => {
  const s = stage()
  enter.open(s)
  s.told()
  s.buffered.client = limits.clientBufferBytes
  s.session.deliver('a')
  t.deepEqual(s.told(), ['client gets a'])
  s.buffered.client = limits.clientBufferBytes + 2 * limits.maxMessageBytes
  s.session.deliver('b')
  t.deepEqual(s.told(), ['client gets b', 'upstream paused'])
  s.session.clientClosed(1000, '')
})

test('one large message goes to an upstream that has taken all; with anything before it the limit counts, exactly', t => {
  const s = stage()
  enter.open(s)
  s.session.forward('x'.repeat(limits.upstreamBufferBytes + 1), null)
  t.is(s.session.phase, 'open')
  s.buffered.upstream = 1
  s.session.forward('x'.repeat(limits.upstreamBufferBytes - 1), null)
  t.is(s.session.phase, 'open')
  s.session.forward('x'.repeat(limits.upstreamBufferBytes), null)
  t.true(s.told().includes('client closed 1013 upstream_too_slow'))
})

test('a client that piles up more than upstream could have sent is ended', t => {
  const s = stage()
  enter.open(s)
  s.buffered.client = 100 + 2 * limits.maxMessageBytes + 1
  s.session.deliver('a')
  t.true(s.told().includes('client closed 1008 client_too_slow'))
})

test('a client that takes nothing is ended at the stall deadline also where there is no upstream', async t => {
  const s = stage({ keepsClient: () => true }, { clientStallMs: 30 })
  s.session.dial()
  s.open()
  s.upstreamEnds(1000, '')
  s.buffered.client = 150
  s.session.deliver('an error')
  s.told()
  await s.ended
  t.deepEqual(s.told(), ['client closed 1008 client_too_slow'])
})

test('the stall of a client outlives its upstream, and pauses the next one', async t => {
  const s = stage({ keepsClient: () => true }, { clientStallMs: 200 })
  s.session.dial()
  s.open()
  s.buffered.client = 150
  s.event('e')
  s.upstreamEnds(1000, '')
  s.session.dial()
  s.told()
  s.open()
  t.deepEqual(s.told(), ['upstream paused', 'opened'])
  await s.ended
  t.true(s.told().includes('client closed 1008 client_too_slow'))
})

test('a session tells what waits for upstream, held or sent', t => {
  const s = stage()
  s.session.dial()
  s.session.send('12345', null)
  t.is(s.session.held(), 5 + 1024)
  s.open()
  t.is(s.session.held(), 0)
  s.buffered.upstream = 77
  t.is(s.session.held(), 77)
})

/** How a session ends, and what an upstream that tells nothing of its cost is counted by then. */
const timed: readonly (readonly [
  what: string,
  paidByTime: boolean,
  end: (s: Stage) => void,
  times: number,
])[] = [
  ['the client goes', true, s => s.session.clientClosed(1000, ''), 1],
  ['upstream ends', true, s => s.upstreamEnds(1000, ''), 1],
  [
    'upstream ends, then the client goes',
    true,
    s => {
      s.upstreamEnds(1000, '')
      s.session.clientClosed(1000, '')
    },
    1,
  ],
  ['it costs tokens', false, s => s.session.clientClosed(1000, ''), 0],
]

for (const [what, paidByTime, end, times] of timed) {
  test(`the time of an upstream session is counted ${times} times where ${what}`, async t => {
    const spent: number[] = []
    const metrics = createMetrics({ revision: 'r', replica: 'n' })
    const meter = {
      opened: () => undefined,
      responseDone: () => undefined,
      translated: (seconds: number) => void spent.push(seconds),
      ended: () => undefined,
    } as unknown as Meter
    const s = stage({}, {}, { paidByTime, meter, metrics })
    s.session.dial()
    await new Promise(resolve => setTimeout(resolve, 30))
    const openedAt = performance.now()
    s.open()
    await new Promise(resolve => setTimeout(resolve, 20))
    end(s)
    const mostSec = (performance.now() - openedAt) / 1000
    t.is(spent.length, times)
    for (const seconds of spent) t.true(seconds > 0.01 && seconds <= mostSec, `${seconds} s`)
    t.is(metrics.traffic.translationSeconds, spent[0] ?? 0)
  })
}

test('time is counted while the session goes on, so that a budget that is spent can end it', async t => {
  const spent: number[] = []
  const meter = {
    opened: () => undefined,
    translated: (seconds: number) => void spent.push(seconds),
    ended: () => undefined,
  } as unknown as Meter
  const s = stage({}, {}, { paidByTime: true, meter })
  enter.open(s)
  t.teardown(() => s.session.clientClosed(1000, ''))
  await until(() => spent.length > 0, 'no time is counted')
  t.is(s.session.phase, 'open')
  const counted = spent.length
  s.session.clientClosed(1000, '')
  t.is(spent.length, counted + 1)
})

test('a session without an upstream costs no time', t => {
  const spent: unknown[] = []
  const meter = {
    translated: (seconds: number) => void spent.push(seconds),
    ended: () => undefined,
  } as unknown as Meter
  const s = stage({}, {}, { paidByTime: true, meter })
  s.session.dial()
  s.session.clientClosed(1000, '')
  t.deepEqual(spent, [])
})
