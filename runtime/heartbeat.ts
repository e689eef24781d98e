/** Notices a peer that has gone without a word. One for each leg of a session. */

/** A peer that is silent for this many intervals is gone. */
export const silentIntervals = 3

export interface Heartbeat {
  /** The peer was heard: a message, a ping or a pong. */
  heard(): void
  /** Suspends the count while the peer's words are deliberately left unread. */
  hold(held: boolean): void
  /** Safe to call twice. */
  stop(): void
}

/**
 * Starts a heartbeat.
 * @param intervalMs time between pings (ms)
 * @param ping sends a ping (RFC 6455 section 5.5.2)
 * @param onSilent called once, when the peer was silent for three intervals
 */
export function startHeartbeat(intervalMs: number, ping: () => void, onSilent: () => void): Heartbeat {
  let quietIntervals = 0
  let held = false
  const timer = setInterval(() => {
    if (held) return
    if (quietIntervals >= silentIntervals) {
      clearInterval(timer)
      onSilent()
      return
    }
    quietIntervals += 1
    ping()
  }, intervalMs)
  return {
    heard: () => {
      quietIntervals = 0
    },
    hold: hold => {
      held = hold
      quietIntervals = 0
    },
    stop: () => clearInterval(timer),
  }
}
