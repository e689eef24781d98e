/** The timed actions of one session, always done in the order of their due times, however late the process is. */
import type { Cancel, Pacer } from '../clock.ts'

const maxDeedsInOneGo = 400
/** Times closer than this are the same: sums of fractions differ in their last digits. */
const sameTimeMs = 1e-6

interface Action {
  atMs: number
  run: () => void
}

export class Timeline {
  readonly #clock: Pacer
  readonly #failed: (problem: unknown) => void
  #actions: Action[] = []
  #inHand: Action | null = null
  #cancelWake: Cancel = () => {}
  #wakeAtMs = Number.POSITIVE_INFINITY
  #stopped = false

  /** @param failed is told what an action has thrown; the actions after it are done all the same */
  constructor(clock: Pacer, failed: (problem: unknown) => void) {
    this.#clock = clock
    this.#failed = failed
  }

  /** Does `run` in `delayMs` from the action in hand: what follows a late action is not late itself. */
  after(delayMs: number, run: () => void): Cancel {
    if (this.#stopped) return () => {}
    const action = { atMs: (this.#inHand?.atMs ?? this.#clock.now()) + delayMs, run }
    const later = this.#actions.findIndex(other => other.atMs > action.atMs + sameTimeMs)
    this.#actions.splice(later < 0 ? this.#actions.length : later, 0, action)
    if (this.#inHand === null) this.#schedule()
    return () => {
      this.#actions = this.#actions.filter(other => other !== action)
    }
  }

  /** Does something now, during which time stands still: all that it plans begins at the same moment. */
  during(run: () => void): void {
    if (this.#inHand !== null) return run()
    this.#inHand = { atMs: this.#clock.now(), run }
    try {
      run()
    } finally {
      this.#inHand = null
      this.#schedule()
    }
  }

  /** Forgets everything. */
  stop(): void {
    this.#stopped = true
    this.#actions = []
    this.#cancelWake()
  }

  #schedule(): void {
    const next = this.#actions[0]
    if (next === undefined || next.atMs >= this.#wakeAtMs) return
    this.#cancelWake()
    this.#wakeAtMs = next.atMs
    this.#cancelWake = this.#clock.at(next.atMs, () => this.#wake())
  }

  #wake(): void {
    this.#wakeAtMs = Number.POSITIVE_INFINITY
    const untilMs = this.#clock.now()
    for (let done = 0; done < maxDeedsInOneGo; done++) {
      const next = this.#actions[0]
      if (next === undefined || next.atMs > untilMs) break
      this.#actions.shift()
      this.#inHand = next
      try {
        next.run()
      } catch (problem) {
        this.#failed(problem)
      }
    }
    this.#inHand = null
    this.#schedule()
  }
}
