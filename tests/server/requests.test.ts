/** Requests as clients and proxies may write them, byte by byte. */
import { once } from 'node:events'
import { setTimeout as rest } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { gatewayFor } from '../gateway/start.ts'
import { until } from '../gateway/within.ts'
import { closeCode, ended, frameHead, halfUpgrade, rawSocket, rawWebSocket, writeAll } from './raw.ts'

const secret = 'a-key-that-is-long-enough'
const keyed = { GATEWAY_AUTH: 'key', GATEWAY_API_KEYS: `alice:${secret}` }

/** Sends a request as it is written. @returns the first bytes of the answer */
async function answerTo(t: ExecutionContext, port: number, request: string): Promise<string> {
  const socket = await rawSocket(t, port)
  socket.write(request)
  const [chunk] = await once(socket, 'data')
  return String(chunk)
}

test('a list that stands in several header lines is one list: subprotocols', async t => {
  const { port } = await gatewayFor(t, keyed)
  const lines = `Sec-WebSocket-Protocol: realtime\r\nSec-WebSocket-Protocol: openai-insecure-api-key.${secret}\r\n`
  const upgrade = halfUpgrade.replace('/chat', '/v1/realtime')
  t.regex(
    await answerTo(t, port, `${upgrade}${lines}\r\n`),
    /^HTTP\/1\.1 101 [\s\S]*Sec-WebSocket-Protocol: realtime\r/i,
  )
})

test('a list that stands in several header lines is one list: proxies', async t => {
  const gateway = await gatewayFor(t, { ...keyed, TRUSTED_PROXIES: '127.0.0.0/8,10.0.0.0/8' })
  const lines = 'X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-For: 10.0.0.1\r\n'
  await answerTo(t, gateway.port, `GET /metrics HTTP/1.1\r\nHost: localhost\r\n${lines}\r\n`)
  const { fields } = await gateway.logged('access.refused')
  t.is(fields.address, '203.0.113.7')
})

for (const name of ['Authorization', 'Api-Key', 'Origin'] as const) {
  test(`two lines of ${name} are refused, over HTTP and before an upgrade`, async t => {
    const { port } = await gatewayFor(t, keyed)
    const value =
      name === 'Authorization' ? `Bearer ${secret}` : name === 'Origin' ? 'http://localhost' : secret
    const lines = `${name}: ${value}\r\n${name}: ${value}\r\n`
    const refused = new RegExp(`^HTTP/1\\.1 400 [\\s\\S]*"${name.toLowerCase()}\\\\" stands twice`)
    t.regex(await answerTo(t, port, `GET /metrics HTTP/1.1\r\nHost: localhost\r\n${lines}\r\n`), refused)
    t.regex(await answerTo(t, port, `${halfUpgrade}${lines}\r\n`), refused)
  })
}

test('who asks is judged before the body is there; whoever is refused can still send it all, and is told', async t => {
  const gateway = await gatewayFor(t, keyed)
  const socket = await rawSocket(t, gateway.port)
  socket.write('POST /ticket HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n')
  await gateway.logged('access.refused')
  const answer = once(socket, 'data')
  socket.write('a'.repeat(100_000))
  t.regex(String((await answer)[0]), /^HTTP\/1\.1 401 /)
  socket.write(`POST /ticket HTTP/1.1\r\nHost: localhost\r\nApi-Key: ${secret}\r\nContent-Length: 0\r\n\r\n`)
  t.regex(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 200 /, 'the connection goes on')
})

const deep = `{"session":{"type":"realtime","x":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`
const form = (session: string) =>
  `--b\r\nContent-Disposition: form-data; name="sdp"\r\n\r\nv=0\r\n\r\n--b\r\nContent-Disposition: form-data; name="session"\r\n\r\n${session}\r\n--b--\r\n`

const unreadable: [what: string, path: string, contentType: string, body: string][] = [
  ['JSON that is nested deep', '/v1/realtime/client_secrets', 'application/json', deep],
  [
    'a session in a form that is nested deep',
    '/v1/realtime/calls',
    'multipart/form-data; boundary=b',
    form(`{"x":${'['.repeat(50_000)}${']'.repeat(50_000)}}`),
  ],
]

for (const [what, path, contentType, body] of unreadable) {
  test(`${what} is a bad request, and no fault of the gateway's`, async t => {
    const gateway = await gatewayFor(t)
    const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${contentType}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`
    t.regex(await answerTo(t, gateway.port, head + body), /^HTTP\/1\.1 400 /)
    t.false(gateway.lines.some(({ event }) => event === 'connection.failed'))
  })
}

/** Requests for a page of more than 10 kB: together far more than the network keeps for one connection. */
const unreadAnswers = 2500

test('whoever asks on and reads no answer is cut, and what was not taken is not kept', async t => {
  const gateway = await gatewayFor(t)
  await (await fetch(`${gateway.url}/playground`)).text()
  const socket = await rawSocket(t, gateway.port)
  socket.pause()
  for (let sent = 0; sent < unreadAnswers && !socket.destroyed; sent += 1) {
    socket.write('GET /playground HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await rest(1)
  }
  t.true(socket.destroyed)
})

test('an answer that a client takes slowly arrives whole, and its connection goes on', async t => {
  const gateway = await gatewayFor(t)
  const page = Buffer.from(await (await fetch(`${gateway.url}/playground`)).arrayBuffer())
  const requests = 50
  const socket = await rawSocket(t, gateway.port)
  let received = Buffer.alloc(0)
  socket.on('data', chunk => {
    received = Buffer.concat([received, chunk])
    socket.pause()
    setImmediate(() => socket.resume())
  })
  for (let answered = 1; answered <= requests; answered += 1) {
    socket.write('GET /playground HTTP/1.1\r\nHost: localhost\r\n\r\n')
    const isWhole = () => received.indexOf('\r\n\r\n') > 0 && received.subarray(-page.length).equals(page)
    await until(isWhole, `answer ${answered} does not arrive`)
    received = Buffer.alloc(0)
  }
  t.false(socket.destroyed)
})

const mebibyte = 1024 * 1024

test('a message above the limit is answered with 1009', async t => {
  const { port } = await gatewayFor(t, { REALTIME_MAX_MSG_MB: '1' })
  const socket = await rawWebSocket(t, port)
  const code = closeCode(socket)
  await writeAll(socket, Buffer.concat([frameHead(1, true, mebibyte + 1), Buffer.alloc(mebibyte + 1, 'a')]))
  t.is(await code, 1009)
})

test('a message above twice the limit is cut without a close frame, as the documents say', async t => {
  const gateway = await gatewayFor(t, { REALTIME_MAX_MSG_MB: '1' })
  const socket = await rawWebSocket(t, gateway.port)
  const code = closeCode(socket)
  await writeAll(socket, frameHead(1, true, 2 * mebibyte + 1))
  t.is(await code, null)
  t.like((await gateway.logged('connection.closed')).fields, { code: 1006 })
})

test('a page that has its name pointed at this machine reads nothing, though it names no origin', async t => {
  const { port } = await gatewayFor(t)
  const get = (host: string) => answerTo(t, port, `GET /metrics HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  t.regex(await get('attacker.example:8080'), /^HTTP\/1\.1 403 /)
  t.regex(await get(`localhost:${port}`), /^HTTP\/1\.1 200 /)
  t.regex(await get(`127.0.0.1:${port}`), /^HTTP\/1\.1 200 /)
  const allowing = await gatewayFor(t, { ALLOWED_ORIGINS: 'https://app.example' })
  const request = 'GET /metrics HTTP/1.1\r\nHost: app.example\r\n\r\n'
  t.regex(await answerTo(t, allowing.port, request), /^HTTP\/1\.1 200 /)
})

/** uWebSockets.js 20.51 answers these itself, before anything of the gateway's is asked. */
const notServed: readonly (readonly [what: string, request: string])[] = [
  ['HTTP/1.0', 'GET /healthz HTTP/1.0\r\n\r\n'],
  ['HTTP/1.0 with a host', 'GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n'],
  ['a whole URL in the request line', 'GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  ['an asterisk in the request line', 'OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n'],
]

for (const [what, request] of notServed) {
  test(`${what} is answered with 505 at once, as the documents say`, async t => {
    const { port } = await gatewayFor(t)
    t.regex(await answerTo(t, port, request), /^HTTP\/1\.1 505 [\s\S]*Connection: close/)
  })
}

/** The native server's own idle time is ten seconds, counted in steps of four (ms); generous, as the machine may be busy. */
const idleMs = 30_000

test('a request behind an empty line is not answered, and its connection is closed, as the documents say', async t => {
  const gateway = await gatewayFor(t)
  const socket = await rawSocket(t, gateway.port)
  let answer = ''
  socket.on('data', chunk => {
    answer += String(chunk)
  })
  const startedAt = performance.now()
  socket.write('\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await ended(socket)
  t.is(answer, '')
  t.true(performance.now() - startedAt < idleMs)
  t.is((await fetch(`${gateway.url}/healthz`)).status, 200)
})
