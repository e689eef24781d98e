/** Which candidate a dial tries when, and with what it ends: credentials fail in upstream's stead, and time is the test's. */
import { mock } from 'node:test'
import test, { type ExecutionContext } from 'ava'
import { type ErrorCode, GatewayError } from '../../runtime/core/errors.ts'
import type { Dial } from '../../runtime/core/ports.ts'
import { createMetrics } from '../../runtime/observability/metrics.ts'
import { Circuit } from '../../runtime/upstream/circuit.ts'
import { createCallDialer, createDialer } from '../../runtime/upstream/dial.ts'
import { simulatorTarget } from '../../runtime/upstream/target.ts'

/** What a try comes to: an error, or nothing for so long as it may take. */
type Outcome = GatewayError | 'hangs'

const refused = new GatewayError('upstream_refused', 'no')
const away = new GatewayError('upstream_unavailable', 'away')
const late = new GatewayError('upstream_timeout', 'late')
const broke = new GatewayError('credential_unavailable', 'none')
const unknown = new GatewayError('upstream_refused', 'no', { upstreamStatus: 404 })
const full = (retryAfterMs: number) => new GatewayError('upstream_rate_limited', 'full', { retryAfterMs })

const connectTimeoutMs = 10_000
const setImmediateOfSystem = setImmediate

/** Jitter at its most, or at its least. */
function mockTime(t: ExecutionContext, random: number) {
  let now = 5000
  mock.timers.enable({ apis: ['setTimeout'] })
  mock.method(performance, 'now', () => now)
  mock.method(Math, 'random', () => random)
  t.teardown(() => {
    mock.timers.reset()
    mock.restoreAll()
  })
  const settle = () => new Promise<void>(resolve => setImmediateOfSystem(resolve))
  return {
    elapsed: () => now - 5000,
    settle,
    /** Lets time pass, in steps. */
    pass: async (ms: number, stepMs = 5) => {
      await settle()
      for (let passed = 0; passed < ms; passed += stepMs) {
        now += stepMs
        mock.timers.tick(stepMs)
        await settle()
      }
    },
  }
}

interface Given {
  /** What the tries of each candidate come to, in their order; the last one stays. */
  readonly candidates: Readonly<Record<string, readonly Outcome[]>>
  readonly random?: number
  /** A call is joined: tried again while it may not be known yet, or not. */
  readonly call?: 'patient' | 'impatient'
  /** Circuits that are open at the start. */
  readonly open?: readonly string[]
}

function stage(t: ExecutionContext, { candidates, random = 1, call, open = [] }: Given) {
  const time = mockTime(t, random)
  const seen: string[] = []
  const write = (line: string) => void seen.push(`${time.elapsed()} ${line}`)
  const metrics = createMetrics({ revision: 'r', replica: 'n' })
  const log = {
    info: () => undefined,
    warn: (event: string, fields: object = {}) => write(`${event} ${Object.values(fields).join(' ')}`),
    error: (event: string) => write(event),
  }
  const target = simulatorTarget('http://127.0.0.1:9', ['one'])
  const options = { connectTimeoutMs, maxMessageBytes: 1024, heartbeatMs: 60_000, log }
  const circuits = new Map<string, Circuit>()
  const endpoints = Object.entries(candidates).map(([name, outcomes]) => {
    const circuit = new Circuit({ pauseMs: 60_000, now: () => performance.now() })
    if (open.includes(name)) circuit.failed(true)
    circuits.set(name, circuit)
    let tries = 0
    const headers = () => {
      const outcome = outcomes[Math.min(tries, outcomes.length - 1)] ?? refused
      tries += 1
      write(name)
      return outcome === 'hangs' ? new Promise<never>(() => undefined) : Promise.reject(outcome)
    }
    return { name, target, deployment: 'one', credential: { headers }, circuit }
  })
  const [first] = endpoints
  const dial: Dial =
    call !== undefined && first !== undefined
      ? createCallDialer({ ...options, target, credential: first.credential })('rtc_1', call === 'patient')
      : createDialer({ ...options, metrics })(endpoints)
  const fail = () => t.fail()
  const listener = { event: fail, closed: fail, opened: fail, fault: fail }
  const abort = dial({ ...listener, failed: ({ code }) => write(`failed ${code}`) })
  t.teardown(abort)
  return { ...time, seen, metrics, circuits, abort }
}

/** Everything that a dial does, each with the time since its begin (ms). */
const dials: Readonly<Record<string, Given & { readonly seen: readonly string[] }>> = {
  'a refusal ends it': {
    candidates: { a: [refused], b: [refused] },
    seen: ['0 a', '0 failed upstream_refused'],
  },
  'a fault of one is answered by the next, and their refusal ends it': {
    candidates: { a: [away], b: [refused] },
    seen: ['0 a', '0 b', '0 upstream.failover a upstream_unavailable', '0 failed upstream_refused'],
  },
  'a credential that cannot be had is none of the endpoint: the round ends': {
    candidates: { a: [broke, refused], b: [refused] },
    seen: ['0 a', '0 upstream.retry 1 credential_unavailable 200', '200 a', '200 failed upstream_refused'],
  },
  'rounds wait twice as long each time, up to three seconds': {
    candidates: { a: [away] },
    seen: [
      '0 a',
      '0 upstream.retry 1 upstream_unavailable 200',
      '200 a',
      '200 upstream.retry 2 upstream_unavailable 400',
      '600 a',
      '600 upstream.retry 3 upstream_unavailable 800',
      '1400 a',
      '1400 upstream.retry 4 upstream_unavailable 1600',
      '3000 a',
      '3000 upstream.retry 5 upstream_unavailable 3000',
      '6000 a',
      '6000 upstream.retry 6 upstream_unavailable 3000',
      '9000 a',
      '9000 failed upstream_unavailable',
    ],
  },
  'jitter halves the waits': {
    ...{ candidates: { a: [away, refused] }, random: 0 },
    seen: ['0 a', '0 upstream.retry 1 upstream_unavailable 100', '100 a', '100 failed upstream_refused'],
  },
  'a round tries each candidate once, and the next one all of them again': {
    candidates: { a: [away], b: [away, refused] },
    seen: [
      '0 a',
      '0 b',
      '0 upstream.failover a upstream_unavailable',
      '0 upstream.retry 2 upstream_unavailable 200',
      '200 a',
      '200 b',
      '200 upstream.failover a upstream_unavailable',
      '200 failed upstream_refused',
    ],
  },
  'what upstream asks for is waited, where it is longer': {
    candidates: { a: [full(700), refused] },
    seen: ['0 a', '0 upstream.retry 1 upstream_rate_limited 700', '700 a', '700 failed upstream_refused'],
  },
  'of several the shortest wait counts': {
    candidates: { a: [full(700)], b: [full(300)], c: [full(5000)] },
    seen: [
      '0 a',
      '0 b',
      '0 upstream.failover a upstream_rate_limited',
      '0 c',
      '0 upstream.failover b upstream_rate_limited',
      '0 upstream.retry 3 upstream_rate_limited 300',
      '300 a',
    ],
  },
  'a wait beyond the deadline is not begun': {
    candidates: { a: [full(10_000)] },
    seen: ['0 a', '0 failed upstream_rate_limited'],
  },
  'a wait just before the deadline is': {
    candidates: { a: [full(9995), refused] },
    seen: ['0 a', '0 upstream.retry 1 upstream_rate_limited 9995', '9995 a', '9995 failed upstream_refused'],
  },
  'what upstream said tells more than that it was late afterwards': {
    candidates: { a: [away, late] },
    seen: [
      '0 a',
      '0 upstream.retry 1 upstream_unavailable 200',
      '200 a',
      '200 upstream.retry 2 upstream_timeout 400',
      '600 a',
      '600 upstream.retry 3 upstream_timeout 800',
      '1400 a',
      '1400 upstream.retry 4 upstream_timeout 1600',
      '3000 a',
      '3000 upstream.retry 5 upstream_timeout 3000',
      '6000 a',
      '6000 upstream.retry 6 upstream_timeout 3000',
      '9000 a',
      '9000 failed upstream_unavailable',
    ],
  },
  'candidates share the time: one that hangs does not use up all of it': {
    candidates: { a: ['hangs'], b: [refused] },
    seen: [
      '0 a',
      '5000 upstream.retry 1 credential_unavailable 200',
      '5200 a',
      '7600 upstream.retry 2 credential_unavailable 400',
    ],
  },
  'the last of a round has what is left': {
    candidates: { a: [away], b: ['hangs'] },
    seen: ['0 a', '0 b', '0 upstream.failover a upstream_unavailable', '10000 failed credential_unavailable'],
  },
  'a candidate whose circuit is open is passed over': {
    ...{ candidates: { a: [away], b: [refused] }, open: ['a'] },
    seen: ['0 b', '0 failed upstream_refused'],
  },
  'where all are open the one whose pause ends first is tried, and no other': {
    ...{ candidates: { a: [away], b: [away] }, open: ['a', 'b'] },
    seen: [
      '0 a',
      '0 upstream.retry 1 upstream_unavailable 200',
      '200 a',
      '200 upstream.retry 2 upstream_unavailable 400',
      '600 b',
    ],
  },
  'a call that is not known is over': {
    ...{ candidates: { a: [unknown] }, call: 'impatient' },
    seen: ['0 a', '0 failed call_not_found'],
  },
  'a call is refused like a session': {
    ...{ candidates: { a: [refused] }, call: 'patient' },
    seen: ['0 a', '0 failed upstream_refused'],
  },
  'a call has waits of its own': {
    ...{ candidates: { a: [away] }, call: 'impatient' },
    seen: [
      '0 a',
      '0 upstream.retry 1 upstream_unavailable 250',
      '250 a',
      '250 upstream.retry 2 upstream_unavailable 500',
      '750 a',
      '750 upstream.retry 3 upstream_unavailable 1000',
      '1750 a',
      '1750 upstream.retry 4 upstream_unavailable 2000',
      '3750 a',
      '3750 upstream.retry 5 upstream_unavailable 2000',
      '5750 a',
      '5750 upstream.retry 6 upstream_unavailable 2000',
      '7750 a',
      '7750 upstream.retry 7 upstream_unavailable 2000',
      '9750 a',
      '9750 failed upstream_unavailable',
    ],
  },
  'a call that may not be known yet is asked for again for five seconds': {
    ...{ candidates: { a: [unknown] }, call: 'patient' },
    seen: [...Array.from({ length: 21 }, (_, index) => `${index * 250} a`), '5000 failed call_not_found'],
  },
  'a try of a call has some time, however late it begins': {
    ...{ candidates: { a: [full(9900), 'hangs'] }, call: 'impatient' },
    seen: [
      '0 a',
      '0 upstream.retry 1 upstream_rate_limited 9900',
      '9900 a',
      '10150 failed credential_unavailable',
    ],
  },
}

for (const [what, { seen: expected, ...given }] of Object.entries(dials)) {
  test.serial(`of a dial ${what}`, async t => {
    const { seen, pass } = stage(t, given)
    t.deepEqual(
      seen.filter(line => line.includes('failed')),
      [],
      'nothing is told before the dial has been returned',
    )
    const isWhole = expected.at(-1)?.includes('failed')
    await pass(isWhole ? connectTimeoutMs + 1000 : Number.parseInt(expected.at(-1) ?? '', 10) + 5)
    t.deepEqual(isWhole ? seen : seen.slice(0, expected.length), expected)
  })
}

test.serial('attempts that fail and further rounds are counted', async t => {
  const { pass, metrics } = stage(t, { candidates: { a: [away, refused], b: [broke] } })
  await pass(1000)
  t.deepEqual(
    [...metrics.traffic.failed],
    [
      ['a', 2],
      ['b', 1],
    ],
  )
  t.is(metrics.traffic.upstreamRetries, 1)
  t.is(metrics.traffic.served.size, 0)
})

/** What a try comes to, and what its circuit knows afterwards: until when it is passed over (ms of the dial). */
const told: readonly (readonly [
  code: ErrorCode,
  outcome: Outcome,
  state: Circuit['state'],
  untilMs: number | null,
])[] = [
  ['upstream_rate_limited', full(70_000), 'open', 70_000],
  ['upstream_rate_limited', full(10), 'open', 60_000],
  ['upstream_unavailable', away, 'closed', null],
  ['upstream_refused', refused, 'closed', null],
]

for (const [code, outcome, state, untilMs] of told) {
  test.serial(`a circuit after one ${code} is ${state}, ${untilMs ?? 0} ms long`, async t => {
    const { settle, circuits, abort } = stage(t, { candidates: { a: [outcome] } })
    await settle()
    abort()
    const circuit = circuits.get('a')
    t.is(circuit?.state, state)
    if (untilMs !== null) t.is(circuit?.openUntil, 5000 + untilMs)
  })
}

for (const outcome of [refused, broke, 'hangs'] as const) {
  test.serial(`a probe that tells nothing of the endpoint leaves it to the next: ${outcome}`, async t => {
    const { settle, circuits, abort, pass } = stage(t, { candidates: { a: [away, away, away, outcome] } })
    // Three failures, and the pause.
    const circuit = circuits.get('a') as Circuit
    await pass(600)
    t.is(circuit.state, 'open')
    await pass(800)
    abort()
    await settle()
    // It is open until its pause ends, and nobody is finding out.
    await pass(60_000, 1000)
    t.is(circuit.state, 'half-open')
  })
}

test.serial('a dial that is aborted while it waits tries no more', async t => {
  const { seen, pass, abort } = stage(t, { candidates: { a: [away] } })
  await pass(100)
  abort()
  await pass(connectTimeoutMs)
  t.deepEqual(seen, ['0 a', '0 upstream.retry 1 upstream_unavailable 200'])
})
