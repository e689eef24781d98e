/** Where one WebSocket frame ends and the next begins (RFC 6455 section 5.2); nothing of what is in them. */

export const finalText = 0x81
const final = 0x80
const opcodeBits = 0x0f
const firstControlOpcode = 0x8
export const maskedBit = 0x80
const lengthBits = 0x7f
export const length16 = 126
export const length64 = 127
const bytesOfLength64 = 8

export interface FrameHead {
  /** Size of the head itself (bytes). */
  readonly bytes: number
  readonly payloadBytes: number
  /** A text message in one frame, with no extension's bits, and unmasked as a server's must be. */
  readonly isWholeText: boolean
  /** Whether more frames of the same message follow. */
  readonly isFinal: boolean
  readonly isControl: boolean
}

/** Reads the head of the frame at the start of a chunk. @returns null where the chunk ends within it */
export function readFrameHead(chunk: Buffer): FrameHead | null {
  if (chunk.length < 2) return null
  const first = chunk[0] as number
  const second = chunk[1] as number
  const short = second & lengthBits
  const lengthBytes = short === length16 ? 2 : short === length64 ? bytesOfLength64 : 0
  const masked = (second & maskedBit) !== 0
  const bytes = 2 + lengthBytes + (masked ? 4 : 0)
  if (chunk.length < bytes) return null
  return {
    bytes,
    payloadBytes: lengthBytes === 0 ? short : readLength(chunk, lengthBytes),
    isWholeText: first === finalText && !masked,
    isFinal: (first & final) !== 0,
    isControl: (first & opcodeBits) >= firstControlOpcode,
  }
}

function readLength(chunk: Buffer, lengthBytes: number): number {
  return lengthBytes === 2 ? chunk.readUInt16BE(2) : chunk.readUInt32BE(2) * 2 ** 32 + chunk.readUInt32BE(6)
}

const nothing = Buffer.alloc(0)

/** Follows a stream of frames in chunks of any size. */
export class FrameBoundary {
  /** Payload bytes of the present frame that are still to come. */
  #left = 0
  /** A head of which only a part has come. */
  #head: Buffer = nothing
  /** Within a message of several frames. */
  #fragmented = false

  /** Whether all that passed were whole messages. */
  get isReached(): boolean {
    return this.#left === 0 && this.#head.length === 0 && !this.#fragmented
  }

  /** @returns how many bytes of the chunk that comes next belong to the present frame; of a head that is cut, one */
  presentFrameBytes(chunk: Buffer): number {
    if (this.#left > 0) return Math.min(this.#left, chunk.length)
    if (this.#head.length > 0) return 1
    const head = readFrameHead(chunk)
    return head === null ? chunk.length : Math.min(head.bytes + head.payloadBytes, chunk.length)
  }

  pass(chunk: Buffer): void {
    let rest = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk])
    this.#head = nothing
    for (;;) {
      const payload = Math.min(this.#left, rest.length)
      this.#left -= payload
      rest = rest.subarray(payload)
      const head = readFrameHead(rest)
      if (head === null) {
        // One for all that end with a frame: an empty one of its own takes some 400 bytes, for as long as the connection lasts.
        this.#head = rest.length === 0 ? nothing : Buffer.from(rest)
        return
      }
      if (!head.isControl) this.#fragmented = !head.isFinal
      this.#left = head.payloadBytes
      rest = rest.subarray(head.bytes)
    }
  }
}
