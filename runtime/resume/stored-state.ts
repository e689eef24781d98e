/**
 * The state that tools have stored with a conversation, which goes on under another version of its assistant: it is brought
 * to that version in the store, before anyone reads it there, or is given up.
 */
import type { Fields } from '../events/fields.ts'
import { setState, stateVersionOf, type ToolJournal } from './tool-journal.ts'

/** State as it was stored, with the version that its assistant had then. */
export interface VersionedState {
  readonly version: number
  readonly state: Fields
}

/** Why state is given up. */
export type StateRefusal = 'newer' | 'no_migration' | 'migration_failed'

export type MigratedState =
  | { readonly kind: 'fits' | 'migrated'; readonly state: Fields }
  | ({ readonly kind: 'refused'; readonly message: string } & Omit<RefusedState, 'from' | 'to'>)

/** How the assistant that goes on with a conversation brings state to its own version. */
export interface StateMigration {
  /** The assistant's `state_version`. */
  readonly version: number
  /** Never rejects. */
  migrate(stored: VersionedState): Promise<MigratedState>
}

/** State that was given up. */
export interface RefusedState {
  readonly reason: StateRefusal
  /** Version of the state, and that of the assistant. */
  readonly from: number
  readonly to: number
  /** What the migration failed of, and where, for the log: nothing of the state is in it. */
  readonly error?: string
  readonly at?: readonly string[]
}

/**
 * Brings the state in a journal to the version of an assistant. Where that cannot be done the journal goes on with none.
 * A journal that has no state needs no migration.
 * @returns the journal itself where its state has that version already
 */
export async function migrateJournal(
  journal: ToolJournal,
  { version: to, migrate }: StateMigration,
): Promise<{ readonly journal: ToolJournal; readonly refused: RefusedState | null }> {
  const { state } = journal
  const from = stateVersionOf(journal)
  if (from === to) return { journal, refused: null }
  if (Object.keys(state).length === 0) return { journal: setState(journal, {}, to), refused: null }
  const migrated = await migrate({ version: from, state })
  if (migrated.kind !== 'refused') return { journal: setState(journal, migrated.state, to), refused: null }
  const { kind: _, message: __, reason, ...cause } = migrated
  return { journal: setState(journal, {}, to), refused: { reason, from, to, ...cause } }
}

/** What the model is told of state that was given up. It may be read out: it has nothing of the state in it. */
export function describeRefused({ reason }: RefusedState): string {
  return `What the tools had stored of this conversation cannot be used any more (${reason}), and they begin with nothing. Do not rely on what they returned before; where it matters, ask for it again.`
}
