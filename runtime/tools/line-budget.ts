/** How many lines a host may write into the gateway's log: a token bucket that counts what it drops. */

export class LineBudget {
  readonly #burst: number
  readonly #perMs: number
  readonly #monotonicNow: () => number
  #left: number
  #filledAt: number
  #dropped = 0

  /**
   * @param burst lines at once
   * @param perSecond lines after those
   */
  constructor({ burst, perSecond }: { burst: number; perSecond: number }, monotonicNow: () => number) {
    this.#burst = burst
    this.#perMs = perSecond / 1000
    this.#monotonicNow = monotonicNow
    this.#left = burst
    this.#filledAt = monotonicNow()
  }

  /** @param write writes one line, unless it is dropped; it is told how many were dropped before it */
  take(write: (dropped: number) => void): void {
    const now = this.#monotonicNow()
    this.#left = Math.min(this.#burst, this.#left + (now - this.#filledAt) * this.#perMs)
    this.#filledAt = now
    if (this.#left < 1) {
      this.#dropped += 1
      return
    }
    this.#left -= 1
    const dropped = this.#dropped
    this.#dropped = 0
    write(dropped)
  }
}
