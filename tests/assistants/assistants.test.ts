/** All assistants of a folder: what is one, who may choose which, and what a change does. */
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { Assistants } from '../../runtime/assistants/assistants.ts'
import { AssistantsError } from '../../runtime/assistants/faults.ts'
import { type ErrorCode, GatewayError } from '../../runtime/core/errors.ts'
import type { Principal } from '../../runtime/core/ports.ts'
import type { Log } from '../../runtime/observability/log.ts'
import type { Stage } from '../gateway/start.ts'
import { patienceMs, within } from '../gateway/within.ts'
import { assistant, type Files, folderWith, someModels, writeFiles } from './folders.ts'

function open(t: Stage, files: Files, checksAccess = true) {
  const folder = folderWith(t, files)
  const lines: { event: string; fields: Record<string, unknown> }[] = []
  let heard: () => void = () => undefined
  const write = (event: string, fields: object = {}) => {
    lines.push({ event, fields: { ...fields } })
    heard()
  }
  const log: Log = { info: write, warn: write, error: write }
  const assistants = new Assistants({ folder, isRequired: true, checksAccess, models: someModels, log })
  t.teardown(() => assistants.close())
  const logged = (event: string, count: number) =>
    within(
      new Promise<Record<string, unknown>>(resolve => {
        heard = () => {
          const found = lines.filter(line => line.event === event)
          if (found.length >= count) resolve(found.at(-1)?.fields ?? {})
        }
        heard()
      }),
      patienceMs,
      `no ${event} is logged`,
    )
  return { folder, assistants, lines, logged }
}

const two: Files = {
  ...assistant('bar', 'access: { principals: [key:bob], roles: [Bar.Use] }'),
  ...assistant('cafe', 'access: { principals: [key:alice] }'),
}
const alice: Principal = { name: 'key:alice', by: 'key' }
const bob: Principal = { name: 'key:bob', by: 'key' }

test('folders with an assistant.yaml are assistants, default is always one, and the rest is nobody’s business', t => {
  const { assistants, folder } = open(t, { ...two, 'shared/price.ts': '', 'package.json': '{}' })
  t.deepEqual(
    assistants.all.map(({ name }) => name),
    ['default', 'bar', 'cafe'],
  )
  symlinkSync(join(folder, 'bar'), join(folder, 'pub'))
  const load = () => new Assistants({ ...{ folder, isRequired: true, models: someModels, log: silent } })
  t.throws(load, { instanceOf: AssistantsError, message: /pub: is a symbolic link, which is not followed/ })
})

test('instructions that fail for one session are told by name, and in the log by file, line and reason', t => {
  const template = "Serve.\n{% if language == 'xx' %}\n{{ file(language) }}\n{% endif %}"
  const { assistants, lines } = open(t, assistant('cafe', '', template))
  const render = assistants.find('cafe')?.instructions
  t.is(render?.({ caller: 'key:alice', language: 'en' }), 'Serve.')
  t.throws(() => render?.({ caller: 'key:alice', language: 'xx' }), {
    instanceOf: GatewayError,
    code: 'internal',
    message: 'The assistant "cafe" has no instructions for this session; its operator finds why in the log',
  })
  t.deepEqual(lines.at(-1), {
    event: 'assistants.refused',
    fields: { faults: ["cafe/instructions.md:2: file('xx') names no file of this folder"] },
  })
})

test('a folder that was named must be there; the default one need not', t => {
  const options = { folder: '/nowhere/assistants', models: someModels, log: silent }
  t.throws(() => new Assistants({ ...options, isRequired: true }), { message: /does not exist/ })
  t.is(new Assistants({ ...options, isRequired: false }).all.length, 1)
})

test('without an instructions.md default is what the variables say; any other assistant needs one', t => {
  const { assistants } = open(t, { 'default/assistant.yaml': 'description: d' })
  t.is(assistants.find('default')?.instructions, null)
  const folder = folderWith(t, { 'cafe/assistant.yaml': 'description: d' })
  const load = () => new Assistants({ folder, isRequired: true, models: someModels, log: silent })
  t.throws(load, { message: /cafe\/instructions\.md: is missing/ })
})

const silent: Log = { info: () => undefined, warn: () => undefined, error: () => undefined }

const refusals: [what: string, asked: string | null, who: Principal, code: ErrorCode, message: RegExp][] = [
  [
    'one that is not there',
    'pub',
    alice,
    'not_found',
    /^There is no assistant "pub"; use "cafe", "default"$/,
  ],
  ['another’s', 'bar', alice, 'forbidden', /^This credential has no access to the assistant "bar"$/],
  [
    'another’s, by a ticket',
    'bar',
    { ...alice, assistant: 'cafe' },
    'forbidden',
    /^This ticket opens the assistant "cafe" alone$/,
  ],
  ['the default, by a ticket', 'default', { ...bob, assistant: 'bar' }, 'forbidden', /"bar" alone/],
  [
    'any, by a key that was minted for none',
    'cafe',
    { ...alice, by: 'ephemeral' },
    'forbidden',
    /minted without an assistant/,
  ],
  [
    'one, by a key whose owner has no access any more',
    null,
    { ...bob, by: 'ephemeral', assistant: 'cafe' },
    'forbidden',
    /no access to the assistant "cafe"/,
  ],
  ['a very long name', 'x'.repeat(1000), alice, 'not_found', /^There is no assistant "x{64}"; /],
  ['a name of every object', 'constructor', alice, 'not_found', /^There is no assistant "constructor"/],
]

for (const [what, asked, who, code, message] of refusals)
  test(`${what} is refused: ${code}`, t => {
    const { assistants } = open(t, two)
    const fault = t.throws(() => assistants.choose(asked, who), { instanceOf: GatewayError })
    t.is(fault?.code, code)
    t.regex(fault?.message ?? '', message)
  })

test('a caller chooses its own, by its name or by a role, and sees no other', t => {
  const { assistants } = open(t, two)
  t.is(assistants.choose('cafe', alice)?.name, 'cafe')
  t.is(assistants.choose(null, alice), null)
  t.is(assistants.choose(null, { ...alice, assistant: 'cafe' })?.name, 'cafe')
  const barman: Principal = { name: 'entra:t/o', by: 'entra', roles: ['Other', 'Bar.Use'] }
  t.is(assistants.choose('bar', barman)?.name, 'bar')
  const names = (who: Principal) => assistants.allowedTo(who).map(({ name }) => name)
  t.deepEqual(
    [names(alice), names(bob), names(barman)],
    [
      ['cafe', 'default'],
      ['bar', 'default'],
      ['bar', 'default'],
    ],
  )
})

test('access of default is for those, too, who choose none', t => {
  const { assistants } = open(t, { ...two, ...assistant('default', 'access: { principals: [key:bob] }') })
  t.throws(() => assistants.choose(null, alice), { code: 'forbidden', message: /^Choose an assistant: / })
  t.is(assistants.choose(null, bob), null)
})

test('in a terminal whoever owns the folder may choose all', t => {
  const { assistants } = open(t, two, false)
  t.is(assistants.choose('cafe', { name: 'anonymous', by: 'none' })?.name, 'cafe')
})

test('a change is read when it is saved; one with faults is logged, and what was there stays', async t => {
  const { assistants, folder, logged } = open(t, two)
  assistants.watch()
  const [before, all] = [assistants.find('cafe')?.version, assistants.version]
  writeFiles(folder, { 'cafe/instructions.md': 'Be even briefer.' })
  const { assistants: versions } = await logged('assistants.loaded', 2)
  t.not(assistants.find('cafe')?.version, before)
  t.not(assistants.version, all)
  t.true((versions as string[]).includes(`cafe@${assistants.find('cafe')?.version}`))
  const now = assistants.version
  writeFiles(folder, { 'cafe/assistant.yaml': 'description: d\npinned: maybe' })
  t.deepEqual(await logged('assistants.refused', 1), {
    faults: ['cafe/assistant.yaml:2: pinned is "maybe"; allowed is true or false'],
  })
  t.is(assistants.version, now)
})
