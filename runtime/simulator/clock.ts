/** One clock for all sessions: thousands of streams share a single timer. */

const tickMs = 5

/** Cancels what was scheduled; calling it late or twice is harmless. */
export type Cancel = () => void

/** Tells the time and does things later. */
export interface Pacer {
  /** Milliseconds since some begin; never goes back. */
  now(): number
  /** Runs `task` at `atMs` (by `now()`), or soon when that has passed. Same time: in order of calls. */
  at(atMs: number, task: () => void): Cancel
}

interface Entry {
  task: (() => void) | null
}

/** A timer wheel with slots of 5 ms that ticks only while something is due. */
export class Clock implements Pacer {
  readonly #nowMs: () => number
  readonly #startMs: number
  readonly #slots = new Map<number, Entry[]>()
  #timer: NodeJS.Timeout | undefined
  #pending = 0
  #doneSlot = 0
  #stopped = false

  /** @param nowMs a monotonic clock in ms */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs
    this.#startMs = nowMs()
  }

  now(): number {
    return this.#nowMs() - this.#startMs
  }

  at(atMs: number, task: () => void): Cancel {
    if (this.#stopped) return () => {}
    this.#start()
    const slot = Math.max(this.#doneSlot + 1, Math.ceil(atMs / tickMs))
    const entry: Entry = { task }
    const entries = this.#slots.get(slot)
    if (entries === undefined) this.#slots.set(slot, [entry])
    else entries.push(entry)
    this.#pending++
    return () => {
      if (entry.task !== null) this.#pending--
      entry.task = null
    }
  }

  /** Forgets all tasks. Nothing runs afterwards. */
  stop(): void {
    this.#stopped = true
    this.#rest()
  }

  #start(): void {
    if (this.#timer !== undefined) return
    this.#doneSlot = Math.floor(this.now() / tickMs)
    this.#timer = setInterval(() => this.#tick(), tickMs)
  }

  #tick(): void {
    const last = Math.floor(this.now() / tickMs)
    while (this.#doneSlot < last && !this.#stopped) this.#run(++this.#doneSlot)
    if (this.#pending === 0) this.#rest()
  }

  #run(slot: number): void {
    const entries = this.#slots.get(slot)
    if (entries === undefined) return
    this.#slots.delete(slot)
    for (const entry of entries) {
      const { task } = entry
      if (task === null) continue
      entry.task = null
      this.#pending--
      task()
    }
  }

  #rest(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#slots.clear()
    this.#pending = 0
  }
}
