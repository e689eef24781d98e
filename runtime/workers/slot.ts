/** One worker's place: filled by a process, and by another when that one ends. */
import type { ChildProcess } from 'node:child_process'
import { backoffMs } from '../core/backoff.ts'
import type { Log } from '../observability/log.ts'
import type { Counts } from '../observability/metrics.ts'
import { type RpcMethods, startMs } from './rpc-peer.ts'
import { followProcess, type WorkerExit, type WorkerProcess } from './worker-process.ts'

export interface SlotOptions {
  /** Counts from 1. */
  readonly number: number
  readonly fork: (number: number) => ChildProcess
  /** What a worker may ask of the supervisor. */
  readonly answers: RpcMethods
  readonly log: Log
  /** The process that was here is gone. */
  readonly onEnded: (number: number) => void
  /** One process after another ended as soon as it came: no more are started. */
  readonly onGivenUp: (fault: Error) => void
  readonly times?: SlotTimes
}

/** All in ms. */
export interface SlotTimes {
  readonly startWithin: number
  /** A process that served for less has failed. */
  readonly steady: number
  /** The longest wait before another try after the first failure; doubled by each further one. */
  readonly firstRetry: number
  /** A process that does not answer for this long is ended. */
  readonly silence: number
  /** Between two looks at it. */
  readonly checkInterval: number
}

const defaultTimes: SlotTimes = {
  startWithin: startMs,
  steady: 10_000,
  firstRetry: 200,
  silence: 3000,
  checkInterval: 500,
}

/** So many failures in a row are no accident. */
const maxFailures = 5

export class Slot {
  readonly #options: SlotOptions
  readonly #times: SlotTimes
  #phase: 'starting' | 'serving' | 'waiting' | 'over' = 'waiting'
  #running: WorkerProcess | null = null
  #failures = 0
  /** Its process was ended on purpose: that is no failure. */
  #isCrashed = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: SlotOptions) {
    this.#options = options
    this.#times = options.times ?? defaultTimes
  }

  get number(): number {
    return this.#options.number
  }

  get isServing(): boolean {
    return this.#phase === 'serving'
  }

  /** Starts the first process. @returns where it listens @throws Error when it ends before */
  async start(): Promise<string> {
    try {
      return await this.#fill().listening
    } catch (cause) {
      throw new Error(`Worker ${this.number} ${(cause as Error).message}`, { cause })
    }
  }

  /** What its process counted. @throws Error when it does not tell in time */
  async counts(withinMs: number): Promise<Counts> {
    if (this.#running === null) throw new Error(`Worker ${this.number} is not there`)
    return (await this.#running.ask('counts', withinMs)) as Counts
  }

  /**
   * Has its process end in good order; nobody takes its place.
   * @param deadlineMs its last connections are ended after this (ms)
   * @param killMs it is ended itself after this (ms)
   * @returns false when that failed or took too long
   */
  async drain(deadlineMs: number, killMs: number): Promise<boolean> {
    const running = this.#running
    const served = this.isServing
    this.#leave()
    if (running === null) return true
    if (served) running.ask('drain', killMs, deadlineMs).catch(() => undefined)
    else running.kill()
    const deadline = setTimeout(() => running.kill(), killMs)
    const { code } = await running.exited
    clearTimeout(deadline)
    return code === 0 || !served
  }

  /** Whether its process has a connection of that name. @returns false where it does not tell in time */
  async holds(connection: string, withinMs: number): Promise<boolean> {
    if (!this.isServing || this.#running === null) return false
    return this.#running.ask('holds', withinMs, connection).then(
      held => held === true,
      () => false,
    )
  }

  /** The number of its process; null while there is none. */
  get pid(): number | null {
    return this.#running?.pid ?? null
  }

  /** Ends its process at once; another takes its place. @param pid ends this one alone */
  crash(pid: number): void {
    if (this.#running?.pid !== pid) return
    this.#isCrashed = true
    this.#running.kill()
  }

  /** Ends its process at once; nobody takes its place. Safe to call twice. */
  kill(): void {
    this.#leave()
    this.#running?.kill()
  }

  #leave(): void {
    this.#phase = 'over'
    clearTimeout(this.#timer)
  }

  #fill(): WorkerProcess {
    const { number, fork, answers } = this.#options
    const running = followProcess(fork(number), answers)
    this.#running = running
    this.#phase = 'starting'
    this.#timer = setTimeout(() => running.kill(), this.#times.startWithin)
    running.exited.then(exit => this.#ended(running, exit))
    running.listening.then(
      () => this.#serve(running),
      () => undefined,
    )
    return running
  }

  #serve(running: WorkerProcess): void {
    if (this.#phase !== 'starting') return
    clearTimeout(this.#timer)
    this.#phase = 'serving'
    this.#options.log.info('worker.started', { worker: this.number, pid: running.pid })
    this.#watch(running)
  }

  /**
   * A process that is stuck keeps its part of the new connections, so it must go. Its silence is counted in looks at
   * it: where this process was held up too, as when the machine was suspended, that is one look and no silence.
   */
  #watch(running: WorkerProcess): void {
    const { silence, checkInterval } = this.#times
    let waiting = false
    let silentMs = 0
    const look = () => {
      if (waiting) silentMs += checkInterval
      else
        this.#askAlive(running).then(
          () => {
            waiting = false
            silentMs = 0
          },
          () => undefined,
        )
      waiting = true
      if (silentMs < silence) return
      this.#options.log.warn('worker.silent', { worker: this.number, pid: running.pid })
      clearInterval(this.#timer)
      running.kill()
    }
    this.#timer = setInterval(look, checkInterval)
  }

  #askAlive(running: WorkerProcess): Promise<unknown> {
    return running.ask('alive', startMs)
  }

  #ended({ pid }: WorkerProcess, exit: WorkerExit): void {
    const { log, onEnded } = this.#options
    clearTimeout(this.#timer)
    this.#running = null
    log.info('worker.exited', { worker: this.number, pid, ...exit })
    onEnded(this.number)
    if (this.#phase !== 'over') this.#refill(exit)
  }

  #refill({ servedMs }: WorkerExit): void {
    const isFailure = servedMs < this.#times.steady && !this.#isCrashed
    this.#isCrashed = false
    this.#failures = isFailure ? this.#failures + 1 : 0
    if (this.#failures > maxFailures) {
      this.#leave()
      const often = `${this.#failures} times in a row before it had served for ${this.#times.steady} ms`
      return this.#options.onGivenUp(new Error(`Worker ${this.number} ended ${often}`))
    }
    this.#phase = 'waiting'
    const { firstRetry, steady } = this.#times
    const backoff = { firstMs: firstRetry, lastMs: steady }
    const waitMs = this.#failures === 0 ? 0 : backoffMs(backoff, this.#failures)
    this.#timer = setTimeout(() => this.#fill(), waitMs)
  }
}
