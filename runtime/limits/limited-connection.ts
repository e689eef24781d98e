/** One connection under its limits: messages are counted, minutes run, slots are given back at the end. */
import type { Clock } from '../core/clock.ts'
import type { ErrorCode, GatewayError } from '../core/errors.ts'
import type { Connection } from '../core/ports.ts'
import type { SessionSlots } from './concurrency.ts'
import { type LimitSubject, limitReached, type Reached } from './limit-subject.ts'
import type { SessionBuckets } from './token-bucket.ts'

/** What a connection holds of its subjects. */
export interface HeldLimits {
  /** Whose minutes they are. */
  readonly subject: LimitSubject
  readonly buckets: Pick<SessionBuckets, 'take' | 'release'>
  readonly slots: Pick<SessionSlots, 'release'>
  /** The client was ended for what it took of the event loop, or of what is held for upstream. */
  readonly onCut: () => void
}

export interface LimitedConnectionOptions extends Pick<Clock, 'after'> {
  /** Infinity where a session may last (ms). */
  readonly sessionMs: number
  /** How long before its end a session is told of it (ms). */
  readonly wrapUpMs: number
  readonly onReached: (subject: LimitSubject, kind: Reached['kind']) => void
}

const nothing: readonly (() => void)[] = []

/** A connection that behaves as before until a limit is reached, which ends it with 1008. */
export class LimitedConnection implements Connection {
  readonly #inner: Connection
  readonly #buckets: HeldLimits['buckets']
  readonly #slots: HeldLimits['slots']
  readonly #onCut: HeldLimits['onCut']
  readonly #onReached: LimitedConnectionOptions['onReached']
  /** Cancel what its minutes have set. */
  readonly #cancels: readonly (() => void)[]
  #state: 'within' | 'over' = 'within'

  constructor(
    inner: Connection,
    { subject, buckets, slots, onCut }: HeldLimits,
    options: LimitedConnectionOptions,
  ) {
    this.#inner = inner
    this.#buckets = buckets
    this.#slots = slots
    this.#onCut = onCut
    this.#onReached = options.onReached
    this.#cancels =
      options.sessionMs === Number.POSITIVE_INFINITY ? nothing : startMinutes(inner, subject, options)
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
    this.#buckets.release()
    this.#slots.release()
    this.#inner.closed(code, reason)
  }

  /** Counts a message or a control frame. @returns false when the limit is passed, now or before */
  #isWithin(): boolean {
    if (this.#state === 'over') return false
    const subject = this.#buckets.take()
    if (subject === null) return true
    this.#state = 'over'
    this.#onReached(subject, 'messages')
    this.#inner.fault(tooManyMessages(subject))
    return false
  }
}

function startMinutes(
  inner: Connection,
  subject: LimitSubject,
  { sessionMs, wrapUpMs, after, onReached }: LimitedConnectionOptions,
): (() => void)[] {
  const noticeMs = Math.min(wrapUpMs, sessionMs / 2)
  const notice = noticeMs > 0 ? [after(sessionMs - noticeMs, () => inner.expiring?.(noticeMs))] : []
  const end = after(sessionMs, () => {
    onReached(subject, 'minutes')
    const message = `The ${Math.round(sessionMs / 60_000)} minutes of this session are over; open another one`
    inner.fault(limitReached({ kind: 'minutes', message }))
  })
  return [...notice, end]
}

function tooManyMessages({ whose, limits }: LimitSubject): GatewayError {
  const message = `More than ${limits.messagesPerSecond} messages a second for this ${whose}`
  return limitReached({ kind: 'messages', message, retryAfterMs: 1000 })
}
