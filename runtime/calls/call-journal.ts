/** The journal of a call's tools, where every replica that hears the call finds it. */
import { GatewayError } from '../core/errors.ts'
import { parseFields } from '../events/fields.ts'
import { migrateJournal, type RefusedState, type StateMigration } from '../resume/stored-state.ts'
import {
  emptyJournal,
  isToolJournal,
  type JournalChange,
  type JournalKeeper,
  setState,
  type ToolJournal,
  unstoredConversation,
} from '../resume/tool-journal.ts'
import { revisedText, revisionOf } from '../store/revision.ts'
import type { StorageQuota } from '../store/storage-quota.ts'
import type { Store } from '../store/store.ts'

export interface CallJournalOptions {
  readonly store: Pick<Store, 'get' | 'compareAndSet'>
  readonly quota: Pick<StorageQuota, 'charge'>
  /** It is forgotten when nothing was committed for so long (ms). */
  readonly ttlMs: number
  readonly sessionId: string
  /** What is stored is charged to it. */
  readonly account: string
  readonly migration: StateMigration
}

/** So often in a row a commit may find that somebody else came first. */
const maxConflicts = 64

const journalKey = (sessionId: string) => `call-tools:${sessionId}`

export class CallJournal implements JournalKeeper {
  readonly isStored = true
  readonly #options: CallJournalOptions
  #journal: ToolJournal
  /** Of the text in the store, as far as is known. */
  #revision = 0

  constructor(options: CallJournalOptions) {
    this.#options = options
    this.#journal = setState(emptyJournal, {}, options.migration.version)
  }

  get journal(): ToolJournal {
    return this.#journal
  }

  get conversationId(): string {
    return this.#options.sessionId
  }

  /** @throws GatewayError `store_unavailable`; `limit_reached` where too much is stored for the account */
  async commit(change: JournalChange): Promise<ToolJournal | null> {
    const { store, quota, account, ttlMs, sessionId } = this.#options
    const key = journalKey(sessionId)
    for (let conflicts = 0; conflicts <= maxConflicts; conflicts += 1) {
      const [before, was] = [this.#journal, this.#revision]
      const next = await change(before, unstoredConversation)
      if (next === null || next === before) return next
      const text = revisedText(was + 1, next)
      await quota.charge(account, key, Buffer.byteLength(text), ttlMs)
      if (await store.compareAndSet(key, was, text, ttlMs)) {
        // Of two commits at once the later one may have been told first.
        if (this.#revision < was + 1) {
          this.#journal = next
          this.#revision = was + 1
        }
        return next
      }
      await this.refresh()
    }
    throw new GatewayError('store_unavailable', 'The journal of a call is changed too often')
  }

  async refresh(): Promise<void> {
    const { store, sessionId } = this.#options
    const text = await store.get(journalKey(sessionId))
    if (text === null) return
    const revision = revisionOf(text)
    if (revision <= this.#revision) return
    const { revision: _, ...stored } = parseFields(Buffer.from(text)) ?? {}
    this.#revision = revision
    // What another revision of the gateway wrote in another shape is not understood: the call goes on without it.
    if (isToolJournal(stored)) this.#journal = stored
  }

  /**
   * Reads what other replicas have committed, and brings the state to the version of this replica's assistant.
   * @returns why state was given up; null where it was not
   * @throws GatewayError as `commit`
   */
  async take(): Promise<RefusedState | null> {
    let refused: RefusedState | null = null
    await this.refresh()
    await this.commit(async newest => {
      const migrated = await migrateJournal(newest, this.#options.migration)
      refused = migrated.refused
      return migrated.journal
    })
    return refused
  }
}
