/** Those who watch one call on this replica. */
import { GatewayError } from '../errors.ts'
import type { Client } from '../types.ts'

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

  /** Each observer gets it once; one that does not keep up is dropped, and neither the call nor the others notice. */
  tell(message: string | Uint8Array): void {
    for (const observer of this.#all) {
      if (observer.send(message) || observer.buffered() <= this.#options.maxBufferedBytes) continue
      const { code, close } = new GatewayError(
        'client_too_slow',
        'The observer does not take what is sent to it',
      )
      this.#options.onDropped(observer, code)
      this.#all.delete(observer)
      observer.close(close, code)
    }
  }

  tellError({ code, message }: GatewayError): void {
    this.tell(JSON.stringify({ type: 'error', code, message }))
  }

  /** Tells an event of the call. @param frame JSON, copied as it is @param stats JSON */
  tellEvent(frame: Buffer, stats: string): void {
    if (this.#all.size > 0) this.tell(Buffer.concat([eventStart, frame, Buffer.from(`,"stats":${stats}}`)]))
  }

  /** Closes every one, and forgets them. */
  close(code: number, reason: string): void {
    for (const observer of this.#all) observer.close(code, reason)
    this.#all.clear()
  }
}
