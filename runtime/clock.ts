/** Time and chance as the machine has them; tests hand in their own. */

export interface Clock {
  /** Unix time (ms). */
  readonly now: () => number
  /** From 0 to 1. */
  readonly random: () => number
  /** Runs something once, later (ms), unless the process ends before. @returns cancels it */
  readonly after: (ms: number, run: () => void) => () => void
}

export const systemClock: Clock = {
  now: Date.now,
  random: Math.random,
  after: (ms, run) => {
    const timer = setTimeout(run, ms).unref()
    return () => clearTimeout(timer)
  },
}
