/** Follows one direction of a WebSocket connection, to know where its frames begin (RFC 6455 section 5.2). */

const headEnd = Buffer.from('\r\n\r\n')
const maskBit = 0x80
const lengthBits = 0x7f
const length16 = 126
const length64 = 127
const longestHeadBytes = 14

export class FrameBoundaries {
  /** The last bytes of the HTTP head, or of a frame's head that is not whole. */
  #pending: Buffer = Buffer.alloc(0)
  /** Of the frame under way, what has not passed yet (bytes). */
  #left = 0
  #isPastHead = false

  /** Whether the HTTP head has passed. */
  get isPastHead(): boolean {
    return this.#isPastHead
  }

  /** Takes note of a chunk that passes. */
  pass(chunk: Buffer): void {
    let rest = chunk
    if (!this.#isPastHead) {
      const bytes = Buffer.concat([this.#pending, chunk])
      const at = bytes.indexOf(headEnd)
      if (at < 0) {
        this.#pending = bytes.subarray(Math.max(0, bytes.length - headEnd.length + 1))
        return
      }
      this.#isPastHead = true
      this.#pending = Buffer.alloc(0)
      rest = bytes.subarray(at + headEnd.length)
    }
    while (rest.length > 0) {
      if (this.#left > 0) {
        const passed = Math.min(this.#left, rest.length)
        this.#left -= passed
        rest = rest.subarray(passed)
        continue
      }
      const bytes = Buffer.concat([this.#pending, rest])
      const frame = frameOf(bytes)
      if (frame === null) {
        this.#pending = bytes.subarray(0, longestHeadBytes)
        return
      }
      this.#pending = Buffer.alloc(0)
      this.#left = frame.payload
      rest = bytes.subarray(frame.head)
    }
  }

  /**
   * Finds where the next chunk can be cut so that a frame ends in its middle.
   * @returns how many of its bytes to let pass; null where no frame is seen in it
   */
  middleOfFrame(chunk: Buffer): number | null {
    if (!this.#isPastHead) return null
    if (this.#left > 1) return Math.min(chunk.length, Math.floor(this.#left / 2))
    const begun = this.#pending.length
    const bytes = Buffer.concat([this.#pending, chunk.subarray(this.#left)])
    const frame = frameOf(bytes)
    if (frame === null) return null
    const inFrame = frame.head - begun + Math.floor(frame.payload / 2)
    return Math.max(1, Math.min(chunk.length - 1, this.#left + inFrame))
  }
}

/** The sizes of the frame that begins here (bytes); null while its head is not whole. */
function frameOf(bytes: Buffer): { head: number; payload: number } | null {
  const second = bytes[1]
  if (second === undefined) return null
  const short = second & lengthBits
  const mask = (second & maskBit) === 0 ? 0 : 4
  const head = (short === length16 ? 4 : short === length64 ? 10 : 2) + mask
  if (bytes.length < head) return null
  const payload =
    short === length16 ? bytes.readUInt16BE(2) : short === length64 ? Number(bytes.readBigUInt64BE(2)) : short
  return { head, payload }
}
