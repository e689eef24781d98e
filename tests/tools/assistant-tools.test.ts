/** The tools of each assistant of a gateway: started with it, replaced with its version, ended with it. */
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { loadAssistants } from '../../runtime/assistants/assistants.ts'
import { systemClock } from '../../runtime/core/clock.ts'
import { AssistantTools } from '../../runtime/gateway/assistant-tools.ts'
import { assistant, type Files, folderWith, someModels, writeFiles } from '../assistants/folders.ts'
import { gatewayFor } from '../gateway/start.ts'
import { callOf, keepLog, mebibyte } from './host.ts'

const cafe = join(import.meta.dirname, '../../assistants/cafe')

function tool(returned: string): string {
  return `import { defineTool, z } from 'realtime-gateway/tools'
export default defineTool({
  description: 'Returns something',
  parameters: z.strictObject({}),
  run: (_, { env }) => ${returned},
})`
}

function toolsIn(t: ExecutionContext, folder: string, variables: Record<string, string> = {}) {
  const { lines, log, logged } = keepLog()
  const tools = new AssistantTools({
    folder,
    memoryBytes: 256 * mebibyte,
    longestTimeoutMs: 20_000,
    readVariable: name => variables[name],
    log,
    clock: systemClock,
  })
  const holding = setInterval(() => undefined, 60_000)
  t.teardown(() => {
    clearInterval(holding)
    return tools.close()
  })
  const load = () => loadAssistants({ folder, isRequired: true, models: someModels })
  return { tools, load, lines, logged }
}

const twoOfThem: Files = {
  ...assistant('bar', 'env: [PUMP_KEY]\n'),
  'bar/tools/pour.ts': tool('env'),
  ...assistant('silent'),
}

test.serial('an assistant with tools has a process of its own, one without has none', async t => {
  const folder = folderWith(t, twoOfThem)
  cpSync(cafe, join(folder, 'cafe'), { recursive: true })
  const { tools, load, lines } = toolsIn(t, folder, { PUMP_KEY: 'secret', OTHER: 'unseen' })
  const all = load()
  await tools.prepare([...all.values()])
  const runnerOf = (name: string) => {
    const found = all.get(name)
    return found === undefined ? null : tools.runnerOf(found)
  }
  t.is(runnerOf('silent'), null)
  t.is(runnerOf('default'), null)
  t.deepEqual(
    runnerOf('cafe')?.tools.map(({ name, idempotent }) => [name, idempotent]),
    [
      ['add_item', true],
      ['place_order', false],
      ['remove_item', true],
    ],
  )
  const order = callOf('add_item', { sku: 'flat-white', size: 'small', quantity: 2 })
  t.like(await runnerOf('cafe')?.run(order), { kind: 'done' })
  const line = { name: 'Flat white', size: 'small', quantity: 2, price: 1040 }
  t.deepEqual(order.emitted, [{ name: 'order', data: { order: [line] } }])
  t.like(await runnerOf('bar')?.run(callOf('pour')), { kind: 'done', output: '{"PUMP_KEY":"secret"}' })
  t.is(new Set(lines.map(({ pid }) => pid)).size, 2)
})

test.serial('a version that is replaced goes on for those who began with it', async t => {
  const folder = folderWith(t, { ...assistant('bar'), 'bar/tools/pour.ts': tool('1') })
  const { tools, load } = toolsIn(t, folder)
  const before = load()
  await tools.prepare([...before.values()])
  writeFiles(folder, { 'bar/tools/pour.ts': tool('2') })
  const after = load()
  await Promise.all([tools.prepare([...after.values()]), tools.prepare([...after.values()])])
  const [old, current] = [before, after].map(all => {
    const bar = all.get('bar')
    return bar === undefined ? null : tools.runnerOf(bar)
  })
  t.not(old, current)
  t.like(await old?.run(callOf('pour')), { output: '1' })
  t.like(await current?.run(callOf('pour')), { output: '2' })
  await tools.close()
  t.like(await old?.run(callOf('pour')), { kind: 'failed', code: 'tool_unavailable' })
  t.like(await current?.run(callOf('pour')), { kind: 'failed', code: 'tool_unavailable' })
})

test.serial('what is wrong with any of them is told at once, and nothing of it is served', async t => {
  const folder = folderWith(t, {
    ...assistant('bar', 'env: [PUMP_KEY, AZURE_OPENAI_API_KEY]\n'),
    'bar/tools/pour.ts': tool('1'),
    ...assistant('deli'),
    'deli/tools/slice.ts': 'export default 1',
    'deli/tools/wrap.ts': tool('nothing').replace("'Returns something'", "''"),
    'deli/migrate.ts': "import './lost.ts'",
    ...assistant('well'),
    'well/tools/draw.ts': tool('1'),
    ...assistant('silent'),
    'silent/migrate.ts': 'export default 1',
  })
  const { tools, load, lines } = toolsIn(t, folder)
  const all = load()
  const fault = await t.throwsAsync(tools.prepare([...all.values()]))
  const unset = "which is not set in the gateway's environment, or is a setting of its own"
  for (const expected of [
    `bar/assistant.yaml: env[0] is "PUMP_KEY", ${unset}`,
    `bar/assistant.yaml: env[1] is "AZURE_OPENAI_API_KEY", ${unset}`,
    'deli/tools/slice.ts: its default export is no tool',
    'deli/tools/wrap.ts: TypeError: "description" is empty',
    "deli/migrate.ts: Error: Cannot find module '",
    'silent/migrate.ts: its default export is no function',
  ])
    t.true(fault?.message.includes(expected), fault?.message)
  const well = all.get('well')
  t.is(well && tools.runnerOf(well), null)
  const running = lines.filter(({ event }) => event === 'tool.host.started').length
  t.is(lines.filter(({ event }) => event === 'tool.host.ended').length, running + 1, 'also that of deli')
})

test.serial(
  'a gateway begins with the tools of its assistants and ends them; a fault ends its start',
  async t => {
    const folder = folderWith(t, { ...assistant('bar', 'env: [PUMP_KEY]\n'), 'bar/tools/pour.ts': tool('1') })
    const env = { ASSISTANTS_DIR: folder, ASSISTANTS_WATCH: 'true' }
    await t.throwsAsync(gatewayFor(t, env), { message: /bar\/assistant\.yaml: env\[0\] is "PUMP_KEY"/ })
    const gateway = await gatewayFor(t, { ...env, PUMP_KEY: 'secret' })
    const { fields } = await gateway.logged('tool.host.started')
    t.like(fields, { assistant: 'bar', tools: 1 })
    // A change in development: a new process before the new version is served.
    writeFiles(folder, { 'bar/tools/pour.ts': 'export default 1' })
    const refused = await gateway.logged('assistants.refused')
    t.regex(String(refused.fields.faults), /^bar\/tools\/pour\.ts: its default export is no tool/)
    writeFiles(folder, { 'bar/tools/pour.ts': tool('2') })
    await gateway.logged('assistants.loaded', ({ version }) => version !== gateway.lines[0]?.fields.version)
    const pids = gateway.lines.flatMap(({ event, fields }) =>
      event === 'tool.host.started' ? [Number(fields.pid)] : [],
    )
    t.is(pids.length, 2)
    await gateway.close()
    for (const pid of pids) t.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
  },
)

test.serial('the settings of the gateway cannot be declared for tools', async t => {
  const folder = folderWith(t, {
    ...assistant('bar', 'env: [GATEWAY_API_KEYS]\n'),
    'bar/tools/pour.ts': tool('env'),
  })
  const env = { ASSISTANTS_DIR: folder, GATEWAY_AUTH: 'key', GATEWAY_API_KEYS: 'alice:the-secret-of-alice' }
  await t.throwsAsync(gatewayFor(t, env), { message: /env\[0\] is "GATEWAY_API_KEYS"/ })
})
