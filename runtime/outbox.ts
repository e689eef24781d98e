/** A queue of messages for an upstream that is not open yet, bounded in bytes. */

/** Counted for each message besides its bytes, so that empty ones do not pile up unseen. */
const messageOverheadBytes = 64

interface Held {
  readonly message: string | Uint8Array
  readonly isBinary: boolean
}

const nothing: readonly Held[] = []

export class Outbox {
  readonly #maxBytes: number
  #held: readonly Held[] = nothing
  #bytes = 0

  /** @param maxBytes limit of what is held: messages' bytes, and 64 more for each */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get size(): number {
    return this.#held.length
  }

  /** Holds a copy of a message. @returns false, holding nothing more, when it would pass the limit */
  hold(message: string | Uint8Array, isBinary: boolean): boolean {
    const size = messageBytes(message) + messageOverheadBytes
    if (this.#bytes + size > this.#maxBytes) return false
    this.#bytes += size
    // The server's memory under a message is reused when its callback returns.
    const copy = typeof message === 'string' ? message : new Uint8Array(message)
    const held = this.#held === nothing ? [] : (this.#held as Held[])
    held.push({ message: copy, isBinary })
    this.#held = held
    return true
  }

  /** Sends all that is held, oldest first, and is empty then. */
  flush(send: (message: string | Uint8Array, isBinary: boolean) => void): void {
    const messages = this.#held
    this.clear()
    for (const { message, isBinary } of messages) send(message, isBinary)
  }

  clear(): void {
    this.#held = nothing
    this.#bytes = 0
  }
}

/** A message's length on the wire (bytes, without framing). */
export function messageBytes(message: string | Uint8Array): number {
  return typeof message === 'string' ? Buffer.byteLength(message) : message.byteLength
}

/** Longer texts get memory of their own (characters; one takes at most three bytes of UTF-8). */
const maxSharedChars = 64 * 1024
const shared = Buffer.allocUnsafeSlow(maxSharedChars * 3)

/** Writes a text as UTF-8. @returns memory that is used again for the next one: native code copies it when it sends */
export function encodeText(text: string): Buffer {
  if (text.length > maxSharedChars) return Buffer.from(text)
  return shared.subarray(0, shared.write(text))
}
