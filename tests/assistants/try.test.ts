/** `npm run try -- NAME --test`: the café's own tests pass, and fail where a tool of it is broken. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { readScriptedTest } from '../../runtime/assistants/scripted-test.ts'
import { readConfig } from '../../runtime/config/config.ts'
import { startGateway } from '../../runtime/gateway/gateway.ts'
import type { LogEvent } from '../../runtime/observability/log.ts'
import { Script } from '../../runtime/simulator/model/script.ts'
import { startSimulator } from '../../runtime/simulator/server.ts'
import { playTest } from '../../runtime/try/scripted-conversation.ts'
import type { Stage } from '../gateway/start.ts'
import { patienceMs, within } from '../gateway/within.ts'
import { assistant, type Files, folderWith } from './folders.ts'

const root = join(import.meta.dirname, '../..')
const cafe = join(root, 'assistants/cafe')
const order = readFileSync(join(cafe, 'tests/order.yaml'), 'utf8')

/** Set and empty: a file `.env` sets what is not set. */
const noUpstream = { AZURE_OPENAI_ENDPOINT: '', OPENAI_API_KEY: '' }

interface Run {
  readonly status: number | null
  readonly out: string
  readonly err: string
}

async function runTry(
  folder: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<Run> {
  const env = { PATH: process.env.PATH, ASSISTANTS_DIR: folder, ...noUpstream, ...variables }
  const child = spawn(process.execPath, ['runtime/try/main.ts', ...args], { cwd: root, env })
  const text = { out: '', err: '' }
  child.stdout.on('data', data => {
    text.out += data
  })
  child.stderr.on('data', data => {
    text.err += data
  })
  const ended = new Promise<number | null>(resolve => child.on('close', resolve))
  const status = await within(ended, 3 * patienceMs, 'npm run try does not end').catch(fault => {
    child.kill()
    throw fault
  })
  return { status, ...text }
}

/** A copy of the café. @param files that take the place of its own, or come beside them */
function cafeWith(t: Stage, files: Files = {}): string {
  const folder = folderWith(t, {})
  cpSync(cafe, join(folder, 'cafe'), { recursive: true })
  for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text)
  return folder
}

function without(path: string, was: string, is: string): Files {
  const text = readFileSync(join(root, 'assistants', path), 'utf8')
  if (!text.includes(was)) throw new Error(`${path} has no ${was}`)
  return { [path]: text.replace(was, is) }
}

test.serial('the tests of the café pass as it ships', async t => {
  const { status, out, err } = await runTry(join(root, 'assistants'), ['cafe', '--test'])
  t.is(status, 0, out + err)
  t.regex(out, /^pass {2}cafe\/tests\/order\.yaml: .* \(scripted model\)$/m)
  t.regex(out, /^1 of 1 passed, run with scripted models in the embedded simulator/m)
})

const broken: [what: string, files: Files, fault: RegExp][] = [
  [
    'adds one more than it is told',
    without('cafe/tools/add_item.ts', 'sku, size) + quantity', 'sku, size) + quantity + 1'),
    /turns\[0\] "Two small flat whites, please\.": state: expected .*"quantity":2.*, there is .*"quantity":3/,
  ],
  [
    'throws',
    without(
      'cafe/tools/add_item.ts',
      'const all =',
      "if (quantity > 0) throw new TypeError('broken')\n      const all =",
    ),
    /turns\[0\] .*: state: expected .*, there is \{\}/,
  ],
]
for (const [what, files, fault] of broken)
  test.serial(`a tool that ${what} fails the test`, async t => {
    const { status, out, err } = await runTry(cafeWith(t, files), ['cafe', '--test'])
    t.is(status, 1, out + err)
    t.regex(out, /^FAIL {2}cafe\/tests\/order\.yaml: /m)
    t.regex(out, fault)
    t.regex(out, /^0 of 1 passed/m)
  })

test.serial('every case is told by its name, and one that fails fails the run', async t => {
  const added = {
    'cafe/tests/other.yaml': 'model: [{ say: Hello }]\nturns: [{ say: Hi, expect: { says: Hello } }]',
    'cafe/tests/silent.yaml': 'model: [{ say: Hello }, { say: More }]\nturns: [{ say: Hi }]',
    'cafe/tests/undrained.yaml':
      'model: [{ say: Hello }]\nturns: [{ say: Hi, during: { tool: place_order, do: drain } }]',
    'cafe/tests/uncalled.yaml':
      'model: [{ say: Hello }]\nturns: [{ say: Hi, expect: { tools: [{ name: add_item }] } }]',
  }
  const { status, out, err } = await runTry(cafeWith(t, added), ['cafe', '--test'])
  t.is(status, 1, out + err)
  t.regex(out, /^pass {2}cafe\/tests\/order\.yaml/m)
  t.regex(out, /^pass {2}cafe\/tests\/other\.yaml \(scripted model\)$/m)
  t.regex(out, /^FAIL {2}cafe\/tests\/silent\.yaml.*\n +model: .* the last 1 of its answers$/m)
  t.regex(out, /^FAIL {2}cafe\/tests\/undrained\.yaml.*\n.*during: place_order did not run/m)
  t.regex(out, /^FAIL {2}cafe\/tests\/uncalled\.yaml.*\n.*tools\[0\]: .*there is no such call$/m)
  t.regex(out, /^2 of 5 passed/m)
})

test.serial(
  'a drain comes while the tool runs, and the conversation goes on at a second gateway',
  async t => {
    const read = readScriptedTest('cafe/tests/order.yaml', order)
    if ('faults' in read) return t.fail(JSON.stringify(read.faults))
    const { model = [], ...rest } = read.test
    const script = new Script([{ say: 'Hello.' }, ...model] as ConstructorParameters<typeof Script>[0])
    const simulator = await startSimulator({ script, rate: 200 })
    t.teardown(() => simulator.close())
    const happened: (LogEvent | 'tool.ran')[] = []
    const note = (event: LogEvent) => {
      if (event === 'server.listening' || event === 'drain.started') happened.push(event)
    }
    const env = { PORT: '0', DRAIN_LAME_DUCK_MS: '0', ASSISTANTS_DIR: join(root, 'assistants') }
    const faults = await playTest(rest, {
      assistant: 'cafe',
      greets: true,
      patienceMs,
      start: ({ wrapRunner, ...parts }) =>
        startGateway(readConfig(env), { info: note, warn: note, error: note }, null, undefined, {
          ...parts,
          simulatorUrl: simulator.url,
          wrapRunner: runner => {
            const wrapped = wrapRunner?.(runner) ?? runner
            return {
              tools: wrapped.tools,
              close: () => wrapped.close(),
              run: async call => {
                const result = await wrapped.run(call)
                if (call.name === 'place_order') happened.push('tool.ran')
                return result
              },
            }
          },
        }),
    })
    t.deepEqual(faults, [])
    t.deepEqual(happened, ['server.listening', 'drain.started', 'tool.ran', 'server.listening'])
    t.is(script.left, 0)
  },
)

const slow: Files = {
  ...assistant('guide', 'session: { output_modalities: [text] }'),
  'guide/tools/look_up.ts': `import { defineTool, z } from 'realtime-gateway/tools'
export default defineTool({
  description: 'Looks something up',
  parameters: z.strictObject({}),
  timeoutMs: 1000,
  idempotent: true,
  async run(_, { conversation }) {
    return conversation.update(state => ({ ...state, found: true }))
  },
})
`,
}

test.serial('a call that outlasts the drain runs again at the second gateway, in the same turn', async t => {
  const read = readScriptedTest(
    'guide/tests/a.yaml',
    `turns:
  - say: Look it up
    during: { tool: look_up, do: drain }
    expect: { tools: [{ name: look_up, runs: 2 }], state: { found: true }, says: Found }
  - { say: Thanks, expect: { says: Welcome, tools: [] } }
`,
  )
  if ('faults' in read) return t.fail(JSON.stringify(read.faults))
  const script = new Script([{ call: 'look_up' }, { say: 'Found it.' }, { say: 'Welcome.' }])
  const simulator = await startSimulator({ script, rate: 200 })
  t.teardown(() => simulator.close())
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
  const env = {
    PORT: '0',
    DRAIN_LAME_DUCK_MS: '0',
    DRAIN_DEADLINE_MS: '6000',
    ASSISTANTS_DIR: folderWith(t, slow),
  }
  let runs = 0
  const faults = await playTest(read.test, {
    assistant: 'guide',
    greets: false,
    patienceMs,
    start: ({ wrapRunner, ...parts }) =>
      startGateway(readConfig(env), log, null, undefined, {
        ...parts,
        simulatorUrl: simulator.url,
        wrapRunner: runner => {
          const wrapped = wrapRunner?.(runner) ?? runner
          return {
            tools: wrapped.tools,
            close: () => wrapped.close(),
            run: async call => {
              runs += 1
              const result = await wrapped.run(call)
              if (runs > 1) return result
              // The first run does not end before the drain gives it up.
              if (!call.signal.aborted) await once(call.signal, 'abort')
              return { kind: 'interrupted' }
            },
          }
        },
      }),
  })
  t.deepEqual(faults, [])
  t.is(runs, 2)
})

test.serial('what the page shows of the test is what it says, and its commands are those that run it', t => {
  const page = readFileSync(join(root, 'docs/tools.md'), 'utf8')
  // The tutorial, further up, shows a test of its own.
  const [, shown = ''] = [...page.matchAll(/^```yaml\n(model: .*?)^```$/gms)].at(-1) ?? []
  t.true(shown.includes('add_item'))
  for (const line of shown.trimEnd().split('\n')) t.true(order.includes(`${line}\n`), line)
  for (const options of ['--test', '--test --live'])
    t.regex(page, new RegExp(`^npm run try -- cafe ${options}  `, 'm'))
})

test.serial('a live run asks the configured upstream as often as the test says', async t => {
  const live = (pass: number) => ({
    ...assistant('guide', 'session: { output_modalities: [text] }'),
    'guide/tests/hello.yaml': `model: [{ say: Never said }]
turns: [{ say: Hi, expect: { says: from upstream } }]
runs: 3
pass: ${pass}
`,
  })
  const runLive = async (pass: number) => {
    // The third run is answered by something else.
    const script = new Script([{ say: 'Hello from upstream' }, { say: 'Hello from upstream' }])
    const simulator = await startSimulator({ script, rate: 200 })
    t.teardown(() => simulator.close())
    const upstream = { AZURE_OPENAI_ENDPOINT: simulator.url, AZURE_OPENAI_API_KEY: 'a-test-key' }
    return runTry(folderWith(t, live(pass)), ['guide', '--test', '--live'], upstream)
  }
  const passing = await runLive(2)
  t.is(passing.status, 0, passing.out + passing.err)
  t.regex(passing.out, /^pass {2}guide\/tests\/hello\.yaml \(live, azure, 2 of 3 runs passed, 2 must\)$/m)
  t.regex(passing.out, /^ +run 3: turns\[0\] "Hi": says: /m)
  t.regex(passing.out, /^1 of 1 passed, run with the configured upstream \(azure\)$/m)
  const failing = await runLive(3)
  t.is(failing.status, 1, failing.out + failing.err)
  t.regex(failing.out, /^FAIL {2}guide\/tests\/hello\.yaml \(live, azure, 2 of 3 runs passed, 3 must\)$/m)
})

test.serial('what is configured for an upstream is not used without --live', async t => {
  const upstream = { AZURE_OPENAI_ENDPOINT: 'http://127.0.0.1:9', AZURE_OPENAI_API_KEY: 'a-test-key' }
  const { status, out, err } = await runTry(cafeWith(t), ['cafe', '--test'], upstream)
  t.is(status, 0, out + err)
})

const refused: [args: string[], files: Files, status: number, message: RegExp][] = [
  [['pub', '--test'], {}, 1, /There is no assistant "pub"; use .*"cafe"/],
  [
    ['cafe', '--test', '--live'],
    {},
    1,
    /--live needs an upstream: set AZURE_OPENAI_ENDPOINT or OPENAI_API_KEY/,
  ],
  [['cafe', '--live'], {}, 2, /--live goes with --test/],
  [['--test'], {}, 2, /--test needs the name of an assistant/],
  [['bare', '--test'], assistant('bare'), 1, /The assistant "bare" has no tests/],
  [
    ['bare', '--test'],
    { ...assistant('bare'), 'bare/tests/a.yaml': 'turns: []\n', 'bare/tests/b.yaml': 'turn: []\n' },
    1,
    /The tests cannot be run:\n {2}- bare\/tests\/a\.yaml:1: turns: .*\n {2}- bare\/tests\/b\.yaml:1: /,
  ],
]
for (const [args, files, status, message] of refused)
  test.serial(
    `${args.join(' ')} with ${Object.keys(files).length} files is refused: ${message.source}`,
    async t => {
      const folder = Object.keys(files).length === 0 ? join(root, 'assistants') : folderWith(t, files)
      const run = await runTry(folder, args)
      t.is(run.status, status, run.out + run.err)
      t.is(run.out, '')
      t.regex(run.err, message)
    },
  )
