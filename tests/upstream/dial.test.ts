import test from 'ava'
import type { GatewayError } from '../../runtime/core/errors.ts'
import { createMetrics } from '../../runtime/observability/metrics.ts'
import { Circuit } from '../../runtime/upstream/circuit.ts'
import { createDialer } from '../../runtime/upstream/dial.ts'
import { simulatorTarget } from '../../runtime/upstream/target.ts'

/** A dialer of one place. */
function dialerOf(circuit: Circuit, headers: () => Promise<Record<string, string>>, faults: string[] = []) {
  return createDialer({
    connectTimeoutMs: 100,
    maxMessageBytes: 1024,
    heartbeatMs: 60_000,
    log: { info: () => undefined, warn: () => undefined, error: event => faults.push(event) },
    metrics: createMetrics({ revision: 'r', replica: 'n' }),
  })([
    {
      name: 'one',
      target: simulatorTarget('http://127.0.0.1:9', ['one']),
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
