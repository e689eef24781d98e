/**
 * Requests whose end a proxy in front may see elsewhere than the gateway does (request smuggling, RFC 9112 section 11.2):
 * what follows the first end is never served as a request of its own.
 */
import test, { type ExecutionContext } from 'ava'
import { gatewayFor } from '../gateway/start.ts'
import { halfUpgrade, rawSocket } from './raw.ts'

/** What is smuggled: were it served, a second answer would come. */
const second = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'
const bytes = second.length

/** Sends bytes as they are. @returns the statuses that came before the connection ended */
async function statusesOf(t: ExecutionContext, port: number, request: string): Promise<string[]> {
  const socket = await rawSocket(t, port)
  let received = ''
  const over = new Promise<void>(resolve => {
    socket.on('data', chunk => {
      received += chunk
    })
    socket.once('close', () => resolve())
    socket.once('end', () => resolve())
  })
  socket.write(request)
  await over
  return [...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status = '']) => status)
}

const post = (fields: readonly string[], rest: string) =>
  `POST /sideband/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${fields.map(field => `${field}\r\n`).join('')}\r\n${rest}`
const chunked = 'Transfer-Encoding: chunked'

/** Each ends the connection. Where the native parser finds more behind the request, it cuts before the answer. */
const ambiguous: readonly (readonly [what: string, request: string, statuses: readonly string[]])[] = [
  ['two lengths, the first is 0', post(['Content-Length: 0', `Content-Length: ${bytes}`], second), []],
  ['two lengths, the second is 0', post([`Content-Length: ${bytes}`, 'Content-Length: 0'], second), ['400']],
  ['one length twice', post(['Content-Length: 2', 'Content-Length: 2'], '{}'), ['400']],
  ['a list of lengths', post([`Content-Length: 0, ${bytes}`], second), ['400']],
  ['an empty length', post(['Content-Length: '], second), []],
  ['an empty length alone', post(['Content-Length: '], ''), ['400']],
  ['an empty length and another', post(['Content-Length: ', `Content-Length: ${bytes}`], second), []],
  ['a length with a sign', post([`Content-Length: +${bytes}`], second), ['400']],
  ['a length in hexadecimal', post(['Content-Length: 0x2d'], second), ['400']],
  ['a length and chunks', post([`Content-Length: ${bytes + 5}`, chunked], `0\r\n\r\n${second}`), ['400']],
  ['chunks and a length', post([chunked, 'Content-Length: 5'], `0\r\n\r\n${second}`), ['400']],
  ['another encoding', post(['Transfer-Encoding: xchunked'], `0\r\n\r\n${second}`), []],
  ['another encoding alone', post(['Transfer-Encoding: gzip, chunked'], '0\r\n\r\n'), ['400']],
  ['chunks, then another encoding', post([`${chunked}, identity`], `0\r\n\r\n${second}`), []],
  ['two encodings', post(['Transfer-Encoding: identity', chunked], `0\r\n\r\n${second}`), []],
  ['an empty encoding', post(['Transfer-Encoding: '], second), []],
  ['a chunk extension that hides the end', post([chunked], `2;\nxx\r\n2d\r\n0\r\n\r\n${second}`), ['400']],
  ['a chunk extension in quotes', post([chunked], '2;a="\r\n{}\r\n0\r\n\r\n"'), ['400']],
  ['a chunk that ends with a bare line feed', post([chunked], `0\n\n${second}`), []],
  ['a chunk without its end', post([chunked], `2\r\n{}XX0\r\n\r\n${second}`), []],
  ['a chunk of negative size', post([chunked], `-1\r\n\r\n${second}`), ['400']],
  ['a chunk size past 64 bits', post([chunked], `10000000000000000\r\n\r\n${second}`), ['400']],
  ['chunks of a GET', `${second.slice(0, -2)}${chunked}\r\n\r\n0\r\n\r\n${second}`, []],
]

for (const [what, request, statuses] of ambiguous) {
  test(`${what}: no second request is served`, async t => {
    const { port } = await gatewayFor(t)
    t.deepEqual(await statusesOf(t, port, request), statuses)
  })
}

test('a body in chunks is taken, and its connection ends with the answer', async t => {
  const { port } = await gatewayFor(t)
  t.deepEqual(await statusesOf(t, port, post([chunked], '2\r\n{}\r\n0\r\n\r\n')), ['200'])
})

test('requests of a known length follow each other on one connection', async t => {
  const { port } = await gatewayFor(t)
  const socket = await rawSocket(t, port)
  socket.write(post(['Content-Length: 2'], '{}') + second)
  let received = ''
  for await (const chunk of socket) {
    received += chunk
    if ([...received.matchAll(/HTTP\/1\.1 200/g)].length === 2) break
  }
  t.is([...received.matchAll(/HTTP\/1\.1 200/g)].length, 2)
})

for (const field of ['Content-Length: 5', chunked]) {
  test(`an upgrade with "${field}" is refused: its body would be read as frames`, async t => {
    const { port } = await gatewayFor(t)
    t.deepEqual(await statusesOf(t, port, `${halfUpgrade}${field}\r\n\r\n`), ['400'])
  })
}
