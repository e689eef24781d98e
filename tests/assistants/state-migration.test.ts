/** State of a conversation that comes from another version: brought forward, or refused by name. */
import { join } from 'node:path'
import test from 'ava'
import { loadAssistant } from '../../runtime/assistants/assistant.ts'
import { loadMigration, type Migrate, migrateState } from '../../runtime/assistants/state-migration.ts'
import { assistant, folderWith, someModels } from './folders.ts'

const cafe = { name: 'cafe', stateVersion: 3 }
const state = { order: ['flat-white'] }

test('state of the same version goes on as it is, and nothing is migrated', async t => {
  const fail: Migrate = () => t.fail() as never
  t.deepEqual(await migrateState({ version: 3, state }, cafe, fail), { kind: 'fits', state })
})

test('older state is brought forward in one step, on a copy', async t => {
  const migrate: Migrate = (old, versions) => {
    ;(old as { order: string[] }).order.push('changed')
    return { ...old, versions }
  }
  t.deepEqual(await migrateState({ version: 1, state }, cafe, migrate), {
    kind: 'migrated',
    state: { order: ['flat-white', 'changed'], versions: { from: 1, to: 3 } },
  })
  t.deepEqual(state, { order: ['flat-white'] })
})

const refused: [what: string, version: number, migrate: Migrate | null, reason: string, message: RegExp][] = [
  [
    'newer state',
    4,
    () => ({}),
    'newer',
    /is of version 4, and the assistant "cafe" keeps version 3: a newer version/,
  ],
  ['older state without a migrate.ts', 2, null, 'no_migration', /there is no migrate\.ts/],
  [
    'older state that migrate.ts cannot bring forward',
    2,
    () => {
      throw new Error('no prices in it')
    },
    'migration_failed',
    /migrate\.ts failed \(no prices in it\)/,
  ],
  ['a rejection', 2, () => Promise.reject(new Error('away')), 'migration_failed', /\(away\)/],
  ['what is no object', 2, () => [] as never, 'migration_failed', /returned no object/],
  ['nothing', 2, () => undefined as never, 'migration_failed', /returned no object/],
  ['more than is kept', 2, () => ({ a: 'x'.repeat(300_000) }), 'migration_failed', /at most 65536 bytes/],
]

for (const [what, version, migrate, reason, message] of refused)
  test(`${what} is refused: ${reason}`, async t => {
    const result = await migrateState({ version, state }, cafe, migrate)
    t.like(result, { kind: 'refused', reason })
    t.regex(result.kind === 'refused' ? result.message : '', message)
  })

test('migrate.ts of the folder is found and loaded', async t => {
  const root = folderWith(t, {
    ...assistant('cafe', 'state_version: 2'),
    'cafe/migrate.ts': 'export default (state: object, { from }: { from: number }) => ({ ...state, from })',
  })
  const loaded = loadAssistant('cafe', { root, models: someModels })
  t.true('assistant' in loaded)
  if (!('assistant' in loaded)) return
  t.is(loaded.assistant.migration, join(root, 'cafe/migrate.ts'))
  const migrate = await loadMigration(loaded.assistant)
  t.deepEqual(await migrateState({ version: 1, state }, loaded.assistant, migrate), {
    kind: 'migrated',
    state: { ...state, from: 1 },
  })
})

test('a migrate.ts without a function is told by its path', async t => {
  const root = folderWith(t, { 'migrate.ts': 'export const migrate = 1' })
  await t.throwsAsync(loadMigration({ migration: join(root, 'migrate.ts'), version: 'a' }), {
    message: /migrate\.ts has no function as its default export/,
  })
  t.is(await loadMigration({ migration: null, version: 'a' }), null)
})
