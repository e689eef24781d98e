import { Agent, type IncomingMessage, type RequestOptions, request } from 'node:http'
import { connect } from 'node:net'
import test from 'ava'
import { converse } from './converse.ts'
import { fakeUpstream, gatewayFor } from './start.ts'
import { patienceMs, within } from './within.ts'

test('health and readiness name revision and replica', async t => {
  const gateway = await gatewayFor(t, {
    CONTAINER_APP_REVISION: 'rev-1',
    CONTAINER_APP_REPLICA_NAME: 'rep-1',
  })
  const health = await fetch(`${gateway.url}/healthz`)
  t.is(health.status, 200)
  t.deepEqual(await health.json(), { status: 'ok', revision: 'rev-1', replica: 'rep-1' })
  const ready = await fetch(`${gateway.url}/readyz`)
  t.is(ready.status, 200)
  t.is(((await ready.json()) as { status: string }).status, 'ready')
})

test('metrics are Prometheus text', async t => {
  const gateway = await gatewayFor(t)
  const answer = await fetch(`${gateway.url}/metrics`)
  t.regex(answer.headers.get('content-type') ?? '', /^text\/plain; version=0.0.4/)
  t.regex(await answer.text(), /# TYPE gateway_sessions gauge/)
})

const refusals: [method: string, path: string, status: number, detail: RegExp][] = [
  ['GET', '/nowhere', 404, /nothing at \/nowhere/],
  ['GET', '/chat', 426, /WebSocket/],
  ['GET', '/realtime', 426, /WebSocket/],
  ['GET', '/v1/realtime', 426, /WebSocket/],
  ['POST', '/healthz', 405, /POST is not allowed/],
  ['DELETE', '/', 405, /DELETE is not allowed/],
  ['POST', '/chat', 405, /POST is not allowed/],
]

for (const [method, path, status, detail] of refusals) {
  test(`${method} ${path} is answered with ${status} and a detail`, async t => {
    const gateway = await gatewayFor(t)
    const answer = await fetch(`${gateway.url}${path}`, { method })
    t.is(answer.status, status)
    t.is(answer.headers.get('content-type'), 'application/json')
    t.regex(((await answer.json()) as { detail: string }).detail, detail)
    if (status === 405) t.truthy(answer.headers.get('allow'))
  })
}

test('a WebSocket handshake of another version is refused with the version that is spoken', async t => {
  const gateway = await gatewayFor(t)
  const headers = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '8',
    'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
  }
  const answer = await new Promise<{ status?: number; version?: string | string[] }>((resolve, reject) => {
    request(`${gateway.url}/chat`, { headers }, response => {
      response.resume()
      resolve({ status: response.statusCode ?? 0, version: response.headers['sec-websocket-version'] ?? '' })
    })
      .on('error', reject)
      .end()
  })
  t.deepEqual(answer, { status: 426, version: '13' })
})

test('a model that is not configured is refused before the upgrade, naming the choice', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, AZURE_OPENAI_DEPLOYMENT_NAME: 'one, two' })
  const fault = await t.throwsAsync(converse(t, `${gateway.socketUrl}/v1/realtime?model=three`))
  t.like(fault, { status: 404 })
  t.regex(fault?.message ?? '', /"three" is not configured here; use \\"one\\", \\"two\\"|use/)
  t.is(upstream.dials, 0)
})

for (const [query, deployment] of [
  ['', 'one'],
  ['?model=two', 'two'],
  ['?deployment=two&api-version=2025-04-01-preview', 'two'],
] as const) {
  test(`an SDK address with "${query}" dials the deployment "${deployment}"`, async t => {
    const upstream = await fakeUpstream(t)
    const gateway = await gatewayFor(t, { ...upstream.env, AZURE_OPENAI_DEPLOYMENT_NAME: 'one,two' })
    await converse(t, `${gateway.socketUrl}/openai/realtime${query}`)
    t.is((await upstream.session()).url, `/openai/v1/realtime?model=${deployment}`)
  })
}

for (const [query, status] of [
  ['intent=translation', 400],
  ['intent=transcription&model=gpt-99', 404],
  ['call_id=rtc_1', 404],
  ['call_id=../../x', 404],
] as const) {
  test(`an SDK address answers ?${query} with ${status}, before the upgrade`, async t => {
    const gateway = await gatewayFor(t)
    const fault = await t.throwsAsync(converse(t, `${gateway.socketUrl}/v1/realtime?${query}`))
    t.like(fault, { status })
  })
}

test("answers with the subprotocol realtime, never with one that carries a key, and passes none of a client's own on", async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, upstream.env)
  const subprotocols = ['openai-insecure-api-key.sk-1', 'realtime', 'openai-beta.realtime-v1']
  const headers = { 'OpenAI-Beta': 'realtime=v1', Authorization: 'Bearer client' }
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`, { subprotocols, headers })
  t.is(talk.subprotocol, 'realtime')
  const session = await upstream.session()
  t.is(session.headers['openai-beta'], undefined)
  t.is(session.headers.authorization, undefined)
  t.is(session.headers['sec-websocket-protocol'], undefined)
  t.notRegex(JSON.stringify(gateway.lines), /sk-1/)
})

test('the answer to an upgrade names revision and replica', async t => {
  const gateway = await gatewayFor(t, {
    CONTAINER_APP_REVISION: 'rev-1',
    CONTAINER_APP_REPLICA_NAME: 'rep-1',
  })
  const talk = await converse(t, `${gateway.socketUrl}/chat`)
  t.is(talk.headers['x-gateway-revision'], 'rev-1')
  t.is(talk.headers['x-gateway-replica'], 'rep-1')
})

test('query values never reach the log', async t => {
  const gateway = await gatewayFor(t)
  await converse(t, `${gateway.socketUrl}/chat?ticket=hidden`)
  const { fields } = await gateway.logged('client.connected')
  t.deepEqual(fields.query, ['ticket'])
  t.notRegex(JSON.stringify(gateway.lines), /hidden/)
})

test('a second gateway on the same port does not start', async t => {
  const gateway = await gatewayFor(t)
  const fault = await t.throwsAsync(gatewayFor(t, { PORT: String(gateway.port) }))
  t.regex(fault?.message ?? '', /Cannot listen on 127.0.0.1 port \d+/)
})

test('garbage on the port harms nobody', async t => {
  const gateway = await gatewayFor(t)
  await new Promise<void>(resolve => {
    const socket = connect(gateway.port, '127.0.0.1', () => socket.end(Buffer.alloc(4096, 0xff)))
    socket.on('error', () => undefined).on('close', () => resolve())
    socket.resume()
  })
  t.is((await fetch(`${gateway.url}/healthz`)).status, 200)
})

test('the page comes compressed, tagged, and is not sent twice', async t => {
  const gateway = await gatewayFor(t)
  const page = await fetch(`${gateway.url}/`, { headers: { 'Accept-Encoding': 'br' } })
  t.is(page.status, 200)
  t.is(page.headers.get('content-type'), 'text/html; charset=utf-8')
  t.is(page.headers.get('content-encoding'), 'br')
  t.is(page.headers.get('cache-control'), 'no-cache')
  t.regex(page.headers.get('content-security-policy') ?? '', /default-src 'self'/)
  const html = await page.text()
  t.regex(html, /<meta name="gateway" content="\{&quot;provider&quot;:&quot;simulator&quot;/)
  const etag = page.headers.get('etag') ?? ''
  const again = await fetch(`${gateway.url}/`, {
    headers: { 'Accept-Encoding': 'br', 'If-None-Match': etag },
  })
  t.is(again.status, 304)
  t.is(await again.text(), '')
  const plain = await fetch(`${gateway.url}/`, {
    headers: { 'Accept-Encoding': 'identity', 'If-None-Match': etag },
  })
  t.is(plain.status, 200)
  t.is(plain.headers.get('content-encoding'), null)
  const script = /src="(\/assets\/[^"]+\.js)"/.exec(html)?.[1] ?? ''
  const asset = await fetch(`${gateway.url}${script}`)
  t.regex(asset.headers.get('cache-control') ?? '', /immutable/)
})

test('HEAD answers like GET, without the body', async t => {
  const gateway = await gatewayFor(t)
  const answer = await fetch(`${gateway.url}/healthz`, { method: 'HEAD' })
  t.is(answer.status, 200)
  t.true(Number(answer.headers.get('content-length')) > 10)
})

test('an answer without a body says no length but that of the body, and the connection takes the next request', async t => {
  const gateway = await gatewayFor(t)
  const page = await fetch(gateway.url, { headers: { 'Accept-Encoding': 'identity' } })
  const etag = page.headers.get('etag') ?? ''
  const length = String((await page.arrayBuffer()).byteLength)
  for (const [options, status, contentLength] of [
    [{ method: 'HEAD' }, 200, length],
    [{ headers: { 'If-None-Match': etag } }, 304, undefined],
    [{ method: 'HEAD', headers: { 'If-None-Match': etag } }, 304, undefined],
  ] as const) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    t.teardown(() => agent.destroy())
    const answer = await askBy(agent, gateway.url, options)
    t.is(answer.statusCode, status)
    t.is(answer.headers['content-length'], contentLength)
    const next = await askBy(agent, gateway.url, {})
    t.is(next.statusCode, 200)
    t.is(next.socket, answer.socket)
  }
})

/** Reads an answer to its end, so that its connection is free again. */
function askBy(agent: Agent, url: string, options: RequestOptions): Promise<AnsweredBy> {
  const answer = new Promise<AnsweredBy>((resolve, reject) => {
    request(url, { ...options, agent }, answer => {
      // Node takes the socket from an answer that is over.
      const { statusCode, headers, socket } = answer
      answer.resume().once('end', () => resolve({ statusCode, headers, socket }))
    })
      .once('error', reject)
      .end()
  })
  return within(answer, patienceMs, 'there is no answer')
}

type AnsweredBy = Pick<IncomingMessage, 'statusCode' | 'headers' | 'socket'>
