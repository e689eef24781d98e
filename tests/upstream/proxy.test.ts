/** Upstream behind a forward proxy: real tunnels, and TLS through them to the end. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import https from 'node:https'
import { connect as connectTo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { WebSocketServer } from 'ws'
import { makeCertificate } from '../../runtime/core/self-signed.ts'
import { isProxied, openTunnel } from '../../runtime/upstream/proxy.ts'
import { converse } from '../gateway/converse.ts'
import { listen } from '../gateway/http-server.ts'
import { gatewayProcess } from '../gateway/process.ts'
import { gatewayFor, type Stage } from '../gateway/start.ts'

const exceptions: readonly (readonly [noProxy: string, host: string, port: number, isProxied: boolean])[] = [
  ['', 'api.openai.com', 443, true],
  ['*', 'api.openai.com', 443, false],
  ['api.openai.com', 'api.openai.com', 443, false],
  ['API.OpenAI.com', 'api.openai.com', 443, false],
  ['openai.com', 'api.openai.com', 443, false],
  ['.openai.com', 'api.openai.com', 443, false],
  ['*.openai.com', 'api.openai.com', 443, false],
  ['penai.com', 'api.openai.com', 443, true],
  ['openai.com.example', 'api.openai.com', 443, true],
  ['api.openai.com:443', 'api.openai.com', 443, false],
  ['api.openai.com:8443', 'api.openai.com', 443, true],
  ['10.0.0.4', '10.0.0.4', 443, false],
  ['::1', '[::1]', 443, false],
  ['[::1]:443', '[::1]', 443, false],
  ['other.example,openai.com', 'api.openai.com', 443, false],
]

for (const [noProxy, host, port, expected] of exceptions)
  test(`NO_PROXY=${noProxy}: ${host}:${port} is reached ${expected ? 'through' : 'without'} the proxy`, t => {
    t.is(isProxied(noProxy.split(',').filter(Boolean), host, port), expected)
  })

/** A forward proxy that leads every tunnel to one port. @param answer null never answers */
async function forwardProxy(t: Stage, port: number, answer: 200 | 407 | null = 200) {
  const asked: { path: string | undefined; authorization: string | undefined }[] = []
  const server = createServer()
  server.on('connect', (request, socket, head) => {
    asked.push({ path: request.url, authorization: request.headers['proxy-authorization'] })
    socket.on('error', () => undefined)
    if (answer === null) return
    if (answer !== 200) return void socket.end(`HTTP/1.1 ${answer} No\r\nContent-Length: 0\r\n\r\n`)
    const onward = connectTo(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      onward.write(head)
      socket.pipe(onward).pipe(socket)
    })
    onward.on('error', () => socket.destroy())
    socket.on('close', () => onward.destroy())
  })
  return { url: new URL(`http://ada:p%40ss@127.0.0.1:${await listen(t, server)}`), asked }
}

/** An upstream with TLS that greets, and mints keys. @returns its port, and the file of its certificate */
async function secureUpstream(t: Stage): Promise<{ port: number; certFile: string }> {
  const certificate = await makeCertificate()
  const folder = mkdtempSync(join(tmpdir(), 'proxied-upstream-'))
  const certFile = join(folder, 'cert.pem')
  writeFileSync(certFile, certificate.cert)
  const server = https.createServer(certificate, (request, response) => {
    request.resume()
    response.setHeader('Content-Type', 'application/json')
    response.end('{"value":"ek_minted","expires_at":2000000000}')
  })
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', socket => {
    socket.on('error', () => undefined)
    socket.send('{"type":"session.created","session":{}}')
    socket.on('message', data => socket.send(data.toString()))
  })
  t.teardown(() => rmSync(folder, { recursive: true }))
  return { port: await listen(t, server, sockets), certFile }
}

test('WebSocket connections and requests to upstream go through the proxy, which is told its name and password', async t => {
  const upstream = await secureUpstream(t)
  const proxy = await forwardProxy(t, upstream.port)
  const gateway = await gatewayProcess(
    t,
    {
      AZURE_OPENAI_ENDPOINT: 'https://localhost:4443',
      AZURE_OPENAI_API_KEY: 'a-test-key',
      NODE_EXTRA_CA_CERTS: upstream.certFile,
      HTTPS_PROXY: proxy.url.href,
      REALTIME_ALLOWED_EVENT_TYPES: '*',
    },
    [],
    ['--use-env-proxy'],
  )
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`)
  await talk.until('session.created')
  // Through the reader and the writer of frames, over TLS within the tunnel.
  talk.send({ type: 'echo.long', words: 'a'.repeat(100_000) })
  const echo = (await talk.until('echo.long')).at(-1) as unknown as { words: string }
  t.is(echo.words.length, 100_000)
  const headers = { 'Content-Type': 'application/json' }
  const asking = { method: 'POST', headers, body: '{}' }
  const minted = await fetch(`${gateway.url}/v1/realtime/client_secrets`, asking)
  t.is(minted.status, 200)
  const authorization = `Basic ${Buffer.from('ada:p@ss').toString('base64')}`
  t.true(proxy.asked.length >= 2)
  for (const asked of proxy.asked) t.deepEqual(asked, { path: 'localhost:4443', authorization })
  t.false(JSON.stringify(gateway.lines).includes('p%40ss'))
})

test('a proxy that refuses is told as such, without its password', async t => {
  const proxy = await forwardProxy(t, 0, 407)
  const gateway = await gatewayFor(t, {
    AZURE_OPENAI_ENDPOINT: 'https://upstream.example',
    AZURE_OPENAI_API_KEY: 'a-test-key',
    HTTPS_PROXY: proxy.url.href,
    UPSTREAM_CONNECT_TIMEOUT_MS: '300',
    REALTIME_ALLOWED_EVENT_TYPES: '*',
  })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const told = (await talk.until('error')).at(-1)
  const { error } = told as unknown as { error: { code: string; message: string } }
  t.is(error.code, 'upstream_unreachable')
  t.regex(error.message, /PROXY_REFUSED/)
  t.false(JSON.stringify(gateway.lines).includes('p%40ss'))
})

test('a proxy that does not answer holds nobody for longer than the dial may take', async t => {
  const proxy = await forwardProxy(t, 0, null)
  await t.throwsAsync(openTunnel(proxy.url, 'upstream.example', 443, 100), { code: 'PROXY_TIMEOUT' })
})

test('a proxy that is none is a fault of the configuration', async t => {
  await t.throwsAsync(gatewayFor(t, { HTTPS_PROXY: 'socks5://127.0.0.1:1080' }), { message: /HTTPS_PROXY/ })
})
