/**
 * Fairness between clients of one process: how long each may keep the event loop.
 *
 * uWebSockets.js (20.51 and 20.69, measured) reads a socket on as long as each read fills its buffer of 512 KiB, so a
 * client that sends as fast as it can keeps the loop for itself: no other socket, timer or promise gets a turn. A limit
 * in messages does not help, as what a message costs differs a thousandfold. So time is measured, and closing the
 * socket from its own callback, which frees the loop at once, is the answer.
 *
 * Consecutive calls for one client in one turn of the loop are a run. A client may take `turnMs` in one run, and ten
 * times as much in one second while others were served. A run is measured in wall time, of which half of `turnMs` must
 * be CPU time of this process, and a second in CPU time: that the machine is busy elsewhere is nobody's fault.
 */

/** What a client spent. Lives as long as its connection. */
export interface ClientLoopTime {
  /** When the present second began (ms). */
  secondAt: number
  /** CPU time spent in it, in runs (ms). */
  spentMs: number
  /** How often the loop had gone over to another client when the second began. */
  turnsOfOthers: number
}

export interface LoopShareOptions {
  /** Longest run (ms); 0: no limit. */
  readonly turnMs: number
  /** Wall time (ms). */
  readonly monotonicNow: () => number
  /** CPU time of this process (ms). */
  readonly cpuMs: () => number
  /** Runs something when the present turn of the loop is over. */
  readonly afterTurn: (run: () => void) => void
}

/** A second holds this many turns' worth. */
const turnsPerSecond = 10

const secondMs = 1000

/** The clocks are read once for so many bytes. */
const checkEveryBytes = 64 * 1024

/**
 * What a call counts besides its bytes. Requests over HTTP count less: they are told apart by address, which a proxy's
 * clients share, and only a pipeline of hundreds in one turn is beyond doubt one client's.
 */
export const callBytes = { message: 4 * 1024, request: 256 } as const

export class LoopShare {
  readonly #options: LoopShareOptions
  /** Whose run it is: an object that is the client's alone, or its address. */
  #client: unknown = null
  #switches = 0
  #unchecked = 0
  /** The run's first reading of the clocks. */
  #startedAt = 0
  #startedCpu = 0
  /** The last reading. */
  #checkedCpu = 0
  #run: 'unread' | 'read' = 'unread'
  readonly #turnOver = () => {
    this.#run = 'unread'
  }

  constructor(options: LoopShareOptions) {
    this.#options = options
  }

  /** A client that has spent nothing. */
  static use(): ClientLoopTime {
    return { secondAt: 0, spentMs: 0, turnsOfOthers: 0 }
  }

  /**
   * Counts one call for a client.
   * @param client what tells this client from others: compared by identity
   * @param use null bounds its runs alone, to half of `turnMs`: requests one behind the other, for as long, are no browser's
   * @param bytes size of what came with the call, and its `callBytes`
   * @returns false when the client has used more than its share, and must be closed now
   */
  admits(client: unknown, use: ClientLoopTime | null, bytes: number): boolean {
    if (client !== this.#client) this.#begin(client)
    this.#unchecked += bytes
    return this.#unchecked < checkEveryBytes || this.#check(use)
  }

  /** Whether the present run has taken more than half of what is allowed. */
  get isLong(): boolean {
    const { turnMs, monotonicNow, cpuMs } = this.#options
    return turnMs > 0 && this.#run === 'read' && this.#isLonger(turnMs / 2, monotonicNow(), cpuMs())
  }

  #isLonger(ms: number, at: number, cpu: number): boolean {
    return at - this.#startedAt > ms && cpu - this.#startedCpu > ms / 2
  }

  #begin(client: unknown): void {
    this.#client = client
    this.#switches += 1
    this.#unchecked = 0
    this.#run = 'unread'
  }

  #check(use: ClientLoopTime | null): boolean {
    const { turnMs, monotonicNow, cpuMs, afterTurn } = this.#options
    this.#unchecked = 0
    if (turnMs === 0) return true
    const at = monotonicNow()
    const cpu = cpuMs()
    if (this.#run === 'unread') {
      this.#run = 'read'
      this.#startedAt = at
      this.#startedCpu = cpu
      this.#checkedCpu = cpu
      afterTurn(this.#turnOver)
      return true
    }
    const isRunTooLong = this.#isLonger(use === null ? turnMs / 2 : turnMs, at, cpu)
    const isSecondFull = use !== null && this.#spend(use, at, cpu - this.#checkedCpu)
    this.#checkedCpu = cpu
    return !isRunTooLong && !isSecondFull
  }

  /** @returns whether the client has had its part of this second */
  #spend(use: ClientLoopTime, at: number, spentMs: number): boolean {
    if (at - use.secondAt >= secondMs) {
      use.secondAt = at
      use.spentMs = 0
      use.turnsOfOthers = this.#switches
    }
    use.spentMs += spentMs
    const othersWaited = this.#switches > use.turnsOfOthers + 1
    return use.spentMs > this.#options.turnMs * turnsPerSecond && othersWaited
  }
}
