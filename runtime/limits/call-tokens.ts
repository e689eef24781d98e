/** The day's tokens of WebRTC calls: their media goes past the gateway, so what the server hears of them is counted. */

import type { AccessLimits } from '../config/access.ts'
import type { GatewayError } from '../core/errors.ts'
import type { Counts } from './counts.ts'
import { credentialShare, shareOfAddress } from './shares.ts'

/** Who pays for a call. */
export interface Payer {
  /** Name of the credential that made it. */
  readonly owner: string
  /** Address that it was made from. */
  readonly address: string
}

export class CallTokens {
  readonly #counts: Pick<Counts, 'spendTokens' | 'count' | 'checkTokens'>
  readonly #limits: AccessLimits

  constructor(counts: Pick<Counts, 'spendTokens' | 'count' | 'checkTokens'>, limits: AccessLimits) {
    this.#counts = counts
    this.#limits = limits
  }

  /** Whether tokens are limited: then the server must hear every call. */
  get areLimited(): boolean {
    const { credential, address } = this.#limits
    return Math.min(credential.tokensPerDay, address.tokensPerDay) !== Number.POSITIVE_INFINITY
  }

  /**
   * Counts a call that comes in, as the request that makes a call is counted.
   * @throws GatewayError `limit_reached` when its payer may make none now; `store_unavailable`
   */
  async admit({ owner, address }: Payer): Promise<void> {
    const ofCredential = credentialShare({ name: owner, by: 'none' }, this.#limits)
    const shares = [ofCredential, shareOfAddress(address, this.#limits)]
    for (const share of shares) await this.#counts.count('requests', share)
    for (const share of shares) await this.#counts.checkTokens(share)
  }

  /** Counts tokens that a call spent. @returns the error that ends it when they are the day's last. @throws GatewayError `store_unavailable` */
  async spend({ owner, address }: Payer, tokens: number): Promise<GatewayError | null> {
    const ofCredential = credentialShare({ name: owner, by: 'none' }, this.#limits)
    const ofAddress = shareOfAddress(address, this.#limits)
    const [first, second] = [
      await this.#counts.spendTokens(ofCredential, tokens),
      await this.#counts.spendTokens(ofAddress, tokens),
    ]
    return first ?? second
  }
}
