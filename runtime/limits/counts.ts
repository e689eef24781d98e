/** What is counted in the store, for all replicas together: upgrades and requests in a minute, tokens and estimated cost in a day. */
import type { GatewayError } from '../core/errors.ts'
import type { Store } from '../store/store.ts'
import { nanosPerUnit } from '../usage/prices.ts'
import type { Spending } from '../usage/session-account.ts'
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

  /** @throws GatewayError `limit_reached` until midnight (UTC) when a budget of the day is spent; `store_unavailable` */
  async checkBudgets(share: Share): Promise<void> {
    for (const budget of budgets) {
      const limit = budget.limitOf(share)
      if (limit === Number.POSITIVE_INFINITY) continue
      const spent = Number((await this.#options.store.get(this.#keyOf(budget, share))) ?? 0)
      if (spent >= limit) throw this.#spent(budget, share)
    }
  }

  /** Counts what was spent. @returns the error that ends the session when it is the last of a day's budget */
  async spend(share: Share, spending: Spending): Promise<GatewayError | null> {
    let reached: GatewayError | null = null
    for (const budget of budgets) {
      const limit = budget.limitOf(share)
      if (limit === Number.POSITIVE_INFINITY) continue
      const amount = budget.amountOf(spending)
      const spent = await this.#options.store.increment(this.#keyOf(budget, share), amount, 2 * dayMs)
      if (spent >= limit) reached ??= this.#spent(budget, share)
    }
    return reached
  }

  #spent(budget: Budget, share: Share): GatewayError {
    const { now, onReached } = this.#options
    onReached(share, budget.kind)
    const message = budget.describe(share)
    return limitReached({ kind: budget.kind, message, retryAfterMs: dayMs - (now() % dayMs) })
  }

  #keyOf({ kind }: Budget, { id }: Share): string {
    return `limit:${kind}:${id}:${Math.floor(this.#options.now() / dayMs)}`
  }
}

/** What a day's budget counts, and up to what. */
interface Budget {
  readonly kind: 'tokens' | 'cost'
  /** Whole numbers; Infinity where there is no limit. */
  readonly limitOf: (share: Share) => number
  readonly amountOf: (spending: Spending) => number
  readonly describe: (share: Share) => string
}

const budgets: readonly Budget[] = [
  {
    kind: 'tokens',
    limitOf: ({ limits }) => limits.tokensPerDay,
    amountOf: ({ tokens }) => tokens,
    describe: ({ limits, whose }) => `The ${limits.tokensPerDay} tokens a day for this ${whose} are spent`,
  },
  {
    kind: 'cost',
    limitOf: ({ limits }) => limits.costPerDay * nanosPerUnit,
    amountOf: ({ nanos }) => nanos,
    describe: ({ limits, whose }) =>
      `The estimated cost of ${limits.costPerDay} a day for this ${whose} is reached`,
  },
]

/** Whether any budget of a day limits this share. */
export function hasBudget(limits: Share['limits']): boolean {
  return Math.min(limits.tokensPerDay, limits.costPerDay) !== Number.POSITIVE_INFINITY
}

export function limitOf(kind: Counted, { limits }: Share): number {
  return kind === 'upgrades' ? limits.upgradesPerMinute : limits.requestsPerMinute
}

const words: Readonly<Record<Counted, string>> = { upgrades: 'connections', requests: 'requests' }

export function tooManyAMinute(kind: Counted, share: Share, retryAfterMs: number): GatewayError {
  const message = `More than ${limitOf(kind, share)} ${words[kind]} a minute for this ${share.whose}; try again later`
  return limitReached({ kind, message, retryAfterMs })
}
