/** What one client may flood a gateway with: each a few bytes that are written over and over, as fast as they are taken. */

export interface Kind {
  readonly name: string
  /** Path that is dialled, or asked for. */
  readonly path: string
  /** null: HTTP requests, one behind the other on one connection. */
  readonly frame: Frame | null
}

/** One frame of a client's (RFC 6455 section 5.2). */
interface Frame {
  readonly opcode: number
  readonly payload: string | Buffer
  /** false: more of the message is said to come, and never does. */
  readonly isFinal?: boolean
}

const [continuation, text, binary, ping, pong] = [0x0, 0x1, 0x2, 0x9, 0xa]

const settings = JSON.stringify({
  type: 'session.update',
  session: { type: 'realtime', instructions: 'Answer briefly.' },
})
const clear = JSON.stringify({ type: 'input_audio_buffer.clear' })
/** 50 ms of silence, PCM16, 24 kHz. */
const sound = Buffer.alloc(2400)

/** All that a process alone can defend itself against. */
export const kinds: readonly Kind[] = [
  { name: 'whitespace at /chat', path: '/chat', frame: { opcode: text, payload: ' ' } },
  { name: 'whitespace at /realtime', path: '/realtime', frame: { opcode: text, payload: ' ' } },
  { name: 'junk at /chat', path: '/chat', frame: { opcode: text, payload: '{"junk":' } },
  { name: 'junk at an SDK address', path: '/v1/realtime', frame: { opcode: text, payload: '{"junk":' } },
  { name: 'words at /realtime', path: '/realtime', frame: { opcode: text, payload: 'junk' } },
  { name: 'binary frames at /realtime', path: '/realtime', frame: { opcode: binary, payload: sound } },
  { name: 'pings at /chat', path: '/chat', frame: { opcode: ping, payload: '' } },
  { name: 'pongs at /realtime', path: '/realtime', frame: { opcode: pong, payload: '' } },
  { name: 'settings at /realtime', path: '/realtime', frame: { opcode: text, payload: settings } },
  {
    name: 'buffer clears at an SDK address',
    path: '/openai/v1/realtime',
    frame: { opcode: text, payload: clear },
  },
  { name: 'requests for /healthz', path: '/healthz', frame: null },
]

/**
 * The twelfth reaches no JavaScript: the native server adds nothing to a message, for as long as there is more to
 * read. Only another process can notice.
 */
export const emptyFragments: Kind = {
  name: 'empty fragments at /chat',
  path: '/chat',
  frame: { opcode: continuation, payload: '', isFinal: false },
}

export const allKinds: readonly Kind[] = [...kinds, emptyFragments]

/** As much as is written at once (bytes): enough that the gateway's reads are always full. */
const writtenAtOnce = 1024 * 1024

/** @returns the bytes that a flood repeats, whole frames or requests only */
export function floodOf({ frame, path }: Kind): Buffer {
  const one =
    frame === null ? Buffer.from(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`) : encodeFrame(frame)
  return Buffer.concat(Array.from({ length: Math.ceil(writtenAtOnce / one.length) }, () => one))
}

/** @returns what must come before the flood, so that its frames are legal; empty for most */
export function preludeOf({ frame }: Kind): Buffer {
  if (frame?.opcode !== continuation) return Buffer.alloc(0)
  return encodeFrame({ opcode: text, payload: '', isFinal: false })
}

const finalBit = 0x80
const maskBit = 0x80
const length16 = 126
const length64 = 127
/** A mask of zeros leaves the payload as it is. */
const mask = Buffer.alloc(4)

/** Encodes a client's frame. */
export function encodeFrame({ opcode, payload, isFinal = true }: Frame): Buffer {
  const bytes = Buffer.from(payload as string)
  const first = opcode | (isFinal ? finalBit : 0)
  return Buffer.concat([Buffer.from([first]), encodeLength(bytes.length), mask, bytes])
}

function encodeLength(bytes: number): Buffer {
  if (bytes < length16) return Buffer.from([maskBit | bytes])
  const isShort = bytes < 0x10000
  const encoded = Buffer.alloc(isShort ? 3 : 9)
  encoded[0] = maskBit | (isShort ? length16 : length64)
  if (isShort) encoded.writeUInt16BE(bytes, 1)
  else encoded.writeBigUInt64BE(BigInt(bytes), 1)
  return encoded
}
