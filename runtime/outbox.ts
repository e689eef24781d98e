/** A queue of messages for an upstream that is not open yet, bounded in bytes. */

/** Counted for each message besides its bytes, so that empty ones do not pile up unseen. */
const messageOverheadBytes = 64

export interface Outbox {
  readonly size: number
  /** Holds a copy of a message. @returns false, holding nothing more, when it would pass the limit */
  hold(message: string | Uint8Array, isBinary: boolean): boolean
  /** Sends all that is held, oldest first, and is empty then. */
  flush(send: (message: string | Uint8Array, isBinary: boolean) => void): void
  clear(): void
}

/** @param maxBytes limit of what is held: messages' bytes, and 64 more for each */
export function createOutbox(maxBytes: number): Outbox {
  let held: { message: string | Uint8Array; isBinary: boolean }[] = []
  let bytes = 0
  return {
    get size() {
      return held.length
    },
    hold(message, isBinary) {
      const size = messageBytes(message) + messageOverheadBytes
      if (bytes + size > maxBytes) return false
      bytes += size
      // The server's memory under a message is reused when its callback returns.
      held.push({ message: typeof message === 'string' ? message : new Uint8Array(message), isBinary })
      return true
    },
    flush(send) {
      const messages = held
      this.clear()
      for (const { message, isBinary } of messages) send(message, isBinary)
    },
    clear() {
      held = []
      bytes = 0
    },
  }
}

/** A message's length on the wire (bytes, without framing). */
export function messageBytes(message: string | Uint8Array): number {
  return typeof message === 'string' ? Buffer.byteLength(message) : message.byteLength
}
