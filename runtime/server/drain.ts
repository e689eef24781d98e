/** The drain: owns the one set of connections, and ends them in good order when the process must go. */
import { GatewayError } from '../core/errors.ts'
import { describeFault } from '../core/fault-boundary.ts'
import { announceMs, shutdownSteps } from '../core/shutdown.ts'
import type { Log } from '../observability/log.ts'

export interface Drainable {
  /** Tells the client that this process goes away, and how to come back. */
  announce(deadlineMs: number): void | Promise<void>
  /** Ends by itself, at the latest after `deadlineMs` from now. */
  drain(deadlineMs: number): void
}

export interface DrainOptions {
  /** HTTP is still answered for this long (ms). */
  readonly lameDuckMs: number
  /** The last connections are ended after this long (ms). */
  readonly deadlineMs: number
  readonly log: Log
}

/** What a refused upgrade is told to wait before it tries again, elsewhere (ms). */
const retryAfterMs = 1000

/**
 * So many are told of the drain in one turn of the event loop: a ticket is written for each, and thousands of them in one
 * turn would hold up every conversation.
 */
const announcedAtOnce = 10

/** Idle sessions are ended this many at a time, so that their clients do not all come back at once. */
const batchIntervalMs = 50
const smallestBatch = 10

/** All of them within this part of the deadline. */
const spreadPart = 0.4

export class Drain {
  readonly #options: DrainOptions
  readonly #connections = new Set<Drainable>()
  #phase: 'serving' | 'draining' | 'drained' = 'serving'
  #emptied: (() => void) | null = null
  /** When the last connections are ended (`performance.now()`). */
  #endsAt = Number.POSITIVE_INFINITY
  /** All that this drain has to end. */
  #taken = 0

  constructor(options: DrainOptions) {
    this.#options = options
  }

  get phase(): 'serving' | 'draining' | 'drained' {
    return this.#phase
  }

  /** Why a new connection cannot be taken; null while it can. */
  refusal(): GatewayError | null {
    if (this.#phase === 'serving') return null
    return new GatewayError('draining', 'This replica is going away; try again', { retryAfterMs })
  }

  /** Also one that comes in a drain, as its beginning was under way, is told, ended and counted. */
  add(connection: Drainable): void {
    this.#enrol(connection)
    if (this.#phase !== 'serving') void this.#endLate(connection)
  }

  remove(connection: Drainable): void {
    this.#connections.delete(connection)
    if (this.#connections.size === 0) this.#emptied?.()
  }

  /**
   * Has a drain wait, to its deadline, for work that nobody else would do again, and until its answer is written.
   * @returns the work
   */
  waitFor<T>(work: Promise<T>): Promise<T> {
    const running: Drainable = { announce: () => undefined, drain: () => undefined }
    this.#enrol(running)
    // An answer is written in the turn of the event loop after this one at the latest.
    const over = () => setImmediate(() => setImmediate(() => this.remove(running)))
    work.then(over, over)
    return work
  }

  /**
   * Tells every client, lets every connection end in good order, and waits for that and for the
   * lame-duck time. Safe to call twice: the second call changes nothing.
   * @param withinMs ends the last connections sooner than the configured deadline (ms)
   */
  async begin(withinMs = Number.POSITIVE_INFINITY): Promise<void> {
    if (this.#phase !== 'serving') return
    this.#phase = 'draining'
    const { lameDuckMs, log } = this.#options
    const deadlineMs = Math.min(this.#options.deadlineMs, withinMs)
    const startedAt = performance.now()
    this.#endsAt = startedAt + deadlineMs
    const connections = [...this.#connections]
    this.#taken = connections.length
    log.info('drain.started', { connections: connections.length, deadlineMs })
    const lameDuck = sleep(Math.min(lameDuckMs, deadlineMs))
    const tooLong = this.#announceTime()
    const announced = await this.#announceInTurns(connections)
    await Promise.race([Promise.all(announced), tooLong])
    await this.#endInBatches(connections)
    // First: in the lame-duck time, too, a connection may come whose beginning was under way.
    await lameDuck
    await this.#allClosed(this.#leftMs() + shutdownSteps.closeFramesMs)
    this.#phase = 'drained'
    const left = this.#connections.size
    const ms = Math.round(performance.now() - startedAt)
    log.info('drain.completed', { ended: this.#taken - left, left, ms })
  }

  #enrol(connection: Drainable): void {
    this.#connections.add(connection)
    if (this.#phase !== 'serving') this.#taken += 1
  }

  /** Never rejects. */
  async #endLate(connection: Drainable): Promise<void> {
    await Promise.race([this.#announce(connection), this.#announceTime()])
    if (this.#connections.has(connection)) this.#end(connection)
  }

  #leftMs(): number {
    return Math.max(0, this.#endsAt - performance.now())
  }

  #announceTime(): Promise<void> {
    return sleep(Math.min(announceMs, this.#leftMs()))
  }

  /** @returns for each connection that has not ended before, what resolves when it was told or could not be told */
  async #announceInTurns(connections: readonly Drainable[]): Promise<readonly Promise<void>[]> {
    const announced: Promise<void>[] = []
    for (let first = 0; first < connections.length; first += announcedAtOnce) {
      if (first > 0) await new Promise(resolve => setImmediate(resolve))
      for (const connection of connections.slice(first, first + announcedAtOnce))
        if (this.#connections.has(connection)) announced.push(this.#announce(connection))
    }
    return announced
  }

  /** One connection's fault keeps no other from being told. */
  async #announce(connection: Drainable): Promise<void> {
    try {
      await connection.announce(Math.ceil(this.#leftMs()))
    } catch (fault) {
      this.#options.log.error('connection.failed', describeFault(fault))
    }
  }

  async #endInBatches(connections: readonly Drainable[]): Promise<void> {
    const batches = Math.max(1, Math.floor((this.#leftMs() * spreadPart) / batchIntervalMs))
    const size = Math.max(smallestBatch, Math.ceil(connections.length / batches))
    for (let first = 0; first < connections.length; first += size) {
      if (first > 0) await sleep(batchIntervalMs)
      for (const connection of connections.slice(first, first + size)) this.#end(connection)
    }
  }

  /** One connection's fault keeps no other from its end. */
  #end(connection: Drainable): void {
    try {
      connection.drain(this.#leftMs())
    } catch (fault) {
      this.#options.log.error('connection.failed', describeFault(fault))
    }
  }

  #allClosed(withinMs: number): Promise<void> {
    if (this.#connections.size === 0) return Promise.resolve()
    return new Promise(resolve => {
      const timer = setTimeout(resolve, withinMs)
      this.#emptied = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
