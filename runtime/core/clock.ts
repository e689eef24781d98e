/** Time and chance as the machine has them; tests hand in their own. */

import { cpuUsage } from 'node:process'
import { enter, type FaultOwner } from './fault-boundary.ts'

/** Something that is done again and again. */
export interface Beating extends FaultOwner {
  beat(): void
}

/** What beats at one moment of an interval. */
export interface Mark {
  /** Ends it. Safe to call twice. */
  delete(beating: Beating): boolean
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
  /** Lets something beat once an interval (ms), unless the process ends before; the first time a sixteenth early at most. */
  readonly every: (intervalMs: number, beating: Beating) => Mark
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
  every: (intervalMs, beating) => {
    const face = faceOf(intervalMs)
    const mark = face.marks[face.at] as Set<Beating>
    return mark.add(beating)
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
 * What beats at one interval shares a face: a timer for each of many thousand sockets would cost more
 * memory than what it is for. The hand goes round once an interval, so that the work is spread.
 */
interface Face {
  readonly marks: readonly Set<Beating>[]
  at: number
}

const beat = (beating: Beating) => beating.beat()

const marksOfFace = 16
const faces = new Map<number, Face>()

function faceOf(intervalMs: number): Face {
  const known = faces.get(intervalMs)
  if (known !== undefined) return known
  const face: Face = { marks: Array.from({ length: marksOfFace }, () => new Set<Beating>()), at: 0 }
  const tick = () => {
    face.at = (face.at + 1) % marksOfFace
    for (const beating of face.marks[face.at] ?? []) enter(beating, beat, beating)
  }
  // A process that has nothing else to do may end.
  setInterval(tick, intervalMs / marksOfFace).unref()
  faces.set(intervalMs, face)
  return face
}
