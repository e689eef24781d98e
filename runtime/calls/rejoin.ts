/** When a control connection that was lost, or could not be had, is asked for again. */
import { type BackoffBounds, backoffMs } from '../core/backoff.ts'

/** Between further tries. The first is made at once: most often the call is over, and upstream says so. */
const rejoinBackoff: BackoffBounds = { firstMs: 250, lastMs: 4000 }
const maxTries = 6

/** A connection that held for this long was a good one: what comes after it is counted anew (ms). */
const steadyMs = 10_000

export class Rejoin {
  #tries = 0
  #openedAt: number | null = null

  opened(): void {
    this.#openedAt = performance.now()
  }

  /** @returns how long to wait before another try (ms); null when it is given up */
  next(): number | null {
    if (this.#openedAt !== null && performance.now() - this.#openedAt >= steadyMs) this.#tries = 0
    this.#openedAt = null
    if (this.#tries === maxTries) return null
    this.#tries += 1
    return this.#tries === 1 ? 0 : backoffMs(rejoinBackoff, this.#tries - 1)
  }
}
