/** One-time tickets: what a browser shows in place of its credential when it opens a socket. */
import { hash, randomBytes } from 'node:crypto'
import type { Principal } from '../core/ports.ts'
import type { StorageQuota } from '../store/storage-quota.ts'
import type { Store } from '../store/store.ts'

export interface TicketsOptions {
  readonly store: Pick<Store, 'set' | 'take'>
  readonly quota: Pick<StorageQuota, 'charge'>
  readonly ttlMs: number
}

const ticketBytes = 24
const ticketPattern = /^[A-Za-z0-9_-]{32}$/

export class Tickets {
  readonly #options: TicketsOptions

  constructor(options: TicketsOptions) {
    this.#options = options
  }

  /**
   * Issues a ticket that speaks for a principal, once. It counts for its account until it would have expired.
   * @throws GatewayError `limit_reached` when too much is stored for the account; `store_unavailable`
   */
  async issue(principal: Principal, account: string): Promise<string> {
    const { store, quota, ttlMs } = this.#options
    const ticket = randomBytes(ticketBytes).toString('base64url')
    const text = JSON.stringify(principal)
    await quota.charge(account, keyOf(ticket), text.length, ttlMs)
    await store.set(keyOf(ticket), text, ttlMs)
    return ticket
  }

  /** Spends a ticket. @returns null for one that is unknown, spent or too old. @throws GatewayError `store_unavailable` */
  async spend(ticket: string): Promise<Principal | null> {
    if (!ticketPattern.test(ticket)) return null
    const text = await this.#options.store.take(keyOf(ticket))
    return text === null ? null : (JSON.parse(text) as Principal)
  }
}

/** The store holds no ticket, so that who reads it cannot use one. */
function keyOf(ticket: string): string {
  return `ticket:${hash('sha256', ticket)}`
}
