/** The day's budgets of WebRTC calls: their media goes past the gateway, so what the server hears of them is counted. */

import type { AccessLimits } from '../config/access.ts'
import type { GatewayError } from '../core/errors.ts'
import type { Spending } from '../usage/session-account.ts'
import { type Counts, hasBudget } from './counts.ts'
import { credentialShare, type Share, shareOfAddress } from './shares.ts'

/** Who pays for a call. */
export interface Payer {
  /** Name of the credential that made it. */
  readonly owner: string
  /** Address that it was made from. */
  readonly address: string
}

export class CallBudgets {
  readonly #counts: Pick<Counts, 'spend' | 'count' | 'checkBudgets'>
  readonly #limits: AccessLimits

  constructor(counts: Pick<Counts, 'spend' | 'count' | 'checkBudgets'>, limits: AccessLimits) {
    this.#counts = counts
    this.#limits = limits
  }

  /** Whether tokens or cost are limited: then the server must hear every call. */
  get areLimited(): boolean {
    const { credential, address } = this.#limits
    return hasBudget(credential) || hasBudget(address)
  }

  /**
   * Counts a call that comes in, as the request that makes a call is counted.
   * @throws GatewayError `limit_reached` when its payer may make none now; `store_unavailable`
   */
  async admit(payer: Payer): Promise<void> {
    const shares = this.#sharesOf(payer)
    for (const share of shares) await this.#counts.count('requests', share)
    for (const share of shares) await this.#counts.checkBudgets(share)
  }

  /** Counts what a call spent. @returns the error that ends it when it is the last of a day's budget @throws GatewayError `store_unavailable` */
  async spend(payer: Payer, spending: Spending): Promise<GatewayError | null> {
    let reached: GatewayError | null = null
    for (const share of this.#sharesOf(payer)) {
      const error = await this.#counts.spend(share, spending)
      reached ??= error
    }
    return reached
  }

  #sharesOf({ owner, address }: Payer): Share[] {
    const ofCredential = credentialShare({ name: owner, by: 'none' }, this.#limits)
    return [ofCredential, shareOfAddress(address, this.#limits)]
  }
}
