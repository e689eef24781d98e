/**
 * The store that all replicas share: `runtime/store/memory.ts`, with its own rules of compare and expiry, at the other end
 * of a connection that takes time and may break. A connection keeps the order of what is asked on it; what was under way
 * on one that broke may have been done or not, or is done before there is another one.
 */
import { GatewayError } from '../../runtime/core/errors.ts'
import { type Operation as AskedOperation, operations as askedOperations } from '../../runtime/store/ipc.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import type { Store } from '../../runtime/store/store.ts'
import { Process, type World } from './world.ts'

type Operation = Exclude<AskedOperation, 'unavailable'>

const operations = askedOperations.filter(operation => operation !== 'unavailable')

/** Sees every operation as the store does it. */
export type StoreWatch = (operation: Operation, given: readonly unknown[], outcome: unknown) => void

/** A fault that is planted in the store, to see whether it is found. @param held the text under the operation's key */
export type PlantedStoreFault = (
  operation: Operation,
  given: readonly unknown[],
  held: string | null,
) => readonly unknown[] | null

/** As of a command to Redis that is not answered (ms). */
const answerMs = 2000

/** One way (ms). */
const quickMs = [0.1, 2] as const
const slowMs = [5, 300] as const
const slowShare = 0.05

export class SharedStore {
  readonly process: Process
  readonly #world: World
  readonly #memory: Store
  readonly #watch: StoreWatch
  readonly #planted: PlantedStoreFault | null

  constructor(world: World, watch: StoreWatch, planted: PlantedStoreFault | null = null) {
    this.#world = world
    this.#watch = watch
    this.#planted = planted
    this.process = new Process(world, 'store')
    this.#memory = createMemoryStore({ now: () => world.now })
  }

  /** What it holds. */
  get memory(): Store {
    return this.#memory
  }

  close(): Promise<void> {
    return this.#memory.close()
  }

  /** Connects a process to it. */
  connect(process: Process): StoreLink {
    return new StoreLink(this.#world, this, process)
  }

  /** Does what was asked. @returns what came of it */
  async act(operation: Operation, given: readonly unknown[]): Promise<unknown> {
    const held = this.#planted === null ? null : await this.#memory.get(String(given[0]))
    const done = this.#planted === null ? given : this.#planted(operation, given, held)
    if (done === null) return undefined
    const run = this.#memory[operation] as (...given: unknown[]) => Promise<unknown>
    const outcome = await run.apply(this.#memory, [...done])
    this.#watch(operation, done, outcome)
    return outcome
  }
}

/** A process's connection to the store, and what its code sees of it. */
export class StoreLink {
  readonly store: Store
  readonly #world: World
  readonly #shared: SharedStore
  readonly #process: Process
  /** What was asked on the present connection and not answered yet. */
  #asked = new Set<(fault: GatewayError) => void>()
  /** How often the connection broke. */
  breaks = 0
  /** There is no connection before this (ms). */
  #awayUntil = 0
  #lastArrival = 0
  #lastAnswer = 0

  constructor(world: World, shared: SharedStore, process: Process) {
    this.#world = world
    this.#shared = shared
    this.#process = process
    const ask = operations.map(operation => [operation, (...given: unknown[]) => this.#ask(operation, given)])
    this.store = {
      ...Object.fromEntries(ask),
      unavailable: () => (this.#isAway ? 'The store cannot be reached' : null),
      close: async () => undefined,
    }
  }

  get #isAway(): boolean {
    return this.#world.now < this.#awayUntil
  }

  /** The connection breaks. @param awayMs until there is another */
  break(awayMs: number): void {
    this.#world.note(this.#process.name, `loses the store for ${Math.round(awayMs)} ms`)
    this.breaks += 1
    this.#awayUntil = Math.max(this.#awayUntil, this.#world.now + awayMs)
    this.#lastArrival = this.#lastAnswer = 0
    const asked = [...this.#asked]
    this.#asked.clear()
    this.#world.after(this.#world.between(0, answerMs), this.#process, () => {
      for (const fail of asked) fail(unavailable())
    })
  }

  #ask(operation: Operation, given: readonly unknown[]): Promise<unknown> {
    const world = this.#world
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    if (!this.#process.effect(() => `asks the store: ${describe(operation, given)}`)) return promise
    if (this.#isAway) return Promise.reject(unavailable())
    world.note(this.#process.name, `asks the store: ${describe(operation, given)}`)
    const generation = this.breaks
    const late = world.after(answerMs, this.#process, () => fail(unavailable()))
    const fail = (fault: GatewayError) => {
      if (!this.#asked.delete(fail) && generation === this.breaks) return
      late.state = 'cancelled'
      reject(fault)
    }
    this.#asked.add(fail)
    this.#lastArrival = this.#inOrder(this.#lastArrival)
    world.after(this.#lastArrival - world.now, this.#shared.process, () => {
      if (generation !== this.breaks) return this.#arriveLate(operation, given)
      void this.#shared.act(operation, given).then(outcome => {
        if (generation !== this.breaks) return
        this.#lastAnswer = this.#inOrder(this.#lastAnswer)
        world.after(this.#lastAnswer - world.now, this.#process, () => {
          if (!this.#asked.delete(fail)) return
          late.state = 'cancelled'
          world.note(this.#process.name, `is answered: ${operation} ${describeOutcome(outcome)}`)
          resolve(outcome)
        })
      })
    })
    return promise
  }

  /** Asked on a connection that broke: it is done before there is another one, or never. */
  #arriveLate(operation: Operation, given: readonly unknown[]): void {
    const world = this.#world
    if (!this.#isAway || world.chance(0.5)) return
    world.after(world.between(0, this.#awayUntil - world.now), this.#shared.process, () => {
      world.note('store', `does late: ${describe(operation, given)}`)
      void this.#shared.act(operation, given)
    })
  }

  #inOrder(last: number): number {
    const [from, to] = this.#world.chance(slowShare) ? slowMs : quickMs
    return Math.max(last, this.#world.now + this.#world.between(from, to))
  }
}

function unavailable(): GatewayError {
  return new GatewayError('store_unavailable', 'The store did not answer', { retryAfterMs: 1000 })
}

const shownChars = 400

function describe(operation: Operation, given: readonly unknown[]): string {
  return `${operation} ${JSON.stringify(given).slice(0, shownChars)}`
}

function describeOutcome(outcome: unknown): string {
  return (JSON.stringify(outcome) ?? '').slice(0, shownChars)
}
