/** Dials upstream until a session exists: attempts, jittered backoff, one deadline over all. */
import type { Credential } from '../credentials.ts'
import { GatewayError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { realtimeUrl, type Target } from '../target.ts'
import type { Dial, UpstreamListener } from '../types.ts'
import { connect } from './connect.ts'

export interface DialerOptions {
  readonly target: Target
  readonly credential: Credential
  /** Time in which a session must exist, retries included (ms). */
  readonly connectTimeoutMs: number
  readonly maxMessageBytes: number
  readonly heartbeatMs: number
  readonly log: Log
  readonly metrics: Metrics
}

/** First wait between attempts (ms); doubles up to the last. Each is shortened by up to half, at random. */
const firstBackoffMs = 200
const lastBackoffMs = 3000

/** Makes the dialling function of a deployment. */
export function createDialer(options: DialerOptions): (deployment: string) => Dial {
  return deployment => listener => {
    const dial = new Dialling(options, deployment, listener)
    return () => dial.abort()
  }
}

class Dialling {
  readonly #options: DialerOptions
  readonly #url: URL
  readonly #listener: UpstreamListener
  readonly #deadline: number
  #attempts = 0
  #state: 'dialling' | 'over' = 'dialling'
  #abortAttempt: () => void = () => undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: DialerOptions, deployment: string, listener: UpstreamListener) {
    this.#options = options
    this.#url = realtimeUrl(options.target, deployment)
    this.#listener = listener
    this.#deadline = performance.now() + options.connectTimeoutMs
    void this.#attempt()
  }

  abort(): void {
    this.#state = 'over'
    clearTimeout(this.#timer)
    this.#abortAttempt()
  }

  async #attempt(): Promise<void> {
    const { credential, target, maxMessageBytes, heartbeatMs, log } = this.#options
    this.#attempts += 1
    let headers: Readonly<Record<string, string>>
    try {
      headers = await credential.headers()
    } catch (cause) {
      return this.#failed(asGatewayError(cause))
    }
    if (this.#state === 'over') return
    const timeoutMs = Math.max(1, Math.round(this.#deadline - performance.now()))
    const onFault = (fault: unknown) => log.error('process.failed', { error: String(fault) })
    this.#abortAttempt = connect(
      { url: this.#url, headers, label: target.label, timeoutMs, maxMessageBytes, heartbeatMs, onFault },
      {
        opened: upstream => this.#listener.opened(upstream),
        event: (frame, isBinary) => this.#listener.event(frame, isBinary),
        closed: (code, reason, error) => this.#listener.closed(code, reason, error),
        failed: error => this.#failed(error),
      },
    )
  }

  #failed(error: GatewayError): void {
    if (this.#state === 'over') return
    const waitMs = error.retryAfterMs ?? backoffMs(this.#attempts)
    if (!error.retry || performance.now() + waitMs >= this.#deadline) {
      this.#state = 'over'
      this.#listener.failed(error)
      return
    }
    const { log, metrics } = this.#options
    metrics.traffic.upstreamRetries += 1
    log.warn('upstream.retry', { attempt: this.#attempts, code: error.code, waitMs: Math.round(waitMs) })
    this.#timer = setTimeout(() => void this.#attempt(), waitMs)
  }
}

function backoffMs(attempts: number): number {
  const full = Math.min(lastBackoffMs, firstBackoffMs * 2 ** (attempts - 1))
  return full * (0.5 + Math.random() / 2)
}

function asGatewayError(cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return cause
  return new GatewayError('credential_unavailable', 'No credential for upstream could be had', { cause })
}
