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

/** What could not be written is tried again after this (ms). */
export const retryIntervalMs = 1000

/** A drain waits for a store that has been away for no longer than this (ms). */
const awaitedMs = 5000

/** Once its session is over, what could not be written is tried again for this long (ms). */
const lastTriesMs = 30_000

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
  /** A ticket was asked for and could not be given. */
  #isTicketDue = false
  #issuing: Promise<string> | null = null
  /** The conversation has changed since its writing was last tried. */
  #isDirty = false
  /** The one write that is under way; resolves with what it failed of, or null, and never rejects. */
  #writing: Promise<unknown> | null = null
  /**
   * Since when writes have failed (ms that only go forward); null where the last one did not. What the store lacks
   * then is tried again, also without a change.
   */
  #failingSince: number | null = null
  #timer: NodeJS.Timeout | null = null
  /** The next try of what could not be written; `over` resolves when that was tried. */
  #retry: { readonly timer: NodeJS.Timeout; readonly over: PromiseWithResolvers<void> } | null = null
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
   * Writes at once what changed since the last try, or waits for the next try of what could not be written.
   * @returns resolves when that is over, and never rejects; null when the store has all, or has been away for too long
   */
  flush(): Promise<void> | null {
    if (this.#writing !== null)
      return this.#writing.then(() =>
        this.#isDirty || this.#writing !== null ? (this.flush() ?? undefined) : undefined,
      )
    if (this.#isDirty) return this.#write()
    return this.#failedFor() > awaitedMs ? null : (this.#retry?.over.promise ?? null)
  }

  /**
   * Writes the last change and stops; what is in the store stays until it expires. Where the store is away, that is
   * tried for some time. Safe to call twice.
   */
  stop(): void {
    if (this.#state === 'stopped') return
    this.#state = 'stopped'
    clearInterval(this.#keeper)
    if (this.#failingSince !== null) this.#isDirty = true
    this.#failingSince = null
    void this.flush()
  }

  async #issue(): Promise<string> {
    while (this.#writing !== null) await this.#writing
    this.#isTicketDue = true
    const fault = await this.#try()
    this.#writeLater()
    if (fault !== null) throw fault
    try {
      // The session that a spent ticket came from may live on: it must not give out what is spent.
      if (this.#ticket === null || !(await renewTicket(this.#store, this.#ticket)))
        this.#ticket = await createTicket(this.#store, {
          conversation: this.#id,
          owner: this.#options.owner,
          assistant: this.#options.conversation.assistant?.name,
        })
    } catch (fault) {
      this.#retryLater()
      throw fault
    }
    this.#isTicketDue = false
    return this.#ticket
  }

  #writeLater(): void {
    if (!this.#isDirty || this.#writing !== null || this.#timer !== null) return
    const waitMs = this.#paidUntil - performance.now() - (writeBurst - 1) * writeIntervalMs
    if (waitMs <= 0) void this.#write()
    else this.#timer = setTimeout(() => void this.#write(), waitMs)
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    const fault = await this.#try()
    if (fault !== null) this.#failed(fault)
    this.#writeLater()
  }

  /** @returns resolves with what the write failed of, or null; never rejects */
  #try(): Promise<unknown> {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    const over = this.#endRetry()
    this.#isDirty = false
    this.#paidUntil = Math.max(this.#paidUntil, performance.now()) + writeIntervalMs
    this.#writing = this.#set()
      .then(
        () => {
          this.#failingSince = null
          if (this.#isTicketDue && this.#issuing === null && this.#state === 'kept') void this.#renew()
          return null
        },
        fault => {
          this.#retryLater()
          return fault
        },
      )
      .finally(() => {
        this.#writing = null
        over?.resolve()
      })
    return this.#writing
  }

  /** What the store lacks must not wait for the next change: its client may come back before that. */
  #retryLater(): void {
    this.#failingSince ??= performance.now()
    if (this.#retry !== null || (this.#state === 'stopped' && this.#failedFor() > lastTriesMs)) return
    const retry = () => {
      // Writing costs much where it cannot succeed.
      if (this.#store.unavailable() === null)
        return void (this.#isTicketDue && this.#state === 'kept' ? this.#renew() : this.#write())
      const over = this.#endRetry()
      this.#retryLater()
      over?.resolve()
    }
    this.#retry = { timer: setTimeout(retry, retryIntervalMs), over: Promise.withResolvers() }
  }

  #failedFor(): number {
    return this.#failingSince === null ? 0 : performance.now() - this.#failingSince
  }

  #endRetry(): PromiseWithResolvers<void> | undefined {
    const retry = this.#retry
    if (retry !== null) clearTimeout(retry.timer)
    this.#retry = null
    return retry?.over
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
      const before = this.#isTicketDue ? null : this.#ticket
      const ticket = await this.issue()
      if (ticket !== before && this.#state === 'kept') this.#options.onTicket(ticket)
    } catch (fault) {
      this.#failed(fault)
    }
  }

  #failed(fault: unknown): void {
    if (fault instanceof GatewayError) return
    this.#endRetry()?.resolve()
    this.#failingSince = null
    this.#isDirty = false
    this.stop()
    this.#options.onFault(fault)
  }
}
