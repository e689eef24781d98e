import test from 'ava'
import { GatewayError } from '../../runtime/core/errors.ts'
import type { Upstream } from '../../runtime/core/ports.ts'
import { createMetrics } from '../../runtime/observability/metrics.ts'
import { Circuit } from '../../runtime/upstream/circuit.ts'
import { createCallDialer, createDialer } from '../../runtime/upstream/dial.ts'
import { simulatorTarget } from '../../runtime/upstream/target.ts'
import { fakeUpstream } from '../gateway/start.ts'
import { patienceMs, until, within } from '../gateway/within.ts'

/** A dialer of one place. */
function dialerOf(
  circuit: Circuit,
  headers: () => Promise<Record<string, string>>,
  faults: string[] = [],
  { metrics = createMetrics({ revision: 'r', replica: 'n' }), port = 9, connectTimeoutMs = 100 } = {},
) {
  return createDialer({
    connectTimeoutMs,
    maxMessageBytes: 1024,
    heartbeatMs: 60_000,
    log: { info: () => undefined, warn: () => undefined, error: event => faults.push(event) },
    metrics,
  })([
    {
      name: 'one',
      target: simulatorTarget(`http://127.0.0.1:${port}`, ['one']),
      deployment: 'one',
      credential: { headers },
      circuit,
    },
  ])
}

test('a dial that cannot even be written down fails as a dial, and its process lives', async t => {
  const faults: string[] = []
  const circuit = new Circuit({ pauseMs: 1000, now: () => performance.now() })
  const dial = dialerOf(circuit, async () => ({ 'api-key': 'a key\nof two lines' }), faults)
  const error = await new Promise<GatewayError>(failed =>
    dial({
      opened: () => t.fail(),
      event: () => t.fail(),
      closed: () => t.fail(),
      failed,
      fault: () => t.fail(),
    }),
  )
  t.is(error.code, 'internal')
  t.notRegex(error.message, /two lines/)
  t.true(faults.every(event => event === 'connection.failed') && faults.length > 0)
})

test('a later failure does not shorten the pause that upstream asked for; a success ends it', t => {
  let now = 0
  const circuit = new Circuit({ pauseMs: 1000, now: () => now })
  circuit.failed(true, 60_000)
  now = 10
  circuit.failed(false)
  t.is(circuit.openUntil, 60_000)
  now = 59_999
  t.is(circuit.state, 'open')
  now = 60_000
  t.is(circuit.state, 'half-open')
  circuit.failed(true, 600_000)
  circuit.succeeded()
  for (let n = 0; n < 3; n += 1) circuit.failed(false)
  t.is(circuit.openUntil, 61_000)
})

test('a dial that is given up leaves the probe to the dial that makes it', t => {
  const circuit = new Circuit({ pauseMs: 0, now: () => 0 })
  const dial = dialerOf(circuit, () => new Promise(() => undefined))
  const fail = () => t.fail()
  const nobody = { opened: fail, event: fail, closed: fail, failed: fail, fault: fail }
  const abortEarlier = dial(nobody)
  for (let n = 0; n < 3; n += 1) circuit.failed(false)
  t.is(circuit.state, 'half-open')
  const abortProbe = dial(nobody)
  t.is(circuit.state, 'open')
  abortEarlier()
  t.is(circuit.state, 'open')
  abortProbe()
  t.is(circuit.state, 'half-open')
  const abortNext = dial(nobody)
  abortProbe()
  t.is(circuit.state, 'open', 'given up twice is given up once')
  abortNext()
})

test('a probe that failed is the next dial’s: the one that made it does not give it up', async t => {
  const circuit = new Circuit({ pauseMs: 0, now: () => 0 })
  circuit.failed(true)
  const fail = () => t.fail()
  const nobody = { opened: fail, event: fail, closed: fail, failed: fail, fault: fail }
  const away = () => Promise.reject(new GatewayError('upstream_unavailable', 'away'))
  const abortFirst = dialerOf(circuit, away, [], { connectTimeoutMs: patienceMs })(nobody)
  await until(() => circuit.state === 'half-open', 'the probe does not fail')
  const abortSecond = dialerOf(circuit, () => new Promise(() => undefined))(nobody)
  abortFirst()
  t.is(circuit.state, 'open')
  abortSecond()
})

test('a session that opens is counted for its endpoint, and closes its circuit; giving it up later is nothing to that', async t => {
  const { port, session } = await fakeUpstream(t)
  const circuit = new Circuit({ pauseMs: 0, now: () => 0 })
  circuit.failed(false)
  circuit.failed(true)
  const metrics = createMetrics({ revision: 'r', replica: 'n' })
  const headers = async () => ({ 'api-key': 'own' })
  const opened = Promise.withResolvers<Upstream>()
  const fail = () => t.fail()
  const listener = { event: () => undefined, closed: () => undefined, failed: fail, fault: fail }
  const parts = { metrics, port, connectTimeoutMs: patienceMs }
  const abort = dialerOf(
    circuit,
    headers,
    [],
    parts,
  )({ ...listener, opened: opened.resolve }, { 'x-passed': 'on', 'api-key': "the client's" })
  const upstream = await within(opened.promise, patienceMs, 'it does not open')
  t.like((await session()).headers, { 'x-passed': 'on', 'api-key': 'own' })
  t.is(upstream.deployment, 'one')
  t.deepEqual([...metrics.traffic.served], [['one', 1]])
  t.deepEqual([...metrics.traffic.failed], [])
  t.is(circuit.state, 'closed')
  circuit.failed(true)
  t.true(circuit.began())
  abort()
  t.is(circuit.state, 'open', 'another dial finds out')
})

test('a call that is joined is served already: it has no name, and upstream need not speak', async t => {
  const { port } = await fakeUpstream(t, { greeting: null })
  const opened = Promise.withResolvers<Upstream>()
  const fail = () => t.fail()
  const listener = { event: fail, closed: () => undefined, failed: fail, fault: fail }
  const abort = createCallDialer({
    ...{ connectTimeoutMs: patienceMs, maxMessageBytes: 1024, heartbeatMs: 60_000 },
    log: { info: fail, warn: fail, error: fail },
    target: simulatorTarget(`http://127.0.0.1:${port}`, ['one']),
    credential: { headers: async () => ({}) },
  })(
    'rtc_1',
    false,
  )({ ...listener, opened: opened.resolve })
  const upstream = await within(opened.promise, patienceMs, 'it does not open')
  t.is(upstream.deployment, undefined)
  upstream.close(1000, '')
  abort()
})

test('a credential that fails after its dial was given up is no failure of the endpoint', async t => {
  const credential = Promise.withResolvers<Record<string, string>>()
  const circuit = new Circuit({ pauseMs: 1000, now: () => 0 })
  const fail = () => t.fail()
  const nobody = { opened: fail, event: fail, closed: fail, failed: fail, fault: fail }
  const abort = dialerOf(circuit, () => credential.promise)(nobody)
  abort()
  credential.reject(new GatewayError('upstream_rate_limited', 'full'))
  await new Promise(resolve => setImmediate(resolve))
  t.is(circuit.state, 'closed')
})

test('a probe that fails lets the next one through after another pause; one that succeeds closes the circuit', t => {
  let now = 0
  const circuit = new Circuit({ pauseMs: 1000, now: () => now })
  for (let n = 0; n < 3; n += 1) circuit.failed(false)
  now = 1000
  t.true(circuit.began())
  t.is(circuit.state, 'open', 'one probe at a time')
  circuit.failed(false)
  now = 1999
  t.is(circuit.state, 'open')
  now = 2000
  t.is(circuit.state, 'half-open')
  t.true(circuit.began())
  circuit.succeeded()
  t.is(circuit.state, 'closed')
  t.false(circuit.began())
})
