/** State of a conversation that comes from another version: brought forward, or refused by name. */
import { join } from 'node:path'
import test from 'ava'
import { type Assistant, loadAssistant } from '../../runtime/assistants/assistant.ts'
import {
  createStateMigration,
  findMigrationFaults,
  loadMigration,
  type Migrate,
  migrateState,
} from '../../runtime/assistants/state-migration.ts'
import { assistant, type Files, folderWith, someModels, writeFiles } from './folders.ts'

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

/** The assistant `cafe`, whose migrate.ts puts the name of a module beside it into the state. */
const withSharedModule: Files = {
  ...assistant('cafe', 'state_version: 2'),
  'cafe/order.ts': `import { z } from 'realtime-gateway/tools'
export const shape: string = z.literal('order').value`,
  'cafe/migrate.ts': `import { shape } from './order.ts'
export default (state: object) => ({ ...state, shape })`,
}

function load(root: string): Assistant {
  const loaded = loadAssistant('cafe', { root, models: someModels })
  if ('faults' in loaded) throw new Error(JSON.stringify(loaded.faults))
  return loaded.assistant
}

const packages: [what: string, files: Files][] = [
  ['no package.json', {}],
  ['a package.json of its own', { 'package.json': '{"type":"module"}' }],
  ['a package.json that says nothing of modules', { 'package.json': '{}' }],
  ['a package.json as "npm init" writes it', { 'package.json': '{"type":"commonjs"}' }],
]
for (const [what, files] of packages)
  test(`migrate.ts and what it imports have the tools' module, in a folder with ${what}`, async t => {
    const cafe = load(folderWith(t, { ...withSharedModule, ...files }))
    t.deepEqual(await findMigrationFaults([cafe]), [])
    const { migrate } = createStateMigration(cafe)
    t.deepEqual(await migrate({ version: 1, state }), {
      kind: 'migrated',
      state: { ...state, shape: 'order' },
    })
  })

test('a module that migrate.ts imports is loaded anew with another version, also after it failed', async t => {
  const root = folderWith(t, { ...withSharedModule, 'cafe/order.ts': "throw new Error('no database')" })
  t.is((await findMigrationFaults([load(root)])).length, 1)
  for (const shape of ['round', 'square']) {
    writeFiles(root, { 'cafe/order.ts': `export const shape = '${shape}'` })
    const { migrate } = createStateMigration(load(root))
    t.deepEqual(await migrate({ version: 1, state }), { kind: 'migrated', state: { ...state, shape } })
  }
})

const unusable: [what: string, code: string, message: RegExp][] = [
  [
    'has no function',
    'export const migrate = 1',
    /^its default export is no function; write `export default/,
  ],
  ['imports what is not there', "import 'not-installed'", /^Error: Cannot find package 'not-installed'/],
  ['throws', "throw new TypeError('no database')", /^TypeError: no database$/],
  ['is no TypeScript', 'export default {', /^SyntaxError: /],
  ['does not end', 'await new Promise(() => {})', /^it was not loaded in 100 ms$/],
]
for (const [what, code, message] of unusable)
  test(`a migrate.ts that ${what} is a fault of the folder`, async t => {
    const cafe = load(folderWith(t, { ...assistant('cafe'), 'cafe/migrate.ts': code }))
    const withinMs = what === 'does not end' ? 100 : undefined
    const faults = await findMigrationFaults([{ ...cafe, name: 'bar', migration: null }, cafe], withinMs)
    t.deepEqual(
      faults.map(({ file, line }) => [file, line]),
      [['cafe/migrate.ts', null]],
    )
    t.regex(faults[0]?.message ?? '', message)
  })
