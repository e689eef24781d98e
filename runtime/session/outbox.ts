/** A queue of messages for an upstream that is not open yet, bounded in bytes. */

/**
 * Counted for each message besides its bytes: what holding it costs in memory (some 200 bytes), and that a flush sends
 * all that is held in one turn of the event loop, so that their number must be bounded too.
 */
export const messageOverheadBytes = 1024

interface Held {
  readonly message: string | Uint8Array
  readonly isBinary: boolean
}

const nothing: readonly Held[] = []

export class Outbox {
  readonly #maxBytes: number
  #held: readonly Held[] = nothing
  #bytes = 0

  /** @param maxBytes limit of what is held: messages' bytes, and 1024 more for each */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get size(): number {
    return this.#held.length
  }

  /** What is held, 1024 more for each message included. */
  get bytes(): number {
    return this.#bytes
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

  /**
   * Sends what is held, oldest first.
   * @param maxBytes stops when so many bytes are sent, overhead included; at least one message goes
   * @returns whether nothing is held any more
   */
  flush(
    send: (message: string | Uint8Array, isBinary: boolean) => void,
    maxBytes = Number.POSITIVE_INFINITY,
  ): boolean {
    const messages = this.#held
    let bytes = 0
    let sent = 0
    while (sent < messages.length && bytes < maxBytes) {
      const { message } = messages[sent] as Held
      bytes += messageBytes(message) + messageOverheadBytes
      sent += 1
    }
    // What `send` calls may clear or hold.
    this.#held = sent === messages.length ? nothing : messages.slice(sent)
    this.#bytes -= bytes
    for (const { message, isBinary } of messages.slice(0, sent)) send(message, isBinary)
    return this.#held.length === 0
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
