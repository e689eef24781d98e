/** What is counted in the store, for all replicas together: upgrades and requests in a minute, tokens in a day. */
import type { GatewayError } from '../core/errors.ts'
import { usageOf } from '../events/usage.ts'
import type { Store } from '../store/store.ts'
import { limitReached, type Reached, type Share } from './shares.ts'

export interface CountsOptions {
  readonly store: Pick<Store, 'get' | 'increment'>
  /** Unix time (ms). */
  readonly now: () => number
  readonly onReached: (share: Share, kind: Reached['kind']) => void
}

/** What is counted by the minute. */
export type Counted = 'upgrades' | 'requests'

export const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs

export class Counts {
  readonly #options: CountsOptions

  constructor(options: CountsOptions) {
    this.#options = options
  }

  /**
   * Counts a try to open a session, or a request that makes or ends something, by minutes of the clock.
   * @throws GatewayError `limit_reached` until the minute is over; `store_unavailable`
   */
  async count(kind: Counted, share: Share): Promise<void> {
    const limit = limitOf(kind, share)
    if (limit === Number.POSITIVE_INFINITY) return
    const { store, now, onReached } = this.#options
    const minute = Math.floor(now() / minuteMs)
    const count = await store.increment(`limit:${kind}:${share.id}:${minute}`, 1, 2 * minuteMs)
    if (count <= limit) return
    onReached(share, kind)
    throw tooManyAMinute(kind, share, (minute + 1) * minuteMs - now())
  }

  /** @throws GatewayError `limit_reached` until midnight (UTC) when the day's tokens are spent; `store_unavailable` */
  async checkTokens(share: Share): Promise<void> {
    if (share.limits.tokensPerDay === Number.POSITIVE_INFINITY) return
    const spent = Number((await this.#options.store.get(this.#tokensKey(share))) ?? 0)
    if (spent >= share.limits.tokensPerDay) throw this.#tokensSpent(share)
  }

  /** Counts tokens that were spent. @returns the error that ends the session when they are the day's last */
  async spendTokens(share: Share, tokens: number): Promise<GatewayError | null> {
    const limit = share.limits.tokensPerDay
    if (limit === Number.POSITIVE_INFINITY) return null
    const spent = await this.#options.store.increment(this.#tokensKey(share), tokens, 2 * dayMs)
    return spent >= limit ? this.#tokensSpent(share) : null
  }

  #tokensSpent(share: Share): GatewayError {
    const { now, onReached } = this.#options
    onReached(share, 'tokens')
    const message = `The ${share.limits.tokensPerDay} tokens a day for this ${share.whose} are spent`
    return limitReached({ kind: 'tokens', message, retryAfterMs: dayMs - (now() % dayMs) })
  }

  #tokensKey({ id }: Share): string {
    return `limit:tokens:${id}:${Math.floor(this.#options.now() / dayMs)}`
  }
}

export function limitOf(kind: Counted, { limits }: Share): number {
  return kind === 'upgrades' ? limits.upgradesPerMinute : limits.requestsPerMinute
}

const words: Readonly<Record<Counted, string>> = { upgrades: 'connections', requests: 'requests' }

export function tooManyAMinute(kind: Counted, share: Share, retryAfterMs: number): GatewayError {
  const message = `More than ${limitOf(kind, share)} ${words[kind]} a minute for this ${share.whose}; try again later`
  return limitReached({ kind, message, retryAfterMs })
}

/** Reads the tokens of a `response.done`. @returns 0 where it tells none */
export function tokensOf(frame: Uint8Array): number {
  return usageOf(frame).total
}
