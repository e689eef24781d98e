/** Frames of RFC 6455 section 5.2 as a test wants them, legal or not: every bit can be set by hand. */

export const opcodes = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const

export interface Frame {
  readonly opcode: number
  readonly payload?: Buffer
  /** Default true. */
  readonly isFinal?: boolean
  /** The three reserved bits as a number from 0 to 7; default 0. */
  readonly reserved?: number
  readonly isMasked: boolean
  /** Length that the head claims (bytes); the payload's own by default. */
  readonly claimed?: bigint
  /** Bytes of the length field: 1, 3 or 9; the shortest that holds the length by default. */
  readonly lengthBytes?: 1 | 3 | 9
}

const finalBit = 0x80
const maskBit = 0x80
const lengthBits = 0x7f
const length16 = 126
const length64 = 127
const opcodeBits = 0x0f
const controlBit = 0x8
/** Not zeros: a reader that forgets to unmask is noticed. */
const maskKey = Buffer.from([0x37, 0xfa, 0x21, 0x3d])

export function encodeFrame(frame: Frame): Buffer {
  const { opcode, payload = Buffer.alloc(0), isFinal = true, reserved = 0, isMasked } = frame
  const first = (isFinal ? finalBit : 0) | (reserved << 4) | opcode
  const length = frame.claimed ?? BigInt(payload.length)
  const head = [Buffer.from([first]), encodeLength(length, frame.lengthBytes, isMasked ? maskBit : 0)]
  if (!isMasked) return Buffer.concat([...head, payload])
  return Buffer.concat([...head, maskKey, payload.map((byte, at) => byte ^ (maskKey[at % 4] as number))])
}

function encodeLength(length: bigint, lengthBytes: Frame['lengthBytes'], mask: number): Buffer {
  const bytes = lengthBytes ?? (length < length16 ? 1 : length < 0x10000 ? 3 : 9)
  if (bytes === 1) return Buffer.from([mask | Number(length)])
  const encoded = Buffer.alloc(bytes)
  encoded[0] = mask | (bytes === 3 ? length16 : length64)
  if (bytes === 3) encoded.writeUInt16BE(Number(length), 1)
  else encoded.writeBigUInt64BE(BigInt.asUintN(64, length), 1)
  return encoded
}

/** The payload of a close frame (section 5.5.1). @param reason text, or bytes that are none */
export function closePayload(code: number, reason: string | Buffer = ''): Buffer {
  const bytes = Buffer.from(reason as string)
  const payload = Buffer.alloc(2 + bytes.length)
  payload.writeUInt16BE(code)
  bytes.copy(payload, 2)
  return payload
}

/** One message or control frame that was read: fragments are put together. */
export interface Received {
  readonly opcode: number
  readonly payload: Buffer
}

/** Reads a stream of frames in chunks of any size; masked ones are unmasked. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0)
  #message: { opcode: number; parts: Buffer[] } | null = null

  /** @returns what is whole now @throws Error for fragments that belong to nothing */
  take(chunk: Buffer): Received[] {
    this.#rest = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk])
    const received: Received[] = []
    for (let frame = this.#next(); frame !== null; frame = this.#next()) {
      const { opcode, payload, isFinal } = frame
      if ((opcode & controlBit) !== 0) {
        received.push({ opcode, payload })
        continue
      }
      if ((opcode === opcodes.continuation) === (this.#message === null))
        throw new Error(`opcode ${opcode} does not fit the message under way`)
      this.#message ??= { opcode, parts: [] }
      this.#message.parts.push(payload)
      if (!isFinal) continue
      received.push({ opcode: this.#message.opcode, payload: Buffer.concat(this.#message.parts) })
      this.#message = null
    }
    return received
  }

  #next(): { opcode: number; payload: Buffer; isFinal: boolean } | null {
    const rest = this.#rest
    if (rest.length < 2) return null
    const [first, second] = [rest[0] as number, rest[1] as number]
    const short = second & lengthBits
    const isMasked = (second & maskBit) !== 0
    const lengthEnd = short === length16 ? 4 : short === length64 ? 10 : 2
    const headEnd = lengthEnd + (isMasked ? 4 : 0)
    if (rest.length < headEnd) return null
    const length =
      short === length16 ? rest.readUInt16BE(2) : short === length64 ? Number(rest.readBigUInt64BE(2)) : short
    if (rest.length < headEnd + length) return null
    const payload = Buffer.from(rest.subarray(headEnd, headEnd + length))
    if (isMasked)
      for (let at = 0; at < length; at += 1)
        payload[at] = (payload[at] as number) ^ (rest[lengthEnd + (at % 4)] as number)
    this.#rest = rest.subarray(headEnd + length)
    return { opcode: first & opcodeBits, payload, isFinal: (first & finalBit) !== 0 }
  }
}
