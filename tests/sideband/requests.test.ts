import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import test, { type ExecutionContext } from 'ava'
import { converse } from '../gateway/converse.ts'
import { gatewayFor } from '../gateway/start.ts'
import { makeCall, makeSession, request, someOffer } from './caller.ts'

test('the configuration names provider, resource, model and address', async t => {
  const gateway = await gatewayFor(t)
  const { status, body } = await request(`${gateway.url}/sideband/config`)
  t.is(status, 200)
  t.like(body, { provider: 'simulator', azure_resource: '', model: 'gpt-realtime' })
  t.regex(String(body.base_url), /^http:\/\/127\.0\.0\.1:\d+\/v1$/)
  const azure = await gatewayFor(t, {
    AZURE_OPENAI_ENDPOINT: 'https://my-name.openai.azure.com/',
    AZURE_OPENAI_API_KEY: 'k',
  })
  t.deepEqual((await request(`${azure.url}/sideband/config`)).body, {
    provider: 'azure',
    azure_resource: 'my-name',
    model: 'gpt-realtime',
    base_url: 'https://my-name.openai.azure.com/openai/v1',
  })
})

test('a session is made, read and listed', async t => {
  const gateway = await gatewayFor(t)
  const made = await request(`${gateway.url}/sideband/session`, { method: 'POST' })
  t.is(made.status, 200)
  t.regex(String(made.body.session_id), /^sideband_[0-9a-f]{16}$/)
  t.is(made.body.provider, 'simulator')
  t.is(typeof made.body.message, 'string')
  const read = await request(`${gateway.url}/sideband/session/${made.body.session_id}`)
  t.like(read.body, {
    session_id: made.body.session_id,
    call_id: null,
    provider: 'simulator',
    webrtc_connected: false,
    websocket_connected: false,
    events_from_openai: 0,
    events_to_openai: 0,
    last_event_type: null,
  })
  t.false(Number.isNaN(Date.parse(String(read.body.created_at))))
  const list = await request<{ sessions: object[]; total: number }>(`${gateway.url}/sideband/sessions`)
  t.is(list.body.total, 1)
  t.deepEqual(list.body.sessions, [read.body])
  const { fields } = await gateway.logged('sideband.session.created')
  t.like(fields, { session_id: made.body.session_id, webrtc_connected: false, websocket_connected: false })
})

test('sessions are listed in pages', async t => {
  const gateway = await gatewayFor(t)
  for (let made = 0; made < 105; made += 1) await makeSession(gateway.url)
  type List = { sessions: { session_id: string }[]; total: number; next_cursor?: string }
  const first = await request<List>(`${gateway.url}/sideband/sessions`)
  t.is(first.body.sessions.length, 100)
  t.is(first.body.total, 105)
  const rest = await request<List>(`${gateway.url}/sideband/sessions?cursor=${first.body.next_cursor}`)
  t.is(rest.body.sessions.length, 5)
  t.is(rest.body.next_cursor, undefined)
  t.is(new Set([...first.body.sessions, ...rest.body.sessions].map(({ session_id }) => session_id)).size, 105)
  for (const cursor of ['x', '-1', '1.5', '1e21'])
    t.is((await request(`${gateway.url}/sideband/sessions?cursor=${cursor}`)).status, 400, cursor)
})

test('an ephemeral key is minted with voice and instructions', async t => {
  const gateway = await gatewayFor(t)
  const body = { voice: 'verse', instructions: 'Be brief.' }
  const minted = await request(`${gateway.url}/sideband/ephemeral-key`, { method: 'POST', body })
  t.is(minted.status, 200)
  t.regex(String(minted.body.token), /^ek_/)
  t.is(minted.body.provider, 'simulator')
  t.true(Number(minted.body.expires_at) > Date.now() / 1000)
  const raw = minted.body.raw_response as {
    value: string
    session: { instructions: string; audio: { output: { voice: string } } }
  }
  t.is(raw.value, minted.body.token as string)
  t.is(raw.session.instructions, 'Be brief.')
  t.is(raw.session.audio.output.voice, 'verse')
})

test('an offer becomes a call whose answer opens the data channel', async t => {
  const gateway = await gatewayFor(t)
  const call = await makeCall(t, gateway.url)
  t.regex(call.callId, /^rtc_/)
  const { body } = await request(`${gateway.url}/sideband/session/${call.sessionId}`)
  t.like(body, { call_id: call.callId, webrtc_connected: true, websocket_connected: false })
  t.is((await gateway.logged('sideband.webrtc.connected')).fields.call_id, call.callId)
})

const sessionId = 'sideband_0123456789abcdef'
type Bad = [what: string, path: string, init: Parameters<typeof request>[1], status: number, detail: RegExp]
const badRequests: Bad[] = [
  ['no body', '/sideband/offer', { method: 'POST' }, 400, /sdp/],
  [
    'a body that is not JSON',
    '/sideband/offer',
    { method: 'POST', body: '{', headers: { 'Content-Type': 'application/json' } },
    400,
    /not JSON/,
  ],
  [
    'another media type',
    '/sideband/offer',
    { method: 'POST', body: 'x', headers: { 'Content-Type': 'text/plain' } },
    415,
    /application\/json/,
  ],
  [
    'SDP that is not SDP',
    '/sideband/offer',
    { method: 'POST', body: { sdp: 'hello', session_id: sessionId } },
    400,
    /"sdp": is not an SDP offer/,
  ],
  [
    'a session id with odd characters',
    '/sideband/offer',
    { method: 'POST', body: { sdp: 'v=0\r\n', session_id: '../../x' } },
    400,
    /"session_id"/,
  ],
  [
    'a session id that is a number',
    '/sideband/offer',
    { method: 'POST', body: { sdp: 'v=0\r\n', session_id: 5 } },
    400,
    /"session_id"/,
  ],
  [
    'an unknown session',
    '/sideband/offer',
    { method: 'POST', body: { sdp: 'v=0\r\n', session_id: sessionId } },
    404,
    /no such session/,
  ],
  [
    'a body of 2 MB',
    '/sideband/offer',
    { method: 'POST', body: { sdp: 'v'.repeat(2_000_000), session_id: sessionId } },
    413,
    /larger than/,
  ],
  [
    'a voice that is a number',
    '/sideband/ephemeral-key',
    { method: 'POST', body: { voice: 5 } },
    400,
    /"voice"/,
  ],
  ['a body that is a list', '/sideband/session', { method: 'POST', body: [] }, 400, /"body"/],
  ['an unknown session to read', `/sideband/session/${sessionId}`, {}, 404, /no such session/],
  [
    'an unknown session to hang up',
    `/sideband/session/${sessionId}`,
    { method: 'DELETE' },
    404,
    /no such session/,
  ],
  ['odd characters in the path', '/sideband/session/%00%2e%2e', {}, 404, /no such session/],
  ['the wrong method', '/sideband/session', {}, 405, /GET is not allowed/],
]

for (const [what, path, init, status, detail] of badRequests) {
  test(`${what} is answered with ${status} and a detail`, async t => {
    const gateway = await gatewayFor(t)
    const answer = await request<{ detail: string }>(`${gateway.url}${path}`, init)
    t.is(answer.status, status)
    t.regex(answer.body.detail, detail)
  })
}

test('a second offer for a session is refused with 409, also at the same time', async t => {
  const gateway = await gatewayFor(t)
  const call = await makeCall(t, gateway.url)
  const body = { sdp: await someOffer(t), session_id: call.sessionId }
  const again = await request<{ detail: string }>(`${gateway.url}/sideband/offer`, { method: 'POST', body })
  t.is(again.status, 409)
  t.regex(again.body.detail, /has a call already/)
  const fresh = { sdp: await someOffer(t), session_id: await makeSession(gateway.url) }
  const both = await Promise.all(
    [1, 2].map(() => request(`${gateway.url}/sideband/offer`, { method: 'POST', body: fresh })),
  )
  t.deepEqual(both.map(({ status }) => status).sort(), [200, 409])
})

test('control of an unknown session is refused with 404, before the offer with 409, both before the upgrade', async t => {
  const gateway = await gatewayFor(t)
  t.like(await t.throwsAsync(converse(t, `${gateway.socketUrl}/sideband/control/${sessionId}`)), {
    status: 404,
  })
  const session = await makeSession(gateway.url)
  t.like(await t.throwsAsync(converse(t, `${gateway.socketUrl}/sideband/control/${session}`)), {
    status: 409,
  })
  t.is((await request(`${gateway.url}/sideband/control/${session}`)).status, 426)
})

/** An upstream whose HTTP answers the test writes itself. */
async function httpUpstream(
  t: ExecutionContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
) {
  const server = createServer(answer)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as { port: number }
  return { AZURE_OPENAI_ENDPOINT: `http://127.0.0.1:${port}`, AZURE_OPENAI_API_KEY: 'a-test-key' }
}

const upstreamFailures: [
  what: string,
  answer: (response: ServerResponse) => void,
  status: number,
  detail: RegExp,
][] = [
  ['429', response => response.writeHead(429, { 'Retry-After': '7' }).end(), 429, /no capacity/],
  ['500', response => response.writeHead(500).end('boom'), 502, /not available \(HTTP 500\)/],
  [
    '401',
    response => response.writeHead(401).end('{"error":{"code":"Unauthorized","message":"key a-test-key"}}'),
    502,
    /HTTP 401, Unauthorized/,
  ],
  ['garbage', response => response.end('{"value":5}'), 502, /ephemeral key/],
  ['nothing', () => undefined, 504, /did not answer within 300 ms/],
  ['a cut connection', response => response.destroy(), 502, /cannot be reached/],
]

for (const [what, answer, status, detail] of upstreamFailures) {
  test(`upstream answering ${what} to a key request is ${status}, with what happened and nothing secret`, async t => {
    const env = await httpUpstream(t, (_request, response) => answer(response))
    // Short where it must run out alone: a busy machine may need longer for anything else.
    const patience = what === 'nothing' ? { UPSTREAM_CONNECT_TIMEOUT_MS: '300' } : {}
    const gateway = await gatewayFor(t, { ...env, ...patience })
    const body = { sdp: await someOffer(t), session_id: await makeSession(gateway.url) }
    for (const path of ['/sideband/ephemeral-key', '/sideband/offer']) {
      const failed = await request<{ detail: string }>(`${gateway.url}${path}`, {
        method: 'POST',
        body: path.endsWith('key') ? {} : body,
      })
      t.is(failed.status, status, path)
      t.regex(failed.body.detail, detail)
      t.notRegex(failed.body.detail, /a-test-key/)
    }
  })
}

test('an offer mints a key with the main credential and sends raw SDP with the minted one, filtered on Azure', async t => {
  const seen: { url: string; authorization: string; apiKey: string; type: string; body: string }[] = []
  const env = await httpUpstream(t, async (incoming, response) => {
    const { headers } = incoming
    seen.push({
      url: incoming.url ?? '',
      authorization: headers.authorization ?? '',
      apiKey: String(headers['api-key'] ?? ''),
      type: headers['content-type'] ?? '',
      body: (await incoming.toArray()).join(''),
    })
    if (incoming.url?.endsWith('client_secrets'))
      response.end('{"value":"ek_minted","expires_at":2000000000}')
    else response.writeHead(201, { Location: '/v1/realtime/calls/rtc_abc' }).end('v=0\r\nanswer')
  })
  const gateway = await gatewayFor(t, env)
  const sdp = await someOffer(t)
  const body = { sdp, session_id: await makeSession(gateway.url) }
  const made = await request(`${gateway.url}/sideband/offer`, { method: 'POST', body })
  t.like(made.body, {
    sdp: 'v=0\r\nanswer',
    call_id: 'rtc_abc',
    session_id: body.session_id,
    provider: 'azure',
  })
  t.is(seen[0]?.url, '/openai/v1/realtime/client_secrets')
  t.is(seen[0]?.apiKey, 'a-test-key')
  t.is(JSON.parse(seen[0]?.body ?? '').session.model, 'gpt-realtime')
  t.is(seen[1]?.url, '/openai/v1/realtime/calls?webrtcfilter=on')
  t.is(seen[1]?.authorization, 'Bearer ek_minted')
  t.is(seen[1]?.apiKey, '')
  t.is(seen[1]?.type, 'application/sdp')
  t.is(seen[1]?.body, sdp)
})

test('a session that is ended while its offer is under way keeps no call', async t => {
  const asked: string[] = []
  const offered = Promise.withResolvers<ServerResponse>()
  const env = await httpUpstream(t, (incoming, response) => {
    asked.push(incoming.url ?? '')
    if (incoming.url?.endsWith('client_secrets'))
      response.end('{"value":"ek_minted","expires_at":2000000000}')
    else if (incoming.url?.endsWith('hangup')) response.end()
    else offered.resolve(response)
  })
  const gateway = await gatewayFor(t, env)
  const session = await makeSession(gateway.url)
  const body = { sdp: await someOffer(t), session_id: session }
  const offer = request(`${gateway.url}/sideband/offer`, { method: 'POST', body })
  const response = await offered.promise
  const ended = await request(`${gateway.url}/sideband/session/${session}`, { method: 'DELETE' })
  t.is(ended.status, 200)
  response.writeHead(201, { Location: '/v1/realtime/calls/rtc_abc' }).end('v=0\r\nanswer')
  t.is((await offer).status, 503)
  t.is(asked.at(-1), '/openai/v1/realtime/calls/rtc_abc/hangup')
  t.like((await request(`${gateway.url}/sideband/session/${session}`)).body, { call_id: null })
})

test('a replica that drains makes no more keys and calls: it could not hear them for long; it still hangs up', async t => {
  const gateway = await gatewayFor(t, { DRAIN_LAME_DUCK_MS: '60000' })
  const call = await makeCall(t, gateway.url)
  const fresh = await makeSession(gateway.url)
  const control = await converse(t, `${gateway.socketUrl}/sideband/control/${call.sessionId}`)
  void gateway.drain()
  await control.until('server.draining')
  const offer = { sdp: await someOffer(t), session_id: fresh }
  for (const [path, body] of [
    ['/sideband/offer', offer],
    ['/sideband/ephemeral-key', {}],
  ] as const)
    t.is((await request(`${gateway.url}${path}`, { method: 'POST', body })).status, 503, path)
  const ended = await request(`${gateway.url}/sideband/session/${call.sessionId}`, { method: 'DELETE' })
  t.is(ended.status, 200)
})

test("somebody else's session is as good as none: reading, offering, hanging up and controlling are answered with 404", async t => {
  const keys = {
    GATEWAY_AUTH: 'key',
    GATEWAY_API_KEYS: 'ada:first-key-of-the-test,bob:second-key-of-the-test',
  }
  const gateway = await gatewayFor(t, keys)
  const [ada, bob] = [{ 'api-key': 'first-key-of-the-test' }, { 'api-key': 'second-key-of-the-test' }]
  const session = await makeSession(gateway.url, ada)
  t.is((await request(`${gateway.url}/sideband/session/${session}`, { headers: ada })).status, 200)
  const body = { sdp: await someOffer(t), session_id: session }
  for (const [path, init] of [
    [`/sideband/session/${session}`, {}],
    [`/sideband/session/${session}`, { method: 'DELETE' }],
    ['/sideband/offer', { method: 'POST', body }],
  ] as const) {
    t.is((await request(`${gateway.url}${path}`, { ...init, headers: bob })).status, 404, path)
  }
  const control = converse(t, `${gateway.socketUrl}/sideband/control/${session}`, { headers: bob })
  t.like(await t.throwsAsync(control), { status: 404 })
  t.is((await request<{ total: number }>(`${gateway.url}/sideband/sessions`, { headers: bob })).body.total, 0)
})
