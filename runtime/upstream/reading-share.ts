/**
 * How long reading from upstream may keep the event loop in one turn, all upstream connections together. What upstream
 * has sent at once, thousands of events after a stall, is handed out in as many turns as it takes, so that the sockets,
 * timers and promises of everybody else get theirs in between.
 */
import { systemClock } from '../core/clock.ts'

export interface ReadingShareOptions {
  /** Longest time in one turn (ms). */
  readonly turnMs: number
  /** Time that only goes forward (ms). */
  readonly monotonicNow: () => number
  /** Runs something when the present turn of the event loop is over. */
  readonly afterTurn: (run: () => void) => void
}

/** One that reads from upstream. Must not throw: what it calls is behind the fault boundary. */
export interface ShareReader {
  /** Hands out more of what it has read. */
  goOn(): void
}

/** Many times below what a person notices, and long enough for a thousand usual events (ms). */
const usualTurnMs = 10

/** The clock is read once for so many bytes that one connection brings. */
const checkEveryBytes = 64 * 1024

/** What a frame counts besides its bytes. */
const frameBytes = 4 * 1024

export class ReadingShare {
  readonly #options: ReadingShareOptions
  /** Who reads now. Its bytes are counted while no other reads: what comes in small pieces needs no clock. */
  #reader: ShareReader | null = null
  #unchecked = 0
  #turn: 'unread' | 'read' = 'unread'
  /** The turn's first reading of the clock (ms). */
  #startedAt = 0
  /** Whoever has something left, in turn. */
  readonly #behind: ShareReader[] = []
  readonly #turnOver = (): void => {
    this.#turn = 'unread'
    if (this.#behind.length > 0) this.#serve()
  }

  constructor(options: ReadingShareOptions) {
    this.#options = options
  }

  /** Counts bytes that are handed out, a frame or a part of one. @returns false when the turn's time is over */
  admits(reader: ShareReader, bytes: number): boolean {
    if (reader !== this.#reader) {
      this.#reader = reader
      this.#unchecked = 0
    }
    this.#unchecked += bytes + frameBytes
    return this.#unchecked < checkEveryBytes || this.#check()
  }

  /** Lets a reader go on in a later turn, behind those that wait already. */
  defer(reader: ShareReader): void {
    this.#behind.push(reader)
    this.#startTurn()
  }

  #check(): boolean {
    this.#unchecked = 0
    this.#startTurn()
    return this.#options.monotonicNow() - this.#startedAt < this.#options.turnMs
  }

  #startTurn(): void {
    if (this.#turn === 'read') return
    this.#turn = 'read'
    this.#startedAt = this.#options.monotonicNow()
    this.#options.afterTurn(this.#turnOver)
  }

  /** Whoever does not come to its end goes to the end of the queue, and the next one waits for its own turn. */
  #serve(): void {
    this.#startTurn()
    const { monotonicNow, turnMs } = this.#options
    do this.#behind.shift()?.goOn()
    while (this.#behind.length > 0 && monotonicNow() - this.#startedAt < turnMs)
  }
}

/** Of all upstream connections of this process. */
export const sharedReading = new ReadingShare({ turnMs: usualTurnMs, ...systemClock })
