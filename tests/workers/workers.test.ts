/**
 * Several processes on one port: who takes what, who holds what, who replaces whom.
 */
import { createServer } from 'node:net'
import { availableParallelism } from 'node:os'
import test, { type ExecutionContext } from 'ava'
import { responseMs } from '../../runtime/workers/rpc-peer.ts'
import { converse, ask as say, type Talk } from '../gateway/converse.ts'
import { gatewayProcess } from '../gateway/process.ts'
import { fakeUpstream } from '../gateway/start.ts'
import { until } from '../gateway/within.ts'
import { redisServer } from '../store/redis-server.ts'
import { ask, gone, type Several, severalWorkers } from './several.ts'

/** Opens sockets until every worker has one. @returns them by worker */
async function oneAtEach(t: ExecutionContext, several: Several, count: number, path = '/chat?resume=') {
  const taken = new Map<number, Awaited<ReturnType<Several['converseAt']>>['talk']>()
  for (let tries = 0; taken.size < count; tries += 1) {
    if (tries > 100) t.fail('some worker takes no connections')
    const { talk, worker, connection } = await several.converseAt(path)
    if (!taken.has(worker)) {
      taken.set(worker, talk)
      continue
    }
    talk.socket.close()
    await several.logged('connection.closed', line => line.connection === connection)
  }
  return [...taken].map(([worker, talk]) => ({ worker, talk }))
}

test.serial('the kernel gives every worker its part of the connections', async t => {
  const several = await severalWorkers(t, 3)
  const parts = [0, 0, 0]
  for (let opened = 0; opened < 90; opened += 1) {
    const { worker } = await several.converseAt('/chat')
    parts[worker - 1] = (parts[worker - 1] ?? 0) + 1
  }
  for (const part of parts) t.true(part >= 10, parts.join())
})

test.serial('kill -9 of a worker: its sessions go on at another, and a new one takes its place', async t => {
  const several = await severalWorkers(t, 2)
  const { talk, worker } = await several.converseAt('/chat?resume=')
  const resume = await ticketOf(talk)
  await say(talk, 'my name is Ada')
  const pid = several.pidOf(worker)
  process.kill(pid, 'SIGKILL')
  t.is((await talk.closed).code, 1006)
  t.like(await several.logged('worker.exited'), { worker, pid, signal: 'SIGKILL' })
  const { talk: again } = await several.converseAt(`/chat?resume=${resume}`)
  await resumed(t, again)
  t.regex((await say(again, 'what did I say')).transcript, /"my name is Ada"/)
  await several.replaced(worker, pid)
  await oneAtEach(t, several, 2)
  t.is(again.socket.readyState, again.socket.OPEN)
})

test.serial(
  'SIGTERM: the clients of all workers are told and ended, every worker drains, exit 0',
  async t => {
    const several = await severalWorkers(t, 2)
    const talks = await oneAtEach(t, several, 2)
    several.child.kill('SIGTERM')
    for (const { talk } of talks) {
      const leftMs = Number((await talk.until('server.draining')).at(-1)?.deadline_ms)
      t.true(leftMs > 0 && leftMs <= 25_000)
      t.deepEqual(await talk.closed, { code: 1012, reason: 'draining' })
    }
    t.is((await several.exited).code, 0)
    const drained = several.lines.filter(({ event }) => event === 'drain.completed')
    t.deepEqual(drained.map(({ worker }) => worker).sort(), [1, 2])
    for (const line of drained) {
      t.like(line, { left: 0, revision: 'local', replica: 'local' })
      t.true(Number(line.ended) >= 1)
    }
    const exits = several.lines.filter(({ event }) => event === 'worker.exited')
    t.deepEqual(
      exits.map(({ code }) => code),
      [0, 0],
    )
  },
)

test.serial(
  'a worker that drains by itself leaves new clients to the others, and is replaced when it has gone',
  async t => {
    const upstream = await fakeUpstream(t)
    const several = await severalWorkers(t, 2, { ...upstream.env, DRAIN_DEADLINE_MS: '60000' })
    const { talk, worker } = await several.converseAt('/chat')
    talk.send({ text: 'count to 20' })
    const session = await upstream.session()
    session.send({ type: 'response.created', response: { id: 'r1' } })
    session.send({ type: 'response.output_audio.delta', item_id: 'item_1', delta: 'AAAAAAA=' })
    await talk.until('audio-chunk')
    const pid = several.pidOf(worker)
    process.kill(pid, 'SIGTERM')
    await talk.until('server.draining')
    for (let opened = 0; opened < 20; opened += 1) t.not((await several.converseAt('/chat')).worker, worker)
    session.send({ type: 'response.done', response: { status: 'completed' } })
    await talk.until('status', ({ message }) => message === 'Model ready')
    t.is((await talk.closed).code, 1012)
    t.like(await several.logged('worker.exited'), { worker, pid, code: 0 })
    await several.replaced(worker, pid)
  },
)

test.serial('a second signal ends all of them at once', async t => {
  const several = await severalWorkers(t, 2, { DRAIN_DEADLINE_MS: '60000', SIMULATOR_RATE: '1' })
  const { talk, worker } = await several.converseAt('/chat')
  talk.send({ text: 'count to 400' })
  await talk.until('audio-chunk')
  const pids = [1, 2].map(several.pidOf)
  several.child.kill('SIGINT')
  await several.logged('drain.started')
  several.child.kill('SIGINT')
  t.is((await several.exited).code, 1)
  await gone(pids)
  t.false(several.lines.some(line => line.event === 'drain.completed' && line.worker === worker))
})

test.serial('kill -9 of the supervisor: the workers end their sessions and themselves', async t => {
  const several = await severalWorkers(t, 2)
  const talks = await oneAtEach(t, several, 2)
  const pids = [1, 2].map(several.pidOf)
  several.child.kill('SIGKILL')
  for (const { talk } of talks) t.is((await talk.closed).code, 1012)
  // Closed when the last process has let go of the output.
  await several.exited
  t.deepEqual(
    several.lines
      .filter(({ event }) => event === 'worker.orphaned')
      .map(({ worker }) => worker)
      .sort(),
    [1, 2],
  )
  await gone(pids)
})

test.serial('/metrics is the sum of all workers, whichever answers', async t => {
  const several = await severalWorkers(t, 2)
  const talks = await oneAtEach(t, several, 2)
  const opened = several.lines.filter(({ event }) => event === 'client.connected').length
  for (const { talk } of talks) await say(talk, 'hello')
  for (let scrape = 0; scrape < 10; scrape += 1) {
    const text = await sumOf(several, { silent: 0 })
    t.is(figureOf(text, 'gateway_sessions_total'), opened)
    t.is(figureOf(text, 'gateway_workers'), 2)
    t.is(figureOf(text, 'gateway_workers_silent'), 0)
    t.true(figureOf(text, 'process_resident_memory_bytes') > 100e6)
    t.is(text.match(/^nodejs_version_info\{.*\} 1$/gm)?.length, 1)
    const types = text.match(/^# TYPE .*/gm) ?? []
    t.is(new Set(types).size, types.length)
  }
})

test.serial('/metrics: what dead and silent workers counted stays in the sum', async t => {
  const several = await severalWorkers(t, 2)
  const talks = await oneAtEach(t, several, 2)
  const total = (text: string) => figureOf(text, 'gateway_sessions_total')
  const before = await sumOf(several, { silent: 0 })
  const pid = several.pidOf(1)
  process.kill(pid, 'SIGKILL')
  await several.replaced(1, pid)
  const after = await sumOf(several, { silent: 0 })
  t.is(total(after), total(before))
  t.is(figureOf(after, 'gateway_sessions'), figureOf(before, 'gateway_sessions') - 1)
  t.is(figureOf(after, 'gateway_workers_replaced_total'), 1)
  process.kill(several.pidOf(2), 'SIGSTOP')
  const silent = await sumOf(several, { silent: 1, connections: 24 })
  t.is(figureOf(silent, 'gateway_workers'), 1)
  t.is(figureOf(silent, 'gateway_workers_silent'), 1)
  t.is(total(silent), total(before))
  t.is(figureOf(silent, 'gateway_sessions'), 0)
  process.kill(several.pidOf(2), 'SIGCONT')
  t.is(talks.length, 2)
})

test.serial('a limit holds for all workers together, and a ticket is spent once', async t => {
  const auth = { GATEWAY_AUTH: 'key', GATEWAY_API_KEYS: 'ada:correct-horse', TICKET_TTL_SEC: '600' }
  const env = { ...auth, LIMIT_SESSIONS_PER_ADDRESS: '20' }
  const several = await severalWorkers(t, 2, env)
  const headers = { 'api-key': 'correct-horse' }
  const tickets: string[] = []
  for (let count = 0; count < 22; count += 1) {
    const answer = await ask(`${several.url}/ticket`, { method: 'POST', headers })
    tickets.push(((await answer.json()) as { ticket: string }).ticket)
  }
  const [spare, ...rest] = tickets
  const workers = new Set<number>()
  for (const ticket of rest.slice(0, 20))
    workers.add((await several.converseAt(`/chat?ticket=${ticket}`)).worker)
  t.is(workers.size, 2)
  for (let tries = 0; tries < 6; tries += 1)
    t.like(await t.throwsAsync(converse(t, `${several.socketUrl}/chat`, { headers })), { status: 429 })
  for (let tries = 0; tries < 6; tries += 1) {
    const spent = converse(t, `${several.socketUrl}/chat?ticket=${rest[0]}`)
    t.like(await t.throwsAsync(spent), { status: 401 })
  }
  t.like(await t.throwsAsync(converse(t, `${several.socketUrl}/chat?ticket=${spare}`)), { status: 429 })
})

test.serial('with Redis the workers share what replicas share', async t => {
  const redis = await redisServer(t)
  const several = await severalWorkers(t, 2, { REDIS_URL: redis.url })
  const connectedTo = (worker: number) => several.logged('store.connected', line => line.worker === worker)
  const connected = [await connectedTo(1), await connectedTo(2)]
  const { talk, worker } = await several.converseAt('/chat?resume=')
  const resume = await ticketOf(talk)
  await say(talk, 'my name is Ada')
  process.kill(several.pidOf(worker), 'SIGKILL')
  await several.logged('worker.exited')
  // Whoever takes the place of the dead may get the connection.
  await several.logged('store.connected', line => !connected.includes(line))
  const { talk: again } = await several.converseAt(`/chat?resume=${resume}`)
  await resumed(t, again)
  t.regex((await say(again, 'what did I say')).transcript, /"my name is Ada"/)
})

test.serial('they share a port that speaks https', async t => {
  const several = await severalWorkers(t, 2, {}, ['--tls'])
  t.regex(several.url, /^https:/)
  await oneAtEach(t, several, 2)
})

test.serial('a port that somebody listens on stops the start, and says so', async t => {
  const stranger = createServer()
  await new Promise<void>(resolve => stranger.listen(0, '127.0.0.1', resolve))
  t.teardown(() => stranger.close())
  const { port } = stranger.address() as { port: number }
  const several = await severalWorkers(t, 2)
  for (const taken of [port, Number(new URL(several.url).port)]) {
    for (const count of ['1', '2']) {
      const fault = await t.throwsAsync(gatewayProcess(t, { PORT: String(taken), WORKERS: count }))
      t.regex(fault?.message ?? '', new RegExp(`exited with 1 .*Cannot listen on 127.0.0.1 port ${taken}`))
    }
  }
})

test.serial('one worker is the process itself', async t => {
  for (const env of [{}, { WORKERS: '1' }] as Record<string, string>[]) {
    const gateway = await gatewayProcess(t, env)
    gateway.child.kill('SIGTERM')
    t.is((await gateway.exited).code, 0)
    t.false(gateway.lines.some(line => 'worker' in line))
  }
})

test.serial('auto is one a core', async t => {
  const cores = availableParallelism()
  const gateway = await gatewayProcess(t, { WORKERS: 'auto' })
  // One that is alone logs no start of a worker.
  for (let worker = 1; cores > 1 && worker <= cores; worker += 1)
    await gateway.logged('worker.started', line => line.worker === worker)
  gateway.child.kill('SIGTERM')
  t.is((await gateway.exited).code, 0)
  t.is(gateway.lines.filter(({ event }) => event === 'drain.completed').length, cores)
})

test.serial('a count that is none stops the start by name', async t => {
  for (const [value, shape] of [
    ['0', 'the number 0'],
    ['two', '"two"'],
    ['1.5', 'the number 1.5'],
    ['65', 'the number 65'],
  ] as const) {
    const fault = await t.throwsAsync(gatewayProcess(t, { WORKERS: value }))
    t.regex(fault?.message ?? '', /exited with 1/)
    t.true(fault?.message.includes(`WORKERS: is ${shape}; allowed is auto, or a whole number from 1 to 64`))
  }
})

async function ticketOf(talk: Talk): Promise<unknown> {
  return (await talk.until('session.ticket')).at(-1)?.resume
}

/** The end of an answer may not have reached the store when its worker is killed; then the answer comes again. */
async function resumed(t: ExecutionContext, talk: Talk): Promise<void> {
  const notice = (await talk.until('session.resumed')).at(-1)
  t.true(Number(notice?.items) >= 1)
  if (notice?.answer_due) await talk.until('status', ({ message }) => message === 'Model ready')
}

/**
 * Reads `/metrics`; again where so long went by that a worker which is only late counts as silent.
 * @param connections are tried at once: the kernel may choose a worker that is stopped, for all of 6 once in 64 runs
 */
async function sumOf(
  several: Several,
  { silent, connections = 1 }: { silent: number; connections?: number },
) {
  const read = async () => {
    const askedAt = performance.now()
    const init = { signal: AbortSignal.timeout(5 * responseMs) }
    const text = await (await ask(`${several.url}/metrics`, init)).text()
    const isLate = performance.now() - askedAt >= responseMs
    if (isLate && figureOf(text, 'gateway_workers_silent') !== silent) throw new Error('too late to tell')
    return text
  }
  let text: string | null = null
  await until(async () => {
    text = await Promise.any(Array.from({ length: connections }, read)).catch(() => null)
    return text !== null
  }, 'the metrics are not told in time')
  return text ?? ''
}

/** The value of a metric that has no labels but the replica's. */
function figureOf(text: string, name: string): number {
  return Number(new RegExp(`^${name}\\{revision="local",replica="local"\\} (\\S+)$`, 'm').exec(text)?.[1])
}
