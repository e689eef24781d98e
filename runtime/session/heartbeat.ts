/** Notices a peer that has gone without a word. One for each leg of a session. */
import { systemClock, type Tickable, type WheelSlot } from '../core/clock.ts'

/** A peer that is silent for this many intervals is gone. */
export const silentIntervals = 3

/** Whose peer it is. */
export interface Watching {
  /** Set for each message, ping or pong, and taken back once an interval. A field here, as a message touches this object anyway. */
  wasHeard: boolean
  /** An interval is over: the time to send a ping (RFC 6455 section 5.5.2). */
  intervalOver(): void
  /** Called once, when the peer was silent for three intervals. */
  peerSilent(): void
  /** One of the two failed. */
  onFault(fault: unknown): void
}

export class Heartbeat implements Tickable {
  readonly #watching: Watching
  readonly #mark: WheelSlot
  #quietIntervals = 0
  #held = false

  /**
   * Starts a heartbeat.
   * @param intervalMs time between pings (ms); a sixteenth more or less
   */
  constructor(intervalMs: number, watching: Watching) {
    this.#watching = watching
    this.#mark = systemClock.every(intervalMs, this)
  }

  /** Suspends the count while the peer's words are deliberately left unread. */
  hold(held: boolean): void {
    this.#held = held
    this.#quietIntervals = 0
  }

  /** Safe to call twice. */
  stop(): void {
    this.#mark.delete(this)
  }

  onFault(fault: unknown): void {
    this.stop()
    this.#watching.onFault(fault)
  }

  tick(): void {
    if (this.#held) return
    if (this.#watching.wasHeard) this.#quietIntervals = 0
    this.#watching.wasHeard = false
    if (this.#quietIntervals >= silentIntervals) {
      this.stop()
      this.#watching.peerSilent()
      return
    }
    this.#quietIntervals += 1
    this.#watching.intervalOver()
  }
}
