/** Conversations and tickets in the store: what lets a client go on at another replica or revision. */
import { randomBytes } from 'node:crypto'
import { GatewayError } from '../errors.ts'
import type { StorageQuota } from '../store/storage-quota.ts'
import type { Store } from '../store/store.ts'
import type { Client, Connection, SocketRoute, UpgradeRequest } from '../types.ts'
import { Conversation } from './conversation.ts'

/** A ticket can be used for this long after it was last renewed (ms). */
export const ticketLifeMs = 10 * 60_000

/** A session that lives on keeps its ticket alive this often (ms). */
export const keepAliveMs = ticketLifeMs / 5

/** Why a ticket is not honoured; the client gets a fresh session instead. */
export type ResumeFailure = 'unknown' | 'expired' | 'store_unavailable'

/** A handler that takes a conversation up again. @param resumed what the client's ticket was worth, if it came with one */
export type ResumableHandler = (client: Client, request: UpgradeRequest, resumed?: Redeemed) => Connection

export type Redeemed = { conversation: Conversation } | { failure: ResumeFailure }

const conversationKey = (id: string) => `conversation:${id}`
const ticketKey = (ticket: string) => `resume:${ticket}`

export class Resumes {
  readonly #store: Store
  readonly #quota: Charging | null

  /** @param quota null keeps as much as the store takes */
  constructor(store: Store, quota: Charging | null = null) {
    this.#store = store
    this.#quota = quota
  }

  /**
   * Begins to keep a conversation.
   * @param owner the credential's name; only it may resume
   * @param account what is stored is charged to this
   */
  keep(conversation: Conversation, owner: string, account = `credential:${owner}`): KeptConversation {
    const charge: Charge = async (entry, chars) => this.#quota?.charge(account, entry, chars, ticketLifeMs)
    return new KeptConversation(this.#store, conversation, owner, charge)
  }

  /** Spends a ticket: it is gone afterwards, whatever comes of it. */
  async redeem(ticket: string, owner: string): Promise<Redeemed> {
    try {
      const key = ticketKey(ticket.slice(0, maxTicketChars))
      const found = await this.#store.take(key)
      if (found === null) return { failure: 'unknown' }
      // The session that it came from may live on: it must not give out what is spent.
      await this.#store.set(key, spent, ticketLifeMs)
      if (found === spent) return { failure: 'unknown' }
      const { id, owner: ownedBy } = JSON.parse(found) as { id: string; owner: string }
      if (ownedBy !== owner) return { failure: 'unknown' }
      const text = await this.#store.take(conversationKey(id))
      return text === null ? { failure: 'expired' } : { conversation: Conversation.restore(text) }
    } catch (fault) {
      if (fault instanceof GatewayError) return { failure: 'store_unavailable' }
      throw fault
    }
  }
}

type Charging = Pick<StorageQuota, 'charge'>

/** Charges an entry to the owner's account. @throws GatewayError `limit_reached` */
type Charge = (entry: string, chars: number) => Promise<void>

const maxTicketChars = 128

/** What the store has in place of a ticket that was used. */
const spent = 'spent'

/**
 * Makes a route's `accept` that spends the ticket of `?resume=` before the upgrade. An empty value asks
 * for tickets without having one.
 */
export function acceptResumed(handler: ResumableHandler, resumes: Resumes): SocketRoute['accept'] {
  return request => {
    const ticket = request.query.get('resume')
    if (!ticket) return { handler }
    return resumes
      .redeem(ticket, request.principal?.name ?? 'anonymous')
      .then(resumed => ({ handler: (client, asked) => handler(client, asked, resumed) }))
  }
}

function newTicket(): string {
  return randomBytes(24).toString('base64url')
}

/** One conversation in the store, with the one ticket that gives it back. */
export class KeptConversation {
  readonly #store: Store
  readonly #conversation: Conversation
  readonly #id = randomBytes(16).toString('hex')
  #ticket = newTicket()
  readonly #owner: string
  readonly #charge: Charge
  readonly #keeper: NodeJS.Timeout
  #state: 'kept' | 'stopped' = 'kept'
  #writing: Promise<void> | null = null
  #changedMeanwhile = false

  constructor(store: Store, conversation: Conversation, owner: string, charge: Charge) {
    this.#store = store
    this.#charge = charge
    this.#conversation = conversation
    this.#owner = owner
    this.#keeper = setInterval(() => void this.#issue().catch(() => undefined), keepAliveMs)
  }

  /**
   * Writes the conversation and its ticket. @returns the ticket
   * @throws GatewayError `limit_reached` when too much is stored for the account; `store_unavailable`
   */
  async issue(): Promise<string> {
    await this.#issue()
    return this.#ticket
  }

  /** The conversation changed: writes it, one write at a time. */
  changed(): void {
    this.#changedMeanwhile = true
    this.#writing ??= this.#writeChanges().finally(() => {
      this.#writing = null
    })
  }

  /** What is still being written; null when the store has all. */
  get pending(): Promise<void> | null {
    return this.#writing
  }

  /** Stops keeping; what is in the store stays until it expires. Safe to call twice. */
  stop(): void {
    this.#state = 'stopped'
    clearInterval(this.#keeper)
  }

  async #writeChanges(): Promise<void> {
    while (this.#changedMeanwhile && this.#state === 'kept') {
      this.#changedMeanwhile = false
      // While the store is away nothing can be kept; the next change is written again.
      await this.#write().catch(() => undefined)
    }
  }

  async #issue(): Promise<void> {
    await this.#write()
    const entry = JSON.stringify({ id: this.#id, owner: this.#owner })
    const key = ticketKey(this.#ticket)
    if (await this.#store.claim(key, entry, ticketLifeMs)) return
    if (await this.#store.renew(key, entry, ticketLifeMs)) return
    this.#ticket = newTicket()
    await this.#store.set(ticketKey(this.#ticket), entry, ticketLifeMs)
  }

  async #write(): Promise<void> {
    const key = conversationKey(this.#id)
    const text = JSON.stringify(this.#conversation)
    await this.#charge(key, text.length)
    await this.#store.set(key, text, ticketLifeMs)
  }
}
