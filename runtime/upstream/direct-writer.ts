/**
 * Writes messages to upstream's socket out of memory that is used again. `ws` takes fresh memory for each
 * masked message; of 64 kB ones, collecting that costs as much as sending them.
 * Written here, as no library sends a frame out of memory that is used again; `npm run bench` has its row.
 */
import { randomFillSync } from 'node:crypto'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { encodeText } from '../session/outbox.ts'
import { finalText, length16, length64, maskedBit } from './frame-boundary.ts'
import { mask } from './mask.ts'

/** So many of each size are kept; more are taken only while many sockets stall at once. */
const maxFree = 32

/** RFC 6455 section 5.2 (bytes). */
const keyBytes = 4
const longestHead = 2 + 8 + keyBytes
const maxLength16 = 0xffff
const finalBinary = 0x82

/** Memory for one frame. */
interface PooledBuffer {
  readonly bytes: Buffer
  /** What was written last: pieces of audio are often of one length, and making a view costs time. */
  frame: Buffer
  readonly pool: BufferPool
}

/** Sheets of one size that nobody writes on. */
interface BufferPool {
  readonly size: number
  readonly free: PooledBuffer[]
}

/** For the usual piece of audio, and for a large one (bytes). */
const small: BufferPool = { size: 8 * 1024, free: [] }
const large: BufferPool = { size: 128 * 1024, free: [] }

/** Unpredictable, as section 5.3 asks; drawn for many messages at once. */
const keys = Buffer.alloc(8 * 1024)
let nextKey = keys.length
/** The present message's. */
const key = Buffer.alloc(keyBytes)

export class DirectWriter {
  readonly #socket: Socket
  /** TLS keeps what it is given for a moment, always; a plain socket does only when the network takes no more. */
  readonly #isSecure: boolean
  /** In use until the network has all of it. */
  #buffer: PooledBuffer | null = null
  /** One for all messages; made with the first that needs it. */
  #written: (() => void) | null = null

  constructor(socket: Socket) {
    this.#socket = socket
    this.#isSecure = socket instanceof TLSSocket
  }

  /**
   * Writes one message, whose memory may be reused when this returns; a text as UTF-8.
   * @returns false where it is left to `ws`: it is large, or something else must go first
   */
  write(given: string | Uint8Array, isBinary: boolean): boolean {
    const socket = this.#socket
    if (this.#buffer !== null || socket.writableLength > 0 || given.length > large.size) return false
    const message = typeof given === 'string' ? encodeText(given) : given
    const pool = poolFor(message.length + longestHead)
    if (pool === null) return false
    const buffer = pool.free.pop() ?? newBuffer(pool)
    const frame = compose(buffer, message, isBinary)
    if (this.#isSecure) {
      this.#buffer = buffer
      this.#written ??= () => this.#releaseBuffer()
      socket.write(frame, this.#written)
    } else {
      // A callback would cost a tick of its own. What the network keeps for now is not used again.
      socket.write(frame)
      if (socket.writableLength === 0) release(buffer)
    }
    return true
  }

  /** What the network has not taken yet (bytes), of all that was written to the socket. */
  buffered(): number {
    return this.#socket.writableLength
  }

  #releaseBuffer(): void {
    if (this.#buffer !== null) release(this.#buffer)
    this.#buffer = null
  }
}

function newBuffer(kept: BufferPool): PooledBuffer {
  const bytes = Buffer.allocUnsafeSlow(kept.size)
  return { bytes, frame: bytes, pool: kept }
}

function release(buffer: PooledBuffer): void {
  if (buffer.pool.free.length < maxFree) buffer.pool.free.push(buffer)
}

function poolFor(bytes: number): BufferPool | null {
  if (bytes <= small.size) return small
  return bytes <= large.size ? large : null
}

/** Writes the masked frame at the start of a buffer. @returns it */
function compose(buffer: PooledBuffer, message: Uint8Array, isBinary: boolean): Buffer {
  const { bytes } = buffer
  const { length } = message
  bytes[0] = isBinary ? finalBinary : finalText
  bytes[1] = maskedBit | (length < length16 ? length : length <= maxLength16 ? length16 : length64)
  let at = 2
  if (length > maxLength16) at = bytes.writeUInt32BE(length, bytes.writeUInt32BE(0, at))
  else if (length >= length16) at = bytes.writeUInt16BE(length, at)
  drawKey()
  for (let each = 0; each < keyBytes; each += 1) bytes[at + each] = key[each] as number
  at += keyBytes
  mask(message, key, bytes, at, length)
  if (buffer.frame.length !== at + length) buffer.frame = bytes.subarray(0, at + length)
  return buffer.frame
}

/** Byte by byte: for four of them, a call into native code costs more. */
function drawKey(): void {
  if (nextKey === keys.length) {
    randomFillSync(keys)
    nextKey = 0
  }
  for (let at = 0; at < keyBytes; at += 1) key[at] = keys[nextKey + at] as number
  nextKey += keyBytes
}
