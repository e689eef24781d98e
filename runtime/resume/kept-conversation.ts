/** One conversation in the store, with the one ticket that gives it back. */
import { randomBytes } from 'node:crypto'
import { GatewayError } from '../core/errors.ts'
import type { StorageQuota } from '../store/storage-quota.ts'
import type { Store } from '../store/store.ts'
import type { Conversation } from './conversation.ts'
import { createTicket, renewTicket, ticketLifeMs } from './tickets.ts'

/** A session that lives on keeps its ticket alive this often (ms). */
export const keepAliveMs = ticketLifeMs / 5

/** In the long run changes are written no more often than this (ms): each writes the whole conversation. */
export const writeIntervalMs = 100

/** So many may follow each other at once, after a pause: a turn is in the store before its process can be killed. */
export const writeBurst = 10

export interface KeepOptions {
  readonly conversation: Conversation
  /** The credential's name; only it may resume. */
  readonly owner: string
  /** What is stored is charged to this; the credential's where it is absent. */
  readonly account?: string | undefined
  /** The ticket that was given out is good no more, and this one is. */
  readonly onTicket: (ticket: string) => void
  /** A fault of the gateway's own; the conversation is not kept any more. */
  readonly onFault: (fault: unknown) => void
}

/** Where conversations are kept. */
export interface KeepingParts {
  readonly store: Store
  readonly quota?: Pick<StorageQuota, 'charge'> | undefined
}

export function conversationKey(id: string): string {
  return `conversation:${id}`
}

export class KeptConversation {
  readonly #store: Store
  readonly #quota: KeepingParts['quota']
  readonly #options: KeepOptions
  readonly #id = randomBytes(16).toString('hex')
  readonly #keeper: NodeJS.Timeout
  #state: 'kept' | 'stopped' = 'kept'
  #ticket: string | null = null
  #issuing: Promise<string> | null = null
  /** The conversation has changed since it was last written. */
  #isDirty = false
  /** The one write that is under way; it never rejects. */
  #writing: Promise<void> | null = null
  #timer: NodeJS.Timeout | null = null
  /** When the writes so far, one each interval, would be over (ms that only go forward). */
  #paidUntil = 0

  constructor({ store, quota }: KeepingParts, options: KeepOptions) {
    this.#store = store
    this.#quota = quota
    this.#options = options
    this.#keeper = setInterval(() => void this.#renew(), keepAliveMs)
  }

  /** Writes the conversation and its ticket. @returns the ticket @throws GatewayError `store_unavailable` */
  issue(): Promise<string> {
    // Of two at once each would make a ticket, and there would be two successors.
    this.#issuing ??= this.#issue().finally(() => {
      this.#issuing = null
    })
    return this.#issuing
  }

  /** The conversation changed. It is written at once, or when the writes before it allow. */
  changed(): void {
    if (this.#state === 'stopped') return
    this.#isDirty = true
    this.#writeLater()
  }

  /**
   * Writes at once what has not been written.
   * @returns resolves when that is over, and never rejects; null when the store has all
   */
  flush(): Promise<void> | null {
    if (!this.#isDirty) return this.#writing
    if (this.#writing !== null) return this.#writing.then(() => this.flush() ?? undefined)
    return this.#write()
  }

  /** Writes the last change and stops; what is in the store stays until it expires. Safe to call twice. */
  stop(): void {
    if (this.#state === 'stopped') return
    this.#state = 'stopped'
    clearInterval(this.#keeper)
    void this.flush()
  }

  async #issue(): Promise<string> {
    await this.#writing
    this.#isDirty = false
    await this.#set()
    if (this.#ticket !== null && (await renewTicket(this.#store, this.#ticket))) return this.#ticket
    // The session that a spent ticket came from may live on: it must not give out what is spent.
    this.#ticket = await createTicket(this.#store, { conversation: this.#id, owner: this.#options.owner })
    return this.#ticket
  }

  #writeLater(): void {
    if (!this.#isDirty || this.#writing !== null || this.#timer !== null) return
    const waitMs = this.#paidUntil - performance.now() - (writeBurst - 1) * writeIntervalMs
    if (waitMs <= 0) void this.#write()
    else this.#timer = setTimeout(() => void this.#write(), waitMs)
  }

  #write(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#isDirty = false
    this.#paidUntil = Math.max(this.#paidUntil, performance.now()) + writeIntervalMs
    this.#writing = this.#set()
      // While the store is away nothing can be kept; the next change is written again.
      .catch(fault => this.#failed(fault))
      .then(() => {
        this.#writing = null
        this.#writeLater()
      })
    return this.#writing
  }

  /** @throws GatewayError `limit_reached` when too much is stored for the account; `store_unavailable` */
  async #set(): Promise<void> {
    const { conversation, owner, account = `credential:${owner}` } = this.#options
    const key = conversationKey(this.#id)
    const text = JSON.stringify(conversation)
    if (this.#quota !== undefined) await this.#quota.charge(account, key, text.length, ticketLifeMs)
    await this.#store.set(key, text, ticketLifeMs)
  }

  async #renew(): Promise<void> {
    try {
      const before = this.#ticket
      const ticket = await this.issue()
      if (before !== null && ticket !== before && this.#state === 'kept') this.#options.onTicket(ticket)
    } catch (fault) {
      this.#failed(fault)
    }
  }

  #failed(fault: unknown): void {
    if (fault instanceof GatewayError) return
    this.#isDirty = false
    this.stop()
    this.#options.onFault(fault)
  }
}
