/** The sideband's HTTP requests: sessions, what is refused, and whose they are. */
import test from 'ava'
import { converse } from '../gateway/converse.ts'
import { gatewayFor } from '../gateway/start.ts'
import { makeSession, request, someOffer } from './caller.ts'

test('the configuration names provider, resource, model and address', async t => {
  const gateway = await gatewayFor(t)
  const { status, body } = await request(`${gateway.url}/sideband/config`)
  t.is(status, 200)
  t.like(body, { provider: 'simulator', azure_resource: '', model: 'gpt-realtime-2.1' })
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
