/**
 * The direct reader beside `ws`, over real sockets: together they bring every message once, whole and in order.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import test from 'ava'
import fc from 'fast-check'
import { WebSocket, WebSocketServer } from 'ws'
import { makeCertificate } from '../../runtime/core/self-signed.ts'
import { DirectReader, type Reading } from '../../runtime/upstream/direct-reader.ts'
import { ReadingShare } from '../../runtime/upstream/reading-share.ts'
import { patienceMs, within } from '../gateway/within.ts'

/** RFC 6455 section 1.3. */
const acceptKeySuffix = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const maxMessageBytes = 1024 * 1024
const certificate = await makeCertificate()

interface Heard {
  /** Messages in the order of their coming; binary ones as `b:`, pings as `p:`. */
  readonly messages: string[]
  readonly direct: number
  readonly code: number
  readonly error: string | undefined
}

interface Hearing {
  readonly secure?: boolean
  /** Each piece but the last holds a ping, and the next one is not sent before its pong. */
  readonly areApart?: boolean
  /** Of a turn of the event loop (default: all of it). */
  readonly share?: ReadingShare
  /** What comes in one piece with the answer to the upgrade (default: nothing). */
  readonly atOnce?: Buffer
}

/** Never comes to the end of its turn. */
const wholeTurn = new ReadingShare({ turnMs: 1, monotonicNow: () => 0, afterTurn: setImmediate })
/** Has no more time at each look at the clock. */
const leastTurn = () => new ReadingShare({ turnMs: 0, monotonicNow: () => 0, afterTurn: setImmediate })

/**
 * Serves one client the given bytes, each piece a write of its own, and hears what it hears. They come once
 * the client has heard of the upgrade, so that none of them is part of the answer to it.
 */
async function hear(pieces: readonly Buffer[], hearing: Hearing = {}): Promise<Heard> {
  const { secure = false, areApart = false, share = wholeTurn, atOnce = Buffer.alloc(0) } = hearing
  const server = secure ? https.createServer(certificate) : createServer()
  server.on('upgrade', async (request, socket: Duplex) => {
    socket.on('error', () => undefined)
    const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}${acceptKeySuffix}`)
    const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade']
    const head = `${[...lines, `Sec-WebSocket-Accept: ${accept.digest('base64')}`].join('\r\n')}\r\n\r\n`
    socket.write(Buffer.concat([Buffer.from(head), atOnce]))
    await once(socket, 'data')
    for (const piece of pieces) {
      socket.write(piece)
      if (areApart && piece !== pieces.at(-1)) await once(socket, 'data')
      await new Promise(resolve => setImmediate(resolve))
    }
    socket.end(frame(0x88, Buffer.from([0x03, 0xe8])))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  try {
    return await dial((server.address() as AddressInfo).port, secure, share)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

async function dial(port: number, secure: boolean, share: ReadingShare): Promise<Heard> {
  const messages: string[] = []
  let direct = 0
  const reading: Reading = {
    maxMessageBytes,
    get isOpen() {
      return socket.readyState === WebSocket.OPEN
    },
    text: text => {
      direct += 1
      messages.push(text.toString())
    },
    caughtUp: () => socket.resume(),
  }
  const reader = new DirectReader(reading, share)
  const socket = new WebSocket(`${secure ? 'wss' : 'ws'}://127.0.0.1:${port}`, {
    perMessageDeflate: false,
    maxPayload: maxMessageBytes,
    ca: certificate.cert,
    createConnection: ((options: Parameters<typeof reader.connect>[0]) =>
      reader.connect(options, secure)) as never,
  })
  let error: string | undefined
  socket.on('open', () => {
    reader.opened()
    socket.send('ready')
  })
  socket.on('message', (data: Buffer, isBinary) => messages.push(`${isBinary ? 'b:' : ''}${data}`))
  socket.on('ping', data => messages.push(`p:${data}`))
  socket.on('error', (cause: Error & { code?: string }) => {
    error = cause.code ?? cause.message
  })
  const closed = new Promise<number>(resolve => socket.once('close', resolve))
  const code = await within(closed, patienceMs, 'the connection does not end')
  return { messages, direct, code, error }
}

function frame(first: number, payload: Buffer): Buffer {
  const { length } = payload
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10)
  head[0] = first
  head[1] = length < 126 ? length : length < 65_536 ? 126 : 127
  if (head.length === 4) head.writeUInt16BE(length, 2)
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([head, payload])
}

const text = (words: string) => frame(0x81, Buffer.from(words))

/** A message as its frames and as it should be heard. */
interface Said {
  readonly bytes: Buffer
  readonly heard: string
}

const words = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.integer({ min: 100, max: 100_000 }).map(length => 'äö'.repeat(length)),
)

const said: fc.Arbitrary<Said> = fc.oneof(
  { weight: 4, arbitrary: words.map(value => ({ bytes: text(value), heard: value })) },
  words.map(value => ({ bytes: frame(0x82, Buffer.from(value)), heard: `b:${value}` })),
  fc
    .string({ maxLength: 30 })
    .map(value => ({ bytes: frame(0x89, Buffer.from(value)), heard: `p:${value}` })),
  fc.tuple(words, words).map(([one, two]) => ({
    bytes: Buffer.concat([frame(0x01, Buffer.from(one)), frame(0x80, Buffer.from(two))]),
    heard: one + two,
  })),
)

/** Cuts bytes at given shares of their length. */
function cut(bytes: Buffer, shares: readonly number[]): Buffer[] {
  const at = [0, ...shares.map(share => Math.floor(share * bytes.length)), bytes.length].sort((a, b) => a - b)
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end))
}

const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 })

for (const secure of [false, true])
  for (const [turn, share] of [
    ['in one turn', () => wholeTurn],
    ['in the shortest turns', leastTurn],
  ] as const)
    test(`every message comes once, whole and in order, however the stream is cut${secure ? ', over TLS' : ''}, ${turn}`, async t => {
      let direct = 0
      const given = fc.array(said, { minLength: 1, maxLength: 12 })
      await fc.assert(
        fc.asyncProperty(given, given, cuts, async (atOnce, messages, shares) => {
          const bytes = (all: readonly Said[]) => Buffer.concat(all.map(each => each.bytes))
          const hearing = { secure, share: share(), atOnce: bytes(atOnce) }
          const heard = await hear(cut(bytes(messages), shares), hearing)
          direct += heard.direct
          t.deepEqual(
            heard.messages,
            [...atOnce, ...messages].map(message => message.heard),
          )
          t.is(heard.code, 1000)
        }),
        { numRuns: secure ? 20 : 60 },
      )
      t.true(direct > 0, 'nothing was read directly, so nothing was tested')
    })

/** The clock is read once for so many small frames. */
const framesPerReading = 16

/** What upstream may send without end, and how each is heard. */
const floods: readonly (readonly [what: string, frame: Buffer])[] = [
  ['events', text('{"type":"response.output_text.delta","delta":"abc"}')],
  ['binary messages', frame(0x82, Buffer.from('xy'))],
  ['messages of two frames', Buffer.concat([frame(0x01, Buffer.from('a')), frame(0x80, Buffer.from('b'))])],
]

for (const secure of [false, true])
  for (const isAtOnce of [false, true])
    for (const [what, one] of floods)
      test(`30,000 ${what} leave turns of the event loop to others${secure ? ', over TLS' : ''}${isAtOnce ? ', behind the answer to the upgrade' : ''}`, async t => {
        const count = 30_000
        const turnMs = 10
        // Each reading of the clock is a millisecond later, so that a turn has ten of them.
        let ms = 0
        const share = new ReadingShare({ turnMs, monotonicNow: () => ms++, afterTurn: setImmediate })
        const flood = Buffer.concat(Array.from({ length: count }, () => one))
        let turns = 0
        let isOver = false
        const turn = () => {
          turns += 1
          if (!isOver) setImmediate(turn)
        }
        turn()
        const heard = await hear(isAtOnce ? [] : [flood], {
          secure,
          share,
          ...(isAtOnce && { atOnce: flood }),
        })
        isOver = true
        t.is(heard.messages.length, count)
        t.is(heard.code, 1000)
        // A turn reads once from the network, and once what is kept.
        t.true(turns > count / (2 * framesPerReading * (turnMs + 1)), `${turns} turns`)
      })

test('what was read is heard before the end of its socket, and so is its close frame', async t => {
  const count = 3000
  const messages = Array.from({ length: count }, (_, index) => text(String(index)))
  const flood = Buffer.concat([...messages, frame(0x88, Buffer.from([0x0f, 0xa0]))])
  const server = createServer()
  const wss = new WebSocketServer({ server })
  wss.on('connection', (_socket, { socket }) => socket.write(flood))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  try {
    const texts: string[] = []
    const reading: Reading = {
      maxMessageBytes,
      get isOpen() {
        return socket.readyState === WebSocket.OPEN
      },
      text: bytes => {
        // The network fails while most of it is kept for later turns.
        if (texts.push(bytes.toString()) === 100) reader.socket?.destroy()
      },
      caughtUp: () => socket.resume(),
    }
    const reader = new DirectReader(reading, leastTurn())
    const { port } = server.address() as AddressInfo
    const createConnection = (options: Parameters<typeof reader.connect>[0]) => reader.connect(options, false)
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { createConnection: createConnection as never })
    socket.on('open', () => reader.opened())
    const [code] = await once(socket, 'close', { signal: AbortSignal.timeout(patienceMs) })
    t.is(texts.length, count)
    t.is(code, 4000)
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

test('text that is not UTF-8 ends the connection as the protocol says, after what came before it', async t => {
  const heard = await hear([Buffer.concat([text('first'), text('second'), frame(0x81, Buffer.from([0xff]))])])
  t.deepEqual(heard.messages, ['first', 'second'])
  t.is(heard.error, 'WS_ERR_INVALID_UTF8')
})

test('what comes after a fault is not heard, in whatever read it comes', async t => {
  const rest = Array.from({ length: 50 }, () => text('late'))
  const heard = await hear([text('first'), frame(0x81, Buffer.from([0xff])), ...rest])
  t.deepEqual(heard.messages, ['first'])
})

const faults: readonly (readonly [what: string, frame: Buffer])[] = [
  ['text that is not UTF-8', frame(0x81, Buffer.from([0xff]))],
  ['a masked frame', Buffer.from([0x81, 0x81, 1, 2, 3, 4, 0x60])],
  ['a reserved bit', frame(0xc1, Buffer.from('x'))],
  ['an unknown opcode', frame(0x83, Buffer.from('x'))],
]

for (const [what, fault] of faults)
  test(`what comes behind ${what} in the same read is not heard`, async t => {
    const late = Array.from({ length: 50 }, () => text('late'))
    for (const share of [wholeTurn, leastTurn()]) {
      const heard = await hear([Buffer.concat([text('first'), fault, ...late])], { share })
      t.deepEqual(heard.messages, ['first'])
    }
  })

test('text that is not UTF-8 is refused also where two reads bring it', async t => {
  const long = Buffer.alloc(900_000, 'a')
  long[899_999] = 0xff
  const heard = await hear([text('first'), frame(0x81, long)])
  t.deepEqual(heard.messages, ['first'])
  t.is(heard.error, 'WS_ERR_INVALID_UTF8')
})

test('a message that is too large, a masked one and a reserved bit are refused by name', async t => {
  const tooLarge = await hear([text('first'), frame(0x81, Buffer.alloc(maxMessageBytes + 1, 'a'))])
  t.is(tooLarge.error, 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH')
  const masked = await hear([text('first'), Buffer.from([0x81, 0x81, 1, 2, 3, 4, 0x60])])
  t.is(masked.error, 'WS_ERR_UNEXPECTED_MASK')
  const reserved = await hear([text('first'), frame(0xc1, Buffer.from('x'))])
  t.is(reserved.error, 'WS_ERR_UNEXPECTED_RSV_1')
})

test('a text in the middle of a fragmented message is refused', async t => {
  const heard = await hear([frame(0x01, Buffer.from('one')), text('two')])
  t.deepEqual(heard.messages, [])
  t.is(heard.error, 'WS_ERR_INVALID_OPCODE')
})

/** Two reads, of which the second looks like an event, and what is heard of both. */
const lookalikes: readonly (readonly [
  what: string,
  first: Buffer,
  second: Buffer,
  heard: readonly string[],
  error?: string,
])[] = [
  [
    'in a binary message',
    frame(0x82, Buffer.concat([Buffer.from('ab'), text('inner')])).subarray(0, 4),
    text('inner'),
    [`b:ab${text('inner')}`],
  ],
  [
    'in a fragment',
    Buffer.concat([frame(0x01, Buffer.from('one')), frame(0x80, text('inner')).subarray(0, 2)]),
    text('inner'),
    [],
    'WS_ERR_INVALID_UTF8',
  ],
  [
    'in a ping within a message of several frames',
    Buffer.concat([frame(0x02, Buffer.from('one')), frame(0x89, text('inner')).subarray(0, 2)]),
    Buffer.concat([text('inner'), frame(0x80, Buffer.from('two'))]),
    [`p:${text('inner')}`, 'b:onetwo'],
  ],
  ['between fragments', frame(0x01, Buffer.from('one')), text('inner'), [], 'WS_ERR_INVALID_OPCODE'],
  [
    'between fragments, behind a whole ping',
    Buffer.concat([frame(0x01, Buffer.from('one')), frame(0x89, Buffer.from('x'))]),
    text('inner'),
    ['p:x'],
    'WS_ERR_INVALID_OPCODE',
  ],
  [
    'in a length',
    Buffer.from([0x82, 126]),
    Buffer.concat([Buffer.from([0x81, 0x05]), Buffer.alloc(0x8105, 'a')]),
    [`b:${'a'.repeat(0x8105)}`],
  ],
]

for (const [what, first, second, messages, error] of lookalikes) {
  test(`what looks like an event ${what} is none`, async t => {
    const heard = await hear([Buffer.concat([frame(0x89, Buffer.from('.')), first]), second], {
      areApart: true,
    })
    t.deepEqual(heard.messages, ['p:.', ...messages])
    t.is(heard.direct, 0)
    t.is(heard.error, error)
  })
}

test('text behind a binary message, and behind the last of several frames, is read directly again', async t => {
  const pieces = [
    Buffer.concat([frame(0x89, Buffer.from('.')), frame(0x82, Buffer.from('ab'))]),
    Buffer.concat([
      frame(0x89, Buffer.from('.')),
      frame(0x01, Buffer.from('c')),
      frame(0x80, Buffer.from('d')),
    ]),
    text('direct'),
  ]
  const heard = await hear(pieces, { areApart: true })
  t.deepEqual(heard.messages, ['p:.', 'b:ab', 'p:.', 'cd', 'direct'])
  t.is(heard.direct, 1)
})

/** Whom TLS is asked for (RFC 6066 section 3): one address serves many names, and an address is no name. */
const serverNames: readonly (readonly [host: string, given: string | undefined, name: string | false])[] = [
  ['upstream.example', undefined, 'upstream.example'],
  ['127.0.0.1', undefined, false],
  ['127.0.0.1', 'upstream.example', 'upstream.example'],
]

for (const [host, servername, name] of serverNames) {
  test(`over TLS ${host} is asked for ${name || 'no name'}${servername ? ', as is given' : ''}`, async t => {
    const server = createTlsServer(certificate)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const asked = once(server, 'secureConnection', { signal: AbortSignal.timeout(patienceMs) })
    const reader = new DirectReader({
      maxMessageBytes,
      isOpen: false,
      text: () => undefined,
      caughtUp: () => undefined,
    })
    const { port } = server.address() as AddressInfo
    const socket = reader.connect(
      {
        ...{ host, port, rejectUnauthorized: false, ...(servername !== undefined && { servername }) },
        lookup: (_name, { all }, found) => {
          if (all) found(null, [{ address: '127.0.0.1', family: 4 }])
          else found(null, '127.0.0.1', 4)
        },
      },
      true,
    )
    socket.on('error', () => undefined)
    try {
      const [accepted] = (await asked) as [TLSSocket & { servername: string | false }]
      t.is(accepted.servername, name)
      accepted.destroy()
    } finally {
      socket.destroy()
      server.close()
    }
  })
}
