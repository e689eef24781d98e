/**
 * Writes messages to upstream's socket out of memory that is used again. `ws` takes fresh memory for each
 * masked message; of 64 kB ones, collecting that costs as much as sending them.
 */
import { randomFillSync } from 'node:crypto'
import type { Socket } from 'node:net'

/** So many of each size are kept; more are taken only while many sockets stall at once. */
const maxKept = 32

/** RFC 6455 section 5.2 (bytes). */
const keyBytes = 4
/** Where the payload begins: after any head, and where it can be masked by words. */
const payloadAt = 16
const maskedBit = 0x80
const length16 = 126
const length64 = 127
const maxLength16 = 0xffff
const finalText = 0x81
const finalBinary = 0x82

/** Memory for one frame. */
interface Sheet {
  readonly bytes: Buffer
  readonly words: Int32Array
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
const keys = new Int32Array(2048)
let nextKey = keys.length

export class DirectWriter {
  readonly #socket: Socket
  /** In use until the network has all of it. */
  #sheet: Sheet | null = null

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /**
   * Writes one message, whose memory may be reused when this returns.
   * @returns false where it is left to `ws`: it is large, or something else must go first
   */
  write(message: Uint8Array, isBinary: boolean): boolean {
    const socket = this.#socket
    if (this.#sheet !== null || socket.writableLength > 0) return false
    const kept = keptFor(message.length + payloadAt)
    if (kept === null) return false
    this.#sheet = kept.sheets.pop() ?? takeSheet(kept)
    socket.write(compose(this.#sheet, message, isBinary), this.#written)
    return true
  }

  readonly #written = (): void => {
    const sheet = this.#sheet
    this.#sheet = null
    if (sheet !== null && sheet.kept.sheets.length < maxKept) sheet.kept.sheets.push(sheet)
  }
}

function keptFor(bytes: number): Kept | null {
  if (bytes <= small.size) return small
  return bytes <= large.size ? large : null
}

function takeSheet(kept: Kept): Sheet {
  const memory = new ArrayBuffer(kept.size)
  return { bytes: Buffer.from(memory), words: new Int32Array(memory), kept }
}

/** @returns the masked frame, within the sheet */
function compose({ bytes, words }: Sheet, message: Uint8Array, isBinary: boolean): Buffer {
  const { length } = message
  const key = drawKey()
  const keyAt = payloadAt - keyBytes
  const start = keyAt - (length < length16 ? 2 : length <= maxLength16 ? 4 : 10)
  bytes[start] = isBinary ? finalBinary : finalText
  bytes[start + 1] = maskedBit | (length < length16 ? length : length <= maxLength16 ? length16 : length64)
  if (length > maxLength16) {
    bytes.writeUInt32BE(0, start + 2)
    bytes.writeUInt32BE(length, start + 6)
  } else if (length >= length16) bytes.writeUInt16BE(length, start + 2)
  bytes.set(message, payloadAt)
  words[keyAt / keyBytes] = key
  const end = (payloadAt + length) / keyBytes
  for (let word = payloadAt / keyBytes; word < end; word += 1) words[word] = (words[word] as number) ^ key
  return bytes.subarray(start, payloadAt + length)
}

/** Zero would mask nothing. */
function drawKey(): number {
  if (nextKey === keys.length) {
    randomFillSync(keys)
    nextKey = 0
  }
  const key = keys[nextKey] as number
  nextKey += 1
  return key || drawKey()
}
