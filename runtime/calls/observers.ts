/** Those who watch one call on this replica. */
import { GatewayError } from '../core/errors.ts'
import type { Client } from '../core/ports.ts'
import { parseFields } from '../events/fields.ts'

export interface ObserversOptions {
  /** An observer for whom more than this waits is dropped (bytes). */
  readonly maxBufferedBytes: number
  readonly onDropped: (observer: Client, code: string) => void
}

const eventStart = Buffer.from('{"type":"openai_event","event":')

export class Observers {
  readonly #options: ObserversOptions
  readonly #all = new Set<Client>()

  constructor(options: ObserversOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#all.size
  }

  add(observer: Client): void {
    this.#all.add(observer)
  }

  delete(observer: Client): void {
    this.#all.delete(observer)
  }

  /** Each observer gets it once. */
  tell(message: string | Uint8Array): void {
    for (const observer of this.#all) this.tellOne(observer, message)
  }

  /**
   * The one way to an observer, for events and for replies: one for whom more than the bound waits is closed
   * with `client_too_slow`, and neither the call nor the others notice. Whoever is gone is told nothing.
   */
  tellOne(observer: Client, message: string | Uint8Array): void {
    if (!this.#all.has(observer)) return
    if (observer.send(message) || observer.buffered() <= this.#options.maxBufferedBytes) return
    const { code, close } = new GatewayError(
      'client_too_slow',
      'The observer does not take what is sent to it',
    )
    this.#all.delete(observer)
    this.#options.onDropped(observer, code)
    observer.close(close, code)
  }

  tellError({ code, message }: GatewayError): void {
    this.tell(JSON.stringify({ type: 'error', code, message }))
  }

  /**
   * Tells an event of the call. What is no JSON object could end the message that it is written into: it is
   * left out, and `upstream_broke_protocol` is told.
   * @param frame copied as it is
   * @param stats JSON
   */
  tellEvent(frame: Buffer, stats: string): void {
    if (this.#all.size === 0) return
    if (parseFields(frame) === null) return this.tellError(notJson())
    this.tell(Buffer.concat([eventStart, frame, Buffer.from(`,"stats":${stats}}`)]))
  }

  /** Closes every one, and forgets them. */
  close(code: number, reason: string): void {
    for (const observer of this.#all) observer.close(code, reason)
    this.#all.clear()
  }
}

function notJson(): GatewayError {
  return new GatewayError('upstream_broke_protocol', 'An event of the call is not JSON; it was left out')
}
