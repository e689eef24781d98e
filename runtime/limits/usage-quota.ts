/**
 * What is counted in the store, for all replicas together: upgrades and requests in a minute, tokens and estimated cost
 * in a day.
 * Written here over the store's atomic `increment`, as `rate-limiter-flexible` has stores of its own, and none that
 * workers share by their supervisor as they share this one.
 */
import type { GatewayError } from '../core/errors.ts'
import { allOrFirstFault } from '../core/settled.ts'
import type { Store } from '../store/store.ts'
import { nanosPerUnit } from '../usage/prices.ts'
import type { Spending } from '../usage/session-account.ts'
import { type LimitSubject, limitReached, type Reached } from './limit-subject.ts'

export interface UsageQuotaOptions {
  readonly store: Pick<Store, 'get' | 'increment'>
  /** Unix time (ms). */
  readonly now: () => number
  readonly onReached: (subject: LimitSubject, kind: Reached['kind']) => void
}

/** What is counted by the minute. */
export type CountedByMinute = 'upgrades' | 'requests'

export const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs

export class UsageQuota {
  readonly #options: UsageQuotaOptions

  constructor(options: UsageQuotaOptions) {
    this.#options = options
  }

  /**
   * Counts a try to open a session, or a request that makes or ends something, by minutes of the clock.
   * @throws GatewayError `limit_reached` until the minute is over; `store_unavailable`
   */
  async count(kind: CountedByMinute, subject: LimitSubject): Promise<void> {
    const limit = limitOf(kind, subject)
    if (limit === Number.POSITIVE_INFINITY) return
    const { store, now, onReached } = this.#options
    const minute = Math.floor(now() / minuteMs)
    const count = await store.increment(`limit:${kind}:${subject.id}:${minute}`, 1, 2 * minuteMs)
    if (count <= limit) return
    onReached(subject, kind)
    throw tooManyAMinute(kind, subject, (minute + 1) * minuteMs - now())
  }

  /** @throws GatewayError `limit_reached` until midnight (UTC) when a budget of the day is spent; `store_unavailable` */
  async checkBudgets(subject: LimitSubject): Promise<void> {
    const limited = budgets.filter(budget => budget.limitOf(subject) !== Number.POSITIVE_INFINITY)
    await allOrFirstFault(limited.map(budget => this.#checkBudget(budget, subject)))
  }

  async #checkBudget(budget: Budget, subject: LimitSubject): Promise<void> {
    const spent = Number((await this.#options.store.get(this.#keyOf(budget, subject))) ?? 0)
    if (spent >= budget.limitOf(subject)) throw this.#spent(budget, subject)
  }

  /** Counts what was spent. @returns the error that ends the session when it is the last of a day's budget */
  async spend(subject: LimitSubject, spending: Spending): Promise<GatewayError | null> {
    let reached: GatewayError | null = null
    for (const budget of budgets) {
      const limit = budget.limitOf(subject)
      if (limit === Number.POSITIVE_INFINITY) continue
      const amount = budget.amountOf(spending)
      const spent = await this.#options.store.increment(this.#keyOf(budget, subject), amount, 2 * dayMs)
      if (spent >= limit) reached ??= this.#spent(budget, subject)
    }
    return reached
  }

  #spent(budget: Budget, subject: LimitSubject): GatewayError {
    const { now, onReached } = this.#options
    onReached(subject, budget.kind)
    const message = budget.describe(subject)
    return limitReached({ kind: budget.kind, message, retryAfterMs: dayMs - (now() % dayMs) })
  }

  #keyOf({ kind }: Budget, { id }: LimitSubject): string {
    return `limit:${kind}:${id}:${Math.floor(this.#options.now() / dayMs)}`
  }
}

/** What a day's budget counts, and up to what. */
interface Budget {
  readonly kind: 'tokens' | 'cost'
  /** Whole numbers; Infinity where there is no limit. */
  readonly limitOf: (subject: LimitSubject) => number
  readonly amountOf: (spending: Spending) => number
  readonly describe: (subject: LimitSubject) => string
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

/** Whether any budget of a day limits this subject. */
export function hasDailyBudget(limits: LimitSubject['limits']): boolean {
  return Math.min(limits.tokensPerDay, limits.costPerDay) !== Number.POSITIVE_INFINITY
}

export function limitOf(kind: CountedByMinute, { limits }: LimitSubject): number {
  return kind === 'upgrades' ? limits.upgradesPerMinute : limits.requestsPerMinute
}

const words: Readonly<Record<CountedByMinute, string>> = { upgrades: 'connections', requests: 'requests' }

export function tooManyAMinute(
  kind: CountedByMinute,
  subject: LimitSubject,
  retryAfterMs: number,
): GatewayError {
  const message = `More than ${limitOf(kind, subject)} ${words[kind]} a minute for this ${subject.whose}; try again later`
  return limitReached({ kind, message, retryAfterMs })
}
