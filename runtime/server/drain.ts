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

  add(connection: Drainable): void {
    this.#connections.add(connection)
  }

  remove(connection: Drainable): void {
    this.#connections.delete(connection)
    if (this.#connections.size === 0) this.#emptied?.()
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
    const leftMs = () => Math.max(0, deadlineMs - (performance.now() - startedAt))
    const connections = [...this.#connections]
    log.info('drain.started', { connections: connections.length, deadlineMs })
    const lameDuck = sleep(Math.min(lameDuckMs, deadlineMs))
    const tooLong = sleep(Math.min(announceMs, leftMs()))
    const announced = await this.#announceInTurns(connections, leftMs)
    await Promise.race([Promise.all(announced), tooLong])
    await this.#endInBatches(connections, leftMs)
    await this.#allClosed(leftMs() + shutdownSteps.closeFramesMs)
    await lameDuck
    this.#phase = 'drained'
    const left = this.#connections.size
    const ms = Math.round(performance.now() - startedAt)
    log.info('drain.completed', { ended: connections.length - left, left, ms })
  }

  /** @returns for each connection that has not ended before, what resolves when it was told or could not be told */
  async #announceInTurns(
    connections: readonly Drainable[],
    leftMs: () => number,
  ): Promise<readonly Promise<void>[]> {
    const announced: Promise<void>[] = []
    for (let first = 0; first < connections.length; first += announcedAtOnce) {
      if (first > 0) await new Promise(resolve => setImmediate(resolve))
      for (const connection of connections.slice(first, first + announcedAtOnce))
        if (this.#connections.has(connection)) announced.push(this.#announce(connection, leftMs()))
    }
    return announced
  }

  /** One connection's fault keeps no other from being told. */
  async #announce(connection: Drainable, leftMs: number): Promise<void> {
    try {
      await connection.announce(Math.ceil(leftMs))
    } catch (fault) {
      this.#options.log.error('connection.failed', describeFault(fault))
    }
  }

  async #endInBatches(connections: readonly Drainable[], leftMs: () => number): Promise<void> {
    const batches = Math.max(1, Math.floor((leftMs() * spreadPart) / batchIntervalMs))
    const size = Math.max(smallestBatch, Math.ceil(connections.length / batches))
    for (let first = 0; first < connections.length; first += size) {
      if (first > 0) await sleep(batchIntervalMs)
      for (const connection of connections.slice(first, first + size)) this.#end(connection, leftMs())
    }
  }

  /** One connection's fault keeps no other from its end. */
  #end(connection: Drainable, deadlineMs: number): void {
    try {
      connection.drain(deadlineMs)
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
