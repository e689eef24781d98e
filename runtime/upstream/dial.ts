/**
 * Dials upstream until a session exists: each place in turn, then jittered backoff and another round;
 * one deadline over all.
 */

import { GatewayError } from '../core/errors.ts'
import { describeFault } from '../core/fault-boundary.ts'
import type { Dial, UpstreamListener } from '../core/ports.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { Circuit } from './circuit.ts'
import { connect } from './connect.ts'
import { headersWithin } from './credential-headers.ts'
import { isPlaceAtFault, nextPlace, type Place } from './places.ts'
import { realtimeUrl } from './target.ts'

export interface DialerOptions {
  /** Time in which a session must exist, retries included (ms). */
  readonly connectTimeoutMs: number
  readonly maxMessageBytes: number
  readonly heartbeatMs: number
  readonly log: Log
  readonly metrics: Metrics
}

/** First wait between rounds (ms); doubles up to the last. Each is shortened by up to half, at random. */
const firstBackoffMs = 200
const lastBackoffMs = 3000

/**
 * Makes the dialling function of a choice of places.
 * @returns takes the places in order of preference. Each dial ends within `connectTimeoutMs` with one of
 *   `opened` and `failed`, never before it has returned; without a place it fails with `model_not_configured`
 */
export function createDialer(options: DialerOptions): (places: readonly Place[]) => Dial {
  // Made once: one made by a dial would keep that for as long as its session lasts.
  const onFault = (fault: unknown) => options.log.error('connection.failed', describeFault(fault))
  const common = { ...options, onFault }
  return places => (listener, headers) => {
    const dial = new Dialling(common, places, listener, headers)
    return () => dial.abort()
  }
}

interface DiallingOptions extends DialerOptions {
  readonly onFault: (fault: unknown) => void
}

class Dialling {
  readonly #options: DiallingOptions
  readonly #places: readonly Place[]
  readonly #listener: UpstreamListener
  readonly #headers: Readonly<Record<string, string>> | undefined
  readonly #deadline: number
  readonly #tried = new Set<Place>()
  /** What waits for this dial to find out; another dial's is not ours to give up. */
  #probed: Circuit | null = null
  /** When the first of the places of this round may be tried again (ms from its end). */
  #waitMs = Number.POSITIVE_INFINITY
  /** What upstream itself said last: it tells more than that the time was over afterwards. */
  #said: GatewayError | null = null
  #attempts = 0
  #rounds = 1
  #state: 'dialling' | 'over' = 'dialling'
  #abortAttempt: () => void = () => undefined
  #timer: NodeJS.Timeout | undefined

  constructor(
    options: DiallingOptions,
    places: readonly Place[],
    listener: UpstreamListener,
    headers: Readonly<Record<string, string>> | undefined,
  ) {
    this.#headers = headers
    this.#options = options
    this.#places = places
    this.#listener = listener
    this.#deadline = performance.now() + options.connectTimeoutMs
    // Whoever dials has to know the dial before it is told its end.
    if (!this.#goOn()) queueMicrotask(() => this.#end(noPlace()))
  }

  abort(): void {
    this.#state = 'over'
    this.#probed?.abandoned()
    this.#probed = null
    clearTimeout(this.#timer)
    this.#abortAttempt()
  }

  /** Tries the next place. @returns false when the round is over */
  #goOn(): boolean {
    const place = nextPlace(this.#places, this.#tried)
    if (place === null) return false
    this.#tried.add(place)
    this.#probed = place.circuit.began() ? place.circuit : null
    this.#attempt(place).catch(fault => this.#failed(place, this.#ownFault(fault)))
    return true
  }

  /** @returns what a fault of the gateway's own is told as */
  #ownFault(fault: unknown): GatewayError {
    if (fault instanceof GatewayError) return fault
    this.#options.onFault(fault)
    return new GatewayError('internal', 'The gateway failed to dial upstream', { cause: fault })
  }

  async #attempt(place: Place): Promise<void> {
    const { maxMessageBytes, heartbeatMs, metrics } = this.#options
    this.#attempts += 1
    const own = await headersWithin(place.credential, this.#timeoutMs())
    const headers = { ...this.#headers, ...own }
    if (this.#state === 'over') return
    const url = realtimeUrl(place.target, place.deployment)
    const { label } = place.target
    const limits = { timeoutMs: this.#timeoutMs(), maxMessageBytes, heartbeatMs }
    this.#abortAttempt = connect(
      { url, headers, label, deployment: place.name, ...limits },
      {
        listener: this.#listener,
        opened: upstream => {
          this.#state = 'over'
          this.#probed = null
          place.circuit.succeeded()
          metrics.countServed(place.name)
          this.#listener.opened(upstream)
        },
        failed: error => this.#failed(place, error),
      },
    )
  }

  /** What is left, shared with the places that are left: one that hangs must not use up all of it. */
  #timeoutMs(): number {
    const left = this.#deadline - performance.now()
    return Math.max(1, Math.round(left / (this.#places.length - this.#tried.size + 1)))
  }

  #failed(place: Place, error: GatewayError): void {
    if (this.#state === 'over') return
    const { log, metrics } = this.#options
    const atFault = isPlaceAtFault(error)
    if (atFault) place.circuit.failed(error.code === 'upstream_rate_limited', error.retryAfterMs)
    else this.#probed?.abandoned()
    this.#probed = null
    metrics.countFailed(place.name)
    this.#waitMs = Math.min(this.#waitMs, Math.max(error.retryAfterMs ?? 0, backoffMs(this.#rounds)))
    if (atFault && performance.now() < this.#deadline && this.#goOn()) {
      log.warn('upstream.failover', { from: place.name, code: error.code })
      return
    }
    this.#waitOrFail(error)
  }

  #waitOrFail(error: GatewayError): void {
    const waitMs = this.#waitMs
    if (error.code !== 'upstream_timeout') this.#said = error
    if (!error.retry || performance.now() + waitMs >= this.#deadline) {
      this.#end(this.#said ?? error)
      return
    }
    const { log, metrics } = this.#options
    metrics.traffic.upstreamRetries += 1
    log.warn('upstream.retry', { attempt: this.#attempts, code: error.code, waitMs: Math.round(waitMs) })
    this.#timer = setTimeout(() => this.#nextRound(), waitMs)
  }

  #nextRound(): void {
    this.#rounds += 1
    this.#waitMs = Number.POSITIVE_INFINITY
    this.#tried.clear()
    if (!this.#goOn()) this.#end(noPlace())
  }

  #end(error: GatewayError): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    try {
      this.#listener.failed(error)
    } catch (fault) {
      this.#listener.fault(fault)
    }
  }
}

function noPlace(): GatewayError {
  return new GatewayError('model_not_configured', 'No endpoint is configured for this model any more')
}

function backoffMs(rounds: number): number {
  const full = Math.min(lastBackoffMs, firstBackoffMs * 2 ** (rounds - 1))
  return full * (0.5 + Math.random() / 2)
}
