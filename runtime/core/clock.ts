/** Time and chance as the machine has them; tests hand in their own. */

import { cpuUsage } from 'node:process'
import { enter, type FaultOwner } from './fault-boundary.ts'

/** Something that is called once an interval. */
export interface Tickable extends FaultOwner {
  tick(): void
}

/** One slot of a timing wheel. */
export interface WheelSlot {
  /** Ends it. Safe to call twice. */
  delete(tickable: Tickable): boolean
}

export interface Clock {
  /** Unix time (ms). */
  readonly now: () => number
  /** Unix time as it was a moment ago (ms), for what asks with every message. */
  readonly coarseNow: () => number
  /** Time that only goes forward (ms). */
  readonly monotonicNow: () => number
  /** CPU time of this process (ms). */
  readonly cpuMs: () => number
  /** Runs something when the present turn of the event loop is over. */
  readonly afterTurn: (run: () => void) => void
  /** From 0 to 1. */
  readonly random: () => number
  /** Runs something once, later (ms), unless the process ends before. @returns cancels it */
  readonly after: (ms: number, run: () => void) => () => void
  /**
   * Calls `tick` once an interval (ms), unless the process ends before; the first time a sixteenth early at most. Those
   * that are due together tick in several turns of the event loop.
   */
  readonly every: (intervalMs: number, tickable: Tickable) => WheelSlot
}

export const systemClock: Clock = {
  now: Date.now,
  coarseNow,
  monotonicNow: () => performance.now(),
  cpuMs: () => {
    const { user, system } = cpuUsage()
    return (user + system) / 1000
  },
  afterTurn: run => void setImmediate(run),
  random: Math.random,
  after: (ms, run) => {
    const timer = setTimeout(run, ms).unref()
    return () => clearTimeout(timer)
  },
  every: (intervalMs, tickable) => {
    const wheel = wheelOf(intervalMs)
    const slot = wheel.slots[wheel.at] as Set<Tickable>
    return slot.add(tickable)
  },
}

/** How old the coarse time gets, unless the process is held up (ms). */
const coarseMs = 100
let coarseTime: number | null = null
const coarseTimer = setTimeout(() => {
  coarseTime = null
}, coarseMs).unref()

function coarseNow(): number {
  if (coarseTime === null) {
    coarseTime = Date.now()
    coarseTimer.refresh()
  }
  return coarseTime
}

/**
 * A timing wheel for one interval. One timer serves all that tick at it: a timer for each of many thousand
 * sockets would take more memory than the sockets. The wheel turns once an interval, so that the work is spread.
 */
interface TimingWheel {
  readonly slots: readonly Set<Tickable>[]
  at: number
}

const tickOne = (tickable: Tickable) => tickable.tick()

/**
 * So many tick in one turn of the event loop. A tick may write a ping, some 10 µs: thousands of sessions that connected
 * together would hold up the events of all others for as long as their pings take.
 */
const mostTicksOfTurn = 32

/** Ticks those of `due` that are still in the slot, from an index on. */
function tickInTurns(slot: ReadonlySet<Tickable>, due: readonly Tickable[], from: number): void {
  const until = Math.min(due.length, from + mostTicksOfTurn)
  for (let index = from; index < until; index += 1) {
    const tickable = due[index] as Tickable
    if (slot.has(tickable)) enter(tickable, tickOne, tickable)
  }
  if (until < due.length) setImmediate(tickInTurns, slot, due, until)
}

const slotsOfWheel = 16
const wheels = new Map<number, TimingWheel>()

function wheelOf(intervalMs: number): TimingWheel {
  const known = wheels.get(intervalMs)
  if (known !== undefined) return known
  const wheel: TimingWheel = { slots: Array.from({ length: slotsOfWheel }, () => new Set<Tickable>()), at: 0 }
  const tick = () => {
    wheel.at = (wheel.at + 1) % slotsOfWheel
    const slot = wheel.slots[wheel.at] as Set<Tickable>
    tickInTurns(slot, [...slot], 0)
  }
  // A process that has nothing else to do may end.
  setInterval(tick, intervalMs / slotsOfWheel).unref()
  wheels.set(intervalMs, wheel)
  return wheel
}
