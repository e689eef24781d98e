/** One conversation in the store, with the one ticket that gives it back. */
import { isDeepStrictEqual } from 'node:util'
import { GatewayError } from '../core/errors.ts'
import { newIdentifier } from '../core/identifier.ts'
import type { StorageQuota } from '../store/storage-quota.ts'
import type { Store } from '../store/store.ts'
import {
  type Conversation,
  readStored,
  type StoredText,
  unansweredCallsOf,
  unreadableConversation,
  writeStored,
} from './conversation.ts'
import { migrateJournal, type RefusedState, type StateMigration } from './stored-state.ts'
import { createTicket, renewTicket, ticketLifeMs } from './tickets.ts'
import {
  emptyJournal,
  type JournalChange,
  type JournaledConversation,
  type ToolJournal,
} from './tool-journal.ts'
import type { TranscriptItem } from './transcript-item.ts'

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

/** So often in a row a write may find that somebody else came first. */
const maxConflicts = 64

/** State is brought forward so often, where a tool of the session before stores something meanwhile: each may take seconds. */
const maxMigrations = 4

/** Once its session is over, what could not be written is tried again for this long (ms). */
const lastTriesMs = 30_000

/** A conversation's place in the store. */
export interface StoredEntry extends Pick<StoredText, 'revision' | 'epoch'> {
  readonly id: string
}

/** The place of a conversation that is not in the store yet. */
export function freshEntry(): StoredEntry {
  return { id: newIdentifier(), revision: 0, epoch: 1 }
}

export interface PersistedConversationOptions {
  readonly conversation: Conversation
  /** Where it stands in the store already; absent for one that does not. */
  readonly entry?: StoredEntry | undefined
  /** A ticket that already gives it back; absent: one is made when it is asked for. */
  readonly ticket?: string | undefined
  /** The credential's name; only it may resume. */
  readonly owner: string
  /** What is stored is charged to this; the credential's where it is absent. */
  readonly account?: string | undefined
  /** The ticket that was given out is good no more, and this one is. */
  readonly onTicket: (ticket: string) => void
  /** A fault of the gateway's own; the conversation is not kept any more. */
  readonly onFault: (fault: unknown) => void
  /**
   * Another session goes on with the conversation: this one may not write it any more. Absent: what is said here from
   * then on is a conversation of its own.
   */
  readonly onTakenOver?: (() => void) | undefined
}

/** Where conversations are kept. */
export interface PersistedConversationParts {
  readonly store: Store
  readonly quota?: Pick<StorageQuota, 'charge'> | undefined
}

export function conversationKey(id: string): string {
  return `conversation:${id}`
}

/**
 * Takes a conversation over from the session that kept it: from now on that one's writes are refused.
 * @param read what the store has of it, as was read a moment ago (default: it is read now)
 * @returns null where there is none @throws SyntaxError where it cannot be read; GatewayError `store_unavailable`
 */
export async function takeOver(
  store: Store,
  id: string,
  read?: string | null,
): Promise<{ readonly entry: StoredEntry; readonly text: string } | null> {
  const key = conversationKey(id)
  let known = read
  for (let conflicts = 0; conflicts <= maxConflicts; conflicts += 1) {
    const found = known === undefined ? await store.get(key) : known
    known = undefined
    if (found === null) return null
    const { revision: was, epoch: before, conversation } = readStored(found)
    if (conversation === null) throw unreadableConversation()
    const [revision, epoch] = [was + 1, before + 1]
    const text = writeStored({ revision, epoch, conversation })
    if (await store.compareAndSet(key, was, text, ticketLifeMs))
      return { entry: { id, revision, epoch }, text }
  }
  throw tooManyConflicts()
}

/**
 * Brings the state of a conversation that was taken over to the version of the assistant that goes on with it. Whoever had
 * it before may still commit what came of a tool: that is brought forward too, or is refused for its version.
 * @returns the conversation as it stands in the store then
 * @throws GatewayError `store_unavailable`; `resumed_elsewhere` where another session has taken it over meanwhile
 */
export async function migrateStored(
  store: Store,
  taken: { readonly entry: StoredEntry; readonly text: string },
  migration: StateMigration,
): Promise<{ readonly entry: StoredEntry; readonly text: string; readonly refused: RefusedState | null }> {
  const { id, epoch } = taken.entry
  const key = conversationKey(id)
  let { text } = taken
  for (let conflicts = 0; conflicts <= maxMigrations; conflicts += 1) {
    const { revision: was, epoch: found, conversation } = readStored(text)
    if (found !== epoch) throw takenOver()
    if (conversation === null) throw unreadableConversation()
    const { tools = emptyJournal } = conversation
    const { journal, refused } = await migrateJournal(tools, migration)
    if (journal === tools) return { entry: { id, revision: was, epoch }, text, refused }
    const revision = was + 1
    const next = writeStored({ revision, epoch, conversation: { ...conversation, tools: journal } })
    if (await store.compareAndSet(key, was, next, ticketLifeMs))
      return { entry: { id, revision, epoch }, text: next, refused }
    const newest = await store.get(key)
    if (newest === null) throw takenOver()
    text = newest
  }
  throw tooManyConflicts()
}

export class PersistedConversation {
  readonly #store: Store
  readonly #quota: PersistedConversationParts['quota']
  readonly #options: PersistedConversationOptions
  #id: string
  #epoch: number
  /** Of the text in the store, as far as is known. */
  #revision: number
  /** `taken-over`: another session goes on with the conversation, and this one writes nothing of it any more. */
  #ownership: 'own' | 'taken-over' = 'own'
  readonly #keeper: NodeJS.Timeout
  #state: 'kept' | 'stopped' = 'kept'
  #ticket: string | null
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

  constructor({ store, quota }: PersistedConversationParts, options: PersistedConversationOptions) {
    this.#store = store
    this.#quota = quota
    this.#options = options
    const { id, revision, epoch } = options.entry ?? freshEntry()
    this.#id = id
    this.#revision = revision
    this.#epoch = epoch
    this.#ticket = options.ticket ?? null
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

  /** Names the conversation in the store, for as long as it is there. */
  get id(): string {
    return this.#id
  }

  /**
   * Changes the journal in the store, together with what else has changed, in one operation. Works also after `stop`, and
   * after another session has taken the conversation over: whoever runs a tool may still say what came of it.
   * @param change makes the next journal of the newest one; called again where somebody else's change came first
   * @returns the journal as it was committed; null where the change gave up, or the conversation is gone
   * @throws GatewayError `store_unavailable`: it may have been committed or not
   */
  async commit(change: JournalChange): Promise<ToolJournal | null> {
    const { conversation } = this.#options
    for (let conflicts = 0; conflicts <= maxConflicts; conflicts += 1) {
      if (this.#ownership === 'taken-over') return this.#commitElsewhere(change)
      const before = conversation.journal
      const next = await change(before, journaledWith(conversation.items, false))
      if (next === null) return null
      while (this.#writing !== null) await this.#writing
      if (conversation.journal !== before || this.#isTakenOver()) continue
      if (next === before) return next
      const fault = await this.#try(next)
      this.#writeLater()
      if (conversation.journal === next) return next
      if (fault !== null && !this.#isTakenOver()) throw fault
    }
    throw tooManyConflicts()
  }

  /** Reads what another session has committed of the journal meanwhile. @throws GatewayError `store_unavailable` */
  async refresh(): Promise<void> {
    while (this.#writing !== null) await this.#writing
    const text = await this.#store.get(conversationKey(this.#id))
    if (text === null || this.#writing !== null) return
    const stored = readStored(text)
    if (stored.revision > this.#revision) this.#adopt(stored)
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
    if (waitMs <= 0) this.#writeBehindEvent()
    else this.#timer = setTimeout(() => void this.#write(), waitMs)
  }

  /**
   * Writes what changed once the event that changed it is dealt with: all that one event changes is written together, as
   * a successor may read the store before the next write.
   */
  #writeBehindEvent(): void {
    queueMicrotask(() => {
      if (this.#isDirty && this.#writing === null) void this.#write()
    })
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    const fault = await this.#try()
    if (fault !== null) this.#failed(fault)
    this.#writeLater()
  }

  /** @returns resolves with what the write failed of, or null; never rejects */
  #try(journal: ToolJournal | null = null): Promise<unknown> {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    const over = this.#endRetry()
    this.#isDirty = false
    this.#paidUntil = Math.max(this.#paidUntil, performance.now()) + writeIntervalMs
    this.#writing = this.#set(journal)
      .then(
        () => {
          this.#failingSince = null
          if (this.#isTicketDue && this.#issuing === null && this.#state === 'kept') void this.#renew()
          return null
        },
        fault => {
          if (!this.#isTakenOver()) this.#retryLater()
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

  /**
   * Writes the conversation over the revision that it is known to have.
   * @param journal to be committed with it; null writes the one that was committed last. A conflict leaves it uncommitted
   * @throws GatewayError `limit_reached` when too much is stored for the account; `store_unavailable`;
   *   `resumed_elsewhere` when another session goes on with the conversation
   */
  async #set(journal: ToolJournal | null): Promise<void> {
    const { conversation, owner, account = `credential:${owner}` } = this.#options
    for (let conflicts = 0; conflicts <= maxConflicts; conflicts += 1) {
      if (this.#isTakenOver()) throw takenOver()
      const key = conversationKey(this.#id)
      const before = conversation.journal
      const was = this.#revision
      const revision = was + 1
      const stored = conversation.stored(journal ?? before)
      const text = writeStored({ revision, epoch: this.#epoch, conversation: stored })
      if (this.#quota !== undefined) await this.#quota.charge(account, key, text.length, ticketLifeMs)
      if (await this.#store.compareAndSet(key, was, text, ticketLifeMs)) {
        this.#revision = revision
        if (journal !== null) conversation.journal = journal
        conversation.noteKept(ticketLifeMs)
        return
      }
      // Somebody else wrote it, or this session did without having been answered.
      const found = await this.#store.get(key)
      if (found === null) this.#revision = 0
      else this.#adopt(readStored(found))
      // What is to be committed was made of another journal than the newest.
      if (journal === null || conversation.journal === before) continue
      this.#isDirty = true
      return
    }
    throw tooManyConflicts()
  }

  /** What is in the store is newer than what was known of it. */
  #adopt({ revision, epoch, conversation: stored }: ReturnType<typeof readStored>): void {
    if (epoch > this.#epoch) return this.#loseOwnership()
    this.#revision = revision
    // What an older session wrote as its own is older than what is known here: the store had lost it.
    if (epoch < this.#epoch || stored === null) return
    const { conversation } = this.#options
    const { tools = emptyJournal } = stored
    if (!isDeepStrictEqual(conversation.journal, tools)) conversation.journal = tools
  }

  #isTakenOver(): boolean {
    return this.#ownership === 'taken-over'
  }

  #loseOwnership(): void {
    const { onTakenOver } = this.#options
    const isKept = this.#state === 'kept'
    if (isKept && onTakenOver === undefined) return this.#fork()
    this.#ownership = 'taken-over'
    this.stop()
    if (isKept) onTakenOver?.()
  }

  /** The client's session lives on beside the one that has taken over: its conversation gets a place and a ticket of its own. */
  #fork(): void {
    const { id, revision, epoch } = freshEntry()
    this.#id = id
    this.#revision = revision
    this.#epoch = epoch
    this.#ticket = null
    this.#isTicketDue = true
  }

  /** Another session keeps the conversation: only the journal is changed. */
  async #commitElsewhere(change: JournalChange): Promise<ToolJournal | null> {
    const key = conversationKey(this.#id)
    for (let conflicts = 0; conflicts <= maxConflicts; conflicts += 1) {
      const found = await this.#store.get(key)
      if (found === null) return null
      const { revision: was, epoch, conversation } = readStored(found)
      if (conversation === null) return null
      const { tools: before = emptyJournal } = conversation
      const tools = await change(before, journaledWith(conversation.items, true))
      if (tools === null || tools === before) return tools
      const text = writeStored({ revision: was + 1, epoch, conversation: { ...conversation, tools } })
      if (await this.#store.compareAndSet(key, was, text, ticketLifeMs)) return tools
    }
    throw tooManyConflicts()
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

function journaledWith(items: Iterable<TranscriptItem>, isTakenOver: boolean): JournaledConversation {
  const settled = [...items].filter(
    ({ kind, unconfirmed }) => kind !== 'function_call_output' || !unconfirmed,
  )
  const unanswered = unansweredCallsOf(settled)
  return { isUnanswered: callId => unanswered.some(({ id }) => id === callId), isTakenOver }
}

function takenOver(): GatewayError {
  return new GatewayError('resumed_elsewhere', 'Another connection goes on with this conversation')
}

/** Others write so often that this one never comes first: as good as a store that does not answer. */
function tooManyConflicts(): GatewayError {
  return new GatewayError('store_unavailable', `The conversation changed ${maxConflicts} times in a row`)
}
