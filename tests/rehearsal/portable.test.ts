/** The portable rehearsal at servers that are restarted in the middle: the gateway, and a relay that knows nothing of drains. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test, { type ExecutionContext } from 'ava'
import { startSimulator } from '../../runtime/simulator/server.ts'
import { type Child, lineOf, startChild } from '../gateway/child.ts'
import { freePort } from '../gateway/free-port.ts'
import { gatewayProcess } from '../gateway/process.ts'
import { readOptions } from './options.ts'
import type { Report } from './types.ts'

const hungMs = 300_000
const sessions = 8
const main = join(import.meta.dirname, 'main.ts')
const bareRelay = join(import.meta.dirname, '../bench/relays/bare.ts')

/** Audio pace: a long answer takes some seconds, so that a restart meets it. */
const rate = 8

/** A command for the shell that has the test do something, and waits until it is done. */
async function commandFor(t: ExecutionContext, run: () => Promise<unknown>): Promise<string> {
  const server = createServer(async (_request, response) => {
    await run()
    response.end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `"${process.execPath}" -e "fetch('http://127.0.0.1:${(server.address() as AddressInfo).port}/')"`
}

interface Run {
  readonly code: number | null
  readonly said: string
  readonly report: Report
}

async function rehearse(t: ExecutionContext, url: string, restart: string): Promise<Run> {
  const out = mkdtempSync(join(tmpdir(), 'rehearsal-portable-'))
  t.teardown(() => rmSync(out, { recursive: true }))
  const words = ['--target', url, '--any', '--restart-command', restart, '--sessions', String(sessions)]
  const child = startChild(t, process.execPath, [main, ...words, '--duration', '2', '--out', out])
  const said: string[] = []
  createInterface({ input: child.stdout }).on('line', line => said.push(line))
  const code = await new Promise<number | null>(resolve => child.once('close', resolve))
  const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'))
  return { code, said: said.join('\n'), report }
}

function failed({ proofs }: Report): string[] {
  return proofs.filter(({ passed }) => !passed).map(({ name }) => name)
}

const first = (counts: Readonly<Record<string, number>>) => Object.keys(counts).join()

test.serial(
  'the gateway restarts by SIGTERM: no word is lost, nothing comes twice, everyone is back',
  async t => {
    t.timeout(hungMs)
    const simulator = await startSimulator({ rate })
    t.teardown(() => simulator.close())
    const settings = {
      OPENAI_API_KEY: 'sk-test',
      OPENAI_BASE_URL: `${simulator.url}/v1`,
      PORT: String(await freePort()),
    }
    const old = await gatewayProcess(t, settings)
    const restart = await commandFor(t, async () => {
      old.child.kill('SIGTERM')
      await old.exited
      await gatewayProcess(t, settings)
    })
    const { code, said, report } = await rehearse(t, `${old.socketUrl}/v1/realtime`, restart)
    t.deepEqual(failed(report), [], JSON.stringify(report.proofs, null, 1))
    t.is(code, 0)
    t.is(first(report.figures.closeCodes), '1012')
    t.like(report.figures, { lost: 0, doubled: 0, unheardWords: 0 })
    t.is(report.figures.closeCodes['1012'], sessions)
    t.true(report.figures.redials >= sessions)
    t.true(report.figures.gapMs.max > 0)
    t.regex(said, /^words lost +0 /m)
    t.regex(said, /^close codes +1012 \(8\)$/m)
  },
)

/** A relay that passes frames between clients and one upstream; killed and started again on its port. */
async function relay(t: ExecutionContext, upstream: string, port: number): Promise<Child> {
  const child = startChild(t, process.execPath, [bareRelay, upstream, String(port)])
  await lineOf(child, line => line, 'the relay does not listen')
  return child
}

test.serial('a bare relay is killed and started again: the report says what was lost', async t => {
  t.timeout(hungMs)
  const simulator = await startSimulator({ rate })
  t.teardown(() => simulator.close())
  const upstream = simulator.url.replace('http', 'ws')
  const port = await freePort()
  const old = await relay(t, upstream, port)
  const restart = await commandFor(t, async () => {
    const gone = new Promise(resolve => old.once('exit', resolve))
    old.kill('SIGKILL')
    await gone
    await relay(t, upstream, port)
  })
  const url = `ws://127.0.0.1:${port}/openai/v1/realtime?model=gpt-realtime&api-key=any`
  const { code, said, report } = await rehearse(t, url, restart)
  t.deepEqual(failed(report), ['whole answers', 'closed by name'], JSON.stringify(report.proofs, null, 1))
  t.is(code, 1)
  t.is(first(report.figures.closeCodes), '1006')
  t.true(report.figures.unheardWords > 0)
  t.like(report.figures, { lost: 0, doubled: 0 })
  t.true(report.figures.peakRedials >= sessions)
  t.regex(said, /^words lost +[1-9]/m)
  t.regex(said, /^forgotten +8 of 8 /m)
})

test.serial('a restart that does not happen, and a command that fails, are told', async t => {
  t.timeout(hungMs)
  const simulator = await startSimulator({ rate })
  t.teardown(() => simulator.close())
  const url = `${simulator.url.replace('http', 'ws')}/openai/v1/realtime?model=gpt-realtime&api-key=any`
  const { code, report } = await rehearse(t, url, 'exit 3')
  t.is(code, 1)
  t.deepEqual(failed(report), ['commands', 'restart', 'closed by name'])
  t.true(report.proofs[0]?.evidence.includes('the command ended with 3'))
})

test('its options are understood, and refused where they do not go together', t => {
  const any = (...words: string[]) => readOptions(['--target', 'https://host', '--any', ...words])
  t.like(any(), { any: true, target: 'wss://host/v1/realtime?model=gpt-realtime', restartCommand: null })
  t.like(readOptions(['--target', 'ws://host:1/openai/v1/realtime?model=m', '--any']), {
    target: 'ws://host:1/openai/v1/realtime?model=m',
  })
  t.like(any('--restart-command', 'true'), { restartCommand: 'true' })
  for (const [words, message] of [
    [['--any'], /--any goes with --target only/],
    [['--target', 'wss://host', '--restart-command', 'true'], /--restart-command goes with --any only/],
    [['--target', 'wss://host', '--any', '--from', 'a'], /--from does not go with --any/],
    [['--target', 'wss://host', '--any', '--kill'], /--kill does not go with --target/],
  ] as const)
    t.throws(() => readOptions(words), { message })
})
