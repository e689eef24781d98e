/** Tools that do what no tool should: an error for the call, and nothing for the conversations beside it. */
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import test from 'ava'
import type { ToolResult } from '../../runtime/tools/runner.ts'
import { toolErrorCodes } from '../../runtime/tools/tool-error.ts'
import { startToolHost, ToolHostError } from '../../runtime/tools/tool-host.ts'
import { folderWith } from '../assistants/folders.ts'
import { lineOf, startChild } from '../gateway/child.ts'
import { patienceMs, until, within } from '../gateway/within.ts'
import { callOf, commit, hostFor, keepLog, mebibyte, unruly } from './host.ts'

/** A loop that is held up for longer than this would be heard (ms); the machine of a test may be busy too. */
const longestHoldUpMs = 300

const failed = (code: string, message: RegExp) => ({ kind: 'failed', code, message })
const interrupted = { kind: 'interrupted' }

/** What a tool does, how its call ends, and why its process ends, if it does. */
const unrulyTools: [
  tool: string,
  result: { kind: string; code?: string; message?: RegExp },
  end: string | null,
][] = [
  ['loops', interrupted, 'unresponsive'],
  ['allocates', interrupted, 'over_memory'],
  ['throws', failed('tool_failed', /^The tool failed$/), null],
  ['throws_later', interrupted, 'exited'],
  ['exits', interrupted, 'exited'],
  ['kills', interrupted, 'exited'],
  ['garbles', interrupted, 'broke_protocol'],
  ['huge', failed('invalid_output', /^The tool returned 10000002 bytes, more than 65536$/), null],
  ['unspeakable', failed('invalid_output', /JSON cannot carry/), null],
  ['late', failed('timeout', /^The tool did not finish in 50 ms; it may have had effects$/), null],
  ['grows', failed('state_too_large', /over 65536 bytes$/), null],
]

for (const [tool, expected, end] of unrulyTools)
  test.serial(`a tool that "${tool}" fails alone, and the host serves on`, async t => {
    const { host, lines, logged } = await hostFor(t, [tool, 'add'])
    const delay = monitorEventLoopDelay({ resolution: 5 })
    delay.enable()
    const began = performance.now()
    const result = await host.run(callOf(tool))
    const ended = performance.now()
    const next = await host.run(callOf('add', { by: 2 }))
    const back = performance.now()
    delay.disable()
    assertResult(t, result, expected)
    t.is(next.kind, 'done')
    t.true(delay.max / 1e6 < longestHoldUpMs, `held up for ${delay.max / 1e6} ms`)
    t.log(
      `ended after ${Math.round(ended - began)} ms, back after ${Math.round(back - ended)} ms, loop held up for ${Math.round(delay.max / 1e6)} ms`,
    )
    if (end === null) t.false(lines.some(({ event }) => event === 'tool.host.ended'))
    else t.like(await logged('tool.host.ended'), { end, interrupted: 1, assistant: 'unruly', version: 'v1' })
  })

function assertResult(
  t: import('ava').ExecutionContext,
  result: ToolResult,
  { message, ...expected }: { kind: string; code?: string; message?: RegExp },
): void {
  t.like(result, expected)
  if (message !== undefined && result.kind === 'failed') t.regex(result.message, message)
}

test.serial(
  'what a tool says by ToolError is told to the model, and what it throws else is not, nor is it logged',
  async t => {
    const { host, lines, logged } = await hostFor(t, ['throws'])
    const told = await host.run(callOf('throws', { told: true }))
    t.deepEqual(told, { kind: 'failed', code: 'tool_failed', message: 'The oven is off' })
    const untold = await host.run(callOf('throws'))
    t.deepEqual(untold, { kind: 'failed', code: 'tool_failed', message: 'The tool failed' })
    t.like(await logged('tool.log'), { level: 'error', tool: 'throws', message: 'The tool failed' })
    t.regex(JSON.stringify(lines), /throws\.ts:/)
    t.notRegex(JSON.stringify(lines), /hunter2/)
  },
)

test.serial(
  'a ToolError of any code is told to the model, one of no such code as tool_failed, and calls beside it go on',
  async t => {
    const { host, lines } = await hostFor(t, ['throws', 'waits'])
    const ending = new AbortController()
    const begun = Promise.withResolvers<void>()
    const beside = host.run(callOf('waits', {}, { signal: ending.signal, emit: () => begun.resolve() }))
    await within(begun.promise, patienceMs, 'the call beside does not begin')
    const told = (args: object) => host.run(callOf('throws', { told: true, ...args }))
    for (const code of toolErrorCodes)
      t.deepEqual(await told({ code }), { kind: 'failed', code, message: 'The oven is off' })
    for (const code of ['out_of_stock', '', 42, null, { code: 'timeout' }])
      t.deepEqual(await told({ code }), { kind: 'failed', code: 'tool_failed', message: 'The oven is off' })
    t.deepEqual(await told({ message: 7 }), { kind: 'failed', code: 'tool_failed', message: '7' })
    ending.abort()
    t.like(await beside, { kind: 'failed', code: 'cancelled' })
    t.false(lines.some(({ event }) => event === 'tool.host.ended'))
  },
)

test.serial('a host tells what its process takes, and what of it since its tools were loaded', async t => {
  const { host, logged } = await hostFor(t, ['allocates'], { memoryBytes: 4096 * mebibyte })
  const atStart = async () => {
    await until(() => host.residentBytes > 0, 'the memory of the host is not measured')
    return host.residentBytes
  }
  t.true((await atStart()) > 20 * mebibyte)
  t.true(host.grownBytes < 16 * mebibyte)
  const call = host.run(callOf('allocates'))
  await until(() => host.grownBytes >= 128 * mebibyte, 'the host does not grow')
  t.true(host.residentBytes > host.grownBytes)
  host.cut()
  t.deepEqual(await call, interrupted as ToolResult)
  t.like(await logged('tool.host.ended'), { end: 'over_budget', interrupted: 1 })
  await logged('tool.host.started', 2)
  t.true(host.grownBytes < 16 * mebibyte)
})

for (const what of ['proxy', 'name', 'stack', 'message'])
  test.serial(
    `a tool that throws what cannot be read has failed, and is not waited for: ${what}`,
    async t => {
      const { host } = await hostFor(t, ['throws_oddly'])
      t.deepEqual(await host.run(callOf('throws_oddly', { what })), {
        kind: 'failed',
        code: 'tool_failed',
        message: 'The tool failed',
      })
    },
  )

for (const [what, text, message] of [
  ['ends its process', 'process.exit(3)', 'its process ended while it was loaded (exited, code 3)'],
  ['throws what has no text', 'throw Object.create(null)', 'it threw what has no text'],
] as const)
  test.serial(`a file that ${what} when it is loaded is named at the start`, async t => {
    const fine =
      "import { defineTool, z } from 'realtime-gateway/tools'\nexport default defineTool({ description: 'a', parameters: z.strictObject({}), run: () => 1 })"
    const folder = folderWith(t, { 'tools/fine.ts': fine, 'tools/odd.ts': text })
    const options = { assistant: 'odd', version: 'v1', env: {}, memoryBytes: 256 * mebibyte }
    const starting = startToolHost({
      ...options,
      folder,
      tools: ['fine', 'odd'],
      longestTimeoutMs: 20_000,
      log: keepLog().log,
    })
    const { faults } = (await t.throwsAsync(within(starting, patienceMs, 'the start does not fail'), {
      instanceOf: ToolHostError,
    })) as ToolHostError
    t.deepEqual(faults, [{ file: join(folder, 'tools/odd.ts'), message }])
  })

test.serial('a promise that nobody awaits is logged, and ends nothing', async t => {
  const { host, lines } = await hostFor(t, ['rejects'])
  t.deepEqual(await host.run(callOf('rejects')), { kind: 'done', output: '"well"', update: null })
  t.true(lines.some(({ message }) => message === 'A promise that nobody awaits was rejected'))
  t.false(lines.some(({ event }) => event === 'tool.host.ended'))
})

test.serial('arguments that do not fit are told to the model by the names of their fields', async t => {
  const { host } = await hostFor(t, ['add'])
  const told = async (args: object | string) => {
    const result = await host.run(callOf('add', args))
    return result.kind === 'failed' ? `${result.code}: ${result.message}` : result.kind
  }
  t.regex(await told({ by: 10, wait: 'long' }), /^invalid_arguments: "by": Too big.* "wait": Invalid input/)
  t.regex(await told({ amount: 1 }), /^invalid_arguments: Unrecognized key: "amount"/)
  t.is(await told('{"by":'), 'invalid_arguments: The arguments are not valid JSON')
  t.is(await told('[]'), 'invalid_arguments: Invalid input: expected object, received array')
  t.is(await told(`{"by":${' '.repeat(70_000)}1}`), 'invalid_arguments: The arguments are over 65536 bytes')
  t.is(await told(''), 'done')
  t.deepEqual(await host.run(callOf('subtract')), {
    kind: 'failed',
    code: 'unknown_tool',
    message: 'There is no tool "subtract"; there are: add',
  })
})

test.serial('the model is told of each tool by a JSON Schema of what it may write', async t => {
  const { host } = await hostFor(t, ['add', 'late'])
  t.deepEqual(host.tools[0], {
    name: 'add',
    description: 'Counts in the conversation',
    parameters: {
      type: 'object',
      properties: {
        by: { default: 1, type: 'integer', minimum: 1, maximum: 9 },
        wait: { default: 0, type: 'integer', minimum: -9007199254740991, maximum: 9007199254740991 },
      },
      additionalProperties: false,
    },
    timeoutMs: 20_000,
    idempotent: false,
  })
  t.like(host.tools[1], { name: 'late', timeoutMs: 50 })
})

test.serial(
  'calls side by side that change the state lose nothing: each change is made again over the newest',
  async t => {
    const { host } = await hostFor(t, ['add'])
    const stored = { count: 100, kept: 'x' }
    const results = await Promise.all(
      Array.from({ length: 9 }, (_, index) =>
        host.run(callOf('add', { by: index + 1, wait: 9 - index }, { state: stored })),
      ),
    )
    // Each of them saw the state that was stored when it began.
    t.deepEqual(
      results.map(result => result.kind === 'done' && JSON.parse(result.output).count),
      Array.from({ length: 9 }, (_, index) => 101 + index),
    )
    let state: Readonly<Record<string, unknown>> = stored
    for (const result of results) state = await commit(result, state)
    t.deepEqual(state, { count: 145, kept: 'x' })
    // A commit that came too late makes the change once more, over another state.
    t.deepEqual(await commit(results[0] as ToolResult, { count: 0 }), { count: 1 })
  },
)

test.serial('changes of a call cannot be made again once its process is gone', async t => {
  const { host, logged } = await hostFor(t, ['add', 'kills'])
  const result = await host.run(callOf('add'))
  await host.run(callOf('kills'))
  await logged('tool.host.ended')
  await t.throwsAsync(commit(result, {}), { message: /process of the tool is gone/ })
})

test.serial('a process that ends interrupts the calls that it had begun, and no others', async t => {
  const { host } = await hostFor(t, ['add', 'kills'])
  const beside = host.run(callOf('add', { wait: 10_000 }))
  const killed = host.run(callOf('kills'))
  t.deepEqual(await killed, interrupted as ToolResult)
  t.deepEqual(await beside, interrupted as ToolResult)
  // They wait for the process that replaces it.
  const later = await Promise.all([host.run(callOf('add')), host.run(callOf('add'))])
  t.deepEqual(
    later.map(({ kind }) => kind),
    ['done', 'done'],
  )
})

test.serial('a tool sees its signal abort at its deadline, and what it answers later is ignored', async t => {
  const { host, logged } = await hostFor(t, ['late', 'add'])
  t.like(await host.run(callOf('late')), { kind: 'failed', code: 'timeout' })
  t.like(await logged('tool.log'), { message: 'aborted', fields: '{"reason":"TimeoutError"}', tool: 'late' })
  t.is((await host.run(callOf('add'))).kind, 'done')
})

test.serial('a call that nobody waits for is answered at once, and its tool is told', async t => {
  const { host, logged } = await hostFor(t, ['waits'])
  const ending = new AbortController()
  const emit = () => ending.abort()
  const { signal } = ending
  t.like(await host.run(callOf('waits', {}, { signal, emit })), { kind: 'failed', code: 'cancelled' })
  t.like(await logged('tool.log'), { fields: '{"reason":"AbortError"}' })
  t.like(await host.run(callOf('waits', {}, { signal })), { kind: 'failed', code: 'cancelled' })
})

test.serial('a call that is cancelled before it is asked for does not run', async t => {
  const { host, lines } = await hostFor(t, ['late', 'add'])
  const call = host.run(callOf('late', {}, { signal: AbortSignal.abort() }))
  t.like(await call, { kind: 'failed', code: 'cancelled' })
  t.is((await host.run(callOf('add'))).kind, 'done')
  t.deepEqual(
    lines.filter(({ message }) => message === 'aborted'),
    [],
  )
})

test.serial('a call tells the client 32 things at most, and 64 KiB together', async t => {
  const { host, lines } = await hostFor(t, ['emits'])
  const many = callOf('emits', { events: 40, bytes: 10 })
  t.is((await host.run(many)).kind, 'done')
  t.deepEqual(many.emitted, Array(32).fill({ name: 'progress', data: 'x'.repeat(8) }))
  const large = callOf('emits', { events: 5, bytes: 16 * 1024 })
  t.is((await host.run(large)).kind, 'done')
  t.is(large.emitted.length, 4)
  t.is(lines.filter(({ message }) => /More was emitted/.test(String(message))).length, 2)
})

test.serial('a client that cannot be told anything does not fail the call', async t => {
  const { host, logged } = await hostFor(t, ['emits'])
  const emit = () => {
    throw new Error('closed')
  }
  t.is((await host.run(callOf('emits', { events: 1, bytes: 10 }, { emit }))).kind, 'done')
  await logged('tool.host.failed')
})

test.serial('lines of tools are cut, and a flood of them is dropped and counted', async t => {
  const { host, lines } = await hostFor(t, ['writes', 'add'])
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  t.is((await host.run(callOf('writes', { lines: 2000 }))).kind, 'done')
  delay.disable()
  t.true(delay.max / 1e6 < longestHoldUpMs, `held up for ${delay.max / 1e6} ms`)
  const written = lines.filter(({ event }) => event === 'tool.log' || event === 'tool.output')
  t.true(written.length >= 100)
  t.true(written.length < 1000, String(written.length))
  for (const { message } of written) t.true(String(message).length <= 1024)
  t.true(lines.some(({ event }) => event === 'tool.output'))
  t.like(
    written.find(({ event }) => event === 'tool.log'),
    { level: 'warn', tool: 'writes', assistant: 'unruly', fields: '{"line":0}' },
  )
})

test.serial('a tool is given what its assistant declares, and nothing of the gateway', async t => {
  process.env.GATEWAY_API_KEYS = 'kiosk:do-not-show'
  t.teardown(() => {
    delete process.env.GATEWAY_API_KEYS
  })
  const { host } = await hostFor(t, ['sees'], { env: { STRIPE_KEY: 'sk_test' } })
  const result = await host.run(callOf('sees', {}, { caller: 'key:kiosk-1', idempotencyKey: 'call_9' }))
  t.is(result.kind, 'done')
  if (result.kind !== 'done') return
  const { argv, execArgv, nice, ...seen } = JSON.parse(result.output)
  t.deepEqual(seen, {
    caller: 'key:kiosk-1',
    idempotencyKey: 'call_9',
    env: { STRIPE_KEY: 'sk_test' },
    processEnv: { STRIPE_KEY: 'sk_test' },
    environ: 'STRIPE_KEY=sk_test\0',
  })
  t.is(nice, 10)
  t.notRegex(JSON.stringify([argv, execArgv]), /sk_test/)
})

test.serial('what a tool started ends with its process', async t => {
  const { host } = await hostFor(t, ['spawns'])
  const call = callOf('spawns')
  t.is((await host.run(call)).kind, 'interrupted')
  const { pid } = (call.emitted[0] ?? { data: {} }).data as { pid: number }
  t.true(await isGone(pid))
})

test.serial('of a process that a tool left behind nothing is read once its own has ended', async t => {
  const { host, lines, logged } = await hostFor(t, ['leaves'])
  const call = callOf('leaves')
  t.is((await host.run(call)).kind, 'interrupted')
  const { pid } = (call.emitted[0] ?? { data: {} }).data as { pid: number }
  t.teardown(() => {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended, as it cannot write any more.
    }
  })
  await logged('tool.host.ended')
  const ofOthers = lines.filter(({ event }) => event === 'tool.output').length
  t.true(ofOthers > 0)
  t.true(await isGone(pid))
  t.is(lines.filter(({ event }) => event === 'tool.output').length, ofOthers)
})

test.serial('closing ends the process and interrupts its calls; it is safe twice', async t => {
  const { host, logged } = await hostFor(t, ['add'])
  const call = host.run(callOf('add', { wait: 10_000 }))
  const { pid } = await logged('tool.host.started')
  await Promise.all([host.close(), host.close()])
  t.deepEqual(await call, interrupted as ToolResult)
  t.like(await host.run(callOf('add')), { kind: 'failed', code: 'tool_unavailable' })
  t.throws(() => process.kill(Number(pid), 0), { code: 'ESRCH' })
})

test.serial('a tool that may take longer than a drain waits stops the start', async t => {
  const { log } = keepLog()
  const options = {
    assistant: 'unruly',
    version: 'v1',
    folder: unruly,
    env: {},
    memoryBytes: 256 * mebibyte,
    log,
  }
  await t.throwsAsync(startToolHost({ ...options, tools: ['add', 'late'], longestTimeoutMs: 19_999 }), {
    message:
      /unruly\/tools\/add\.ts: "timeoutMs" is 20000, more than the 19999 ms that a drain waits for it; set DRAIN_DEADLINE_MS to 25000 or more/,
  })
})

test.serial('a process ends when its gateway is killed', async t => {
  const gateway = startChild(t, process.execPath, [join(import.meta.dirname, 'host-script.ts')])
  const pid = await lineOf(gateway, Number, 'the host does not start')
  gateway.kill('SIGKILL')
  t.true(await isGone(pid))
})

/** Waits until there is no such process. @returns false where it is still there when patience ends */
async function isGone(pid: number): Promise<boolean> {
  const deadline = performance.now() + patienceMs
  while (performance.now() < deadline) {
    try {
      process.kill(pid, 0)
    } catch {
      return true
    }
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  return false
}
