import { createServer } from 'node:http'
import type { Duplex } from 'node:stream'
import { Worker } from 'node:worker_threads'
import test, { type ExecutionContext } from 'ava'
import { GatewayError } from '../../runtime/core/errors.ts'
import type { Upstream } from '../../runtime/core/ports.ts'
import { connect } from '../../runtime/upstream/connect.ts'
import { realtimeUrl, simulatorTarget, type Target } from '../../runtime/upstream/target.ts'
import { within } from '../gateway/within.ts'
import { acceptOf } from '../wire/peer.ts'

/** An upstream of a thread of its own. Flags: it has accepted; it may greet; it has greeted. */
const upstream = `
  const { parentPort, workerData } = require('node:worker_threads')
  const { WebSocketServer } = require('ws')
  const flags = new Int32Array(workerData)
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  server.on('listening', () => parentPort.postMessage(server.address().port))
  server.on('connection', socket => {
    Atomics.store(flags, 0, 1)
    Atomics.wait(flags, 1, 0)
    socket.send('{"type":"session.created"}', () => {
      Atomics.store(flags, 2, 1)
      Atomics.notify(flags, 2)
    })
  })
`
const timeoutMs = 3000
/** Timers count in whole milliseconds. */
const roundingMs = 2

test('a session that was there in time exists, however long this process itself was held up', async t => {
  const shared = new SharedArrayBuffer(12)
  const flags = new Int32Array(shared)
  const thread = new Worker(upstream, { eval: true, workerData: shared })
  t.teardown(() => thread.terminate())
  const port = await new Promise<number>(resolve => thread.once('message', resolve))
  const target = simulatorTarget(`http://127.0.0.1:${port}`, ['one'])
  const came = await new Promise(resolve => {
    connect(
      {
        ...{ url: realtimeUrl(target, 'one'), headers: {}, label: 'upstream', timeoutMs },
        ...{ maxMessageBytes: 1024, heartbeatMs: 60_000 },
      },
      {
        listener: { event: () => undefined, closed: () => undefined, fault: fault => t.fail(String(fault)) },
        opened: connection => resolve(connection.deployment ?? 'opened'),
        failed: error => resolve(error.code),
      },
    )
    const dueAt = performance.now() + timeoutMs + roundingMs
    // Held up from before the greeting is sent until after the deadline; timers come next, then what arrived.
    const holdUp = () => {
      if (Atomics.load(flags, 0) === 0) return setImmediate(holdUp)
      Atomics.store(flags, 1, 1)
      Atomics.notify(flags, 1)
      Atomics.wait(flags, 2, 0)
      while (performance.now() < dueAt);
    }
    holdUp()
  })
  t.is(came, 'opened')
})

/** An upstream of this thread's own. */
async function upstreamFor(t: ExecutionContext, onUpgrade: (socket: Duplex, key: string) => void) {
  const server = createServer()
  const sockets = new Set<Duplex>()
  server.on('upgrade', (request, socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    onUpgrade(socket, String(request.headers['sec-websocket-key']))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as { port: number }
  return simulatorTarget(`http://127.0.0.1:${port}`, ['one'])
}

const greeting = '{"type":"session.created"}'

function greet(socket: Duplex, key: string): void {
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n`,
  )
  socket.write(Buffer.concat([Buffer.from([0x81, greeting.length]), Buffer.from(greeting)]))
}

interface Told {
  readonly events: string[]
  readonly closed: PromiseWithResolvers<string>
}

const listenTo = (): Told => ({ events: [], closed: Promise.withResolvers() })

function opened(target: Target, heartbeatMs: number, told: Told = listenTo()): Promise<Upstream | string> {
  return new Promise(resolve => {
    connect(
      {
        ...{ url: realtimeUrl(target, 'one'), headers: {}, label: 'upstream', timeoutMs: 20_000 },
        ...{ maxMessageBytes: 1024, heartbeatMs, deployment: 'the deployment' },
      },
      {
        listener: {
          event: (frame, isBinary) => void told.events.push(`${isBinary ? 'bytes ' : ''}${frame}`),
          closed: (code, _reason, error) => told.closed.resolve(error?.code ?? String(code)),
          fault: () => undefined,
        },
        opened: resolve,
        failed: error => resolve(error.code),
      },
    )
  })
}

test.serial(
  'an upstream that takes many heartbeats to open is waited for until the deadline of the dial',
  async t => {
    const heartbeatMs = 16
    const target = await upstreamFor(t, (socket, key) =>
      setTimeout(() => greet(socket, key), 12 * heartbeatMs),
    )
    const upstream = await opened(target, heartbeatMs)
    t.is(typeof upstream, 'object', String(upstream))
    if (typeof upstream === 'object') upstream.close(1000, '')
  },
)

/** Answers to an upgrade that agree to something else, or to nothing (RFC 6455 section 4.1). */
const disagreeing: readonly (readonly [what: string, lines: (accept: string) => readonly string[]])[] = [
  ['no Upgrade', accept => ['Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`]],
  ['an empty Upgrade', accept => ['Upgrade: ', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`]],
  ['another Upgrade', accept => ['Upgrade: h2c', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`]],
  ['no Sec-WebSocket-Accept', () => ['Upgrade: websocket', 'Connection: Upgrade']],
  [
    'a wrong Sec-WebSocket-Accept',
    () => ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Accept: x'],
  ],
  ['no header at all', () => []],
]

for (const [what, lines] of disagreeing) {
  test(`a 101 with ${what} opens no upstream`, async t => {
    const target = await upstreamFor(t, (socket, key) => {
      const head = ['HTTP/1.1 101 Switching Protocols', ...lines(acceptOf(key))]
      socket.write(`${head.join('\r\n')}\r\n\r\n`)
      socket.write(Buffer.concat([Buffer.from([0x81, greeting.length]), Buffer.from(greeting)]))
    })
    t.regex(String(await opened(target, 10_000)), /^upstream_(refused|unreachable)$/)
  })
}

test('the connection of an upgrade that upstream refuses is closed, whatever upstream would keep it for', async t => {
  const left = Promise.withResolvers<void>()
  const target = await upstreamFor(t, socket => {
    for (const word of ['end', 'close']) socket.once(word, () => left.resolve())
    socket.resume()
    socket.write('HTTP/1.1 403 Forbidden\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}')
  })
  t.is(await opened(target, 60_000), 'upstream_refused')
  await t.notThrowsAsync(within(left.promise, 10_000, 'the connection stays'))
})

test.serial(
  'many small messages for an upstream that does not read count with what it costs to keep them',
  async t => {
    const target = await upstreamFor(t, (socket, key) => {
      socket.pause()
      greet(socket, key)
    })
    const upstream = await opened(target, 60_000)
    if (typeof upstream === 'string') return t.fail(upstream)
    const large = new Uint8Array(1024 * 1024)
    for (let n = 0; n < 64 && upstream.buffered() === 0; n += 1) {
      upstream.send(large, true)
      await new Promise(resolve => setImmediate(resolve))
    }
    const before = upstream.buffered()
    t.true(before > 0, 'the network takes everything')
    for (let n = 0; n < 1000; n += 1) upstream.send('x')
    t.true(
      upstream.buffered() - before >= 1000 * 1024,
      `${upstream.buffered() - before} bytes for 1,000 messages`,
    )
    upstream.giveUp(new GatewayError('upstream_lost', 'over'))
  },
)

test.serial('a session says who serves it, and an event is text or bytes as it came', async t => {
  const target = await upstreamFor(t, (socket, key) => {
    greet(socket, key)
    socket.write(Buffer.concat([Buffer.from([0x82, 2]), Buffer.from('ab')]))
    socket.write(Buffer.concat([Buffer.from([0x81, 2]), Buffer.from('{}')]))
    socket.write(Buffer.from([0x88, 2, 0x0f, 0xa1]))
  })
  const told = listenTo()
  const upstream = await opened(target, 60_000, told)
  if (typeof upstream === 'string') return t.fail(upstream)
  t.is(upstream.deployment, 'the deployment')
  t.is(await within(told.closed.promise, 10_000, 'the session does not end'), '4001')
  t.deepEqual(told.events, [greeting, 'bytes ab', '{}'])
})

/** What an upstream writes each time that it is sent a ping, beside the pong that it may owe: frames (RFC 6455 section 5.2). */
const signsOfLife: readonly (readonly [what: string, frame: Buffer])[] = [
  ['an event', Buffer.concat([Buffer.from([0x81, 2]), Buffer.from('{}')])],
  ['a ping of its own', Buffer.from([0x89, 0])],
  ['a pong', Buffer.from([0x8a, 0])],
]

for (const [what, frame] of signsOfLife) {
  test.serial(`${what} shows that an upstream lives`, async t => {
    const heartbeatMs = 200
    let pings = 0
    const many = Promise.withResolvers<void>()
    const target = await upstreamFor(t, (socket, key) => {
      greet(socket, key)
      socket.on('data', ([opening]) => {
        if (opening !== 0x89) return
        pings += 1
        socket.write(frame)
        if (pings === 8) many.resolve()
      })
    })
    const told = listenTo()
    const upstream = await opened(target, heartbeatMs, told)
    if (typeof upstream === 'string') return t.fail(upstream)
    const first = Promise.race([many.promise.then(() => 'alive'), told.closed.promise])
    t.is(await within(first, 20_000, 'it is sent no pings'), 'alive')
    upstream.giveUp(new GatewayError('upstream_lost', 'over'))
  })
}

test.serial('an upstream that answers no ping is given up; one that is paused is not', async t => {
  const target = await upstreamFor(t, greet)
  const [silent, paused] = [listenTo(), listenTo()]
  const upstream = await opened(target, 30, paused)
  if (typeof upstream === 'string') return t.fail(upstream)
  upstream.pause()
  let isPausedOver = false
  void paused.closed.promise.then(() => {
    isPausedOver = true
  })
  const unhurried = listenTo()
  const long = await opened(target, 60_000, unhurried)
  if (typeof long === 'string') return t.fail(long)
  let isLongOver = false
  void unhurried.closed.promise.then(() => {
    isLongOver = true
  })
  // Begun later, and given up sooner.
  t.is(typeof (await opened(target, 30, silent)), 'object')
  t.is(await within(silent.closed.promise, 10_000, 'a silent upstream is not given up'), 'upstream_silent')
  t.false(isPausedOver)
  t.false(isLongOver, 'an upstream whose heartbeat is long was given up')
  long.giveUp(new GatewayError('upstream_lost', 'over'))
  upstream.resume()
  t.is(await within(paused.closed.promise, 10_000, 'a silent upstream is not given up'), 'upstream_silent')
})

test.serial(
  'events that come while others are kept stay in order, however the listener pauses and resumes',
  async t => {
    const count = 6000
    const frameOf = (text: string) => Buffer.concat([Buffer.from([0x81, text.length]), Buffer.from(text)])
    const flood = Buffer.concat(Array.from({ length: count }, (_, index) => frameOf(`{"n":${index}}`)))
    const target = await upstreamFor(t, (socket, key) => {
      greet(socket, key)
      socket.write(flood)
    })
    const heard: string[] = []
    const all = Promise.withResolvers<void>()
    let upstream: Upstream | null = null
    let atOnce = 0
    let mostAtOnce = 0
    connect(
      {
        ...{ url: realtimeUrl(target, 'one'), headers: {}, label: 'upstream', timeoutMs: 20_000 },
        ...{ maxMessageBytes: 1024, heartbeatMs: 60_000 },
      },
      {
        listener: {
          event: frame => {
            const busyUntil = performance.now() + 0.1
            while (performance.now() < busyUntil);
            if (atOnce++ === 0) setImmediate(() => (atOnce = 0))
            mostAtOnce = Math.max(mostAtOnce, atOnce)
            if (heard.push(frame.toString()) === count + 1) all.resolve()
            if (heard.length % 50 !== 0) return
            upstream?.pause()
            setImmediate(() => upstream?.resume())
          },
          closed: code => all.reject(new Error(`closed: ${code}`)),
          fault: fault => all.reject(fault),
        },
        opened: connection => {
          upstream = connection
        },
        failed: error => all.reject(error),
      },
    )
    await within(all.promise, 20_000, 'not all events came')
    t.deepEqual(heard, [greeting, ...Array.from({ length: count }, (_, index) => `{"n":${index}}`)])
    // Of 0.1 ms each: a turn of 10 ms, and another for what is kept.
    t.true(mostAtOnce < count / 4, `${mostAtOnce} in one turn`)
  },
)
