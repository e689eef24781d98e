/**
 * Remote procedure calls between the supervisor and a worker: either end may call the other.
 * Written here, as `birpc` and others bound neither what the channel has not taken yet nor the codes of errors.
 */
import { type ErrorCode, errorTable, GatewayError } from '../core/errors.ts'

/** The part of a child process, and of the process itself, that is used here (node:child_process, IPC). */
export interface Channel {
  readonly connected: boolean
  send?(message: object, handle: undefined, options: undefined, sent: (fault: Error | null) => void): boolean
  on(event: 'message', heard: (message: unknown) => void): unknown
  on(event: 'disconnect', gone: () => void): unknown
}

/** What this end answers, by the question's name. May throw or reject: the asker gets the error. */
export type RpcMethods = Readonly<Record<string, (...args: never[]) => unknown>>

interface RpcRequest {
  readonly ask: number
  readonly what: string
  readonly args: readonly unknown[]
}

interface RpcResponse {
  readonly answer: number
  readonly value?: unknown
  readonly error?: { message: string; code?: ErrorCode; retryAfterMs?: number }
}

interface PendingRequest {
  readonly resolve: (value: unknown) => void
  readonly reject: (fault: Error) => void
  readonly timer: NodeJS.Timeout
}

/** Time in which the other end answers what takes it no work (ms). */
export const responseMs = 1000

/** Time that a worker has to come to listen, from its fork on; nobody waits longer for either end meanwhile (ms). */
export const startMs = 60_000

/** Of questions that the channel has not taken yet; the texts in them are counted (characters). */
const maxUnsentChars = 16 * 1024 * 1024

export class RpcPeer {
  readonly #channel: Channel
  readonly #answers: RpcMethods
  readonly #waiting = new Map<number, PendingRequest>()
  #asked = 0
  #unsent = 0

  constructor(channel: Channel, answers: RpcMethods) {
    this.#channel = channel
    this.#answers = answers
    channel.on('message', message => this.#hear(message))
    channel.on('disconnect', () => {
      for (const ask of [...this.#waiting.keys()]) this.#settle(ask)?.reject(gone())
    })
  }

  get connected(): boolean {
    return this.#channel.connected
  }

  /**
   * Calls a method of the other end.
   * @param args what JSON can carry
   * @throws the other end's error, or Error when it cannot be reached or does not answer in time
   */
  call(what: string, args: readonly unknown[], deadlineMs: number): Promise<unknown> {
    const size = sizeOf(args)
    if (this.#unsent + size > maxUnsentChars)
      return Promise.reject(new Error(`Too much waits to be sent for "${what}"`))
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const ask = ++this.#asked
    const late = () => this.#settle(ask)?.reject(new Error(`"${what}" was not answered in ${deadlineMs} ms`))
    // An answer that came while this process itself was held up is read first.
    const timer = setTimeout(() => setImmediate(late), deadlineMs)
    this.#waiting.set(ask, { resolve, reject, timer })
    this.#unsent += size
    this.#send({ ask, what, args }, fault => {
      this.#unsent -= size
      if (fault !== null) this.#settle(ask)?.reject(fault)
    })
    return promise
  }

  #hear(message: unknown): void {
    // Others send on this channel too: Node's own watch mode does.
    if (typeof message !== 'object' || message === null) return
    if ('ask' in message) void this.#answer(message as RpcRequest)
    else if ('answer' in message) this.#answered(message as RpcResponse)
  }

  async #answer({ ask, what, args }: RpcRequest): Promise<void> {
    let answer: RpcResponse
    try {
      const reply = this.#answers[what] as ((...args: readonly unknown[]) => unknown) | undefined
      if (reply === undefined) throw new TypeError(`Nobody answers "${what}"`)
      answer = { answer: ask, value: await reply(...args) }
    } catch (fault) {
      answer = { answer: ask, error: describe(fault) }
    }
    // Whoever cannot take the answer is gone.
    this.#send(answer, () => undefined)
  }

  #answered({ answer, value, error }: RpcResponse): void {
    const waiting = this.#settle(answer)
    if (error === undefined) return waiting?.resolve(value)
    const { code, message, ...rest } = error
    waiting?.reject(
      code !== undefined && code in errorTable ? new GatewayError(code, message, rest) : new Error(message),
    )
  }

  #settle(ask: number): PendingRequest | undefined {
    const waiting = this.#waiting.get(ask)
    clearTimeout(waiting?.timer)
    this.#waiting.delete(ask)
    return waiting
  }

  #send(message: RpcRequest | RpcResponse, sent: (fault: Error | null) => void): void {
    if (!this.#channel.connected || this.#channel.send === undefined) return sent(gone())
    try {
      this.#channel.send(message, undefined, undefined, sent)
    } catch (fault) {
      sent(fault as Error)
    }
  }
}

const gone = () => new Error('The other process is gone')

function describe(fault: unknown): NonNullable<RpcResponse['error']> {
  if (!(fault instanceof GatewayError)) return { message: String(fault) }
  const { code, message, retryAfterMs } = fault
  return { code, message, ...(retryAfterMs !== undefined && { retryAfterMs }) }
}

function sizeOf(args: readonly unknown[]): number {
  return args.reduce<number>((sum, part) => sum + (typeof part === 'string' ? part.length : 0), 0)
}
