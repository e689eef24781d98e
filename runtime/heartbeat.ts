/** Notices a peer that has gone without a word. One for each leg of a session. */

/** A peer that is silent for this many intervals is gone. */
export const silentIntervals = 3

/**
 * Heartbeats of one interval share a clock: a timer for each of many thousand sockets would cost more
 * memory than the rest of their heartbeat. Its hand goes round once an interval, so that pings are spread.
 */
interface Clock {
  readonly marks: readonly Set<Heartbeat>[]
  at: number
}

const marksOfClock = 16
const clocks = new Map<number, Clock>()

export class Heartbeat {
  readonly #ping: () => void
  readonly #onSilent: () => void
  readonly #mark: Set<Heartbeat>
  #quietIntervals = 0
  #held = false

  /**
   * Starts a heartbeat.
   * @param intervalMs time between pings (ms); a sixteenth more or less
   * @param ping sends a ping (RFC 6455 section 5.5.2)
   * @param onSilent called once, when the peer was silent for three intervals
   */
  constructor(intervalMs: number, ping: () => void, onSilent: () => void) {
    this.#ping = ping
    this.#onSilent = onSilent
    const clock = clockOf(intervalMs)
    this.#mark = clock.marks[clock.at] as Set<Heartbeat>
    this.#mark.add(this)
  }

  /** The peer was heard: a message, a ping or a pong. */
  heard(): void {
    this.#quietIntervals = 0
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

  /** An interval is over. */
  beat(): void {
    if (this.#held) return
    if (this.#quietIntervals >= silentIntervals) {
      this.stop()
      this.#onSilent()
      return
    }
    this.#quietIntervals += 1
    this.#ping()
  }
}

function clockOf(intervalMs: number): Clock {
  const known = clocks.get(intervalMs)
  if (known !== undefined) return known
  const clock: Clock = { marks: Array.from({ length: marksOfClock }, () => new Set<Heartbeat>()), at: 0 }
  const tick = () => {
    clock.at = (clock.at + 1) % marksOfClock
    for (const heartbeat of clock.marks[clock.at] ?? []) heartbeat.beat()
  }
  // A process that has nothing else to do may end.
  setInterval(tick, intervalMs / marksOfClock).unref()
  clocks.set(intervalMs, clock)
  return clock
}
