/** What lets a client go on with its conversation at another replica or revision. */
import { GatewayError } from '../core/errors.ts'
import { allOrFirstFault } from '../core/settled.ts'
import type { Log } from '../observability/log.ts'
import type { StorageQuota } from '../store/storage-quota.ts'
import type { Store } from '../store/store.ts'
import { Conversation } from './conversation.ts'
import {
  conversationKey,
  migrateStored,
  PersistedConversation,
  type PersistedConversationOptions,
  type StoredEntry,
  takeOver,
} from './stored-conversation.ts'
import type { RefusedState, StateMigration } from './stored-state.ts'
import { type Claim, claimTicket, holdTicket, spendTicket } from './tickets.ts'

/** Why a ticket is not honoured; the client gets a fresh session instead. */
export type ResumeFailure = 'unknown' | 'expired' | 'store_unavailable'

/**
 * What a client's ticket was worth. `entry`: where the conversation stands in the store; `spent`: the ticket stands for the
 * next one until the client has one; `refused`: the conversation goes on without the state that its tools had stored.
 */
export type Redeemed =
  | { conversation: Conversation; entry?: StoredEntry; spent?: SpentTicket; refused?: RefusedState }
  | { failure: ResumeFailure }

/** What the ticket that a request came by was found to be good for. */
export interface FoundTicket {
  /** Of the conversation that it gives back; '': that has none; null: the ticket is worth nothing, or the store is away. */
  readonly assistant: string | null
  /** It is not spent yet. */
  readonly claim: Claim | { readonly failure: ResumeFailure }
}

/** Whether a conversation begins, as far as its client's ticket goes. */
export function isFresh(resumed: Redeemed | null): boolean {
  return resumed === null || 'failure' in resumed
}

/** A ticket that was spent, and the one that it stands for until its client has a ticket again. */
export interface SpentTicket {
  /** Good from the moment at which the other was spent. */
  readonly next: string
  /**
   * The client has a ticket again. May be done twice.
   * @returns false where another client came by the spent one meanwhile @throws GatewayError `store_unavailable`
   */
  hold(): Promise<boolean>
}

export interface ResumeStoreOptions {
  readonly store: Store
  /** What is stored is charged to; absent keeps as much as the store takes. */
  readonly quota?: Pick<StorageQuota, 'charge'> | undefined
  /** Limit of what a client may say before its ticket is spent (bytes). */
  readonly maxHeldBytes: number
  readonly log: Log
}

export class ResumeStore {
  readonly options: ResumeStoreOptions

  constructor(options: ResumeStoreOptions) {
    this.options = options
  }

  /** Begins to keep a conversation. */
  keep(options: PersistedConversationOptions): PersistedConversation {
    return new PersistedConversation(this.options, options)
  }

  /**
   * Claims a ticket for a connection that is about to be; it is not spent yet.
   * @param owner the credential's name
   * @param assistant that the connection is for; a ticket of another one's conversation is not claimed. Absent: any
   */
  async find(ticket: string, owner: string, assistant?: string): Promise<FoundTicket> {
    try {
      const found = await claimTicket(this.options.store, ticket, { owner, assistant })
      return { assistant: found?.assistant ?? null, claim: found?.claim ?? { failure: 'unknown' } }
    } catch (fault) {
      return { assistant: null, claim: failureOf(fault) }
    }
  }

  /**
   * Spends a ticket, whatever comes of it.
   * @param migration of the assistant that goes on with the conversation; null leaves its state as it is
   * @param onSpent called when the ticket is spent, and the conversation still to be taken over
   * @throws GatewayError `resumed_elsewhere` when another connection came by the same ticket since
   */
  async redeem(
    claim: Claim,
    migration: StateMigration | null = null,
    onSpent: () => void = () => undefined,
  ): Promise<Redeemed> {
    const { store } = this.options
    try {
      const reading = store.get(conversationKey(claim.conversation))
      const [next, read] = await allOrFirstFault([spendTicket(store, claim), reading])
      if (next === null)
        throw new GatewayError('resumed_elsewhere', 'Another connection came by the same ticket')
      onSpent()
      const taken = await takeOver(store, claim.conversation, read)
      if (taken === null) return { failure: 'expired' }
      const { entry, text, refused } =
        migration === null ? { ...taken, refused: null } : await migrateStored(store, taken, migration)
      const spent = { next, hold: () => holdTicket(store, claim, next) }
      const conversation = Conversation.restore(text)
      return { conversation, entry, spent, ...(refused !== null && { refused }) }
    } catch (fault) {
      // Written in a shape that this revision does not read.
      if (fault instanceof SyntaxError) return { failure: 'unknown' }
      return failureOf(fault)
    }
  }
}

/** @throws anything but the store's failure */
function failureOf(fault: unknown): { failure: ResumeFailure } {
  if (fault instanceof GatewayError && fault.code === 'store_unavailable') return { failure: fault.code }
  throw fault
}
