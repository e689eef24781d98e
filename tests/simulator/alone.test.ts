import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { startChild } from '../gateway/child.ts'
import { patienceMs, until, within } from '../gateway/within.ts'
import { connect } from './conversation.ts'

const main = fileURLToPath(new URL('../../runtime/simulator/main.ts', import.meta.url))

interface Run {
  child: ChildProcess
  /** Waits until the output matches. */
  says(pattern: RegExp): Promise<string[]>
  exit: Promise<number | null>
}

function run(t: ExecutionContext, ...args: string[]): Run {
  const child = startChild(t, process.execPath, [main, ...args], { showsErrors: false })
  let output = ''
  const hear = (data: Buffer) => {
    output += data
  }
  child.stdout.on('data', hear)
  child.stderr.on('data', hear)
  const exit = new Promise<number | null>(resolve => child.once('close', resolve))
  return {
    child,
    get exit() {
      return within(exit, patienceMs, 'the simulator does not end')
    },
    says: async pattern => {
      await until(
        () => pattern.test(output),
        () => `the simulator does not say ${pattern}, but ${output}`,
      )
      return [...(pattern.exec(output) ?? [])]
    },
  }
}

test('alone it tells its addresses, serves, and ends on SIGTERM', async t => {
  const { child, says, exit } = run(t, '--port', '0', '--seed', '4', '--rate', '50', '--faults')
  const [, url] = await says(/OpenAI's SDKs\s+(http:\S+)\/v1/)
  await says(/Azure OpenAI endpoint/)
  const { next, closed } = await connect(`${url}/openai/v1/realtime?model=d--fault-trickle`)
  await next('session.created')
  child.kill('SIGTERM')
  t.is((await closed()).code, 1001)
  t.is(await exit, 0)
})

test('--tls speaks wss with a certificate of its own', async t => {
  const { says } = run(t, '--port', '0', '--tls')
  const [, url] = await says(/listening at (https:\S+)/)
  const { next, close } = await connect(`${url}/v1/realtime?model=gpt-realtime`, { insecure: true })
  await next('session.created')
  await t.notThrowsAsync(close())
})

test('--replay plays a file', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'replay-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const file = join(folder, 'talk.jsonl')
  await writeFile(file, '{"at_ms":0,"from":"upstream","event":{"type":"session.created","replayed":true}}\n')
  const { says } = run(t, '--port', '0', '--replay', file, '--fast')
  const [, url] = await says(/listening at (http:\S+)/)
  const { next, close } = await connect(`${url}/v1/realtime?model=gpt-realtime`)
  t.true((await next('session.created')).replayed)
  await close()
})

test('--call makes a telephone call: its webhook is delivered, and its caller hangs up', async t => {
  const server = createServer((_request, response) => void response.writeHead(200).end())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  const { says, child, exit } = run(
    t,
    ...['--port', '0', '--call', '--webhook', `http://127.0.0.1:${port}/`, '--deliveries', '2'],
    ...['--hang-up-after', '500'],
  )
  await says(/OPENAI_WEBHOOK_SECRET=whsec_\S+/)
  await says(/call rtc_\S+ rings/)
  await says(/the webhook was answered with 200 and 200/)
  await says(/over: caller/)
  child.kill('SIGTERM')
  t.is(await exit, 0)
})

test('--help tells the flags, and a wrong one is named', async t => {
  const help = run(t, '--help')
  await help.says(/--faults/)
  t.is(await help.exit, 0)
  const wrong = run(t, '--port', 'many')
  await wrong.says(/--port must be a number/)
  t.is(await wrong.exit, 2)
  const unknown = run(t, '--colour')
  await unknown.says(/--colour/)
  t.is(await unknown.exit, 2)
})
