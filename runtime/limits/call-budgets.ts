/** The day's budgets of WebRTC calls: their media goes past the gateway, so what the server hears of them is counted. */

import type { AccessLimits } from '../config/access.ts'
import type { GatewayError } from '../core/errors.ts'
import type { Spending } from '../usage/session-account.ts'
import { addressSubject, credentialSubject, type LimitSubject } from './limit-subject.ts'
import { hasDailyBudget, type UsageQuota } from './usage-quota.ts'

/** Who pays for a call. */
export interface Payer {
  /** Name of the credential that made it. */
  readonly owner: string
  /** Address that it was made from. */
  readonly address: string
}

export class CallBudgets {
  readonly #quota: Pick<UsageQuota, 'spend' | 'count' | 'checkBudgets'>
  readonly #limits: AccessLimits

  constructor(quota: Pick<UsageQuota, 'spend' | 'count' | 'checkBudgets'>, limits: AccessLimits) {
    this.#quota = quota
    this.#limits = limits
  }

  /** Whether tokens or cost are limited: then the server must hear every call. */
  get areLimited(): boolean {
    const { credential, address } = this.#limits
    return hasDailyBudget(credential) || hasDailyBudget(address)
  }

  /**
   * Counts a call that comes in, as the request that makes a call is counted.
   * @throws GatewayError `limit_reached` when its payer may make none now; `store_unavailable`
   */
  async admit(payer: Payer): Promise<void> {
    const subjects = this.#subjectsOf(payer)
    for (const subject of subjects) await this.#quota.count('requests', subject)
    for (const subject of subjects) await this.#quota.checkBudgets(subject)
  }

  /** Counts what a call spent. @returns the error that ends it when it is the last of a day's budget @throws GatewayError `store_unavailable` */
  async spend(payer: Payer, spending: Spending): Promise<GatewayError | null> {
    let reached: GatewayError | null = null
    for (const subject of this.#subjectsOf(payer)) {
      const error = await this.#quota.spend(subject, spending)
      reached ??= error
    }
    return reached
  }

  #subjectsOf({ owner, address }: Payer): LimitSubject[] {
    const ofCredential = credentialSubject({ name: owner, by: 'none' }, this.#limits)
    return [ofCredential, addressSubject(address, this.#limits)]
  }
}
