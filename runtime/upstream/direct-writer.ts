/**
 * Writes messages to upstream's socket out of memory that is used again. `ws` takes fresh memory for each
 * masked message; of 64 kB ones, collecting that costs as much as sending them.
 * Written here, as no library sends a frame out of memory that is used again; `npm run bench` has its row.
 */
import { randomFillSync } from 'node:crypto'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { finalText, length16, length64, maskedBit } from './frame-boundary.ts'
import { mask } from './mask.ts'

/** So many of each size are kept; more are taken only while many sockets stall at once. */
const maxKept = 32

/** RFC 6455 section 5.2 (bytes). */
const keyBytes = 4
const longestHead = 2 + 8 + keyBytes
const maxLength16 = 0xffff
const finalBinary = 0x82

/** Memory for one frame. */
interface Sheet {
  readonly bytes: Buffer
  /** What was written last: pieces of audio are often of one length, and making a view costs time. */
  frame: Buffer
  readonly kept: Kept
}

/** Sheets of one size that nobody writes on. */
interface Kept {
  readonly size: number
  readonly sheets: Sheet[]
}

/** For the usual piece of audio, and for a large one (bytes). */
const small: Kept = { size: 8 * 1024, sheets: [] }
const large: Kept = { size: 128 * 1024, sheets: [] }

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
  #sheet: Sheet | null = null

  constructor(socket: Socket) {
    this.#socket = socket
    this.#isSecure = socket instanceof TLSSocket
  }

  /**
   * Writes one message, whose memory may be reused when this returns.
   * @returns false where it is left to `ws`: it is large, or something else must go first
   */
  write(message: Uint8Array, isBinary: boolean): boolean {
    const socket = this.#socket
    if (this.#sheet !== null || socket.writableLength > 0) return false
    const kept = keptFor(message.length + longestHead)
    if (kept === null) return false
    const sheet = kept.sheets.pop() ?? newSheet(kept)
    const frame = compose(sheet, message, isBinary)
    if (this.#isSecure) {
      this.#sheet = sheet
      socket.write(frame, this.#written)
    } else {
      // A callback would cost a tick of its own. What the network keeps for now is not used again.
      socket.write(frame)
      if (socket.writableLength === 0) giveBack(sheet)
    }
    return true
  }

  /** What the network has not taken yet (bytes), of all that was written to the socket. */
  buffered(): number {
    return this.#socket.writableLength
  }

  readonly #written = (): void => {
    if (this.#sheet !== null) giveBack(this.#sheet)
    this.#sheet = null
  }
}

function newSheet(kept: Kept): Sheet {
  const bytes = Buffer.allocUnsafeSlow(kept.size)
  return { bytes, frame: bytes, kept }
}

function giveBack(sheet: Sheet): void {
  if (sheet.kept.sheets.length < maxKept) sheet.kept.sheets.push(sheet)
}

function keptFor(bytes: number): Kept | null {
  if (bytes <= small.size) return small
  return bytes <= large.size ? large : null
}

/** Writes the masked frame at the start of a sheet. @returns it */
function compose(sheet: Sheet, message: Uint8Array, isBinary: boolean): Buffer {
  const { bytes } = sheet
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
  if (sheet.frame.length !== at + length) sheet.frame = bytes.subarray(0, at + length)
  return sheet.frame
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
