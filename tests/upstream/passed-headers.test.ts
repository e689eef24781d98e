/** What upstream is told of a client's headers: at every address that dials it or asks it something. */
import { createHash } from 'node:crypto'
import test from 'ava'
import { passedHeaders } from '../../runtime/upstream/passed-headers.ts'
import { callUpstream, placeCall } from '../calls/call-upstream.ts'
import { request } from '../calls/caller.ts'
import { converse } from '../gateway/converse.ts'
import { fakeUpstream, gatewayFor } from '../gateway/start.ts'

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const headers = { traceparent, tracestate: 'x=1', 'OpenAI-Safety-Identifier': 'user-1', 'X-Other': 'no' }
const passed = { traceparent, 'openai-safety-identifier': 'user-1' }

const withheld = ['tracestate', 'x-other'] as const

for (const path of ['/chat', '/realtime', '/v1/realtime', '/openai/v1/realtime']) {
  test(`${path}: the trace and the safety identifier reach upstream, and nothing else`, async t => {
    const upstream = await fakeUpstream(t)
    const gateway = await gatewayFor(t, upstream.env)
    const talk = await converse(t, gateway.socketUrl + path, { headers })
    if (path === '/chat') talk.send({ text: 'hello' })
    const session = await upstream.session()
    t.like(session.headers, passed)
    for (const name of withheld) t.is(session.headers[name], undefined)
  })
}

test('the control connection of a sideband session says who asked for it, after a rejoin too', async t => {
  const upstream = await callUpstream(t)
  const gateway = await gatewayFor(t, upstream.env)
  const sessionId = await placeCall(gateway.url, headers)
  await converse(t, `${gateway.socketUrl}/sideband/control/${sessionId}`, { headers })
  for (const _dial of ['first', 'again']) {
    const joined = await upstream.joined()
    t.like(joined.headers, passed)
    for (const name of withheld) t.is(joined.headers[name], undefined)
    joined.socket.close(1001)
  }
})

test('a call that is watched by the server alone says who made it', async t => {
  const upstream = await callUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, SIDEBAND_PIN_SESSION: 'true' })
  await placeCall(gateway.url, headers)
  t.like((await upstream.joined()).headers, passed)
})

test('a socket that joins a call by its id says who joined', async t => {
  const upstream = await callUpstream(t)
  const gateway = await gatewayFor(t, upstream.env)
  await placeCall(gateway.url)
  await converse(t, `${gateway.socketUrl}/v1/realtime?call_id=rtc_abc`, { headers })
  t.like((await upstream.joined()).headers, passed)
})

test('keys and offers say who asked for them', async t => {
  const upstream = await callUpstream(t)
  const gateway = await gatewayFor(t, upstream.env)
  await request(`${gateway.url}/v1/realtime/client_secrets`, { method: 'POST', headers, body: {} })
  await placeCall(gateway.url, headers)
  t.deepEqual(
    upstream.asked.map(path => path.split('/').at(-1)),
    ['client_secrets', 'client_secrets', 'calls?webrtcfilter=on'],
  )
  for (const asked of upstream.askedWith) t.like(asked, passed)
})

const actionsOf = (upstream: { asked: string[] }) =>
  upstream.asked.map(path => path.split('/').slice(-2).join(' '))

test('whatever ends a sideband call says who asked for it', async t => {
  const upstream = await callUpstream(t)
  const gateway = await gatewayFor(t, upstream.env)
  const first = await placeCall(gateway.url)
  upstream.askedWith.length = 0
  await request(`${gateway.url}/sideband/session/${first}`, { method: 'DELETE', headers })
  await upstream.hungUp()
  const second = await placeCall(gateway.url)
  const control = await converse(t, `${gateway.socketUrl}/sideband/control/${second}`, { headers })
  await control.until('sideband_connected')
  control.send({ type: 'hang_up' })
  await upstream.hungUp()
  const hangUps = upstream.askedWith.filter(given => given['openai-safety-identifier'] !== undefined)
  t.is(hangUps.length, 2)
  for (const given of hangUps) t.like(given, passed)
})

test('decisions on telephone calls say who made them', async t => {
  const upstream = await callUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, CALLS_CONTROL: 'anonymous' })
  const decisions: [action: string, body: object][] = [
    ['reject', { status_code: 486 }],
    ['refer', { target_uri: 'tel:+15550123' }],
    ['hangup', {}],
    ['accept', { type: 'realtime' }],
  ]
  for (const [action, body] of decisions) {
    const url = `${gateway.url}/v1/realtime/calls/rtc_phone/${action}`
    const json = { ...headers, 'Content-Type': 'application/json' }
    t.is(
      (await fetch(url, { method: 'POST', headers: json, body: JSON.stringify(body) })).status,
      200,
      action,
    )
  }
  t.deepEqual(
    actionsOf(upstream),
    decisions.map(([action]) => `rtc_phone ${action}`),
  )
  for (const given of upstream.askedWith) t.like(given, passed)
})

test('keys and calls of translations say who asked for them', async t => {
  const upstream = await callUpstream(t)
  const gateway = await gatewayFor(t, upstream.env)
  const post = (path: string, body: string, type: string) =>
    fetch(`${gateway.url}/v1/realtime/translations/${path}`, {
      method: 'POST',
      headers: { ...headers, 'Content-Type': type },
      body,
    })
  t.is((await post('client_secrets', '{}', 'application/json')).status, 200)
  t.is((await post('calls', 'v=0\r\n', 'application/sdp')).status, 201)
  t.is(upstream.askedWith.length, 3)
  for (const given of upstream.askedWith) t.like(given, passed)
})

test('where the identifier is the principal, a control connection says a hash of its name', async t => {
  const upstream = await callUpstream(t)
  const key = { Authorization: 'Bearer a-secret-of-alice' }
  const gateway = await gatewayFor(t, {
    ...upstream.env,
    ...{ GATEWAY_API_KEYS: 'alice:a-secret-of-alice', SAFETY_IDENTIFIER: 'principal' },
  })
  const sessionId = await placeCall(gateway.url, key)
  await converse(t, `${gateway.socketUrl}/sideband/control/${sessionId}`, { headers: { ...headers, ...key } })
  const alice = createHash('sha256').update('key:alice').digest('hex')
  t.like((await upstream.joined()).headers, { traceparent, 'openai-safety-identifier': alice })
})

test('what names no trace is not passed on', t => {
  const none = [
    '',
    traceparent.toUpperCase(),
    `${traceparent} `,
    `${traceparent}-00`,
    `ff${traceparent.slice(2)}`,
    '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
    '00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01',
  ]
  for (const value of none)
    t.deepEqual(passedHeaders({ headers: new Map([['traceparent', value]]) }, 'client'), {}, value)
})
