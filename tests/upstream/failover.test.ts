/** Several deployments and endpoints: who serves when one cannot. */
import test from 'ava'
import { Circuit } from '../../runtime/upstream/circuit.ts'
import { nextCandidate, type PooledEndpoint } from '../../runtime/upstream/endpoint-pool.ts'
import { createClock } from '../access/clock.ts'
import { converse } from '../gateway/converse.ts'
import { fakeUpstream, gatewayFor } from '../gateway/start.ts'

const models = { AZURE_OPENAI_DEPLOYMENT_NAME: 'one,two' }
const unfiltered = { REALTIME_ALLOWED_EVENT_TYPES: '*', REALTIME_AUTO_CLOSE: 'false' }

for (const [what, refusal] of [
  ['429', { status: 429, headers: { 'Retry-After': '60' } }],
  ['503', { status: 503 }],
] as const) {
  test(`a default session goes to the next deployment on ${what}, and log and metrics say which one serves`, async t => {
    const upstream = await fakeUpstream(t, { refuse: dial => (dial === 1 ? refusal : null) })
    const gateway = await gatewayFor(t, { ...upstream.env, ...models, ...unfiltered })
    const talk = await converse(t, `${gateway.socketUrl}/realtime`)
    await talk.until('session.created')
    t.regex((await upstream.session()).url, /model=two$/)
    t.is((await gateway.logged('bridge.connected')).fields.deployment, 'two')
    t.is((await gateway.logged('upstream.failover')).fields.from, 'one')
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text()
    t.regex(metrics, /gateway_upstream_sessions_total\{deployment="two".*\} 1/)
    t.regex(metrics, /gateway_upstream_failures_total\{deployment="one".*\} 1/)
  })
}

test('a deployment that said 429 is passed over by the next session', async t => {
  const upstream = await fakeUpstream(t, { refuse: dial => (dial === 1 ? { status: 429 } : null) })
  const gateway = await gatewayFor(t, { ...upstream.env, ...models, ...unfiltered })
  await converse(t, `${gateway.socketUrl}/realtime`)
  await upstream.session()
  await converse(t, `${gateway.socketUrl}/realtime`)
  t.regex((await upstream.session()).url, /model=two$/)
  t.is(upstream.dials, 3)
})

test('a deployment that failed once is not left waiting for the time that another asked for', async t => {
  const refusals = [{ status: 429, headers: { 'Retry-After': '60' } }, { status: 503 }]
  const upstream = await fakeUpstream(t, { refuse: dial => refusals[dial - 1] ?? null })
  const gateway = await gatewayFor(t, { ...upstream.env, ...models, ...unfiltered })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  t.is((await talk.next()).type, 'session.created')
  t.regex((await upstream.session()).url, /model=two$/)
})

test('a model that the client chose is tried again, and no other takes its place', async t => {
  const upstream = await fakeUpstream(t, { refuse: dial => (dial < 3 ? { status: 503 } : null) })
  const gateway = await gatewayFor(t, { ...upstream.env, ...models })
  await converse(t, `${gateway.socketUrl}/v1/realtime?model=one`)
  t.regex((await upstream.session()).url, /model=one$/)
})

test('a refusal is not carried to another deployment', async t => {
  const upstream = await fakeUpstream(t, { refuse: () => ({ status: 401 }) })
  const gateway = await gatewayFor(t, { ...upstream.env, ...models, ...unfiltered })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  t.is(((await talk.next()) as { type: string; error?: { code: string } }).error?.code, 'upstream_refused')
  t.is(upstream.dials, 1)
})

test('another endpoint serves the same model, with its own key, before another model does', async t => {
  const first = await fakeUpstream(t, { refuse: () => ({ status: 503 }) })
  const second = await fakeUpstream(t)
  const gateway = await gatewayFor(t, {
    ...models,
    AZURE_OPENAI_ENDPOINT: `http://127.0.0.1:${first.port}, http://localhost:${second.port}`,
    AZURE_OPENAI_API_KEY: 'key-1,key-2',
  })
  await converse(t, `${gateway.socketUrl}/v1/realtime?model=two`)
  const session = await second.session()
  t.regex(session.url, /model=two$/)
  t.is(session.headers['api-key'], 'key-2')
  t.is((await gateway.logged('bridge.connected')).fields.deployment, 'two@localhost')
})

test('an endpoint that hangs does not use up the time of the next one', async t => {
  const first = await fakeUpstream(t, { greeting: null })
  const second = await fakeUpstream(t)
  const gateway = await gatewayFor(t, {
    ...unfiltered,
    AZURE_OPENAI_ENDPOINT: `http://127.0.0.1:${first.port},http://localhost:${second.port}`,
    AZURE_OPENAI_API_KEY: 'key-1,key-2',
    // One half for the endpoint that hangs, and as much for the next: more than it needs wherever this runs.
    UPSTREAM_CONNECT_TIMEOUT_MS: '10000',
  })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  t.is((await talk.next()).type, 'session.created')
})

test('a circuit opens at the third failure, is tried once after its pause, and closes when that works', t => {
  const clock = createClock()
  const circuit = new Circuit({ pauseMs: 30_000, now: clock.now })
  const fail = () => {
    circuit.began()
    circuit.failed(false)
  }
  fail()
  fail()
  t.is(circuit.state, 'closed')
  fail()
  t.is(circuit.state, 'open')
  clock.advance(29_999)
  t.is(circuit.state, 'open')
  clock.advance(1)
  t.is(circuit.state, 'half-open')
  circuit.began()
  t.is(circuit.state, 'open')
  circuit.failed(false)
  clock.advance(29_999)
  t.is(circuit.state, 'open')
  clock.advance(1)
  circuit.began()
  circuit.succeeded()
  t.is(circuit.state, 'closed')
})

test('a success in between makes failures count from the start', t => {
  const circuit = new Circuit({ pauseMs: 30_000, now: () => 0 })
  circuit.failed(false)
  circuit.failed(false)
  circuit.succeeded()
  circuit.failed(false)
  t.is(circuit.state, 'closed')
})

test('a probe that was given up lets another one through', t => {
  const clock = createClock()
  const circuit = new Circuit({ pauseMs: 1000, now: clock.now })
  circuit.failed(true)
  clock.advance(1000)
  circuit.began()
  circuit.abandoned()
  t.is(circuit.state, 'half-open')
})

test('a circuit stays open as long as upstream asked, if that is longer', t => {
  const clock = createClock()
  const circuit = new Circuit({ pauseMs: 1000, now: clock.now })
  circuit.failed(true, 5000)
  clock.advance(4999)
  t.is(circuit.state, 'open')
  clock.advance(1)
  t.is(circuit.state, 'half-open')
})

test('when every circuit is open, the one whose pause ends first is tried', t => {
  const clock = createClock()
  const place = (name: string, waitMs: number) => {
    const circuit = new Circuit({ pauseMs: 1000, now: clock.now })
    circuit.failed(true, waitMs)
    return { name, circuit } as unknown as PooledEndpoint
  }
  const places = [place('late', 9000), place('early', 2000)]
  t.is(nextCandidate(places, new Set())?.name, 'early')
  t.is(nextCandidate(places, new Set(places.slice(1))), null)
})
