/**
 * Remembers that an upstream failed, so that dials pass it over for a while.
 * Written here, as circuit breakers of libraries wrap a call of their own; a dial asks which of several is to be tried.
 *
 * | state     | a dial begins      | it succeeds | it fails                         | the pause ends |
 * |-----------|--------------------|-------------|----------------------------------|----------------|
 * | closed    | –                  | –           | → open: by 429, or by the third  | –              |
 * | open      | – (the only one)   | → closed    | → open, anew                     | → half-open    |
 * | half-open | → open to this one | → closed    | → open, anew                     | –              |
 */

export interface CircuitOptions {
  /** How long an upstream that failed is passed over (ms). */
  readonly pauseMs: number
  /** Milliseconds that only go forward. */
  readonly now: () => number
}

/** One failure may be chance; this many in a row are not. */
const failuresToOpen = 3

export class Circuit {
  readonly #options: CircuitOptions
  #failures = 0
  #openUntil = Number.NEGATIVE_INFINITY
  #probing = false

  constructor(options: CircuitOptions) {
    this.#options = options
  }

  get state(): 'closed' | 'open' | 'half-open' {
    if (this.#failures < failuresToOpen) return 'closed'
    return this.#probing || this.#options.now() < this.#openUntil ? 'open' : 'half-open'
  }

  /** When the pause ends (ms of `now`); in the past for one that is closed. */
  get openUntil(): number {
    return this.#openUntil
  }

  /** A dial begins. @returns whether it is the one that finds out; the others go on passing by until its end is told */
  began(): boolean {
    this.#probing = this.#failures >= failuresToOpen
    return this.#probing
  }

  succeeded(): void {
    this.#failures = 0
    this.#openUntil = Number.NEGATIVE_INFINITY
  }

  /** The dial that was to find out ended without telling anything about upstream's health. */
  abandoned(): void {
    this.#probing = false
  }

  /**
   * The dial failed.
   * @param saturated upstream said that it has no capacity: opens at once
   * @param retryAfterMs how long upstream asked to be left alone, where it did (ms)
   */
  failed(saturated: boolean, retryAfterMs = 0): void {
    this.#probing = false
    this.#failures = saturated ? failuresToOpen : this.#failures + 1
    if (this.#failures < failuresToOpen) return
    const until = this.#options.now() + Math.max(this.#options.pauseMs, retryAfterMs)
    // A dial that was under way already, or the only one left, may fail sooner than upstream asked to be tried.
    this.#openUntil = Math.max(this.#openUntil, until)
  }
}
