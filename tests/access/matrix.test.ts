/**
 * Auth mode x route x credential place x origin: what gets in, and that nothing else does.
 */
import { createHash } from 'node:crypto'
import test, { type ExecutionContext } from 'ava'
import { fakeUpstream, gatewayFor } from '../gateway/start.ts'
import { type Authority, audience, startAuthority, tenantId } from './authority.ts'
import { type Answer, knockHttp, knockSocket } from './upgrade-attempts.ts'

const secret = 'the-secret-of-alice'
const hashed = createHash('sha256').update('the-secret-of-bob').digest('hex')

const modes = ['none', 'key', 'entra', 'key,entra'] as const
type Mode = (typeof modes)[number]

type Show = (at: { good: string; ticket: () => Promise<string> }) => Promise<Shown> | Shown
interface Shown {
  headers?: Record<string, string>
  subprotocols?: string[]
  query?: string
}

/** The right credential in every place where one is taken; tickets and subprotocols are of no use over HTTP. */
const rightPlaces: [place: string, show: Show, overHttp: boolean][] = [
  ['Authorization', ({ good }) => ({ headers: { Authorization: `Bearer ${good}` } }), true],
  ['authorization in small letters', ({ good }) => ({ headers: { authorization: `bearer ${good}` } }), true],
  ['api-key', ({ good }) => ({ headers: { 'api-key': good } }), true],
  ['subprotocol', ({ good }) => ({ subprotocols: ['realtime', `openai-insecure-api-key.${good}`] }), false],
  ['ticket', async ({ ticket }) => ({ query: `ticket=${await ticket()}` }), false],
]

/** The right credential where none is taken, and wrong ones where one is. */
const wrongPlaces: [place: string, show: Show][] = [
  ['nothing', () => ({})],
  ['a wrong Authorization', () => ({ headers: { Authorization: 'Bearer wrong-secret' } })],
  ['Basic', ({ good }) => ({ headers: { Authorization: `Basic ${btoa(`alice:${good}`)}` } })],
  ['an Authorization without a scheme', ({ good }) => ({ headers: { Authorization: good } })],
  ['a wrong api-key', () => ({ headers: { 'api-key': 'wrong-secret' } })],
  ['an empty api-key', () => ({ headers: { 'api-key': '' } })],
  ["a key's name", () => ({ headers: { 'api-key': 'alice' } })],
  ["a key's hash", () => ({ headers: { 'api-key': hashed } })],
  ["a key's hash as configured", () => ({ headers: { 'api-key': `sha256:${hashed}` } })],
  [
    'a wrong key before a right one',
    ({ good }) => ({
      headers: { Authorization: 'Bearer wrong-secret', 'api-key': good },
    }),
  ],
  ['the query api-key', ({ good }) => ({ query: `api-key=${good}` })],
  ['the query access_token', ({ good }) => ({ query: `access_token=${good}` })],
  ['the key as a ticket', ({ good }) => ({ query: `ticket=${good}` })],
  ['a cookie', ({ good }) => ({ headers: { Cookie: `api-key=${good}` } })],
  ['X-Forwarded-For of loopback', () => ({ headers: { 'X-Forwarded-For': '127.0.0.1' } })],
  ['a wrong subprotocol', () => ({ subprotocols: ['realtime', 'openai-insecure-api-key.wrong'] })],
  ['the key as a bare subprotocol', ({ good }) => ({ subprotocols: [good] })],
  ['a spent ticket', async ({ ticket }) => ({ query: `ticket=${await ticket()}`, spent: true })],
]

/** What a guarded path answers to whoever is let in. */
const sockets: [path: string, admitted: number][] = [
  ['/chat', 101],
  ['/realtime', 101],
  ['/v1/realtime', 101],
  ['/openai/v1/realtime', 101],
  ['/openai/realtime', 101],
  ['/v1/realtime?model=none-such', 404],
  ['/sideband/control/sideband_0000000000000000', 404],
]
const requests: [method: string, path: string, admitted: number][] = [
  ['POST', '/ticket', 200],
  ['GET', '/metrics', 200],
  ['HEAD', '/metrics', 200],
  ['GET', '/assistants', 200],
  ['GET', '/sideband/config', 200],
  ['GET', '/sideband/sessions', 200],
  ['POST', '/sideband/session', 200],
  ['GET', '/sideband/session/sideband_0000000000000000', 404],
  ['DELETE', '/sideband/session/sideband_0000000000000000', 404],
  // What stands for upstream here speaks WebSocket alone.
  ['POST', '/v1/realtime/client_secrets', 426],
  ['POST', '/v1/realtime/calls', 415],
  ['POST', '/openai/v1/realtime/calls', 415],
  ['POST', '/v1/realtime/calls/rtc_none/hangup', 404],
  ['POST', '/v1/realtime/calls/rtc_none/accept', 404],
  ['POST', '/openai/v1/realtime/calls/rtc_none/reject', 404],
  ['POST', '/openai/v1/realtime/calls/rtc_none/refer', 404],
]

/** Which kind of credential opens what. Ephemeral keys: SDK sockets and calls. Tickets: one socket, whatever its path. */
const kinds: [
  kind: string,
  opens: { sockets: (path: string) => boolean; requests: (path: string) => boolean },
][] = [
  ['a key', { sockets: () => true, requests: () => true }],
  ['a ticket', { sockets: () => true, requests: () => false }],
  [
    'an ephemeral key',
    {
      sockets: path => /^(\/openai)?(\/v1)?\/realtime/.test(path) && !path.startsWith('/realtime'),
      requests: path => /\/realtime\/calls$/.test(path),
    },
  ],
]
const open: [path: string, status: number][] = [
  ['/', 200],
  ['/healthz', 200],
  ['/readyz', 200],
  ['/nowhere', 404],
]

const origins: [origin: string | undefined, allowed: boolean][] = [
  [undefined, true],
  ['http://127.0.0.1:5173', true],
  ['http://localhost', true],
  ['https://allowed.example', true],
  ['https://evil.example', false],
  ['https://allowed.example.evil.example', false],
  ['http://allowed.example', false],
  ['https://allowed.example:8443', false],
  ['null', false],
  ['garbage', false],
]

interface Door {
  readonly url: string
  readonly good: string
  readonly ticket: () => Promise<string>
}

async function doorFor(t: ExecutionContext, mode: Mode): Promise<Door> {
  const upstream = await fakeUpstream(t)
  const authority: Authority = await startAuthority(t)
  const { url } = await gatewayFor(t, {
    ...upstream.env,
    GATEWAY_AUTH: mode,
    ...(mode.includes('key') && { GATEWAY_API_KEYS: `alice:${secret}, bob:sha256:${hashed}` }),
    ...(mode.includes('entra') && {
      ENTRA_TENANT_ID: tenantId,
      ENTRA_AUDIENCE: audience,
      ENTRA_REQUIRED_SCOPE: 'Realtime.Use',
      ENTRA_AUTHORITY: authority.url.origin,
    }),
    ALLOWED_ORIGINS: 'https://allowed.example',
    TICKET_TTL_SEC: '600',
  })
  const good = mode === 'entra' ? await authority.sign() : secret
  const ticket = async () => {
    const answer = await knockHttp(url, { method: 'POST', path: '/ticket', headers: { 'api-key': good } })
    return (JSON.parse(answer.body) as { ticket: string }).ticket
  }
  return { url, good, ticket }
}

function at(path: string, { query }: Shown): string {
  return query === undefined ? path : `${path}${path.includes('?') ? '&' : '?'}${query}`
}

function knockSocketWith({ url }: Door, path: string, shown: Shown, origin?: string): Promise<Answer> {
  const headers = { ...shown.headers, ...(origin !== undefined && { Origin: origin }) }
  return knockSocket(url, { path: at(path, shown), headers, subprotocols: shown.subprotocols ?? [] })
}

function knockHttpWith({ url }: Door, method: string, path: string, shown: Shown, origin?: string) {
  const headers = { ...shown.headers, ...(origin !== undefined && { Origin: origin }) }
  return knockHttp(url, { method, path: at(path, shown), headers })
}

for (const mode of modes) {
  test(`${mode}: the right credential opens every path from every place that takes it`, async t => {
    const door = await doorFor(t, mode)
    for (const [place, show, overHttp] of rightPlaces) {
      for (const [path, admitted] of sockets) {
        const { status } = await knockSocketWith(door, path, await show(door))
        t.is(status, admitted, `${path} by ${place}`)
      }
      if (!overHttp) continue
      for (const [method, path, admitted] of requests) {
        const { status } = await knockHttpWith(door, method, path, await show(door))
        t.is(status, admitted, `${method} ${path} by ${place}`)
      }
    }
  })

  test(`${mode}: ${mode === 'none' ? 'nothing is asked for' : 'anything else opens nothing but pages and health'}`, async t => {
    const door = await doorFor(t, mode)
    const refusedOr = (admitted: number) => (mode === 'none' ? admitted : 401)
    for (const [place, show] of wrongPlaces) {
      const shown = await show(door)
      if ('spent' in shown) await knockSocketWith(door, '/chat', shown)
      for (const [path, admitted] of sockets) {
        const { status, headers } = await knockSocketWith(door, path, shown)
        t.is(status, refusedOr(admitted), `${path} by ${place}`)
        t.notRegex(String(headers['sec-websocket-protocol'] ?? ''), /key|secret/)
      }
      for (const [method, path, admitted] of requests) {
        if (shown.subprotocols !== undefined) continue
        const { status } = await knockHttpWith(door, method, path, shown)
        t.is(status, refusedOr(admitted), `${method} ${path} by ${place}`)
      }
      for (const [path, status] of open)
        t.is((await knockHttpWith(door, 'GET', path, shown)).status, status, path)
    }
  })

  test(`${mode}: a page of another origin gets in nowhere, whatever it shows; one that is allowed does`, async t => {
    const door = await doorFor(t, mode)
    const shown = { headers: { 'api-key': door.good } }
    for (const [origin, allowed] of origins) {
      for (const [path, admitted] of sockets) {
        const { status } = await knockSocketWith(door, path, shown, origin)
        t.is(status, allowed ? admitted : 403, `${path} from ${origin}`)
      }
      for (const [method, path, admitted] of requests) {
        const { status, headers } = await knockHttpWith(door, method, path, shown, origin)
        t.is(status, allowed ? admitted : 403, `${method} ${path} from ${origin}`)
        if (status === 200) t.is(headers['access-control-allow-origin'], origin)
      }
      const preflight = await knockHttpWith(door, 'OPTIONS', '/ticket', {}, origin)
      t.is(preflight.status, allowed ? 204 : 403)
    }
  })
}

test('each kind of credential opens what it is for, and nothing else', async t => {
  const { url } = await gatewayFor(t, { GATEWAY_AUTH: 'key', GATEWAY_API_KEYS: `alice:${secret}` })
  const asAlice = { 'api-key': secret }
  const post = async (path: string) =>
    JSON.parse((await knockHttp(url, { method: 'POST', path, headers: asAlice })).body)
  const show: Record<string, () => Promise<Shown>> = {
    'a key': async () => ({ headers: asAlice }),
    'a ticket': async () => ({ query: `ticket=${(await post('/ticket')).ticket}` }),
    'an ephemeral key': async () => ({
      headers: { Authorization: `Bearer ${(await post('/v1/realtime/client_secrets')).value}` },
    }),
  }
  for (const [kind, opens] of kinds) {
    const shown = () => (show[kind] as () => Promise<Shown>)()
    for (const [path] of sockets) {
      const { status } = await knockSocket(url, {
        headers: {},
        ...(await shown()),
        path: at(path, await shown()),
      })
      t.is(status !== 401, opens.sockets(path), `${path} by ${kind}: ${status}`)
    }
    for (const [method, path] of requests) {
      const { status } = await knockHttp(url, {
        method,
        headers: {},
        ...(await shown()),
        path: at(path, await shown()),
      })
      t.is(status !== 401, opens.requests(path), `${method} ${path} by ${kind}: ${status}`)
    }
  }
})

test('a ticket that is shown over HTTP is not spent by it', async t => {
  const door = await doorFor(t, 'key')
  const query = `ticket=${await door.ticket()}`
  for (const [method, path] of [
    ['POST', '/ticket'],
    ['GET', '/metrics'],
    ['POST', '/v1/realtime/client_secrets'],
  ] as const)
    t.is((await knockHttpWith(door, method, path, { query })).status, 401, path)
  t.is((await knockSocketWith(door, '/chat', { query })).status, 101)
})

test('every path that the server has is in this matrix', async t => {
  const door = await doorFor(t, 'key')
  const guarded = [...sockets.map(([path]) => path), ...requests.map(([, path]) => path)]
  for (const path of ['/ticket', '/metrics', '/chat', '/realtime', '/v1/realtime', '/v1/realtime/calls'])
    t.true(guarded.includes(path))
  // A page's own files are open; nothing else answers without a credential.
  for (const path of ['/sideband/config', '/sideband/sessions', '/metrics'])
    t.is((await knockHttp(door.url, { path })).status, 401)
})

test('a refusal is {"detail"} with a challenge, and does not say what was wrong', async t => {
  const door = await doorFor(t, 'key')
  const answer = await knockSocket(door.url, { path: '/chat', headers: { 'api-key': 'wrong-secret' } })
  t.deepEqual(JSON.parse(answer.body), { detail: 'A valid credential is required' })
  t.is(answer.headers['www-authenticate'], 'Bearer')
  const other = await knockSocket(door.url, { path: '/chat' })
  t.is(other.body, answer.body)
})

test('the answer to an upgrade is the subprotocol realtime, never the one that carries the key', async t => {
  const door = await doorFor(t, 'key')
  const subprotocols = [`openai-insecure-api-key.${secret}`, 'realtime', 'openai-agents-sdk.0.20.0']
  const answer = await knockSocket(door.url, { path: '/v1/realtime', subprotocols })
  t.is(answer.status, 101)
  t.is(answer.headers['sec-websocket-protocol'], 'realtime')
})
