/**
 * Dials upstream: the candidates of a round in turn, then jittered backoff and another round; one deadline over
 * all. What a session and a running call differ in is their policy.
 */

import { type BackoffBounds, backoffMs } from '../core/backoff.ts'
import { GatewayError } from '../core/errors.ts'
import { describeFault } from '../core/fault-boundary.ts'
import type { Dial, UpstreamListener } from '../core/ports.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { Circuit } from './circuit.ts'
import { connect } from './connect.ts'
import { headersWithin } from './credential-headers.ts'
import type { Credential } from './credentials/credentials.ts'
import { isEndpointAtFault, nextCandidate, type PooledEndpoint } from './endpoint-pool.ts'
import type { Purpose } from './model-permit.ts'
import type { ProxySettings } from './proxy.ts'
import { callUrl, sessionUrl, type Target } from './target.ts'

export interface DialerOptions {
  /** Time in which a session must exist, retries included (ms). */
  readonly connectTimeoutMs: number
  readonly maxMessageBytes: number
  readonly heartbeatMs: number
  /** null, or absent: none. */
  readonly proxy?: ProxySettings | null
  readonly log: Log
}

export interface SessionDialerOptions extends DialerOptions {
  readonly metrics: Metrics
}

export interface CallDialerOptions extends DialerOptions {
  readonly target: Target
  readonly credential: Credential
  /** What the calls are for; absent: conversations. */
  readonly purpose?: Purpose
}

/** Where a dial may go. */
interface Candidate {
  readonly url: URL
  /** The provider's name, for messages. */
  readonly label: string
  readonly credential: Credential
  /** Names what serves the session in logs and metrics; null where a call is joined, which is served already. */
  readonly name: string | null
  /** null where nothing else could be dialed instead. */
  readonly circuit: Circuit | null
}

/** What dials differ in. */
interface DialPolicy {
  /** Whether upstream speaks first once a session exists. */
  readonly greets: boolean
  /** Between rounds. */
  readonly backoff: BackoffBounds
  /** The least time that one attempt gets, however late it begins (ms). */
  readonly leastAttemptMs: number
  /** What 404 means; null: a refusal like any other. */
  readonly unknown: UnknownPolicy | null
  /** Counts served and failed attempts, and further rounds; null counts nothing. */
  readonly metrics: Metrics | null
}

/** What is dialed is made elsewhere, and may not be known yet. */
interface UnknownPolicy {
  /** It is tried again until the dial is this old (ms); 0 tries no more. */
  readonly patienceMs: number
  readonly retryMs: number
  /** What the listener is told in the end. */
  readonly error: () => GatewayError
}

const sessionBackoff: BackoffBounds = { firstMs: 200, lastMs: 3000 }
const callBackoff: BackoffBounds = { firstMs: 250, lastMs: 2000 }

/** A call that was made a moment ago may not be known yet: 404 is tried again for this long (ms). */
const unknownCallPatienceMs = 5000
const unknownCallRetryMs = 250

/**
 * Makes the dialing function of a choice of endpoints.
 * @returns takes the endpoints in order of preference. Each dial ends within `connectTimeoutMs` with one of
 *   `opened` and `failed`, never before it has returned; without a endpoint it fails at once, with
 *   `model_not_configured`
 */
export function createDialer(options: SessionDialerOptions): (endpoints: readonly PooledEndpoint[]) => Dial {
  const common = withFaultLog(options)
  const policy: DialPolicy = {
    greets: true,
    backoff: sessionBackoff,
    leastAttemptMs: 1,
    unknown: null,
    metrics: options.metrics,
  }
  return endpoints => {
    const candidates = endpoints.map(
      ({ name, target, deployment, purpose, credential, circuit }): Candidate => {
        return {
          url: sessionUrl(target, deployment, purpose),
          label: target.label,
          credential,
          name,
          circuit,
        }
      },
    )
    return (listener, headers) => {
      const dial = new Dialing(common, policy, candidates, listener, headers)
      return () => dial.abort()
    }
  }
}

/**
 * Makes the dialing function of a running call.
 * It fails with `call_not_found` when upstream does not know the call, or not any more. Each dial ends with
 * one of `opened` and `failed`, never before it has returned.
 * @returns takes a call's id; `patient` tries again while the call may not be known yet
 */
export function createCallDialer(options: CallDialerOptions): (callId: string, patient: boolean) => Dial {
  const common = withFaultLog(options)
  const { target, credential, purpose } = options
  const policyOf = (patienceMs: number): DialPolicy => ({
    greets: false,
    backoff: callBackoff,
    leastAttemptMs: unknownCallRetryMs,
    unknown: { patienceMs, retryMs: unknownCallRetryMs, error: callNotFound },
    metrics: null,
  })
  const patientPolicy = policyOf(unknownCallPatienceMs)
  const impatientPolicy = policyOf(0)
  return (callId, patient) => (listener, headers) => {
    const candidate: Candidate = {
      ...{ url: callUrl(target, callId, purpose), label: target.label, credential },
      ...{ name: null, circuit: null },
    }
    const policy = patient ? patientPolicy : impatientPolicy
    const dial = new Dialing(common, policy, [candidate], listener, headers)
    return () => dial.abort()
  }
}

interface CommonOptions extends DialerOptions {
  /** One for all dials: one made by a dial would keep that for as long as its session lasts. */
  readonly onFault: (fault: unknown) => void
}

function withFaultLog(options: DialerOptions): CommonOptions {
  const { connectTimeoutMs, maxMessageBytes, heartbeatMs, proxy = null, log } = options
  const onFault = (fault: unknown) => log.error('connection.failed', describeFault(fault))
  return { connectTimeoutMs, maxMessageBytes, heartbeatMs, proxy, log, onFault }
}

class Dialing {
  readonly #options: CommonOptions
  readonly #policy: DialPolicy
  readonly #candidates: readonly Candidate[]
  readonly #listener: UpstreamListener
  readonly #headers: Readonly<Record<string, string>> | undefined
  readonly #startedAt = performance.now()
  /** Of the present round. */
  readonly #tried = new Set<Candidate>()
  /** What waits for this dial to find out; another dial's is not ours to give up. */
  #probed: Circuit | null = null
  /** When the first of the candidates of this round may be tried again (ms from its end). */
  #waitMs = Number.POSITIVE_INFINITY
  /** What upstream itself said last: it tells more than that the time was over afterwards. */
  #said: GatewayError | null = null
  #attempts = 0
  #rounds = 1
  #state: 'dialing' | 'over' = 'dialing'
  #abortAttempt: () => void = () => undefined
  #timer: NodeJS.Timeout | undefined

  constructor(
    options: CommonOptions,
    policy: DialPolicy,
    candidates: readonly Candidate[],
    listener: UpstreamListener,
    headers: Readonly<Record<string, string>> | undefined,
  ) {
    this.#options = options
    this.#policy = policy
    this.#candidates = candidates
    this.#listener = listener
    this.#headers = headers
    // Whoever dials has to know the dial before it is told its end.
    if (!this.#tryNext()) queueMicrotask(() => this.#end(noCandidate()))
  }

  abort(): void {
    this.#state = 'over'
    this.#probed?.abandoned()
    this.#probed = null
    clearTimeout(this.#timer)
    this.#abortAttempt()
  }

  /** Tries the next candidate. @returns false when the round is over */
  #tryNext(): boolean {
    const candidate = nextCandidate(this.#candidates, this.#tried)
    if (candidate === null) return false
    this.#tried.add(candidate)
    this.#probed = candidate.circuit?.began() ? candidate.circuit : null
    this.#attempt(candidate).catch(fault => this.#failed(candidate, this.#ownFault(fault)))
    return true
  }

  /** @returns what a fault of the gateway's own is told as */
  #ownFault(fault: unknown): GatewayError {
    if (fault instanceof GatewayError) return fault
    this.#options.onFault(fault)
    return new GatewayError('internal', 'The gateway failed to dial upstream', { cause: fault })
  }

  async #attempt(candidate: Candidate): Promise<void> {
    const { maxMessageBytes, heartbeatMs, proxy = null } = this.#options
    const { greets, metrics } = this.#policy
    const { url, label, credential, name, circuit } = candidate
    this.#attempts += 1
    const own = await headersWithin(credential, this.#timeoutMs())
    const headers = { ...this.#headers, ...own }
    if (this.#state === 'over') return
    const limits = { timeoutMs: this.#timeoutMs(), maxMessageBytes, heartbeatMs, proxy }
    this.#abortAttempt = connect(
      { url, headers, label, greets, ...(name !== null && { deployment: name }), ...limits },
      {
        listener: this.#listener,
        opened: upstream => {
          this.#state = 'over'
          this.#probed = null
          circuit?.succeeded()
          if (name !== null) metrics?.countServed(name)
          this.#listener.opened(upstream)
        },
        failed: error => this.#failed(candidate, error),
      },
    )
  }

  /** What is left, shared with the candidates that are left: one that hangs must not use up all of it. */
  #timeoutMs(): number {
    const leftMs = this.#options.connectTimeoutMs - this.#ageMs
    const sharers = this.#candidates.length - this.#tried.size + 1
    return Math.max(this.#policy.leastAttemptMs, Math.round(leftMs / sharers))
  }

  get #ageMs(): number {
    return performance.now() - this.#startedAt
  }

  #failed({ name, circuit }: Candidate, error: GatewayError): void {
    if (this.#state === 'over') return
    const { log, connectTimeoutMs } = this.#options
    const { metrics, backoff } = this.#policy
    const atFault = isEndpointAtFault(error)
    if (atFault) circuit?.failed(error.code === 'upstream_rate_limited', error.retryAfterMs)
    else this.#probed?.abandoned()
    this.#probed = null
    if (name !== null) metrics?.countFailed(name)
    this.#waitMs = Math.min(this.#waitMs, Math.max(error.retryAfterMs ?? 0, backoffMs(backoff, this.#rounds)))
    if (atFault && this.#ageMs < connectTimeoutMs && this.#tryNext()) {
      log.warn('upstream.failover', { from: name, code: error.code })
      return
    }
    this.#endRound(error)
  }

  #endRound(error: GatewayError): void {
    const { unknown, metrics } = this.#policy
    if (unknown !== null && error.upstreamStatus === 404) return this.#waitToBeKnown(unknown)
    if (error.code !== 'upstream_timeout') this.#said = error
    const waitMs = this.#waitMs
    if (!error.retry || this.#ageMs + waitMs >= this.#options.connectTimeoutMs)
      return this.#end(this.#said ?? error)
    if (metrics !== null) metrics.traffic.upstreamRetries += 1
    const retry = { attempt: this.#attempts, code: error.code, waitMs: Math.round(waitMs) }
    this.#options.log.warn('upstream.retry', retry)
    this.#timer = setTimeout(() => this.#nextRound(), waitMs)
  }

  #waitToBeKnown({ patienceMs, retryMs, error }: UnknownPolicy): void {
    if (this.#ageMs >= patienceMs) return this.#end(error())
    this.#timer = setTimeout(() => this.#nextRound(), retryMs)
  }

  #nextRound(): void {
    this.#rounds += 1
    this.#waitMs = Number.POSITIVE_INFINITY
    this.#tried.clear()
    this.#tryNext()
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

function noCandidate(): GatewayError {
  return new GatewayError('model_not_configured', 'No endpoint is configured for this model')
}

function callNotFound(): GatewayError {
  return new GatewayError('call_not_found', 'The call is over, or was never there')
}
