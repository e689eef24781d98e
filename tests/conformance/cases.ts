/**
 * What RFC 6455 asks of whoever reads a stream of frames, as tables, in the categories that the field knows from the
 * Autobahn test suite: 1 framing, 2 pings and pongs, 3 reserved bits, 4 reserved opcodes, 5 fragmentation, 6 UTF-8,
 * 7 closing, 9 limits, 10 all else. The cases are our own.
 */
import { closePayload, encodeFrame, type Frame, opcodes, type Received } from '../wire/frames.ts'
import { invalidText, validText } from './utf8.ts'

export const categories = [1, 2, 3, 4, 5, 6, 7, 9, 10] as const
export type Category = (typeof categories)[number]

export interface Case {
  /** Category and number within it. */
  readonly id: string
  readonly category: Category
  /** What it shows; several cases may show the same. */
  readonly kind: string
  /** Each is a write of its own. */
  readonly pieces: readonly Buffer[]
  readonly expected: Expected
}

export interface Expected {
  /** Messages that are read, in order. */
  readonly messages: readonly Received[]
  /** Payloads of pongs, in order. */
  readonly pongs: readonly Buffer[]
  /** Close codes with which the connection may end; null: it stays open. */
  readonly end: readonly number[] | null
}

/** Largest message that the gateway takes in these tests (bytes). */
export const maxMessageBytes = 1024 * 1024
/** A client's message has room for so many bytes of sound in base64: more than that, too. */
const tooManyBytes = 1.5 * maxMessageBytes

const [protocolError, notUtf8, tooBig, normal, noCode] = [1002, 1007, 1009, 1000, 1005]
const { text, binary, continuation, close, ping, pong } = opcodes

/** Writes of so many bytes; 0: one write. */
type Pieces = 0 | 1 | 997 | 65_536

interface Row {
  readonly kind: string
  readonly frames: readonly Omit<Frame, 'isMasked'>[]
  readonly messages?: readonly Received[]
  readonly pongs?: readonly Buffer[]
  readonly end?: readonly number[] | null
  readonly pieces?: readonly Pieces[]
  /** Also with a whole message before it. */
  readonly after?: boolean
  /** For frames that are masked where they must not be, or are not where they must. */
  readonly isMaskWrong?: boolean
}

/** @param isMasked whether the frames are a client's */
export function makeCases(isMasked: boolean): Case[] {
  return categories.flatMap(category => {
    const cases: Case[] = []
    for (const row of rowsOf(category)) {
      for (const isAfter of row.after ? [false, true] : [false]) {
        for (const pieces of row.pieces ?? [0]) {
          const id = `${category}.${cases.length + 1}`
          cases.push({ id, category, kind: row.kind, ...play(row, isMasked, isAfter, pieces) })
        }
      }
    }
    return cases
  })
}

const before: Received = { opcode: text, payload: Buffer.from('a whole message') }

function play(
  { frames, messages = [], pongs = [], end = null, isMaskWrong = false }: Row,
  isMasked: boolean,
  isAfter: boolean,
  pieces: Pieces,
): Pick<Case, 'pieces' | 'expected'> {
  const first = isAfter ? [encodeFrame({ ...before, isMasked })] : []
  const encoded = frames.map(frame => encodeFrame({ ...frame, isMasked: isMaskWrong ? !isMasked : isMasked }))
  const all = Buffer.concat([...first, ...encoded])
  const size = pieces === 0 ? all.length : pieces
  const cut: Buffer[] = []
  for (let at = 0; at < all.length; at += size) cut.push(all.subarray(at, at + size))
  return { pieces: cut, expected: { messages: isAfter ? [before, ...messages] : messages, pongs, end } }
}

function rowsOf(category: Category): Row[] {
  const rows: Record<Category, () => Row[]> = {
    1: framing,
    2: pings,
    3: reservedBits,
    4: reservedOpcodes,
    5: fragmentation,
    6: utf8,
    7: closing,
    9: limits,
    10: others,
  }
  return rows[category]()
}

const small: readonly Pieces[] = [0, 1]
const both = [text, binary] as const
const nameOf = (opcode: number) =>
  Object.entries(opcodes).find(([, known]) => known === opcode)?.[0] ?? `opcode ${opcode}`
const message = (opcode: number, payload: string | Buffer): Received => ({
  opcode,
  payload: Buffer.from(payload as string),
})

function framing(): Row[] {
  return both.flatMap(opcode =>
    [0, 1, 125, 126, 127, 128, 65_535, 65_536].map((size): Row => {
      const whole = message(opcode, Buffer.alloc(size, '*'))
      return {
        kind: `a ${nameOf(opcode)} message in one frame`,
        frames: [whole],
        messages: [whole],
        pieces: size > 128 ? [0, 997] : small,
        after: true,
      }
    }),
  )
}

function pings(): Row[] {
  const bytes = Buffer.from([0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff])
  const answered = (payloads: readonly Buffer[]): Row => ({
    kind: 'a ping is answered with its payload',
    frames: payloads.map(payload => ({ opcode: ping, payload })),
    pongs: payloads,
    pieces: small,
    after: true,
  })
  return [
    ...[0, 5, 124, 125].map(size => answered([Buffer.alloc(size, 'p')])),
    answered([bytes]),
    answered(Array.from({ length: 10 }, (_, at) => Buffer.from(`ping ${at}`))),
    ...[ping, pong].map(
      (opcode): Row => ({
        kind: `a ${nameOf(opcode)} of 126 bytes`,
        frames: [{ opcode, payload: Buffer.alloc(126) }],
        end: [protocolError],
        pieces: small,
        after: true,
      }),
    ),
    ...['', 'unasked'].map(
      (payload): Row => ({
        kind: 'a pong that nobody asked for is passed over',
        frames: [{ opcode: pong, payload: Buffer.from(payload) }],
        pieces: small,
        after: true,
      }),
    ),
    {
      kind: 'a pong that nobody asked for keeps no ping from its answer',
      frames: [
        { opcode: pong, payload: Buffer.from('other') },
        { opcode: ping, payload: Buffer.from('mine') },
      ],
      pongs: [Buffer.from('mine')],
      pieces: small,
    },
  ]
}

function reservedBits(): Row[] {
  return [1, 2, 3, 4, 5, 6, 7].flatMap(reserved => [
    ...[text, binary, ping, pong, close].map(
      (opcode): Row => ({
        kind: `reserved bits in a ${nameOf(opcode)} frame`,
        frames: [{ opcode, reserved, payload: opcode === close ? closePayload(normal) : Buffer.from('x') }],
        end: [protocolError],
        after: true,
      }),
    ),
    {
      kind: 'reserved bits in a continuation frame',
      frames: [
        { opcode: text, isFinal: false, payload: Buffer.from('x') },
        { opcode: continuation, reserved, payload: Buffer.from('y') },
      ],
      end: [protocolError],
      after: true,
    },
  ])
}

function reservedOpcodes(): Row[] {
  return [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap(opcode =>
    ['', 'payload'].map(
      (payload): Row => ({
        kind: `a reserved opcode of ${opcode > 7 ? 'control' : 'data'} frames`,
        frames: [{ opcode, payload: Buffer.from(payload) }],
        end: [protocolError],
        after: true,
      }),
    ),
  )
}

function fragmentation(): Row[] {
  const start = (opcode: number, payload: string): Omit<Frame, 'isMasked'> => ({
    opcode,
    isFinal: false,
    payload: Buffer.from(payload),
  })
  const middle = (payload: string) => start(continuation, payload)
  const last = (payload: string) => message(continuation, payload)
  const pingOf = message(ping, 'p')
  const whole = (
    kind: string,
    frames: Row['frames'],
    said: Received,
    pongs: readonly Buffer[] = [],
  ): Row => ({
    kind,
    frames,
    messages: [said],
    pongs,
    pieces: small,
    after: true,
  })
  const broken = (kind: string, frames: Row['frames'], pongs: readonly Buffer[] = []): Row => ({
    kind,
    frames,
    pongs,
    end: [protocolError],
    pieces: small,
    after: true,
  })
  return [
    ...both.flatMap(opcode => [
      whole('a message in two fragments', [start(opcode, 'one'), last('two')], message(opcode, 'onetwo')),
      whole(
        'a message in five fragments',
        [start(opcode, '1'), middle('2'), middle('3'), middle('4'), last('5')],
        message(opcode, '12345'),
      ),
      whole('empty fragments', [start(opcode, ''), middle(''), last('')], message(opcode, '')),
      whole(
        'an empty fragment in the middle',
        [start(opcode, 'a'), middle(''), last('b')],
        message(opcode, 'ab'),
      ),
      whole(
        'a ping between fragments',
        [start(opcode, 'a'), pingOf, middle('b'), pingOf, last('c')],
        message(opcode, 'abc'),
        [pingOf.payload, pingOf.payload],
      ),
      broken(`a ${nameOf(opcode)} frame inside a fragmented text message`, [
        start(text, 'a'),
        message(opcode, 'b'),
      ]),
      broken(`a ${nameOf(opcode)} message begun inside a fragmented ${nameOf(opcode)} one`, [
        start(opcode, 'a'),
        start(opcode, 'b'),
        last('c'),
      ]),
      broken(`a ${nameOf(opcode)} frame inside a fragmented binary message`, [
        start(binary, 'a'),
        message(opcode, 'b'),
      ]),
    ]),
    broken('a fragmented ping', [start(ping, 'a'), last('b')]),
    broken('a fragmented pong', [start(pong, 'a'), last('b')]),
    broken('a fragmented close frame', [{ opcode: close, isFinal: false, payload: closePayload(normal) }]),
    broken('a last fragment of nothing', [last('a')]),
    broken('an empty last fragment of nothing', [last('')]),
    broken('a fragment of nothing', [middle('a'), last('b')]),
    {
      kind: 'a last fragment after a message of fragments',
      frames: [start(text, 'a'), last('b'), last('c')],
      messages: [message(text, 'ab')],
      end: [protocolError],
      pieces: small,
    },
  ]
}

function utf8(): Row[] {
  const inFragments = (bytes: Buffer): Row['frames'] =>
    Array.from({ length: Math.max(1, bytes.length) }, (_, at) => ({
      opcode: at === 0 ? text : continuation,
      isFinal: at >= bytes.length - 1,
      payload: bytes.subarray(at, at + 1),
    }))
  return [
    ...validText.flatMap((bytes): Row[] => [
      { kind: 'valid UTF-8', frames: [message(text, bytes)], messages: [message(text, bytes)] },
      {
        kind: 'valid UTF-8 in fragments of one byte',
        frames: inFragments(bytes),
        messages: [message(text, bytes)],
      },
    ]),
    ...invalidText.flatMap((bytes): Row[] => [
      { kind: 'invalid UTF-8', frames: [message(text, bytes)], end: [notUtf8] },
      { kind: 'invalid UTF-8 in fragments of one byte', frames: inFragments(bytes), end: [notUtf8] },
      {
        kind: 'bytes that are no UTF-8 in a binary message',
        frames: [message(binary, bytes)],
        messages: [message(binary, bytes)],
      },
    ]),
  ]
}

/** RFC 6455 section 7.4 and its registry: codes that an endpoint may send. */
const legalCodes = [
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014],
  ...[3000, 3999, 4000, 4999],
]
const illegalCodes = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535]

function closing(): Row[] {
  const closeWith = (payload: Buffer) => ({ opcode: close, payload })
  return [
    ...legalCodes.map(
      (code): Row => ({
        kind: 'a close frame with a legal code',
        frames: [closeWith(closePayload(code))],
        end: [code, normal],
        pieces: small,
      }),
    ),
    ...illegalCodes.map(
      (code): Row => ({
        kind: 'a close frame with an illegal code',
        frames: [closeWith(closePayload(code))],
        end: [protocolError],
        pieces: small,
      }),
    ),
    {
      kind: 'a close frame without a code',
      frames: [closeWith(Buffer.alloc(0))],
      end: [noCode, normal],
      after: true,
    },
    {
      kind: 'a close frame of one byte',
      frames: [closeWith(Buffer.from([3]))],
      end: [protocolError],
      after: true,
    },
    ...['a', 'äöü', 'x'.repeat(123)].map(
      (reason): Row => ({
        kind: 'a close frame with a reason',
        frames: [closeWith(closePayload(normal, reason))],
        end: [normal],
        after: true,
      }),
    ),
    {
      kind: 'a close frame of 126 bytes',
      frames: [closeWith(closePayload(normal, 'x'.repeat(124)))],
      end: [protocolError],
      after: true,
    },
    ...invalidText.slice(0, 10).map(
      (reason): Row => ({
        kind: 'a close frame whose reason is no UTF-8',
        frames: [closeWith(closePayload(normal, reason))],
        end: [notUtf8],
      }),
    ),
    ...[
      message(text, 'late'),
      message(binary, 'late'),
      message(ping, 'late'),
      closeWith(closePayload(normal)),
    ].map(
      (late): Row => ({
        kind: 'what comes after a close frame is passed over',
        frames: [closeWith(closePayload(normal)), late],
        end: [normal],
        after: true,
      }),
    ),
    {
      kind: 'a close frame inside a fragmented message',
      frames: [{ opcode: text, isFinal: false, payload: Buffer.from('a') }, closeWith(closePayload(normal))],
      end: [normal],
      after: true,
    },
  ]
}

function limits(): Row[] {
  return both.flatMap(opcode => {
    const inFragments = (size: number, fragment: number): Row['frames'] =>
      Array.from({ length: Math.ceil(size / fragment) }, (_, at) => ({
        opcode: at === 0 ? opcode : continuation,
        isFinal: (at + 1) * fragment >= size,
        payload: Buffer.alloc(Math.min(fragment, size - at * fragment), '*'),
      }))
    const sizes = [65_536, 262_144, 524_288, maxMessageBytes]
    const said = (size: number) => [message(opcode, Buffer.alloc(size, '*'))]
    return [
      ...sizes.map(
        (size): Row => ({
          kind: 'a large message in one frame',
          frames: said(size),
          messages: said(size),
          pieces: [0, 65_536],
        }),
      ),
      ...sizes.flatMap(size =>
        [4096, 65_536].map(
          (fragment): Row => ({
            kind: 'a large message in fragments',
            frames: inFragments(size, fragment),
            messages: said(size),
          }),
        ),
      ),
      { kind: 'a message that is too large', frames: said(tooManyBytes), end: [tooBig] },
      {
        kind: 'fragments that are too large',
        frames: inFragments(tooManyBytes, 65_536),
        end: [tooBig],
      },
      { kind: 'a message of twice the limit and more', frames: said(2 * tooManyBytes), end: [tooBig] },
      { kind: 'a frame that claims to be endless', frames: [{ opcode, claimed: 2n ** 62n }], end: [tooBig] },
    ]
  })
}

function others(): Row[] {
  const hundred = Array.from({ length: 100 }, (_, at) => message(text, `message ${at}`))
  return [
    { kind: 'a hundred messages in one write', frames: hundred, messages: hundred, pieces: [0, 1, 997] },
    ...[text, binary, ping, pong].map(
      (opcode): Row => ({
        kind: `a ${nameOf(opcode)} frame whose mask is wrong`,
        frames: [message(opcode, 'x')],
        end: [protocolError],
        isMaskWrong: true,
        after: true,
      }),
    ),
    {
      kind: 'a close frame whose mask is wrong',
      frames: [{ opcode: close, payload: closePayload(normal) }],
      end: [protocolError],
      isMaskWrong: true,
      after: true,
    },
    ...([3, 9] as const).flatMap(lengthBytes =>
      both.map(
        (opcode): Row => ({
          kind: 'a length in more bytes than it needs',
          frames: [{ opcode, payload: Buffer.from('short'), lengthBytes }],
          end: [protocolError],
          after: true,
        }),
      ),
    ),
    ...both.map(
      (opcode): Row => ({
        kind: 'a length with its highest bit set',
        frames: [{ opcode, claimed: 2n ** 63n, lengthBytes: 9 }],
        end: [protocolError, tooBig],
        after: true,
      }),
    ),
  ]
}
