/** What is sent to upstream over `connect`, before a real `ws` server: every message arrives once, whole and in order. */
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { WebSocket, WebSocketServer } from 'ws'
import type { Upstream } from '../../runtime/core/ports.ts'
import { makeCertificate } from '../../runtime/core/self-signed.ts'
import { connect } from '../../runtime/upstream/connect.ts'
import { DirectWriter } from '../../runtime/upstream/direct-writer.ts'
import { patienceMs, within } from '../gateway/within.ts'

interface Line {
  /** What is tried; null where it is part of a connection. */
  readonly writer: DirectWriter | null
  readonly upstream: Pick<Upstream, 'send' | 'buffered'>
  readonly server: WebSocket
  /** What the server heard; binary messages as `b:`. */
  readonly heard: string[]
}

async function openLine(t: ExecutionContext): Promise<Line> {
  const service = new WebSocketServer({ port: 0, host: '127.0.0.1', maxPayload: 8 * 1024 * 1024 })
  await once(service, 'listening')
  const accepted = once(service, 'connection')
  const url = new URL(`ws://127.0.0.1:${(service.address() as AddressInfo).port}`)
  const limits = { timeoutMs: 10_000, maxMessageBytes: 1024 * 1024, heartbeatMs: 60_000 }
  const opened = new Promise<Upstream>((opened, failed) => {
    const options = { url, headers: {}, label: 'test', greets: false, ...limits }
    const listener = { event: () => undefined, closed: () => undefined, fault: t.log }
    const abort = connect(options, { listener, opened, failed })
    t.teardown(() => {
      abort()
      service.close()
    })
  })
  const [server] = (await accepted) as [WebSocket]
  const heard: string[] = []
  server.on('message', (data: Buffer, isBinary) => heard.push(`${isBinary ? 'b:' : ''}${data}`))
  return { writer: null, upstream: await opened, server, heard }
}

const certificate = await makeCertificate()

/** The writer beside `ws` over TLS, as a connection has them: `connect` itself would ask for a certificate of the world's. */
async function openSecureLine(t: ExecutionContext): Promise<Line> {
  const server = createServer(certificate)
  const service = new WebSocketServer({ server, maxPayload: 8 * 1024 * 1024 })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const accepted = once(service, 'connection')
  const socket = connectTls({ port: (server.address() as AddressInfo).port, ca: certificate.cert })
  const client = new WebSocket('wss://localhost', { createConnection: () => socket })
  await once(client, 'open')
  const [peer] = (await accepted) as [WebSocket]
  t.teardown(() => {
    client.terminate()
    service.close()
    server.close()
  })
  const heard: string[] = []
  peer.on('message', (data: Buffer, isBinary) => heard.push(`${isBinary ? 'b:' : ''}${data}`))
  const writer = new DirectWriter(socket)
  const send = (data: string | Uint8Array, isBinary = false) => {
    if (!writer.write(data, isBinary)) client.send(data, { binary: isBinary })
  }
  return { writer, upstream: { send, buffered: () => client.bufferedAmount }, server: peer, heard }
}

const lines = { plain: openLine, TLS: openSecureLine }

/** Masking keys are drawn for this many messages at once, or fewer. */
const manyMessages = 10_000

// First of this file: the first key of a process is as hard to foresee as all others (RFC 6455 section 5.3).
test('each message has a masking key of its own, which nobody can foresee', t => {
  const keys: number[] = []
  const written = (frame: Buffer) => keys.push(frame.readUInt32BE(2)) > 0
  const socket = { write: written, writable: true, writableLength: 0 }
  const writer = new DirectWriter(socket as unknown as Socket)
  for (let count = 0; count < manyMessages; count += 1) t.true(writer.write(Buffer.from('{}'), false))
  t.is(keys.length, manyMessages)
  t.false(keys.includes(0))
  // Two of ten thousand may be the same by chance; five never are.
  t.true(new Set(keys).size > manyMessages - 5)
})

/** Waits until the server has heard so many messages. */
async function settled({ server, heard }: Line, count: number): Promise<void> {
  while (heard.length < count)
    await within(
      once(server, 'message'),
      patienceMs,
      `${heard.length} of ${count} messages come, and no more`,
    )
}

const message = fc.record({
  text: fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 200 }),
    fc.integer({ min: 8000, max: 8400 }).map(length => 'b'.repeat(length)),
    fc.integer({ min: 60_000, max: 140_000 }).map(length => 'c'.repeat(length)),
  ),
  form: fc.constantFrom<'text' | 'bytes' | 'binary'>('text', 'bytes', 'binary'),
  pause: fc.boolean(),
})

for (const [name, open] of Object.entries(lines)) {
  test(`${name}: messages of any size and form arrive once, whole and in order, and their memory is free at once`, async t => {
    const line = await open(t)
    await fc.assert(
      fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 20 }), async messages => {
        line.heard.length = 0
        for (const { text, form, pause } of messages) {
          const bytes = Buffer.from(text)
          line.upstream.send(form === 'text' ? text : bytes, form === 'binary')
          bytes.fill('x')
          if (pause) await new Promise(resolve => setImmediate(resolve))
        }
        await settled(line, messages.length)
        t.deepEqual(
          line.heard,
          messages.map(({ text, form }) => `${form === 'binary' ? 'b:' : ''}${text}`),
        )
      }),
      { numRuns: 60 },
    )
  })

  test(`${name}: what a slow upstream has not taken is not written over`, async t => {
    const line = await open(t)
    line.server.pause()
    const texts = Array.from({ length: 200 }, (_, index) => String(index).padStart(40_000, '.'))
    for (const text of texts) line.upstream.send(Buffer.from(text))
    t.true(line.upstream.buffered() > 0, 'all of it was taken, so nothing was tested')
    line.server.resume()
    await settled(line, texts.length)
    t.deepEqual(line.heard, texts)
  })
}

test('TLS: while a message is on its way the next is left to ws, and written again once it has gone', async t => {
  const line = await openSecureLine(t)
  const { writer } = line
  if (writer === null) return t.fail()
  for (const [count, text] of ['one', 'two', 'three'].entries()) {
    t.true(writer.write(Buffer.from(text), false), `"${text}" is left to ws`)
    t.false(writer.write(Buffer.from('late'), false))
    await settled(line, count + 1)
    const deadline = performance.now() + 10_000
    while (writer.buffered() > 0 && performance.now() < deadline)
      await new Promise(resolve => setImmediate(resolve))
    await new Promise(resolve => setImmediate(resolve))
  }
  t.deepEqual(line.heard, ['one', 'two', 'three'])
})

test('a text is written as bytes are, and masked out of the same memory', async t => {
  const line = await openSecureLine(t)
  const { writer } = line
  if (writer === null) return t.fail()
  t.true(writer.write('größer', false))
  await settled(line, 1)
  t.deepEqual(line.heard, ['größer'])
})

test('a closed upstream takes nothing more, and nobody is harmed', async t => {
  const line = await openLine(t)
  line.upstream.send(Buffer.from('one'))
  await settled(line, 1)
  line.server.terminate()
  await once(line.server, 'close')
  t.notThrows(() => line.upstream.send(Buffer.from('two')))
  t.deepEqual(line.heard, ['one'])
})
