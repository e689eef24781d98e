/** Joins a running call over WebSocket. */

import { GatewayError } from '../core/errors.ts'
import { describeFault } from '../core/fault-boundary.ts'
import type { Dial, UpstreamListener } from '../core/ports.ts'
import type { Log } from '../observability/log.ts'
import { connect } from './connect.ts'
import { headersWithin } from './credential-headers.ts'
import type { Credential } from './credentials/credentials.ts'
import { callUrl, type Target } from './target.ts'

export interface CallDialerOptions {
  readonly target: Target
  readonly credential: Credential
  /** Time for the whole dial (ms). */
  readonly connectTimeoutMs: number
  readonly maxMessageBytes: number
  readonly heartbeatMs: number
  readonly log: Log
}

/** A call that was made a moment ago may not be known yet: 404 is tried again for this long (ms). */
export const unknownCallPatienceMs = 5000
const retryMs = 250
const lastBackoffMs = 2000

/**
 * Makes the dialling function of a call.
 * It fails with `call_not_found` when upstream does not know the call, or not any more. Each dial ends with
 * one of `opened` and `failed`, never before it has returned.
 * @param patient tries again while the call may not be known yet
 */
export function createCallDialer(options: CallDialerOptions): (callId: string, patient: boolean) => Dial {
  // Made once: one made by a dial would keep that for as long as its session lasts.
  const onFault = (fault: unknown) => options.log.error('connection.failed', describeFault(fault))
  const common = { ...options, onFault }
  return (callId, patient) => listener => {
    const joining = new Joining(common, callUrl(options.target, callId), patient, listener)
    return () => joining.abort()
  }
}

interface JoiningOptions extends CallDialerOptions {
  readonly onFault: (fault: unknown) => void
}

class Joining {
  readonly #options: JoiningOptions
  readonly #url: URL
  readonly #listener: UpstreamListener
  readonly #startedAt = performance.now()
  readonly #patienceMs: number
  #tries = 0
  #state: 'dialling' | 'over' = 'dialling'
  #abortAttempt: () => void = () => undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: JoiningOptions, url: URL, patient: boolean, listener: UpstreamListener) {
    this.#options = options
    this.#url = url
    this.#listener = listener
    this.#patienceMs = patient ? unknownCallPatienceMs : 0
    void this.#attempt()
  }

  abort(): void {
    this.#state = 'over'
    clearTimeout(this.#timer)
    this.#abortAttempt()
  }

  async #attempt(): Promise<void> {
    const { credential, target, maxMessageBytes, heartbeatMs } = this.#options
    try {
      const headers = await headersWithin(credential, this.#timeoutMs)
      if (this.#state === 'over') return
      const limits = { timeoutMs: this.#timeoutMs, maxMessageBytes, heartbeatMs }
      this.#abortAttempt = connect(
        { url: this.#url, headers, label: target.label, greets: false, ...limits },
        {
          listener: this.#listener,
          opened: upstream => {
            this.#state = 'over'
            this.#listener.opened(upstream)
          },
          failed: error => this.#failed(error),
        },
      )
    } catch (fault) {
      this.#failed(fault instanceof GatewayError ? fault : this.#ownFault(fault))
    }
  }

  #ownFault(fault: unknown): GatewayError {
    this.#options.onFault(fault)
    return new GatewayError('internal', 'The gateway failed to dial upstream', { cause: fault })
  }

  /** What is left of the dial's time; a try that begins late gets a little more. */
  get #timeoutMs(): number {
    return Math.max(retryMs, this.#options.connectTimeoutMs - this.#ageMs)
  }

  get #ageMs(): number {
    return performance.now() - this.#startedAt
  }

  #failed(error: GatewayError): void {
    if (this.#state === 'over') return
    const unknown = error.upstreamStatus === 404
    const waitMs = unknown ? retryMs : Math.max(error.retryAfterMs ?? 0, backoffMs(this.#tries))
    const again = unknown
      ? this.#ageMs < this.#patienceMs
      : error.retry && this.#ageMs + waitMs < this.#options.connectTimeoutMs
    if (again) {
      this.#tries += 1
      this.#timer = setTimeout(() => void this.#attempt(), waitMs)
      return
    }
    this.#end(unknown ? new GatewayError('call_not_found', 'The call is over, or was never there') : error)
  }

  #end(error: GatewayError): void {
    this.#state = 'over'
    try {
      this.#listener.failed(error)
    } catch (fault) {
      this.#listener.fault(fault)
    }
  }
}

/** Half of it at random, so that the calls of a replica do not come back all at once. */
function backoffMs(tries: number): number {
  return Math.min(lastBackoffMs, retryMs * 2 ** tries) * (0.5 + Math.random() / 2)
}
