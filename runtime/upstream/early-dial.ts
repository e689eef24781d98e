/**
 * A dial that is made before its session begins: before its client's upgrade is answered, so that a refusal of upstream's
 * can be the answer, or while its conversation is taken over. The session takes it over when it begins; what upstream says
 * until then waits.
 *
 * | state   | opened                 | event         | closed       | failed                       | taken over      | abandoned  |
 * |---------|------------------------|---------------|--------------|------------------------------|-----------------|------------|
 * | dialing | → opened, pause        | –             | –            | by status: → over, throw; else → failed | → taken | → over, abort |
 * | opened  | –                      | hold, bounded | keep         | –                            | → taken, tell   | → over, close |
 * | failed  | –                      | –             | –            | –                            | → taken, tell   | → over     |
 * | taken   | pass on                | pass on       | pass on      | pass on                      | dial anew       | –          |
 * | over    | close it               | –             | –            | –                            | dial anew       | –          |
 */
import { GatewayError } from '../core/errors.ts'
import { enter, type FaultOwner } from '../core/fault-boundary.ts'
import type { Dial, Upstream, UpstreamListener } from '../core/ports.ts'
import { messageOverheadBytes } from '../session/outbox.ts'

export interface EarlyDialOptions {
  readonly dial: Dial
  /** Limit of what waits until the session begins (bytes, and 1024 more for each event). */
  readonly maxHeldBytes: number
}

/** How an upgrade waits for a dial. */
export interface AwaitedUpgrade {
  /** It is answered after this at the latest, and the dial goes on behind it (ms). */
  readonly withinMs: number
  /** Aborted when the client leaves before its upgrade is answered. */
  readonly gone: AbortSignal | undefined
}

interface Held {
  readonly frame: Buffer
  readonly isBinary: boolean
}

export class EarlyDial implements UpstreamListener, FaultOwner {
  readonly #options: EarlyDialOptions
  #state: 'dialing' | 'opened' | 'failed' | 'taken' | 'over' = 'dialing'
  readonly #settled = Promise.withResolvers<void>()
  readonly #abort: () => void
  #upstream: Upstream | null = null
  #held: Held[] = []
  #heldBytes = 0
  #closed: {
    readonly code: number
    readonly reason: string
    readonly error: GatewayError | undefined
  } | null = null
  #error: GatewayError | null = null
  /** An upgrade waits for it. */
  #isAwaited = false
  /** Whoever took it over. */
  #listener: UpstreamListener | null = null

  constructor(options: EarlyDialOptions) {
    this.#options = options
    this.#abort = options.dial(this)
  }

  /**
   * Resolves when the upgrade may be answered with 101: upstream's session exists, its time is over, or it failed in a
   * way that the session tells.
   * @returns the id of the request by which upstream's session was opened, where it is known by then
   * @throws GatewayError with which upstream refused the upgrade, or `client_silent` when the client has left
   */
  async settled({ withinMs, gone }: AwaitedUpgrade): Promise<string | undefined> {
    this.#isAwaited = true
    const timer = setTimeout(() => this.#settled.resolve(), withinMs)
    const leave = () => {
      this.abandon()
      this.#settled.reject(
        new GatewayError('client_silent', 'The client left before its upgrade was answered'),
      )
    }
    if (gone?.aborted) leave()
    gone?.addEventListener('abort', leave)
    try {
      await this.#settled.promise
      return this.#upstream?.requestId
    } finally {
      this.#isAwaited = false
      clearTimeout(timer)
      gone?.removeEventListener('abort', leave)
    }
  }

  /** Takes the dial over; a further one is made anew. The dialing function of the session. */
  readonly dial: Dial = (listener, headers) => {
    if (this.#state === 'taken' || this.#state === 'over') return this.#options.dial(listener, headers)
    this.#state = 'taken'
    this.#listener = listener
    // Whoever dials has to know the dial before it is told its end.
    queueMicrotask(() => enter(this, () => this.#tell(listener)))
    return () => this.#drop()
  }

  /** The upgrade came to nothing. Safe to call twice; nothing after it was taken over. */
  abandon(): void {
    if (this.#state !== 'taken') this.#drop()
  }

  opened(upstream: Upstream): void {
    if (this.#state === 'over') return upstream.close(1000, '')
    if (this.#listener !== null) {
      upstream.relay?.(this.#listener)
      return this.#listener.opened(upstream)
    }
    this.#state = 'opened'
    this.#upstream = upstream
    upstream.pause()
    this.#settled.resolve()
  }

  event(frame: Buffer, isBinary: boolean): void {
    if (this.#state === 'over') return
    if (this.#listener !== null && this.#upstream === null) return this.#listener.event(frame, isBinary)
    this.#heldBytes += frame.byteLength + messageOverheadBytes
    if (this.#heldBytes > this.#options.maxHeldBytes) return this.#upstream?.giveUp(tooMuch())
    // The memory of a frame is used again.
    this.#held.push({ frame: Buffer.from(frame), isBinary })
  }

  closed(code: number, reason: string, error?: GatewayError): void {
    if (this.#state === 'over') return
    if (this.#listener !== null && this.#upstream === null) this.#listener.closed(code, reason, error)
    else this.#closed = { code, reason, error }
  }

  failed(error: GatewayError): void {
    if (this.#state === 'over') return
    if (this.#listener !== null) return this.#listener.failed(error)
    this.#error = error
    const isAnswer = isErrorStatus(error.upstreamStatus) || error.code === 'call_not_found'
    this.#state = isAnswer && this.#isAwaited ? 'over' : 'failed'
    if (this.#state === 'over') this.#settled.reject(error)
    else this.#settled.resolve()
  }

  fault(fault: unknown): void {
    if (this.#listener !== null) this.#listener.fault(fault)
    else this.failed(new GatewayError('internal', 'The gateway failed to dial upstream', { cause: fault }))
  }

  /** Code of the session failed on what it was told. */
  onFault(fault: unknown): void {
    this.#listener?.fault(fault)
  }

  /** Tells the session what has happened until it began. */
  #tell(listener: UpstreamListener): void {
    const upstream = this.#upstream
    if (this.#state === 'over') return
    if (upstream === null) return this.#error === null ? undefined : listener.failed(this.#error)
    listener.opened(upstream)
    for (const { frame, isBinary } of this.#held) listener.event(frame, isBinary)
    this.#held = []
    this.#upstream = null
    if (this.#closed !== null)
      return listener.closed(this.#closed.code, this.#closed.reason, this.#closed.error)
    upstream.relay?.(listener)
    upstream.resume()
  }

  #drop(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#held = []
    if (this.#upstream === null) this.#abort()
    else this.#upstream.close(1000, '')
  }
}

function tooMuch(): GatewayError {
  return new GatewayError(
    'upstream_broke_protocol',
    'Upstream said more than may wait before its session began',
  )
}

/** Whether a status is a refusal that can be passed on: a 101 without an upgrade, or a redirect, would mislead a client. */
function isErrorStatus(status: number | undefined): boolean {
  return status !== undefined && status >= 400 && status <= 599
}
