import type { Tickable, WheelSlot } from '../../runtime/core/clock.ts'

/** A clock that a test moves by hand. */
export interface Clock {
  now(): number
  /** Runs something once, later. @returns cancels it */
  after(ms: number, run: () => void): () => void
  /** Lets something beat once an interval. */
  every(ms: number, beating: Tickable): WheelSlot
  /** Waits of all timers that are set (ms from now), shortest first. */
  readonly waits: readonly number[]
  /** Moves time, and runs what falls due, in order. */
  advance(ms: number): void
}

export function createClock(start = Date.now()): Clock {
  let time = start
  let timers: { at: number; run: () => void }[] = []
  const after = (ms: number, run: () => void) => {
    const timer = { at: time + ms, run }
    timers.push(timer)
    return () => {
      timers = timers.filter(other => other !== timer)
    }
  }
  return {
    now: () => time,
    after,
    every: (ms, beating) => {
      let cancel = () => {}
      const beat = () => {
        cancel = after(ms, beat)
        beating.tick()
      }
      cancel = after(ms, beat)
      return {
        delete: () => {
          cancel()
          return true
        },
      }
    },
    get waits() {
      return timers.map(timer => timer.at - time).sort((a, b) => a - b)
    },
    advance: ms => {
      const end = time + ms
      for (;;) {
        const next = timers.filter(timer => timer.at <= end).sort((a, b) => a.at - b.at)[0]
        if (next === undefined) break
        timers = timers.filter(timer => timer !== next)
        time = next.at
        next.run()
      }
      time = end
    },
  }
}
