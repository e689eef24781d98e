/**
 * Keeps one token fresh: renewed ahead of its end, used to its end while renewals fail. Time, chance and
 * the source of tokens are handed in.
 * Written here, as `getBearerTokenProvider` of `@azure/identity` has no deadline, and does not tell whether there is a token.
 */
import { type BackoffBounds, backoffMs } from '../../core/backoff.ts'
import { GatewayError } from '../../core/errors.ts'
import type { Log } from '../../observability/log.ts'

export interface AccessToken {
  readonly token: string
  /** Unix time (ms). */
  readonly expiresOnTimestamp: number
  /** Unix time (ms) from which the issuer gives out a newer one, where it says so. */
  readonly refreshAfterTimestamp?: number | undefined
}

export interface TokenCacheOptions {
  /** The credential that is asked, as a person knows it: `ManagedIdentityCredential`. */
  readonly label: string
  /** What a person can do when it gives no token, as a question. */
  readonly advice: string
  readonly fetchToken: () => Promise<AccessToken>
  /** Unix time (ms). */
  readonly now: () => number
  /** From 0 to 1; spreads the renewals of many processes. */
  readonly random: () => number
  /** Runs something once, later (ms). @returns cancels it */
  readonly after: (ms: number, run: () => void) => () => void
  readonly log: Log
}

/** The library hands out its cached token until five minutes before the end, so asking earlier is in vain (ms). */
const renewAheadMs = 5 * 60_000

/** Where the issuer named an earlier time and still gave the old token, it is asked again after this (ms). */
const askAgainMs = 10 * 60_000

/** Most that chance may add to a wait (ms), and its share of what the token still lives. */
const maxJitterMs = 60_000
const jitterShare = 0.05

/** Between failed renewals. */
const renewalBackoff: BackoffBounds = { firstMs: 1000, lastMs: 60_000 }

/** A token this close to its end might end under way (ms). */
const marginMs = 5000

/** One attempt may take this long (ms); the library's own waits have no end. */
const attemptTimeoutMs = 30_000

export class TokenCache {
  readonly #options: TokenCacheOptions
  #token: AccessToken | null = null
  #fault: GatewayError | null = null
  #failures = 0
  #failedAt = Number.NEGATIVE_INFINITY
  #attempt: Promise<AccessToken> | null = null
  #cancelTimer: (() => void) | null = null
  #stopped = false

  constructor(options: TokenCacheOptions) {
    this.#options = options
  }

  /** Fetches the first token now, so that no dial waits for it. Never throws: see `fault`. */
  start(): void {
    this.#renew().catch(() => undefined)
  }

  /** Ends the renewals. Safe to call twice. */
  stop(): void {
    this.#stopped = true
    this.#cancelTimer?.()
  }

  /** Whether there is a token that is valid now. */
  get isReady(): boolean {
    return this.#token !== null && this.#token.expiresOnTimestamp - marginMs > this.#options.now()
  }

  /** Why there is no token; null while there is one, or when none was asked for yet. */
  get fault(): GatewayError | null {
    return this.isReady ? null : this.#fault
  }

  /**
   * The token: at once while it is valid, else after one attempt that all callers share.
   * @throws GatewayError `credential_unavailable` with what the credential said
   */
  async token(): Promise<string> {
    if (this.#token !== null && this.isReady) return this.#token.token
    const sinceFailure = this.#options.now() - this.#failedAt
    // Many dials at once must not become as many requests to an endpoint that just failed.
    if (this.#fault !== null && this.#attempt === null && sinceFailure < renewalBackoff.firstMs)
      throw this.#fault
    return (await this.#renew()).token
  }

  #renew(): Promise<AccessToken> {
    this.#attempt ??= this.#fetch().finally(() => {
      this.#attempt = null
    })
    return this.#attempt
  }

  async #fetch(): Promise<AccessToken> {
    this.#cancelTimer?.()
    const { fetchToken, now, random } = this.#options
    try {
      const token = await withDeadline(fetchToken(), this.#options.after)
      if (!(token.expiresOnTimestamp - marginMs > now())) throw new Error('the token it gave has expired')
      this.#token = token
      this.#fault = null
      this.#failures = 0
      this.#schedule(renewInMs(token, now(), random()))
      return token
    } catch (cause) {
      throw this.#failed(cause)
    }
  }

  #failed(cause: unknown): GatewayError {
    const { label, advice, now, random, log } = this.#options
    const reason = `${label} said: ${withoutSecrets(cause)}`
    this.#fault = new GatewayError(
      'credential_unavailable',
      `No Entra token for upstream. ${reason}. ${advice}`,
    )
    this.#failedAt = now()
    this.#failures += 1
    const waitMs = backoffMs(renewalBackoff, this.#failures, random)
    const validMs = this.#token === null ? 0 : Math.max(0, this.#token.expiresOnTimestamp - now())
    log.warn('credential.failed', {
      credential: label,
      reason,
      advice,
      retryInMs: Math.round(waitMs),
      tokenValidMs: validMs,
    })
    this.#schedule(waitMs)
    return this.#fault
  }

  #schedule(ms: number): void {
    if (!this.#stopped) this.#cancelTimer = this.#options.after(ms, () => this.start())
  }
}

/**
 * When to ask for the next token (ms from now): at the issuer's own time where it names one, else five
 * minutes ahead of the end, else in the middle of what is left; a little later by chance.
 */
export function renewInMs(token: AccessToken, now: number, chance: number): number {
  const left = token.expiresOnTimestamp - now
  const last = left > 2 * renewAheadMs ? left - renewAheadMs : left / 2
  const named = token.refreshAfterTimestamp
  const planned = named === undefined ? last : Math.min(last, named > now ? named - now : askAgainMs)
  return planned + chance * Math.min(maxJitterMs, left * jitterShare)
}

async function withDeadline<T>(work: Promise<T>, after: TokenCacheOptions['after']): Promise<T> {
  let cancel = () => {}
  const deadline = new Promise<never>((_resolve, reject) => {
    cancel = after(attemptTimeoutMs, () => reject(new Error(`no answer within ${attemptTimeoutMs} ms`)))
  })
  return Promise.race([work, deadline]).finally(cancel)
}

/** Longest cause that is repeated (characters). */
const maxReasonChars = 400

/**
 * What a failure said, fit for a log and a health page: one line, without anything that could be a
 * token, a key, or a piece of an answer that could not be read.
 */
export function withoutSecrets(cause: unknown): string {
  const said = cause instanceof Error ? cause.message : 'an unknown fault'
  return said
    .replace(/"[^"]*"?\.{0,3}\s*is not valid JSON/g, 'the answer is not valid JSON')
    .replace(/Unexpected (token|end|non-whitespace).*?(JSON|$)/gs, 'the answer is not valid JSON')
    .replace(/[A-Za-z0-9_+=-]{24,}/g, word => (isHarmless(word) ? word : '…'))
    .replace(/\s+/g, ' ')
    .slice(0, maxReasonChars)
    .trim()
}

/** A GUID names something; a long word without a digit is a class's or an option's name. */
function isHarmless(word: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(word) || !/\d/.test(word)
}
