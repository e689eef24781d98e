/** The drain: owns the one set of connections, and ends them in good order when the process must go. */
import { GatewayError } from './errors.ts'
import type { Log } from './log.ts'

export interface Drainable {
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

/** After the deadline, sockets still have this long to take their close frames (ms). */
const closeGraceMs = 1000

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
   * Tells every connection to end, waits until all have, and for the lame-duck time.
   * Safe to call twice: the second call changes nothing.
   */
  async begin(): Promise<void> {
    if (this.#phase !== 'serving') return
    this.#phase = 'draining'
    const { lameDuckMs, deadlineMs, log } = this.#options
    const startedAt = performance.now()
    const connections = this.#connections.size
    log.info('drain.started', { connections, deadlineMs })
    const lameDuck = new Promise<void>(resolve => setTimeout(resolve, Math.min(lameDuckMs, deadlineMs)))
    for (const connection of [...this.#connections]) connection.drain(deadlineMs)
    await this.#allClosed(deadlineMs + closeGraceMs)
    await lameDuck
    this.#phase = 'drained'
    const left = this.#connections.size
    log.info('drain.completed', {
      ended: connections - left,
      left,
      ms: Math.round(performance.now() - startedAt),
    })
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
