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
import { describeFault } from '../core/fault-boundary.ts'
import type { Fields } from '../events/fields.ts'
import type {
  MigratedState,
  RefusedState,
  StateMigration,
  StateRefusal,
  VersionedState,
} from '../resume/stored-state.ts'
import { maxStateBytes, refusalOfState } from '../resume/tool-journal.ts'
import type { ConversationState } from '../tools/runner.ts'
import { type Assistant, migrationFile } from './assistant.ts'
import type { AssistantFault } from './faults.ts'

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

/** A `migrate.ts` that is not loaded for so long (ms) cannot be used: a start waits for it. */
const loadWithinMs = 30_000

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
  const refuse = (
    reason: StateRefusal,
    why: string,
    cause: Pick<RefusedState, 'error' | 'at'> = {},
  ): MigratedState => ({
    kind: 'refused',
    reason,
    message: `The state of this conversation is of version ${from}, and the assistant "${name}" keeps version ${to}: ${why}`,
    ...cause,
  })
  if (from === to) return { kind: 'fits', state }
  if (from > to) return refuse('newer', 'a newer version cannot be brought back')
  if (migrate === null) return refuse('no_migration', 'there is no migrate.ts that brings it forward')
  try {
    const migrated: unknown = await inTime(
      (async () => migrate(structuredClone(state), { from, to }))(),
      migrateWithinMs,
      `migrate.ts took more than ${migrateWithinMs} ms`,
    )
    if (refusalOfState(migrated) !== null)
      throw new MigrationError(`migrate.ts returned no object of at most ${maxStateBytes} bytes`)
    return { kind: 'migrated', state: JSON.parse(JSON.stringify(migrated)) as Fields }
  } catch (fault) {
    if (fault instanceof MigrationError)
      return refuse('migration_failed', fault.message, { error: fault.message })
    return refuse('migration_failed', `migrate.ts failed (${messageOf(fault)})`, describeFault(fault))
  }
}

/**
 * Loads `migrate.ts`; another version of it, and of what it imports, is loaded anew.
 * @returns null where the assistant has none
 * @throws Error where its default export is no function, and what the module throws
 */
export async function loadMigration({
  migration,
  version,
}: Pick<Assistant, 'migration' | 'version'>): Promise<Migrate | null> {
  if (migration === null) return null
  // It imports what tools import.
  await import('../tools/resolve-tools.ts')
  const url = pathToFileURL(migration)
  url.searchParams.set('version', version)
  const { default: migrate }: { default?: unknown } = await import(url.href)
  if (typeof migrate !== 'function')
    throw new MigrationError(
      'its default export is no function; write `export default (state, { from, to }) => …`',
    )
  return migrate as Migrate
}

/**
 * Loads the `migrate.ts` of assistants, so that one that cannot be used is told before there is older state.
 * @param withinMs that each may take (ms)
 * @returns never rejects
 */
export async function findMigrationFaults(
  assistants: readonly Pick<Assistant, 'name' | 'migration' | 'version'>[],
  withinMs = loadWithinMs,
): Promise<readonly AssistantFault[]> {
  const found = assistants.map(async (assistant): Promise<AssistantFault[]> => {
    try {
      await inTime(loadMigration(assistant), withinMs, `it was not loaded in ${withinMs} ms`)
      return []
    } catch (fault) {
      const isOwn = fault instanceof MigrationError || !(fault instanceof Error)
      const message = isOwn ? messageOf(fault) : `${fault.name}: ${fault.message}`
      return [{ file: `${assistant.name}/${migrationFile}`, line: null, message }]
    }
  })
  return (await Promise.all(found)).flat()
}

/** Makes what brings state to the version of an assistant. */
export function createStateMigration(assistant: Assistant): StateMigration {
  const load: Migrate = async (state, versions) => {
    const migrate = await loadMigration(assistant)
    if (migrate === null) throw new Error('it is gone')
    return migrate(state, versions)
  }
  const migrate = assistant.migration === null ? null : load
  return { version: assistant.stateVersion, migrate: stored => migrateState(stored, assistant, migrate) }
}

/** What this module says of a migration: nothing of the state is in its message. */
class MigrationError extends Error {}

function messageOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault)
}

/** @throws MigrationError when it takes longer (ms) */
async function inTime<Result>(promise: Promise<Result>, ms: number, otherwise: string): Promise<Result> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new MigrationError(otherwise)), ms)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
