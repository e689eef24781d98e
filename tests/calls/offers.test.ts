/** Keys and offers over the sideband: what upstream is asked, and what its failures become. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import test, { type ExecutionContext } from 'ava'
import { converse } from '../gateway/converse.ts'
import { serveHttp } from '../gateway/http-server.ts'
import { gatewayFor } from '../gateway/start.ts'
import { makeCall, makeSession, request, someOffer } from './caller.ts'

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

/** An upstream whose HTTP answers the test writes itself. */
async function httpUpstream(
  t: ExecutionContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
) {
  const url = await serveHttp(t, answer)
  return { AZURE_OPENAI_ENDPOINT: url, AZURE_OPENAI_API_KEY: 'a-test-key' }
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
