/** One end of the line between the supervisor and a worker: either may ask, and is answered. */
import { type ErrorCode, errorTable, GatewayError } from '../core/errors.ts'

/** The part of a child process, and of the process itself, that is used here (node:child_process, IPC). */
export interface Line {
  readonly connected: boolean
  send?(message: object, handle: undefined, options: undefined, sent: (fault: Error | null) => void): boolean
  on(event: 'message', heard: (message: unknown) => void): unknown
  on(event: 'disconnect', gone: () => void): unknown
}

/** What this end answers, by the question's name. May throw or reject: the asker gets the error. */
export type Answers = Readonly<Record<string, (...given: never[]) => unknown>>

interface Question {
  readonly ask: number
  readonly what: string
  readonly given: readonly unknown[]
}

interface Answer {
  readonly answer: number
  readonly value?: unknown
  readonly error?: { message: string; code?: ErrorCode; retryAfterMs?: number }
}

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (fault: Error) => void
  readonly timer: NodeJS.Timeout
}

/** Time in which the other end answers what takes it no work (ms). */
export const answerMs = 1000

/** Time that a worker has to come to listen, from its fork on; nobody waits longer for either end meanwhile (ms). */
export const startMs = 60_000

/** Of questions that the line has not taken yet; the texts in them are counted (characters). */
const maxUnsent = 16 * 1024 * 1024

export class Link {
  readonly #line: Line
  readonly #answers: Answers
  readonly #waiting = new Map<number, Waiting>()
  #asked = 0
  #unsent = 0

  constructor(line: Line, answers: Answers) {
    this.#line = line
    this.#answers = answers
    line.on('message', message => this.#hear(message))
    line.on('disconnect', () => {
      for (const ask of [...this.#waiting.keys()]) this.#settle(ask)?.reject(gone())
    })
  }

  get connected(): boolean {
    return this.#line.connected
  }

  /**
   * Asks the other end.
   * @param given what JSON can carry
   * @throws the other end's error, or Error when it cannot be reached or does not answer in time
   */
  ask(what: string, given: readonly unknown[], deadlineMs: number): Promise<unknown> {
    const size = sizeOf(given)
    if (this.#unsent + size > maxUnsent)
      return Promise.reject(new Error(`Too much waits to be sent for "${what}"`))
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const ask = ++this.#asked
    const late = () => this.#settle(ask)?.reject(new Error(`"${what}" was not answered in ${deadlineMs} ms`))
    // An answer that came while this process itself was held up is read first.
    const timer = setTimeout(() => setImmediate(late), deadlineMs)
    this.#waiting.set(ask, { resolve, reject, timer })
    this.#unsent += size
    this.#send({ ask, what, given }, fault => {
      this.#unsent -= size
      if (fault !== null) this.#settle(ask)?.reject(fault)
    })
    return promise
  }

  #hear(message: unknown): void {
    // Others speak on this line too: Node's own watch mode does.
    if (typeof message !== 'object' || message === null) return
    if ('ask' in message) void this.#answer(message as Question)
    else if ('answer' in message) this.#answered(message as Answer)
  }

  async #answer({ ask, what, given }: Question): Promise<void> {
    let answer: Answer
    try {
      const reply = this.#answers[what] as ((...given: readonly unknown[]) => unknown) | undefined
      if (reply === undefined) throw new TypeError(`Nobody answers "${what}"`)
      answer = { answer: ask, value: await reply(...given) }
    } catch (fault) {
      answer = { answer: ask, error: describe(fault) }
    }
    // Whoever cannot take the answer is gone.
    this.#send(answer, () => undefined)
  }

  #answered({ answer, value, error }: Answer): void {
    const waiting = this.#settle(answer)
    if (error === undefined) return waiting?.resolve(value)
    const { code, message, ...rest } = error
    waiting?.reject(
      code !== undefined && code in errorTable ? new GatewayError(code, message, rest) : new Error(message),
    )
  }

  #settle(ask: number): Waiting | undefined {
    const waiting = this.#waiting.get(ask)
    clearTimeout(waiting?.timer)
    this.#waiting.delete(ask)
    return waiting
  }

  #send(message: Question | Answer, sent: (fault: Error | null) => void): void {
    if (!this.#line.connected || this.#line.send === undefined) return sent(gone())
    try {
      this.#line.send(message, undefined, undefined, sent)
    } catch (fault) {
      sent(fault as Error)
    }
  }
}

const gone = () => new Error('The other process is gone')

function describe(fault: unknown): NonNullable<Answer['error']> {
  if (!(fault instanceof GatewayError)) return { message: String(fault) }
  const { code, message, retryAfterMs } = fault
  return { code, message, ...(retryAfterMs !== undefined && { retryAfterMs }) }
}

function sizeOf(given: readonly unknown[]): number {
  return given.reduce<number>((sum, part) => sum + (typeof part === 'string' ? part.length : 0), 0)
}
