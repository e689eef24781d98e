/**
 * At the SDK addresses upstream is dialed before the client's upgrade is answered: where it refuses by an HTTP status,
 * the client gets that status and body in place of the 101.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { WebSocket, WebSocketServer } from 'ws'
import { paths, sdkPaths, translationPaths } from '../../runtime/core/contract.ts'
import { converse } from './converse.ts'
import { fakeUpstream, gatewayFor } from './start.ts'
import { within } from './within.ts'

interface Refusal {
  status: number
  body: string
  headers: Record<string, string>
}

async function refusalOf(t: ExecutionContext, url: string): Promise<Refusal> {
  return (await t.throwsAsync(converse(t, url), undefined, url)) as unknown as Refusal
}

const quota = '{"error":{"code":"insufficient_quota", "message":"You exceeded your current quota."}}'
const refusals: readonly [status: number, body: string, headers: Record<string, string>][] = [
  [401, '{"error":{"code":"401","message":"Access denied due to invalid subscription key."}}', {}],
  [404, '{"error":{"code":"DeploymentNotFound","message":"The deployment does not exist."}}', {}],
  [429, quota, { 'Retry-After': '7' }],
  // A page of some proxy is no word of the API's.
  [403, '<html>no</html>', { 'Content-Type': 'text/html' }],
]

const json = { 'Content-Type': 'application/json; charset=utf-8' }
const sdkPath = '/v1/realtime'

for (const [status, body, headers] of refusals) {
  test(`an upgrade that upstream refuses with ${status} is refused with its status and body`, async t => {
    const upstream = await fakeUpstream(t, {
      refuse: () => ({ status, body, headers: { ...json, ...headers } }),
    })
    const gateway = await gatewayFor(t, { ...upstream.env, UPSTREAM_CONNECT_TIMEOUT_MS: '1000' })
    const refused = await refusalOf(t, gateway.socketUrl + sdkPath)
    t.is(refused.status, status)
    if (headers['Content-Type'] === undefined) {
      t.is(refused.body, body)
      t.is(refused.headers['content-type'], json['Content-Type'])
    } else t.like(JSON.parse(refused.body), { error: { code: 'upstream_refused' } })
    t.is(refused.headers['retry-after'], headers['Retry-After'])
    await gateway.logged('upgrade.refused')
    t.notRegex(JSON.stringify(gateway.lines), /exceeded your current quota/)
  })
}

test('it is so at every SDK address; /chat and /realtime answer at once, and tell it as an error', async t => {
  const [status, body] = refusals[0] as (typeof refusals)[number]
  const upstream = await fakeUpstream(t, { refuse: () => ({ status, body, headers: json }) })
  const gateway = await gatewayFor(t, upstream.env)
  for (const path of [...sdkPaths, ...translationPaths]) {
    const refused = await refusalOf(t, gateway.socketUrl + path)
    t.is(refused.status, 401, path)
  }
  for (const path of [paths.chat, paths.realtime]) {
    const talk = await converse(t, gateway.socketUrl + path)
    if (path === paths.chat) talk.send({ text: 'hello' })
    t.is((await talk.until('error')).at(-1)?.type, 'error', path)
  }
})

test('a body that quotes the credential of the gateway is not passed on', async t => {
  const body = '{"error":{"code":"401","message":"The key a-test-key is wrong."}}'
  const upstream = await fakeUpstream(t, { refuse: () => ({ status: 401, body, headers: json }) })
  const gateway = await gatewayFor(t, upstream.env)
  const refused = await refusalOf(t, gateway.socketUrl + sdkPath)
  t.is(refused.status, 401)
  t.notRegex(refused.body, /a-test-key/)
  t.like(JSON.parse(refused.body), { error: { code: 'upstream_refused' } })
})

test('a session whose upgrade is refused so gives its place back', async t => {
  const upstream = await fakeUpstream(t, {
    refuse: dial => (dial === 1 ? { status: 404, body: '{}', headers: json } : null),
  })
  const gateway = await gatewayFor(t, { ...upstream.env, LIMIT_SESSIONS_PER_ADDRESS: '1' })
  t.like(await t.throwsAsync(converse(t, gateway.socketUrl + sdkPath)), { status: 404 })
  const talk = await converse(t, gateway.socketUrl + sdkPath)
  t.is((await talk.next()).type, 'session.created')
})

test('a client that leaves meanwhile ends the dial, and gives its place back', async t => {
  const upstream = await fakeUpstream(t, { greeting: null })
  const gateway = await gatewayFor(t, { ...upstream.env, LIMIT_SESSIONS_PER_ADDRESS: '1' })
  const client = new WebSocket(gateway.socketUrl + sdkPath)
  client.on('error', () => undefined)
  const { socket } = await upstream.session()
  const ended = new Promise<void>(resolve => socket.once('close', () => resolve()))
  client.terminate()
  await within(ended, 5000, 'the dial goes on')
  const next = converse(t, gateway.socketUrl + sdkPath)
  const { send } = await upstream.session()
  send({ type: 'session.created', session: {} })
  t.is((await (await next).next()).type, 'session.created')
})

test('what upstream says meanwhile arrives whole, once and in order, and so does what follows', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, upstream.env)
  const talk = await converse(t, gateway.socketUrl + sdkPath)
  const session = await upstream.session()
  t.is(upstream.dials, 1)
  const texts = Array.from({ length: 20 }, (_, index) => `{"type":"x", "n":${index}}`)
  for (const text of texts) session.send(text)
  t.is((await talk.next()).type, 'session.created')
  for (const text of texts) t.is((await talk.nextFrame()).text, text)
  talk.send('{"type":"y"}')
  t.is((await session.next()).text, '{"type":"y"}')
})

test('an upstream that takes its time is not waited for: the upgrade is answered, and the session begins later', async t => {
  const upstream = await fakeUpstream(t, { greeting: null })
  const gateway = await gatewayFor(t, { ...upstream.env, UPSTREAM_CONNECT_TIMEOUT_MS: '60000' })
  const talk = await converse(t, gateway.socketUrl + sdkPath)
  const session = await upstream.session()
  talk.send('{"type":"early"}')
  session.send({ type: 'session.created', session: {} })
  t.is((await talk.next()).type, 'session.created')
  t.is((await session.next()).text, '{"type":"early"}')
  t.is(upstream.dials, 1)
})

/** The shortest time that an official SDK gives an upgrade: the default of Python's `websockets` (ms). */
const shortestPatienceMs = 10_000

test('an upstream that takes longer for its own upgrade than clients wait for theirs serves them all the same', async t => {
  const server = createServer()
  const sockets = new WebSocketServer({ noServer: true })
  const answer = Promise.withResolvers<void>()
  server.on('upgrade', (request, socket, head) =>
    answer.promise.then(() =>
      sockets.handleUpgrade(request, socket, head, session =>
        session.send('{"type":"session.created","session":{}}'),
      ),
    ),
  )
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const session of sockets.clients) session.terminate()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const gateway = await gatewayFor(t, {
    AZURE_OPENAI_ENDPOINT: `http://127.0.0.1:${port}`,
    AZURE_OPENAI_DEPLOYMENT_NAME: 'gpt-realtime',
    AZURE_OPENAI_API_KEY: 'none',
    UPSTREAM_CONNECT_TIMEOUT_MS: '60000',
  })
  const client = new WebSocket(gateway.socketUrl + sdkPath, { handshakeTimeout: shortestPatienceMs })
  t.teardown(() => client.terminate())
  const first = once(client, 'message')
  await once(client, 'open')
  answer.resolve()
  const [message] = await first
  t.is(JSON.parse(String(message)).type, 'session.created')
})
