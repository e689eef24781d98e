/** What one owner may have stored at once, so that nobody fills the store for the others. */
import { GatewayError } from '../core/errors.ts'
import type { Quota, Store } from './store.ts'

export interface StorageQuotaOptions {
  readonly store: Pick<Store, 'charge' | 'discharge'>
  /** @returns the quota of an account; null where it has none */
  readonly quotaOf: (account: string) => Quota | null
  readonly onReached: (account: string) => void
}

/** What the store keeps beside the value of an entry: keys, and places in lists (bytes). */
const entryOverheadBytes = 500

/** What is stored expires or ends by itself; nobody is told when (ms). */
const retryAfterMs = 60_000

const mebibyte = 1024 * 1024

export class StorageQuota {
  readonly #options: StorageQuotaOptions

  constructor(options: StorageQuotaOptions) {
    this.#options = options
  }

  /**
   * Charges an entry to an account before it is written; again when it changes or lives longer.
   * @param chars length of what is written
   * @throws GatewayError `limit_reached` when the account would exceed its quota; `store_unavailable`
   */
  async charge(account: string, entry: string, chars: number, ttlMs: number): Promise<void> {
    const { store, quotaOf, onReached } = this.#options
    const quota = quotaOf(account)
    if (quota === null) return
    const bytes = chars + entryOverheadBytes
    if (await store.charge(account, entry, { bytes, ttlMs: Math.ceil(ttlMs) }, quota)) return
    onReached(account)
    const message = `All that you may have stored here at once is stored (${quota.entries} tickets, keys, sessions and conversations, or ${Math.round(quota.bytes / mebibyte)} MiB of them); end some, or try again later`
    throw new GatewayError('limit_reached', message, { retryAfterMs })
  }

  /** The entry is gone. Never rejects: what is not discharged expires. */
  async discharge(account: string, entry: string): Promise<void> {
    if (this.#options.quotaOf(account) === null) return
    await this.#options.store.discharge(account, entry).catch(() => undefined)
  }
}
