/** What an attempt to connect comes to, and what becomes of the connection, by what upstream writes. */
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import test from 'ava'
import { GatewayError } from '../../runtime/core/errors.ts'
import { type ConnectOptions, connect } from '../../runtime/upstream/connect.ts'
import { patienceMs, until, within } from '../gateway/within.ts'
import { closePayload, encodeFrame, opcodes } from '../wire/frames.ts'
import type { Peer } from '../wire/peer.ts'
import { type Answer, attempt, close, frame, greeting, refusal, text, upgrading } from './connect-attempt.ts'

const answering =
  (status: string, body = ''): Answer =>
  ({ socket }) =>
    socket.write(`HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\n\r\n${body}`)

/** Long enough for what should not be told to be told (ms). */
const quietMs = 60
const silence = () => new Promise(resolve => setTimeout(resolve, quietMs))

const soonMs = 40

/** What upstream does before a session exists, and all that is told by it. */
const outcomes: readonly (readonly [
  what: string,
  answer: Answer,
  told: readonly string[],
  changed?: Partial<ConnectOptions>,
  message?: RegExp,
])[] = [
  ['greets', upgrading(text(greeting)), ['opened', greeting]],
  ['begins with another event', upgrading(text('{"type":"x"}')), ['opened', '{"type":"x"}']],
  ['begins with bytes', upgrading(frame(opcodes.binary, 'ab')), ['opened', 'bytes ab']],
  [
    'begins with an error as bytes',
    upgrading(frame(opcodes.binary, refusal)),
    ['opened', `bytes ${refusal}`],
  ],
  ['upgrades, where a call is joined', upgrading(), ['opened'], { greets: false }],
  ['says an error, where a call is joined', upgrading(text(refusal)), ['opened', refusal], { greets: false }],
  [
    'does not answer',
    () => undefined,
    ['failed upstream_timeout'],
    { timeoutMs: soonMs },
    /^upstream did not answer within 40 ms$/,
  ],
  ['does not greet', upgrading(), ['failed upstream_timeout'], { timeoutMs: soonMs }],
  ['only pings', upgrading(frame(opcodes.ping)), ['failed upstream_timeout'], { timeoutMs: soonMs }],
  [
    'refuses',
    answering('403 Forbidden', '{}'),
    ['failed upstream_refused'],
    {},
    /^upstream refused \(HTTP 403\)/,
  ],
  ['has no capacity', answering('429 Too Many Requests'), ['failed upstream_rate_limited']],
  ['cuts the connection', ({ socket }) => socket.destroy(), ['failed upstream_unreachable']],
  ['speaks something else', ({ socket }) => socket.write('hello\r\n\r\n'), ['failed upstream_unreachable']],
  [
    'closes at once',
    upgrading(close(1013, 'busy')),
    ['failed upstream_unavailable'],
    {},
    /^upstream closed the connection \(1013\) before a session existed$/,
  ],
  [
    'refuses by an event and a close',
    upgrading(text(refusal), close(3000, 'no')),
    ['failed upstream_refused'],
    {},
    /\(invalid_api_key\)/,
  ],
  [
    'refuses by an event, and speaks on',
    upgrading(text(refusal), text(greeting), close(3000, 'no')),
    ['failed upstream_refused'],
  ],
  [
    'refuses by an event and breaks the protocol',
    upgrading(text(refusal), encodeFrame({ opcode: opcodes.text, isMasked: true })),
    ['failed upstream_refused'],
  ],
]

for (const [what, answer, expected, changed, message] of outcomes) {
  test(`an upstream that ${what}: ${expected.join(', ')}`, async t => {
    const { told, untilTold, left, error } = await attempt(t, answer, changed)
    await untilTold(expected.at(-1) ?? '')
    await silence()
    t.deepEqual(told, expected)
    if (message !== undefined) t.regex(error()?.message ?? '', message)
    if (error() !== undefined) await left()
  })
}

test('a refusal keeps the event and the close that followed it, without what quotes the credential', async t => {
  const { untilTold, error } = await attempt(t, upgrading(text(refusal), close(3000, 'not a-test-key')))
  await untilTold('failed upstream_refused')
  t.deepEqual(error()?.refusal, { event: refusal, close: { code: 3000, reason: '' } })
})

/** How an open connection ends by upstream, and what its listener is told. */
const ends: readonly (readonly [what: string, end: (peer: Peer) => void, told: string])[] = [
  ['closes', ({ socket }) => socket.write(close(4001, 'enough')), 'closed 4001 enough'],
  ['closes without a code', ({ socket }) => socket.write(frame(opcodes.close)), 'closed 1005 '],
  ['cuts the connection', ({ socket }) => socket.destroy(), 'closed 1006 '],
  [
    'breaks the protocol',
    ({ socket }) => socket.write(encodeFrame({ opcode: opcodes.text, isMasked: true })),
    'closed 1006 upstream_broke_protocol',
  ],
  [
    'says more than a message may have',
    ({ socket }) => socket.write(text('x'.repeat(1001))),
    'closed 1006 message_too_big',
  ],
]

for (const [what, end, expected] of ends) {
  test(`an upstream that ${what} ends its session once: ${expected}`, async t => {
    const { told, open, untilTold, left } = await attempt(t, upgrading(text(greeting)))
    const { upstream, peer } = await open()
    end(peer)
    await untilTold(expected)
    await left()
    upstream.send('late')
    upstream.giveUp(new GatewayError('upstream_silent', 'late'))
    upstream.close(1000, '')
    await silence()
    t.deepEqual(told, ['opened', greeting, expected])
  })
}

test('an upstream that is given up is cut, and why is told; the first reason counts', async t => {
  const { told, open, untilTold, left } = await attempt(t, upgrading(text(greeting)))
  const { upstream } = await open()
  upstream.giveUp(new GatewayError('upstream_silent', 'one'))
  upstream.giveUp(new GatewayError('upstream_lost', 'two'))
  await untilTold('closed 1006 upstream_silent')
  await left()
  t.deepEqual(told, ['opened', greeting, 'closed 1006 upstream_silent'])
})

for (const isPaused of [false, true]) {
  test(`an upstream that is closed${isPaused ? ' while it is paused' : ''} gets the close, and answers it`, async t => {
    const { told, open, untilTold } = await attempt(t, upgrading(text(greeting)))
    const { upstream, peer } = await open()
    await untilTold(greeting)
    if (isPaused) upstream.pause()
    upstream.close(4002, 'bye')
    const received = await peer.first(({ opcode }) => opcode === opcodes.close)
    t.deepEqual(received?.payload, closePayload(4002, 'bye'))
    peer.socket.write(close(4002, 'bye'))
    await untilTold('closed 4002 bye')
    t.is(told.length, 3)
  })
}

test('what is sent arrives as it is, and nothing waits for the network', async t => {
  const { open } = await attempt(t, upgrading(text(greeting)))
  const { upstream, peer } = await open()
  t.is(upstream.buffered(), 0)
  upstream.send('one')
  t.is(upstream.buffered(), 0)
  upstream.send(Buffer.from('two'))
  upstream.send(Buffer.from('three'), true)
  upstream.send('four', true)
  await peer.first(({ payload }) => payload.toString() === 'four')
  t.deepEqual(
    peer.received.map(({ opcode, payload }) => [opcode, payload.toString()]),
    [
      [opcodes.text, 'one'],
      [opcodes.text, 'two'],
      [opcodes.binary, 'three'],
      [opcodes.binary, 'four'],
    ],
  )
  t.is(upstream.buffered(), 0)
})

test('behind a close nothing is sent', async t => {
  const { open, untilTold } = await attempt(t, upgrading(text(greeting)))
  const { upstream, peer } = await open()
  upstream.close(1000, '')
  upstream.send('late')
  upstream.send(Buffer.from('late'))
  peer.socket.write(close(1000))
  await untilTold(/^closed/)
  t.deepEqual(
    peer.received.map(({ opcode }) => opcode),
    [opcodes.close],
  )
})

test('an upgrade carries the headers of the dial, and asks for no compression', async t => {
  const asked = Promise.withResolvers<IncomingMessage>()
  const server = createServer().on('upgrade', (request, socket) => {
    asked.resolve(request)
    socket.destroy()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const { untilTold } = await attempt(t, () => undefined, {
    url: new URL(`ws://127.0.0.1:${port}/path?model=m`),
  })
  const { headers, url } = await within(asked.promise, patienceMs, 'nobody asks')
  t.is(url, '/path?model=m')
  t.is(headers['api-key'], 'a-test-key')
  t.is(headers['sec-websocket-extensions'], undefined)
  await untilTold('failed upstream_unreachable')
})

/** The first byte of a TLS record that carries a handshake (RFC 8446 section 5.1), and of a GET. */
for (const [scheme, byte] of [
  ['wss', 22],
  ['ws', 'G'.charCodeAt(0)],
] as const) {
  test(`${scheme}: begins as it should`, async t => {
    const first = Promise.withResolvers<number>()
    const server = createTcpServer(socket =>
      socket.once('data', ([byte = 0]) => {
        first.resolve(byte)
        socket.destroy()
      }),
    )
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => server.close())
    const { port } = server.address() as AddressInfo
    const { untilTold } = await attempt(t, () => undefined, { url: new URL(`${scheme}://127.0.0.1:${port}`) })
    t.is(await within(first.promise, patienceMs, 'nobody connects'), byte)
    await untilTold('failed upstream_unreachable')
  })
}

test('what waited for the network counts no more once it was taken', async t => {
  const { open } = await attempt(t, upgrading(text(greeting)))
  const { upstream, peer } = await open()
  peer.socket.pause()
  const large = new Uint8Array(1024 * 1024)
  for (let count = 0; count < 64 && upstream.buffered() === 0; count += 1) {
    upstream.send(large, true)
    await new Promise(resolve => setImmediate(resolve))
  }
  for (let count = 0; count < 10; count += 1) upstream.send('x')
  t.true(upstream.buffered() > 10 * 1024)
  peer.socket.resume()
  await until(
    () => upstream.buffered() === 0,
    () => `${upstream.buffered()} bytes wait`,
  )
})

test('while an upstream is paused nothing is told; what it said comes when it is resumed', async t => {
  const { told, open, untilTold } = await attempt(t, upgrading(text(greeting)))
  const { upstream, peer } = await open()
  await untilTold(greeting)
  upstream.pause()
  peer.socket.write(text('one'))
  await silence()
  t.deepEqual(told, ['opened', greeting])
  upstream.resume()
  await untilTold('one')
})

test('another listener may take over: it alone is told from then on', async t => {
  const { told, listener, open, untilTold } = await attempt(t, upgrading(text(greeting)))
  const { upstream, peer } = await open()
  await untilTold(greeting)
  upstream.relay?.(listener('other '))
  peer.socket.write(text('one'))
  peer.socket.write(close(1000))
  await untilTold('other closed 1000 ')
  t.deepEqual(told, ['opened', greeting, 'other one', 'other closed 1000 '])
})

test('a text is told where it was read: no memory is taken for it', async t => {
  const { open, untilTold, memory } = await attempt(t, upgrading(text(greeting)))
  const { peer } = await open()
  await untilTold(greeting)
  for (const words of ['one', 'two']) {
    peer.socket.write(text(words))
    await untilTold(words)
  }
  const [one, two] = memory.slice(-2)
  t.is(one, two)
})

for (const [how, end] of [
  ['is lost', (peer: Peer) => peer.socket.destroy()],
  ['fails whoever is told', (peer: Peer) => peer.socket.write(text('fail'))],
] as const) {
  test(`the heart of a connection that ${how} beats no more`, async t => {
    const heartbeatMs = 32
    const given = await attempt(t, upgrading(text(greeting)), { heartbeatMs }, { text: 'fail' })
    const { upstream, peer } = await given.open()
    await given.untilTold(greeting)
    end(peer)
    await given.untilTold(/^closed|^fault/)
    // A heartbeat takes it back once an interval.
    const watched = Object.assign(upstream, { wasHeard: true })
    await new Promise(resolve => setTimeout(resolve, 4 * heartbeatMs))
    t.true(watched.wasHeard)
  })
}

/** Where whoever is told fails, and all that is told. */
const faults: readonly (readonly [
  what: string,
  fails: { readonly opened?: boolean; readonly text?: string },
  told: readonly string[],
])[] = [
  ['of a session', { opened: true }, ['opened', 'fault: a broken attempt']],
  ['of an event', { text: greeting }, ['opened', greeting, 'fault: a broken listener']],
]

for (const [what, fails, expected] of faults) {
  test(`whoever fails when it is told ${what} is told so, and the connection is cut`, async t => {
    const { told, untilTold, left } = await attempt(t, upgrading(text(greeting), text('two')), {}, fails)
    await untilTold(/^fault/)
    await left()
    await silence()
    t.deepEqual(told, expected)
  })
}

/** When an attempt, or its connection, is aborted. */
const aborts: readonly (readonly [when: string, answer: Answer, isOpened: boolean])[] = [
  ['before it is answered', () => undefined, false],
  ['before upstream greets', upgrading(), false],
  ['after upstream refused', upgrading(text(refusal)), false],
  [
    'while a refusal is read',
    ({ socket }) => socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\n{'),
    false,
  ],
  ['when it is open', upgrading(text(greeting)), true],
]

for (const [when, answer, isOpened] of aborts) {
  test(`an attempt that is aborted ${when} tells nothing more, and its connection is cut`, async t => {
    const timeoutMs = isOpened ? patienceMs : 3 * quietMs
    const answered = Promise.withResolvers<void>()
    const { told, abort, left, untilTold } = await attempt(
      t,
      dialled => {
        const peer = answer(dialled)
        answered.resolve()
        return peer
      },
      { timeoutMs },
    )
    if (isOpened) await untilTold(greeting)
    else await answered.promise.then(silence)
    const before = told.length
    abort()
    abort()
    await left()
    await silence()
    await silence()
    await silence()
    t.is(told.length, before)
  })
}

test.serial('the deadline of a dial does not outlast it', async t => {
  const timers = () => process.getActiveResourcesInfo().filter(kind => kind === 'Timeout').length
  const others = timers()
  const opening = await attempt(t, upgrading())
  t.is(timers(), others + 1)
  opening.abort()
  t.is(timers(), others)
  const refused = await attempt(t, upgrading(text(refusal), close(3000)))
  await refused.untilTold('failed upstream_refused')
  t.is(timers(), others)
  const { open } = await attempt(t, upgrading(text(greeting)))
  await open()
  t.is(timers(), others)
})

test('an attempt at nobody is unreachable', async t => {
  const { promise: failed, resolve } = Promise.withResolvers<GatewayError>()
  const options = { url: new URL('ws://127.0.0.1:9'), headers: {}, label: 'upstream' }
  const limits = { timeoutMs: patienceMs, maxMessageBytes: 1000, heartbeatMs: 60_000 }
  const fail = () => t.fail()
  const listener = { event: fail, closed: fail, fault: fail }
  connect({ ...options, ...limits }, { listener, opened: fail, failed: resolve })
  t.is(
    (await within(failed, patienceMs, 'it does not fail')).message,
    'upstream cannot be reached: ECONNREFUSED',
  )
})
