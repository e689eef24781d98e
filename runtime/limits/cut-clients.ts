/**
 * Clients that were ended because they kept the event loop for themselves, or sent more than could be held for upstream:
 * each waits before it may open a socket again.
 */
import { GatewayError } from '../core/errors.ts'

/** How long one that was cut is refused (ms): cut and let in again at once, it would take every second turn of the loop. */
export const waitMs = 1000

/** Remembered at once; of more, those that were cut first are forgotten. */
const maxClients = 10_000

export class CutClients {
  readonly #until = new Map<string, number>()
  readonly #now: () => number

  /** @param now Unix time (ms); a coarse one does */
  constructor(now: () => number) {
    this.#now = now
  }

  /** How many are remembered. */
  get size(): number {
    return this.#until.size
  }

  /** A client was cut. @param client its credential and its address, so that nobody else waits with it */
  note(client: string): void {
    this.#until.delete(client)
    this.#until.set(client, this.#now() + waitMs)
    for (const [first, until] of this.#until) {
      if (this.#until.size <= maxClients && until > this.#now()) return
      this.#until.delete(first)
    }
  }

  /** @throws GatewayError `client_too_fast` while the client has to wait */
  check(client: string): void {
    const leftMs = (this.#until.get(client) ?? 0) - this.#now()
    // A machine's time may be set back.
    if (leftMs <= 0 || leftMs > waitMs) return
    const message = 'This client sent more than could be served a moment ago; send with pauses'
    throw new GatewayError('client_too_fast', message, { retryAfterMs: leftMs })
  }
}
