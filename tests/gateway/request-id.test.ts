/** Upstream's own id of a request reaches the client that quotes it to the vendor, where it can be written into a header. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import test, { type ExecutionContext } from 'ava'
import { WebSocket, WebSocketServer } from 'ws'
import { readRequestId } from '../../runtime/core/request-id.ts'
import { converse } from './converse.ts'
import { listen } from './http-server.ts'
import { gatewayFor } from './start.ts'
import { patienceMs, within } from './within.ts'

const id = 'req_0123456789abcdef'

/** An upstream whose every answer names its request. @param refuses upgrades and requests with 403 */
async function namingUpstream(t: ExecutionContext, refuses = false): Promise<Record<string, string>> {
  const server = createServer((request, response) => {
    request.resume()
    const isOffer = request.url?.includes('/calls') === true
    response.writeHead(refuses ? 403 : isOffer ? 201 : 200, {
      'x-request-id': id,
      'Content-Type': isOffer ? 'application/sdp' : 'application/json',
      ...(isOffer && { Location: '/v1/realtime/calls/rtc_abc' }),
    })
    response.end(isOffer ? 'v=0\r\n' : '{"value":"ek_minted","expires_at":2000000000}')
  })
  const sockets = new WebSocketServer({ noServer: true })
  sockets.on('headers', headers => headers.push(`x-request-id: ${id}`))
  server.on('upgrade', (request, socket, head) => {
    if (refuses) {
      const headers = `x-request-id: ${id}\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close`
      return void socket.end(`HTTP/1.1 403 Forbidden\r\n${headers}\r\n\r\n{}`)
    }
    sockets.handleUpgrade(request, socket, head, upstream => {
      upstream.on('error', () => undefined)
      upstream.send('{"type":"session.created","session":{}}')
    })
  })
  return {
    AZURE_OPENAI_ENDPOINT: `http://127.0.0.1:${await listen(t, server, sockets)}`,
    AZURE_OPENAI_API_KEY: 'a-test-key',
  }
}

test('the answer to an upgrade at an SDK address names the request by which upstream was dialled', async t => {
  const gateway = await gatewayFor(t, await namingUpstream(t))
  const socket = new WebSocket(`${gateway.socketUrl}/v1/realtime`)
  t.teardown(() => socket.terminate())
  const [response] = await within(once(socket, 'upgrade'), patienceMs, 'the upgrade is not answered')
  t.is(response.headers['x-request-id'], id)
})

test('keys that are minted and calls that are made name it', async t => {
  const gateway = await gatewayFor(t, await namingUpstream(t))
  const json = { 'Content-Type': 'application/json' }
  const sdp = { 'Content-Type': 'application/sdp' }
  for (const base of ['/v1/realtime', '/v1/realtime/translations']) {
    const key = await fetch(`${gateway.url}${base}/client_secrets`, {
      ...{ method: 'POST', headers: json, body: '{}' },
    })
    t.is(key.status, 200, base)
    t.is(key.headers.get('x-request-id'), id, base)
    const call = await fetch(`${gateway.url}${base}/calls`, {
      ...{ method: 'POST', headers: sdp, body: 'v=0\r\n' },
    })
    t.is(call.status, 201, base)
    t.is(call.headers.get('x-request-id'), id, base)
  }
})

test('refusals of upstream name it, of an upgrade and of a request', async t => {
  const gateway = await gatewayFor(t, await namingUpstream(t, true))
  const refused = await t.throwsAsync(converse(t, `${gateway.socketUrl}/v1/realtime`))
  const { headers } = refused as unknown as { headers: Record<string, string> }
  t.is(headers['x-request-id'], id)
  const key = await fetch(`${gateway.url}/v1/realtime/client_secrets`, {
    ...{ method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' },
  })
  t.is(key.status, 403)
  t.is(key.headers.get('x-request-id'), id)
})

test('what is no id is not passed on', t => {
  t.is(readRequestId(id), id)
  for (const value of [undefined, null, '', 'a b', 'a\r\nSet-Cookie: b', 'ü', 'a'.repeat(129), ['a', 'b']])
    t.is(readRequestId(value), undefined)
})
