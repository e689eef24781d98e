/** One connection under its limits: messages are counted, minutes run, places are given back at the end. */
import type { Clock } from '../core/clock.ts'
import type { ErrorCode, GatewayError } from '../core/errors.ts'
import type { Connection } from '../core/ports.ts'
import type { Places } from './leases.ts'
import type { Rate } from './rates.ts'
import { limitReached, type Reached, type Share } from './shares.ts'

/** What a connection holds of its shares. */
export interface Holdings {
  /** Whose minutes they are. */
  readonly share: Share
  readonly rate: Pick<Rate, 'take' | 'release'>
  readonly places: Pick<Places, 'release'>
  /** The client was ended for what it took of the event loop, or of what is held for upstream. */
  readonly onCut: () => void
}

export interface SuperviseOptions extends Pick<Clock, 'after'> {
  /** Infinity where a session may last (ms). */
  readonly sessionMs: number
  /** How long before its end a session is told of it (ms). */
  readonly wrapUpMs: number
  readonly onReached: (share: Share, kind: Reached['kind']) => void
}

const nothing: readonly (() => void)[] = []

/** A connection that behaves as before until a limit is reached, which ends it with 1008. */
export class Supervised implements Connection {
  readonly #inner: Connection
  readonly #rate: Holdings['rate']
  readonly #places: Holdings['places']
  readonly #onCut: Holdings['onCut']
  readonly #onReached: SuperviseOptions['onReached']
  /** Cancel what its minutes have set. */
  readonly #cancels: readonly (() => void)[]
  #state: 'within' | 'over' = 'within'

  constructor(inner: Connection, { share, rate, places, onCut }: Holdings, options: SuperviseOptions) {
    this.#inner = inner
    this.#rate = rate
    this.#places = places
    this.#onCut = onCut
    this.#onReached = options.onReached
    this.#cancels =
      options.sessionMs === Number.POSITIVE_INFINITY ? nothing : startMinutes(inner, share, options)
  }

  message(data: Uint8Array, isBinary: boolean): void {
    if (this.#isWithin()) return this.#inner.message(data, isBinary)
  }

  controlFrame(): void {
    if (this.#isWithin()) return this.#inner.controlFrame?.()
  }

  held(): number {
    return this.#inner.held?.() ?? 0
  }

  writable(): void {
    this.#inner.writable()
  }

  announce(deadlineMs: number): void | Promise<void> {
    return this.#inner.announce(deadlineMs)
  }

  drain(deadlineMs: number): void {
    this.#inner.drain(deadlineMs)
  }

  fault(error: GatewayError): void {
    if (error.code === 'client_too_fast') this.#onCut()
    this.#inner.fault(error)
  }

  closed(code: number, reason: string): void {
    // "Try again later" is meant: back at once, it would fill what is held for upstream again.
    if (reason === ('upstream_too_slow' satisfies ErrorCode)) this.#onCut()
    for (const cancel of this.#cancels) cancel()
    this.#rate.release()
    this.#places.release()
    this.#inner.closed(code, reason)
  }

  /** Counts a message or a control frame. @returns false when the limit is passed, now or before */
  #isWithin(): boolean {
    if (this.#state === 'over') return false
    const share = this.#rate.take()
    if (share === null) return true
    this.#state = 'over'
    this.#onReached(share, 'messages')
    this.#inner.fault(tooManyMessages(share))
    return false
  }
}

function startMinutes(
  inner: Connection,
  share: Share,
  { sessionMs, wrapUpMs, after, onReached }: SuperviseOptions,
): (() => void)[] {
  const noticeMs = Math.min(wrapUpMs, sessionMs / 2)
  const notice = noticeMs > 0 ? [after(sessionMs - noticeMs, () => inner.expiring?.(noticeMs))] : []
  const end = after(sessionMs, () => {
    onReached(share, 'minutes')
    const message = `The ${Math.round(sessionMs / 60_000)} minutes of this session are over; open another one`
    inner.fault(limitReached({ kind: 'minutes', message }))
  })
  return [...notice, end]
}

function tooManyMessages({ whose, limits }: Share): GatewayError {
  const message = `More than ${limits.messagesPerSecond} messages a second for this ${whose}`
  return limitReached({ kind: 'messages', message, retryAfterMs: 1000 })
}
