/** A process that ends in the middle of a running tool: by SIGTERM and by SIGKILL, and what its successor makes of it. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { startSimulator } from '../../runtime/simulator/server.ts'
import { forkChild } from '../gateway/child.ts'
import { converse } from '../gateway/converse.ts'
import type { Stage } from '../gateway/start.ts'
import { untilReady, within } from '../gateway/within.ts'
import { redisServer } from '../store/redis-server.ts'

const script = fileURLToPath(new URL('tool-process.ts', import.meta.url))

/** Starting a process takes long on a busy machine (ms). */
const startMs = 60_000

/** A lease of the tool, and what its commit may take (ms). */
const leaseMs = 40_000

async function stageOf(t: Stage) {
  const { url: redis } = await redisServer(t)
  const simulator = await startSimulator({})
  t.teardown(() => simulator.close())
  const file = join(mkdtempSync(join(tmpdir(), 'tool-runs-')), 'runs')
  const start = async (toolMs: number, env: Record<string, string> = {}) => {
    const child = forkChild(t, script, [file, String(toolMs)], {
      env: {
        ...{ PATH: process.env.PATH, PORT: '0', REDIS_URL: redis, DRAIN_LAME_DUCK_MS: '0' },
        ...{ OPENAI_API_KEY: 'sk-test', OPENAI_BASE_URL: `${simulator.url}/v1`, REALTIME_TEXT_ONLY: 'true' },
        // Without assistants: the tool is this test's own.
        ...{ OPENAI_REALTIME_MODEL: 'gpt-realtime', ASSISTANTS_DIR: import.meta.dirname, ...env },
      },
    })
    const [port] = await within(once(child, 'message'), startMs, 'the gateway does not start')
    const url = `http://127.0.0.1:${port}`
    await untilReady(url)
    return { child, socketUrl: `${url.replace('http', 'ws')}/chat?resume=` }
  }
  return { start, runs: () => readFileSync(file, 'utf8').trim().split('\n') }
}

/** Asks for the tool, and waits until it runs. @returns the client's ticket, and its talk */
async function askForTool(t: Stage, { child, socketUrl }: { child: ChildProcess; socketUrl: string }) {
  const talk = await converse(t, socketUrl)
  const ticket = (await talk.until('session.ticket')).at(-1)?.resume
  const runs = once(child, 'message')
  talk.send({ text: 'weather in Oslo' })
  await within(runs, startMs, 'the tool does not run')
  return { talk, ticket }
}

const said = (messages: readonly { type: string; value?: unknown }[]) =>
  messages
    .filter(({ type }) => type === 'text-delta')
    .map(({ value }) => value)
    .join('')

test('SIGTERM while a tool runs: it runs to its end, and its answer comes before the connection ends', async t => {
  const { start, runs } = await stageOf(t)
  const first = await start(1500)
  const { talk } = await askForTool(t, first)
  first.child.kill('SIGTERM')
  const messages = await talk.until('status', ({ message }) => message === 'Model ready')
  t.is(said(messages), 'The tool answered: "clear"')
  t.is((await talk.closed).code, 1012)
  t.is(runs().length, 1)
})

test('SIGTERM with a deadline that the tool passes: the next process tells the model, and the tool runs no more', async t => {
  const { start, runs } = await stageOf(t)
  const first = await start(5900, { DRAIN_DEADLINE_MS: '6000' })
  const { talk } = await askForTool(t, first)
  first.child.kill('SIGTERM')
  const notice = (await talk.until('server.draining')).at(-1)
  t.is((await talk.closed).code, 1012)
  const second = await start(1)
  const again = await converse(t, second.socketUrl + notice?.resume)
  const messages = await again.until('status', ({ message }) => message === 'Model ready')
  t.is(said(messages), 'The tool answered: {"error":"interrupted","may_have_run":true}')
  t.is(runs().length, 1)
})

test('SIGKILL while a tool runs: the next process waits for its lease and tells the model; the tool runs no more', async t => {
  const { start, runs } = await stageOf(t)
  const first = await start(5900)
  const { ticket } = await askForTool(t, first)
  first.child.kill('SIGKILL')
  const second = await start(1)
  const again = await converse(t, `${second.socketUrl}${ticket}`)
  t.like((await again.until('session.resumed')).at(-1), { answer_due: true })
  const answer = again.until('status', ({ message }) => message === 'Model ready')
  const messages = await within(answer, leaseMs, 'no answer comes when the lease is over')
  t.is(said(messages), 'The tool answered: {"error":"interrupted","may_have_run":true}')
  t.is(runs().length, 1)
})
