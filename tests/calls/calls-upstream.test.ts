/** What becomes of offers at the SDK addresses when upstream refuses, fails, or the store is away. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import test, { type ExecutionContext } from 'ava'
import { type CreateCallOptions, createCall } from '../../runtime/calls/create-call.ts'
import { GatewayError } from '../../runtime/core/errors.ts'
import { serveHttp } from '../gateway/http-server.ts'
import { gatewayFor } from '../gateway/start.ts'
import { until } from '../gateway/within.ts'
import { ada, by, env, mint, offerTo, refusalIn, sdpType } from './offers.ts'

/** An upstream whose answers to offers the test writes itself; it mints keys as it should. */
async function upstreamThat(t: ExecutionContext, answer: (response: ServerResponse) => void) {
  const seen: IncomingMessage[] = []
  const url = await serveHttp(t, (request, response) => {
    seen.push(request)
    if (request.url?.endsWith('client_secrets')) response.end('{"value":"ek_minted","expires_at":2000000000}')
    else answer(response)
  })
  return {
    seen,
    env: { AZURE_OPENAI_ENDPOINT: url, AZURE_OPENAI_API_KEY: 'a-test-key' },
  }
}

const errorBody = (code: string, param: string | null = null) =>
  JSON.stringify({ error: { code, param, message: 'words with a-test-key and ek_minted' } })
const upstreamRefusals: [
  what: string,
  answer: (response: ServerResponse) => void,
  status: number,
  code: string,
  words: RegExp,
][] = [
  [
    '400',
    response => response.writeHead(400).end(errorBody('unknown_parameter', 'session.foo')),
    400,
    'upstream_refused',
    /\(HTTP 400, unknown_parameter, session.foo\)/,
  ],
  [
    '401',
    response => response.writeHead(401).end(errorBody('Unauthorized')),
    401,
    'upstream_refused',
    /\(HTTP 401, Unauthorized\)/,
  ],
  ['404', response => response.writeHead(404).end(errorBody('404')), 404, 'upstream_refused', /\(HTTP 404\)/],
  [
    '429',
    response => response.writeHead(429, { 'Retry-After': '7' }).end(),
    429,
    'upstream_rate_limited',
    /no capacity/,
  ],
  ['500', response => response.writeHead(500).end('boom'), 500, 'upstream_unavailable', /\(HTTP 500\)/],
  ['something else', response => response.end('hello'), 502, 'upstream_broke_protocol', /asked for a call/],
  [
    '1 MB',
    response => response.writeHead(201, { Location: '/rtc_1' }).end(`v=0\r\n${'a'.repeat(1_000_000)}`),
    502,
    'upstream_broke_protocol',
    /more than 262144 bytes/,
  ],
  ['nothing', () => undefined, 504, 'upstream_timeout', /did not answer within 300 ms/],
  ['a cut connection', response => response.destroy(), 502, 'upstream_unreachable', /cannot be reached/],
]

for (const [what, answer, status, code, words] of upstreamRefusals) {
  test(`upstream answering ${what} to an offer is ${status} and ${code}, and nothing secret is repeated`, async t => {
    const upstream = await upstreamThat(t, answer)
    // Short where it must run out alone: a busy machine may need longer for anything else.
    const patience = what === 'nothing' ? { UPSTREAM_CONNECT_TIMEOUT_MS: '300' } : {}
    const gateway = await gatewayFor(t, { ...env, ...upstream.env, ...patience })
    let key = ''
    // A busy machine may miss the short deadline when it asks for the key.
    await until(async () => {
      key = (await mint(gateway)) ?? ''
      return key !== ''
    }, 'no key is minted')
    const headers = { ...by(key), ...sdpType }
    const refused = await offerTo(gateway, { headers, body: 'v=0\r\n' })
    t.is(refused.status, status)
    t.is(refused.headers['retry-after'], what === '429' ? '7' : undefined)
    t.is(refusalIn(refused).error.code, code)
    t.regex(refusalIn(refused).detail, words)
    t.notRegex(refused.body, /a-test-key|ek_minted/)
  })
}

test("upstream sees the ephemeral key on an offer, and the gateway's own credential on everything else", async t => {
  const made = (response: ServerResponse) =>
    response.writeHead(201, { Location: '/v1/realtime/calls/rtc_abc' }).end('v=0\r\nanswer')
  const upstream = await upstreamThat(t, made)
  const gateway = await gatewayFor(t, { ...env, ...upstream.env })
  const headers = { ...by(await mint(gateway)), ...sdpType }
  const path = '/openai/v1/realtime/calls?webrtcfilter=on'
  const call = await offerTo(gateway, { path, headers, body: 'v=0\r\n' })
  t.is(call.body, 'v=0\r\nanswer')
  t.is(call.headers.location, '/openai/v1/realtime/calls/rtc_abc')
  await offerTo(gateway, { path: `${call.headers.location}/hangup`, headers: by(ada) })
  t.deepEqual(
    upstream.seen.map(({ url, headers }) => [url, headers.authorization, headers['api-key']]),
    [
      ['/openai/v1/realtime/client_secrets', undefined, 'a-test-key'],
      [path, 'Bearer ek_minted', undefined],
      ['/openai/v1/realtime/calls/rtc_abc/hangup', undefined, 'a-test-key'],
    ],
  )
})

test('a call that cannot be remembered is ended, and whoever made it is told', async t => {
  const passed = { 'OpenAI-Safety-Identifier': 'user-1' }
  const ended: unknown[] = []
  const away = () => Promise.reject(new GatewayError('store_unavailable', 'The store is away'))
  const placing = {
    calls: {
      offer: async () => ({ sdp: 'v=0\r\n', callId: 'rtc_1' }),
      hangUp: async (...asked: unknown[]) => ended.push(asked) > 0,
    },
  } as unknown as CreateCallOptions
  const placed = createCall(
    placing,
    { sdp: 'v=0\r\n', filtered: false, address: '127.0.0.1', passed },
    { value: 'ek_1', model: 'm', pinned: '{}' },
    away,
  )
  await t.throwsAsync(placed, { message: /could not be remembered, so it was ended/ })
  t.deepEqual(ended, [['rtc_1', passed]], 'it is ended in the name of whoever made it')
})

test("a key is minted with the client's safety identifier", async t => {
  const upstream = await upstreamThat(t, response => response.end())
  const gateway = await gatewayFor(t, upstream.env)
  const answer = await fetch(`${gateway.url}/v1/realtime/client_secrets`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'OpenAI-Safety-Identifier': 'user-1' },
    body: '{}',
  })
  t.is(answer.status, 200)
  t.is(upstream.seen[0]?.headers['openai-safety-identifier'], 'user-1')
})
