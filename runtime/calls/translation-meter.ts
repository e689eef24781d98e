/**
 * Counts the seconds of WebRTC calls that translate. Their media does not pass through the gateway, so it joins each call,
 * listens, and counts from then until upstream does not know the call any more. No vendor documents that such a call can
 * be joined: `TRANSLATION_CALLS_METERED` turns it on.
 *
 * | phase   | upstream opens   | upstream closes                   | upstream knows no call         | upstream fails                  |
 * |---------|------------------|-----------------------------------|--------------------------------|---------------------------------|
 * | joining | → joined         | –                                 | was joined: → over; else amiss | ask again; in vain: amiss       |
 * | joined  | –                | refused by an event: amiss; else → joining, ask again | –          | –                               |
 * | over    | close it         | ignore                            | ignore                         | ignore                          |
 *
 * Amiss: → over; what follows is not counted, and where a budget depends on it the call is hung up.
 */
import { randomUUID } from 'node:crypto'
import { GatewayError } from '../core/errors.ts'
import { describeFault, enter, enterLater, type FaultOwner, internalError } from '../core/fault-boundary.ts'
import type { Dial, Upstream, UpstreamListener } from '../core/ports.ts'
import type { Payer } from '../limits/call-budgets.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import { type AccountParts, SessionAccount, type Spending } from '../usage/session-account.ts'
import { Rejoin } from './rejoin.ts'

export interface TranslationMetersParts {
  /** Joins a call. `patient` tries again while the call may not be known yet. */
  readonly dial: (callId: string, patient: boolean) => Dial
  readonly readType: (frame: Uint8Array) => string | null
  readonly accounts: AccountParts
  readonly metrics: Metrics
  readonly log: Log
  /** Counts what a call spent. @returns the error that ends it when it is the last of a day's budget */
  readonly spend: (payer: Payer, spending: Spending) => Promise<GatewayError | null>
  /** Ends a call. @throws GatewayError as upstream's calls do @returns false when there was none (any more) */
  readonly hangUp: (callId: string, passed: Readonly<Record<string, string>>) => Promise<boolean>
  /** A budget of the day depends on what is counted: a call that cannot be counted is hung up. */
  readonly isLimited: boolean
  /** A clock that only goes forward (ms). */
  readonly now: () => number
}

/** A call that begins. */
export interface TranslationCall {
  readonly callId: string
  readonly payer: Payer
  /** Deployment of its session; '' where the gateway does not know it. */
  readonly model: string
  /** Sent beside the headers that authenticate. */
  readonly passed: Readonly<Record<string, string>>
}

/** The meters of one gateway. */
export interface TranslationMeters {
  watch(call: TranslationCall): void
  /** Counts what every call used until now, and leaves them: no call ends by it. */
  close(): void
}

/** A long call is counted this often (ms): so much is lost where the process is killed. */
const countIntervalMs = 10_000

/** Stands for the path that was dialled. */
const route = 'call'

/** A call has no close code of its own. */
const endedCode = 1000

export function createTranslationMeters(parts: TranslationMetersParts): TranslationMeters {
  const running = new Set<TranslationMeter>()
  return {
    watch: call => {
      const meter = new TranslationMeter(parts, call, () => running.delete(meter))
      running.add(meter)
      meter.join()
    },
    close: () => {
      for (const meter of running) meter.stop()
    },
  }
}

class TranslationMeter implements UpstreamListener, FaultOwner {
  readonly #parts: TranslationMetersParts
  readonly #call: TranslationCall
  readonly #onOver: () => void
  readonly #account: SessionAccount
  readonly #rejoin = new Rejoin()
  #phase: 'joining' | 'joined' | 'over' = 'joining'
  #upstream: Upstream | null = null
  #abortDial: () => void = () => undefined
  #timer: NodeJS.Timeout | undefined
  /** Until when the call is counted (ms of `now`); null before it was joined. */
  #countedTo: number | null = null
  /** When the connection to it was lost; null while it is there. */
  #lostAt: number | null = null
  /** The same of the connection before the present one; null where there was none. */
  #lostBefore: number | null = null
  /** What came first over the connection: OpenAI refuses one by an `error` event after the upgrade. */
  #first: 'nothing' | 'error' | 'event' = 'nothing'

  constructor(parts: TranslationMetersParts, call: TranslationCall, onOver: () => void) {
    this.#parts = parts
    this.#call = call
    this.#onOver = onOver
    const owner = { session: randomUUID(), principal: call.payer.owner, route }
    this.#account = new SessionAccount(owner, parts.accounts, spending => this.#spend(spending))
    this.#account.opened(call.model || undefined)
  }

  join(): void {
    this.#abortDial = this.#dial(true)
  }

  /** Counts what was used until now, and leaves the call. Safe to call twice. */
  stop(): void {
    this.#end({ by: 'gateway' })
  }

  opened(upstream: Upstream): void {
    if (this.#phase === 'over') return upstream.close(endedCode, '')
    this.#phase = 'joined'
    this.#upstream = upstream
    this.#abortDial = () => undefined
    this.#rejoin.opened()
    this.#first = 'nothing'
    this.#lostBefore = this.#lostAt
    this.#lostAt = null
    this.#countedTo ??= this.#parts.now()
    this.#timer ??= setInterval(() => enter(this, () => this.#count()), countIntervalMs)
  }

  event(frame: Buffer, isBinary: boolean): void {
    if (this.#first !== 'nothing') return
    this.#first = !isBinary && this.#parts.readType(frame) === 'error' ? 'error' : 'event'
  }

  closed(code: number, _reason: string, error?: GatewayError): void {
    this.#upstream = null
    if (this.#phase === 'over') return
    this.#phase = 'joining'
    this.#lostAt = this.#parts.now()
    const why = error ?? new GatewayError('upstream_lost', `The connection to the call was closed (${code})`)
    if (this.#first === 'error') this.#fail(why)
    else this.#askAgain(why)
  }

  failed(error: GatewayError): void {
    if (this.#phase === 'over') return
    if (error.code !== 'call_not_found') this.#askAgain(error)
    else if (this.#countedTo === null) this.#fail(error)
    else this.#end({ by: 'upstream' })
  }

  fault(fault: unknown): void {
    this.onFault(fault)
  }

  onFault(fault: unknown): void {
    this.#parts.log.error('connection.failed', { call_id: this.#call.callId, ...describeFault(fault) })
    if (this.#phase !== 'over') this.#fail(internalError(fault))
  }

  #dial(isPatient: boolean): () => void {
    return this.#parts.dial(this.#call.callId, isPatient)(this, this.#call.passed)
  }

  #askAgain(error: GatewayError): void {
    const waitMs = error.retry ? this.#rejoin.next() : null
    if (waitMs === null) return this.#fail(error)
    const timer = enterLater(this, waitMs, () => {
      this.#abortDial = this.#dial(false)
    })
    this.#abortDial = () => clearTimeout(timer)
  }

  /** The call goes on, and what it uses from now on is not known. */
  #fail({ code, message }: GatewayError): void {
    const { log, isLimited } = this.#parts
    log.warn('translation.call.unmetered', { call_id: this.#call.callId, code, reason: message })
    if (this.#first === 'error') this.#forgetConnection()
    this.#end({ by: 'upstream', error: code })
    if (isLimited) this.#hangUp()
  }

  /** The connection was refused at once: of the call only what was heard before it is counted. */
  #forgetConnection(): void {
    this.#lostAt = this.#lostBefore
    if (this.#lostBefore === null) this.#countedTo = null
  }

  #end(end: { readonly by: 'upstream' | 'gateway'; readonly error?: string }): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    clearInterval(this.#timer)
    this.#abortDial()
    this.#count()
    this.#upstream?.close(endedCode, '')
    this.#account.ended({ ...end, code: endedCode })
    this.#onOver()
  }

  #count(): void {
    if (this.#countedTo === null) return
    const until = this.#lostAt ?? this.#parts.now()
    const seconds = (until - this.#countedTo) / 1000
    if (seconds <= 0) return
    this.#countedTo = until
    this.#parts.metrics.traffic.translationSeconds += seconds
    this.#account.translated(seconds)
  }

  #spend(spending: Spending): void {
    const { spend, log } = this.#parts
    spend(this.#call.payer, spending)
      .then(reached => reached !== null && this.#phase !== 'over' && this.#hangUp())
      .catch(fault => log.warn('limit.uncounted', { reason: String(fault) }))
  }

  #hangUp(): void {
    const { hangUp, log } = this.#parts
    const { callId, passed } = this.#call
    hangUp(callId, passed).catch(fault =>
      log.warn('upstream.failed', { call_id: callId, ...describeFault(fault) }),
    )
  }
}
