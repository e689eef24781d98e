/**
 * A world with a clock of its own: one queue of steps in the order of virtual time, each of which belongs to a process
 * and runs to its end, promises included, before the next. Every choice is drawn from one seed.
 */
import { setImmediate as afterMicrotasks } from 'node:timers/promises'
import { createRandom } from '../../runtime/simulator/ids.ts'

/** What an invariant found. */
export class Violation extends Error {}

/** When a world begins (ms, Unix time and monotonic time alike). */
const beginMs = 1_800_000_000_000

export interface Step {
  at: number
  /** Among steps at one time, the one that was planned first runs first. */
  readonly order: number
  readonly process: Process
  run(): void
  state: 'planned' | 'over' | 'cancelled'
}

/**
 * What lives and dies as one: a replica of the gateway, a client's program, the store, the Realtime API. Only what is
 * an effect for the others can be told apart from outside, so a process is killed at an effect: that one and all
 * later ones never happen, whatever of its code still runs.
 */
export class Process {
  readonly name: string
  readonly #world: World
  #state: 'running' | 'killed' | 'exited' = 'running'
  #effects = 0
  #killAt = Number.POSITIVE_INFINITY
  readonly #onEnd = new Set<() => void>()
  /** Its timers that have not fired. */
  readonly timers = new Set<object>()
  #heldUntil = 0

  constructor(world: World, name: string) {
    this.#world = world
    this.name = name
  }

  get isRunning(): boolean {
    return this.#state === 'running'
  }

  get wasKilled(): boolean {
    return this.#state === 'killed'
  }

  get effects(): number {
    return this.#effects
  }

  /** It takes nothing in before this (ms). */
  get heldUntil(): number {
    return this.#heldUntil
  }

  /** Its machine gives it no time for so long (ms). */
  holdFor(ms: number): void {
    this.#heldUntil = Math.max(this.#heldUntil, this.#world.now + ms)
  }

  /** @param count kills it in place of its effect of that number from now on */
  killAtEffect(count: number): void {
    this.#killAt = Math.min(this.#killAt, this.#effects + count)
  }

  /** Something that others can notice is about to happen. @returns false where it does not: the process is gone */
  effect(what: () => string): boolean {
    if (this.#state !== 'running') return false
    if (this.#effects >= this.#killAt) {
      this.#world.note(this.name, `killed before: ${what()}`)
      this.kill()
      return false
    }
    this.#effects += 1
    return true
  }

  /** Ends it at once. @param how `exited` where it ended by itself */
  kill(how: 'killed' | 'exited' = 'killed'): void {
    if (this.#state !== 'running') return
    this.#state = how
    this.#world.note(this.name, how)
    for (const end of this.#onEnd) end()
    this.#onEnd.clear()
  }

  /** @param run called when the process is gone @returns takes that back */
  onEnd(run: () => void): () => void {
    this.#onEnd.add(run)
    return () => this.#onEnd.delete(run)
  }
}

export class World {
  readonly seed: number
  now = beginMs
  /** For the world's own choices. */
  readonly random: () => number
  /** For what the product draws, so that its draws do not change the world's. */
  readonly productRandom: () => number
  /** The process whose step runs; null between steps. */
  current: Process | null = null
  /** What happened, in order; null where nobody asks. */
  readonly trace: string[] | null
  readonly #steps = new StepQueue()
  #planned = 0
  #ran = 0

  constructor(seed: number, isTraced: boolean) {
    this.seed = seed
    this.random = createRandom(seed)
    this.productRandom = createRandom(seed ^ 0x5bd1e995)
    this.trace = isTraced ? [] : null
  }

  /** Steps that have run. */
  get stepsRun(): number {
    return this.#ran
  }

  /** Since the world began (ms). */
  get elapsedMs(): number {
    return this.now - beginMs
  }

  note(who: string, what: string): void {
    this.trace?.push(`${(this.elapsedMs / 1000).toFixed(6).padStart(11)} ${who.padEnd(10)} ${what}`)
  }

  /** Plans a step of a process. @param ms from now */
  after(ms: number, process: Process, run: () => void): Step {
    const step: Step = {
      at: this.now + Math.max(0, ms),
      order: this.#planned,
      process,
      run,
      state: 'planned',
    }
    this.#planned += 1
    this.#steps.add(step)
    return step
  }

  /** A number from `from` to `to`. */
  between(from: number, to: number): number {
    return from + this.random() * (to - from)
  }

  /** Whether something of a given probability happens. */
  chance(probability: number): boolean {
    return this.random() < probability
  }

  /** One of several. @throws RangeError where there is none */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('Nothing to pick from')
    return items[Math.floor(this.random() * items.length)] as T
  }

  /**
   * Runs steps until a condition holds, each with all promises that it settles.
   * @returns false where virtual time was over before
   */
  async run(holds: () => boolean, limitMs: number): Promise<boolean> {
    const end = this.now + limitMs
    while (!holds()) {
      const step = this.#steps.take()
      if (step === null || step.at > end) {
        if (step !== null) this.#steps.add(step)
        this.now = end
        return false
      }
      this.now = Math.max(this.now, step.at)
      const { process } = step
      if (step.state === 'cancelled' || !process.isRunning) continue
      if (process.heldUntil > this.now) {
        step.at = process.heldUntil
        this.#steps.add(step)
        continue
      }
      step.state = 'over'
      this.current = process
      this.#ran += 1
      step.run()
      await afterMicrotasks()
      this.current = null
    }
    return true
  }
}

/** A binary heap. */
class StepQueue {
  readonly #heap: Step[] = []

  add(step: Step): void {
    const heap = this.#heap
    let at = heap.push(step) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = heap[above] as Step
      if (isBefore(parent, step)) break
      heap[at] = parent
      at = above
    }
    heap[at] = step
  }

  take(): Step | null {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined) return null
    if (heap.length > 0) this.#sink(last)
    return first
  }

  #sink(step: Step): void {
    const heap = this.#heap
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      if (left >= heap.length) break
      const right = left + 1
      const below = right < heap.length && isBefore(heap[right] as Step, heap[left] as Step) ? right : left
      const child = heap[below] as Step
      if (isBefore(step, child)) break
      heap[at] = child
      at = below
    }
    heap[at] = step
  }
}

function isBefore(a: Step, b: Step): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
