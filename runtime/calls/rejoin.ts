/** When a control connection that was lost, or could not be had, is asked for again. */

/** Waits before each further try (ms). The first is none: most often the call is over, and upstream says so. */
const waitsMs = [0, 250, 500, 1000, 2000, 4000] as const

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
    const waitMs = waitsMs[this.#tries] ?? null
    this.#tries += 1
    return waitMs
  }
}
