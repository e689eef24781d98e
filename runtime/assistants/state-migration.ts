/**
 * Brings the state of a conversation to the version that this replica's assistant keeps. A rollout has two versions side
 * by side, and a conversation may come from either.
 *
 * | state is of     | migrate.ts        | result                                         |
 * |-----------------|-------------------|------------------------------------------------|
 * | the same        | –                 | `fits`                                         |
 * | an older one    | brings it forward | `migrated`                                     |
 * | an older one    | is missing        | `refused`, `no_migration`                      |
 * | an older one    | fails             | `refused`, `migration_failed`                  |
 * | a newer one     | –                 | `refused`, `newer`                             |
 *
 * Where it is refused the conversation goes on without its state, and the model is told so.
 */
import { pathToFileURL } from 'node:url'
import type { Fields } from '../events/fields.ts'
import type { MigratedState, StateMigration, StateRefusal, VersionedState } from '../resume/stored-state.ts'
import { maxStateBytes, refusalOfState } from '../resume/tool-journal.ts'
import type { ConversationState } from '../tools/runner.ts'
import type { Assistant } from './assistant.ts'

/**
 * What `migrate.ts` exports as its default: makes the state of version `to` of one of version `from`. Throws where that
 * cannot be done.
 */
export type Migrate = (
  state: ConversationState,
  versions: { readonly from: number; readonly to: number },
) => ConversationState | Promise<ConversationState>

/** A migration that takes longer (ms) has failed: a client waits for it. */
const migrateWithinMs = 5000

/**
 * Brings state to the version of an assistant.
 * @param migrate null where the assistant has no `migrate.ts`
 * @returns never rejects
 */
export async function migrateState(
  { version: from, state }: VersionedState,
  { name, stateVersion: to }: Pick<Assistant, 'name' | 'stateVersion'>,
  migrate: Migrate | null,
): Promise<MigratedState> {
  const refuse = (reason: StateRefusal, why: string): MigratedState => ({
    kind: 'refused',
    reason,
    message: `The state of this conversation is of version ${from}, and the assistant "${name}" keeps version ${to}: ${why}`,
  })
  if (from === to) return { kind: 'fits', state }
  if (from > to) return refuse('newer', 'a newer version cannot be brought back')
  if (migrate === null) return refuse('no_migration', 'there is no migrate.ts that brings it forward')
  const tooLong = Promise.withResolvers<never>()
  const timer = setTimeout(() => tooLong.reject(new Error('it took too long')), migrateWithinMs)
  try {
    const migrated: unknown = await Promise.race([
      (async () => migrate(structuredClone(state), { from, to }))(),
      tooLong.promise,
    ])
    if (refusalOfState(migrated) !== null)
      return refuse('migration_failed', `migrate.ts returned no object of at most ${maxStateBytes} bytes`)
    return { kind: 'migrated', state: JSON.parse(JSON.stringify(migrated)) as Fields }
  } catch (fault) {
    const why = fault instanceof Error ? fault.message : String(fault)
    return refuse('migration_failed', `migrate.ts failed (${why})`)
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Loads `migrate.ts`; another version of it is loaded anew.
 * @returns null where the assistant has none
 * @throws Error where its default export is no function
 */
export async function loadMigration({
  migration,
  version,
}: Pick<Assistant, 'migration' | 'version'>): Promise<Migrate | null> {
  if (migration === null) return null
  const url = pathToFileURL(migration)
  url.searchParams.set('version', version)
  const { default: migrate }: { default?: unknown } = await import(url.href)
  if (typeof migrate !== 'function') throw new Error(`${migration} has no function as its default export`)
  return migrate as Migrate
}

/** Makes what brings state to the version of an assistant; its `migrate.ts` is loaded where there is older state. */
export function createStateMigration(assistant: Assistant): StateMigration {
  const load: Migrate = async (state, versions) => {
    const migrate = await loadMigration(assistant)
    if (migrate === null) throw new Error('it is gone')
    return migrate(state, versions)
  }
  const migrate = assistant.migration === null ? null : load
  return { version: assistant.stateVersion, migrate: stored => migrateState(stored, assistant, migrate) }
}
