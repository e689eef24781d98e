/** `assistant.yaml`: each key with a wrong value, answered with file, line and what is allowed; all faults at once. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Validator } from '@cfworker/json-schema'
import test from 'ava'
import { parse } from 'yaml'
import { z } from 'zod'
import { readAssistantFile } from '../../runtime/assistants/assistant-file.ts'
import { loadAssistants } from '../../runtime/assistants/assistants.ts'
import { AssistantsError } from '../../runtime/assistants/faults.ts'
import { assistantSchema, schemaFile, writeJsonSchema } from '../../runtime/assistants/schema.ts'
import { assistant, folderWith, someModels } from './folders.ts'

/** Key, what stands there, its line behind `description` on the first, and the sentence. */
const wrong: readonly (readonly [key: string, yaml: string, line: number, message: string])[] = [
  ['description', 'description: 7', 1, 'description is 7; allowed is a text of 1 to 1000 characters'],
  ['model', 'model: []', 2, 'model is a list of 0; allowed is a text of 1 to 128 characters'],
  [
    'session',
    'session: loud',
    2,
    'session is "loud"; allowed is an object, as the API\'s session.update takes it',
  ],
  [
    'session.output_modalities',
    'session:\n  output_modalities: [smell]',
    3,
    'session.output_modalities is a list of 1; allowed is [audio] or [text]',
  ],
  [
    'session.audio',
    'session:\n  audio: loud',
    3,
    'session.audio is "loud"; allowed is an object with input and output',
  ],
  [
    'session.audio.input',
    'session:\n  audio:\n    input: 1',
    4,
    'session.audio.input is 1; allowed is an object',
  ],
  [
    'session.audio.output',
    'session:\n  audio:\n    output: 1',
    4,
    'session.audio.output is 1; allowed is an object',
  ],
  [
    'session.max_output_tokens',
    'session:\n  max_output_tokens: lots',
    3,
    'session.max_output_tokens is "lots"; allowed is a whole number from 1, or inf',
  ],
  [
    'session.tools',
    'session:\n  tools: [1]',
    3,
    'session.tools is a list of 1; allowed is a list of objects with a type',
  ],
  [
    'session.tool_choice',
    'session:\n  tool_choice: 1',
    3,
    'session.tool_choice is 1; allowed is auto, none, required, or an object with a type',
  ],
  [
    'session.parallel_tool_calls',
    'session:\n  parallel_tool_calls: maybe',
    3,
    'session.parallel_tool_calls is "maybe"; allowed is true or false',
  ],
  [
    'session.reasoning',
    'session:\n  reasoning: hard',
    3,
    'session.reasoning is "hard"; allowed is an object',
  ],
  [
    'session.truncation',
    'session:\n  truncation: 3',
    3,
    'session.truncation is 3; allowed is auto, disabled, or an object with a type',
  ],
  [
    'session.tracing',
    'session:\n  tracing: 3',
    3,
    'session.tracing is 3; allowed is auto, null or an object',
  ],
  ['session.include', 'session:\n  include: all', 3, 'session.include is "all"; allowed is a list of names'],
  [
    'session.prompt',
    'session:\n  prompt: p',
    3,
    'session.prompt is "p"; allowed is an object with an id, or null',
  ],
  ['greeting', 'greeting:', 2, 'greeting is empty; allowed is a text of 1 to 4096 characters'],
  ['events', 'events: []', 2, 'events is a list of 0; allowed is a list of 1 to 256 globs'],
  ['extract', 'extract: yes please', 2, 'extract is "yes please"; allowed is an object with the key from'],
  [
    'extract.from',
    'extract: { from: [] }',
    2,
    'extract.from is a list of 0; allowed is a list of 1 to 256 globs',
  ],
  [
    'extract.fields',
    'extract:\n  from: [a]\n  fields: { a: text }',
    4,
    'extract.fields is an object; allowed is an object of globs, each with a list of fields',
  ],
  [
    'extract.text_field',
    'extract:\n  from: [a]\n  text_field: 1',
    4,
    'extract.text_field is 1; allowed is a text of 1 to 128 characters',
  ],
  [
    'extract.schema',
    'extract:\n  from: [a]\n  schema: none.json',
    4,
    'extract.schema is "none.json", which is no file of this folder',
  ],
  [
    'extract.strategy',
    'extract:\n  from: [a]\n  strategy: guess',
    4,
    'extract.strategy is "guess"; allowed is fenced_or_bare or strict_fence or first_object',
  ],
  [
    'extract.pick',
    'extract:\n  from: [a]\n  pick: best',
    4,
    'extract.pick is "best"; allowed is first or last',
  ],
  [
    'extract.arrays',
    'extract:\n  from: [a]\n  arrays: 1',
    4,
    'extract.arrays is 1; allowed is true or false',
  ],
  [
    'extract.repair',
    'extract:\n  from: [a]\n  repair: 1',
    4,
    'extract.repair is 1; allowed is true or false',
  ],
  [
    'extract.output',
    'extract:\n  from: [a]\n  output: box',
    4,
    'extract.output is "box"; allowed is replace or wrap',
  ],
  [
    'extract.on_fail',
    'extract:\n  from: [a]\n  on_fail: cry',
    4,
    'extract.on_fail is "cry"; allowed is drop or forward or error',
  ],
  [
    'tools',
    'tools:\n  - ok\n  - "no good"',
    4,
    'tools[1] is "no good"; allowed is a name of 1 to 64 letters, digits, _ and -',
  ],
  ['mcp', 'mcp: stock', 2, 'mcp is "stock"; allowed is a list of 1 to 256 objects'],
  [
    'mcp[].name',
    'mcp:\n  - url: https://a.example/mcp',
    3,
    'mcp[0].name is missing; allowed is a name of 1 to 64 letters, digits, _ and -',
  ],
  [
    'mcp[].url',
    'mcp:\n  - name: stock\n    url: ftp://a',
    4,
    'mcp[0].url is "ftp://a"; allowed is an http:// or https:// address',
  ],
  [
    'mcp[].tools',
    'mcp:\n  - name: stock\n    url: https://a\n    tools: []',
    5,
    'mcp[0].tools is a list of 0; allowed is a list of 1 to 256 names',
  ],
  ['env', 'env:\n  - 1ST', 3, 'env[0] is "1ST"; allowed is a name of letters, digits and _, no digit first'],
  ['pinned', 'pinned: perhaps', 2, 'pinned is "perhaps"; allowed is true or false'],
  ['webrtc', 'webrtc: hidden', 2, 'webrtc is "hidden"; allowed is visible'],
  ['access', 'access: {}', 2, 'access is an object; allowed is an object with principals, roles or both'],
  [
    'access.principals',
    'access:\n  principals: [kiosk-1]',
    3,
    'access.principals[0] is "kiosk-1"; allowed is key:NAME, entra:TENANT/OBJECT or anonymous',
  ],
  [
    'access.roles',
    'access:\n  roles: []',
    3,
    'access.roles is a list of 0; allowed is a list of 1 to 256 roles',
  ],
  [
    'limits',
    'limits: 3',
    2,
    'limits is 3; allowed is an object with session_minutes, tool_calls_per_minute and tool_rounds',
  ],
  [
    'limits.session_minutes',
    'limits:\n  session_minutes: ten',
    3,
    'limits.session_minutes is "ten"; allowed is a whole number from 1 to 35000',
  ],
  [
    'limits.tool_calls_per_minute',
    'limits:\n  tool_calls_per_minute: 0',
    3,
    'limits.tool_calls_per_minute is 0; allowed is a whole number from 1 to 10000',
  ],
  [
    'limits.tool_rounds',
    'limits:\n  tool_rounds: 1.5',
    3,
    'limits.tool_rounds is 1.5; allowed is a whole number from 1 to 100',
  ],
  ['state_version', 'state_version: 0', 2, 'state_version is 0; allowed is a whole number from 1 to 1000000'],
]

for (const [key, yaml, line, message] of wrong)
  test(`a wrong ${key} is answered with its line and what is allowed`, t => {
    const text = key === 'description' ? yaml : `description: A café\n${yaml}\n`
    const root = folderWith(t, { 'cafe/assistant.yaml': text, 'cafe/instructions.md': 'Be brief.' })
    const load = () => loadAssistants({ folder: root, isRequired: true, models: someModels })
    const { faults } = t.throws(load, { instanceOf: AssistantsError }) as AssistantsError
    t.deepEqual(faults, [{ file: 'cafe/assistant.yaml', line, message }])
  })

test('every key that the schema has stands in this table', t => {
  t.deepEqual(wrong.map(([key]) => key).sort(), keysOf(assistantSchema).sort())
})

/** Keys of a schema, those of objects in lists with `[]`. */
function keysOf(schema: z.ZodType, below = ''): string[] {
  if (schema instanceof z.ZodOptional) return keysOf(schema.unwrap() as z.ZodType, below)
  if (schema instanceof z.ZodArray && !below.startsWith('session.'))
    return keysOf(schema.element as z.ZodType, `${below}[]`)
  if (!(schema instanceof z.ZodObject) || (below.startsWith('session.') && below !== 'session.audio'))
    return []
  return Object.entries(schema.shape as Record<string, z.ZodType>).flatMap(([key, inner]) => {
    const name = below === '' ? key : `${below}.${key}`
    return [name, ...keysOf(inner, name)]
  })
}

const elsewhere: readonly (readonly [yaml: string, line: number, message: RegExp])[] = [
  ['colour: red', 2, /^colour is no key; allowed are description, model, session,/],
  ['acces: { roles: [a] }', 2, /^acces is no key; did you mean access\? /],
  ['limits:\n  session_minute: 3', 3, /^limits.session_minute is no key; did you mean session_minutes\? /],
  [
    'mcp:\n  - name: a\n    url: https://a\n    tool: b',
    5,
    /^mcp\[0\].tool is no key; did you mean tools\? /,
  ],
  ['session:\n  instructions: Be brief', 3, /^session.instructions does not belong here: .*instructions\.md/],
  ['session:\n  model: gpt', 3, /^session.model does not belong here: /],
  ['session:\n  type: realtime', 3, /^session.type does not belong here: /],
  [
    'session:\n  output_modalites: [text]',
    3,
    /^session.output_modalites is no field; did you mean output_modalities\?/,
  ],
  [
    'model: gpt-9',
    2,
    /^model is "gpt-9", which is not configured; allowed is "gpt-realtime", "gpt-realtime-mini"$/,
  ],
  ['tools: [brew]', 2, /^tools\[0\] is "brew", which is no file of tools\/; allowed is add_item$/],
  [
    'mcp:\n  - { name: a, url: "https://a" }\n  - { name: a, url: "https://b" }',
    4,
    /^mcp\[1\].name is "a" a second time/,
  ],
  ['greeting: "Hello', 2, /^is not valid YAML: /],
  ['greeting: a\ngreeting: b', 3, /^is not valid YAML: Map keys must be unique/],
  [
    'extract: { from: [a], schema: broken.json }',
    2,
    /^extract.schema is "broken.json", which is no JSON Schema: /,
  ],
]

for (const [yaml, line, message] of elsewhere)
  test(`${JSON.stringify(yaml)} is refused by name`, t => {
    const root = folderWith(t, {
      ...assistant('cafe', yaml),
      'cafe/tools/add_item.ts': 'export default {}',
      'cafe/broken.json': '[1]',
    })
    const load = () => loadAssistants({ folder: root, isRequired: true, models: someModels })
    const { faults } = t.throws(load, { instanceOf: AssistantsError }) as AssistantsError
    t.deepEqual(
      faults.map(fault => [fault.file, fault.line]),
      [['cafe/assistant.yaml', line]],
    )
    t.regex(faults[0]?.message ?? '', message)
  })

const long = 'a'.repeat(65)
const noNames = ['größe', 'my tool', long].sort()

test('a file of tools/ whose name the API does not take is told at the start, with what is allowed', t => {
  const tool = (name: string) => [`cafe/tools/${name}.ts`, 'export default {}'] as const
  const files = Object.fromEntries(['add_item', ...noNames].map(tool))
  const root = folderWith(t, { ...assistant('cafe'), ...files })
  const load = () => loadAssistants({ folder: root, isRequired: true, models: someModels })
  const { faults } = t.throws(load, { instanceOf: AssistantsError }) as AssistantsError
  const message = 'its name is no name of a tool; allowed is a name of 1 to 64 letters, digits, _ and -'
  t.deepEqual(
    faults,
    noNames.map(name => ({ file: `cafe/tools/${name}.ts`, line: null, message })),
  )
})

test('a module of tools/ that is none of TypeScript’s is told, and not left out in silence', t => {
  const modules = { 'cafe/tools/pay.js': '', 'cafe/tools/reserve.mts': '' }
  const beside = {
    'cafe/tools/add_item.ts': '',
    'cafe/tools/add_item.test.js': '',
    'cafe/tools/rates.json': '',
  }
  const load = (yaml: string) => () => {
    const folder = folderWith(t, { ...assistant('cafe', yaml), ...modules, ...beside })
    return loadAssistants({ folder, isRequired: true, models: someModels })
  }
  const { faults } = t.throws(load(''), { instanceOf: AssistantsError }) as AssistantsError
  const message =
    'is no tool, whose file ends in .ts; rename it, or list the tools under "tools" in assistant.yaml'
  t.deepEqual(
    faults,
    Object.keys(modules).map(file => ({ file, line: null, message })),
  )
  t.deepEqual(load('tools: [add_item]')().get('cafe')?.tools, ['add_item'])
})

test('fields of a session that the schema does not know go to the API', t => {
  const { values, faults } = readAssistantFile(
    'a',
    'description: a\nsession: { brand_new: 1, audio: { input: { noise_reduction: { type: near_field } } } }',
  )
  t.deepEqual(faults, [])
  t.like(values, { session: { brand_new: 1, audio: { input: { noise_reduction: { type: 'near_field' } } } } })
})

test('all faults of all assistants are told at once, each with its file and line', t => {
  const root = folderWith(t, {
    ...assistant('bar', 'pinned: perhaps\nevents: []', "\n{{ file('../cafe/menu.json') }}"),
    'cafe/instructions.md': 'Be brief.',
    'Diner/assistant.yaml': 'description: d',
  })
  const load = () => loadAssistants({ folder: root, isRequired: true, models: someModels })
  const { message } = t.throws(load, { instanceOf: AssistantsError }) as AssistantsError
  t.deepEqual(message.split('\n').slice(1), [
    '  - Diner: is no name of an assistant; allowed is 1 to 64 small letters, digits and hyphens, no hyphen first or last',
    '  - bar/assistant.yaml:2: pinned is "perhaps"; allowed is true or false',
    '  - bar/assistant.yaml:3: events is a list of 0; allowed is a list of 1 to 256 globs',
    "  - bar/instructions.md:2: file('../cafe/menu.json') leaves the folder; only files of this folder can be quoted",
    '  - cafe/assistant.yaml: is missing; it says at least what the assistant does: "description: …"',
  ])
  t.regex(message, /^The assistants in .* have 5 faults:/)
})

test('a long value is told by its length, as a secret may stand in the wrong key', t => {
  const { faults } = readAssistantFile('a', `description: a\nmodel: [x]\npinned: ${'s3cret'.repeat(20)}`)
  t.notRegex(JSON.stringify(faults), /s3cret/)
  t.regex(faults[1]?.message ?? '', /^pinned is a text of 120 characters; /)
})

const shipped = join(import.meta.dirname, '../../assistants')

test('the published JSON Schema is what npm run assistant-schema writes', t => {
  t.is(readFileSync(join(shipped, schemaFile), 'utf8'), writeJsonSchema())
})

test('the published JSON Schema takes what ships, and refuses what the gateway refuses', t => {
  const validator = new Validator(JSON.parse(writeJsonSchema()))
  for (const name of ['default', 'cafe']) {
    const text = readFileSync(join(shipped, name, 'assistant.yaml'), 'utf8')
    t.true(validator.validate(parse(text)).valid, name)
    t.regex(text, /^# yaml-language-server: \$schema=\.\.\/assistant\.schema\.json$/m)
  }
  const ofFiles = new Set(['extract.schema'])
  for (const [key, yaml] of wrong.filter(([key]) => !ofFiles.has(key))) {
    const value: unknown = parse(key === 'description' ? yaml : `description: A café\n${yaml}`)
    t.false(validator.validate(value).valid, key)
  }
})
