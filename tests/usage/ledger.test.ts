/** Sums of usage count once, whatever becomes of the line to the store and of the process that writes them. */
import test from 'ava'
import { GatewayError } from '../../runtime/core/errors.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { createRedisStore } from '../../runtime/store/redis.ts'
import { keptDays, UsageLedger } from '../../runtime/usage/ledger.ts'
import { converse } from '../gateway/converse.ts'
import { gatewayProcess } from '../gateway/process.ts'
import { type FakeSession, fakeUpstream, type Stage } from '../gateway/start.ts'
import { patienceMs, until, within } from '../gateway/within.ts'
import { disturbedLine } from '../store/disturbed-line.ts'
import { redisServer } from '../store/redis-server.ts'
import { untilStored } from '../store/stored-conversations.ts'
import { spokenAnswer as usage } from './spoken-answer.ts'

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }
const ada = { principal: 'key:ada', assistant: 'default' }
const now = () => Date.UTC(2026, 10, 28)
const today = '2026-11-28'

/** Of a replica whose store falls silent: it gives commands up soon. */
const impatient = { commandTimeoutMs: 200, silentMs: 1000 }

/** A ledger of a replica of its own. */
function replica(t: Stage, url: string, times: Partial<typeof impatient> = {}) {
  const store = createRedisStore({ url, log: silent, ...times })
  t.teardown(() => store.close())
  const ledger = new UsageLedger({ store, now, log: silent })
  const connected = async () => {
    await until(() => store.unavailable() === null, 'the store is not there')
  }
  return { ledger, connected: () => within(connected(), patienceMs, 'the store is not connected') }
}

const responsesOf = async (ledger: UsageLedger) => {
  const [row] = await ledger.read(ada.principal, [today])
  return row?.tally.responses ?? 0
}

test('a write whose confirmation is lost is repeated, and counts once', async t => {
  const redis = await redisServer(t)
  const line = await disturbedLine(t, redis.url)
  const [writer, reader] = [replica(t, line.url, impatient), replica(t, redis.url)]
  await writer.connected()
  await reader.connected()
  writer.ledger.add(ada, 'speech', { responses: 1, output_text: 200 })
  await writer.ledger.flush()
  line.swallowAnswers()
  writer.ledger.add(ada, 'speech', { responses: 1, output_text: 200 })
  await writer.ledger.flush()
  t.is(await responsesOf(reader.ledger), 2, 'it has reached the store')
  // Added while nobody knows whether the write before was done.
  writer.ledger.add(ada, 'speech', { responses: 1, output_text: 200 })
  const third = async () => {
    while ((await responsesOf(reader.ledger)) < 3) {
      await writer.ledger.flush()
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }
  await within(third(), patienceMs, 'the third response is not counted')
  await writer.ledger.flush()
  const rows = await reader.ledger.read(ada.principal, [today])
  t.deepEqual(rows, [{ day: today, ...ada, deployment: 'speech', tally: { responses: 3, output_text: 600 } }])
  t.deepEqual(await reader.ledger.readAll([today]), rows)
})

test('a write that never came is made when the store is back', async t => {
  const calls: unknown[][] = []
  const store = {
    accumulate: async (...call: unknown[]) => {
      calls.push(call)
      if (calls.length === 1) throw new GatewayError('store_unavailable', 'Redis does not answer')
    },
    list: async () => undefined,
    page: async () => ({ members: [], total: 0 }),
    read: async () => null,
  }
  const ledger = new UsageLedger({ store, now, log: silent })
  ledger.add(ada, 'speech', { responses: 1 })
  await ledger.flush()
  ledger.add(ada, 'speech', { responses: 5 })
  await ledger.flush()
  t.deepEqual(calls[1], calls[0], 'the same sums, under the same number')
  t.deepEqual(Object.values(calls[2]?.[1] as object), [5])
  t.is(calls[2]?.[2], keptDays * 24 * 60 * 60_000)
  t.is(calls.length, 3)
})

test('reads at once share a write, and lose nothing that is added during it and fails at first', async t => {
  const memory = createMemoryStore()
  const numbers: number[] = []
  const waiting: (() => void)[] = []
  const store = {
    list: memory.list.bind(memory),
    page: memory.page.bind(memory),
    read: memory.read.bind(memory),
    accumulate: async (...call: Parameters<typeof memory.accumulate>) => {
      const number = call[3]?.number ?? 0
      numbers.push(number)
      await new Promise<void>(resolve => void waiting.push(resolve))
      if (number === 2 && numbers.filter(each => each === 2).length === 1)
        throw new GatewayError('store_unavailable', 'Redis does not answer')
      return memory.accumulate(...call)
    },
  }
  const ledger = new UsageLedger({ store, now, log: silent })
  /** Answers the writes under way, one by one, until this is over. */
  const answered = async <T>(work: Promise<T>) => {
    let isOver = false
    const over = work.finally(() => {
      isOver = true
    })
    const serve = async () => {
      while (!isOver) {
        await new Promise(resolve => setImmediate(resolve))
        waiting.shift()?.()
      }
    }
    await within(Promise.all([over, serve()]), patienceMs, 'the ledger waits for a write without end')
    return over
  }
  ledger.add(ada, 'speech', { responses: 1 })
  const reads = Promise.all([responsesOf(ledger), responsesOf(ledger)])
  await new Promise(resolve => setImmediate(resolve))
  ledger.add(ada, 'speech', { responses: 100 })
  t.deepEqual(await answered(reads), [1, 1])
  t.is(await answered(responsesOf(ledger)), 101)
  t.deepEqual(numbers, [1, 2, 2])
})

function answer(session: FakeSession, id: string): void {
  const content = [{ type: 'output_text', text: id }]
  const item = { id: `item_${id}`, type: 'message', role: 'assistant', status: 'completed', content }
  session.send({ type: 'response.created', response: { id } })
  session.send({ type: 'conversation.item.added', item })
  session.send({ type: 'conversation.item.done', item })
  session.send({ type: 'response.done', response: { id, status: 'completed', output: [item], usage } })
}

test('a process killed between a write and its confirmation, a renewal and a resumption: each response is counted once', async t => {
  const [redis, upstream] = [await redisServer(t), await fakeUpstream(t)]
  const line = await disturbedLine(t, redis.url)
  const env = {
    ...upstream.env,
    AZURE_OPENAI_DEPLOYMENT_NAME: 'gpt-realtime-2.1',
    REALTIME_AUTO_CLOSE: 'false',
    REALTIME_ALLOWED_EVENT_TYPES: '*',
  }
  const [first, second] = [
    await gatewayProcess(t, { ...env, REDIS_URL: line.url }),
    await gatewayProcess(t, { ...env, REDIS_URL: redis.url }),
  ]
  const rows = async () => {
    const { usage } = (await (await fetch(`${second.url}/usage`)).json()) as {
      usage: { responses: number; estimated_cost: number }[]
    }
    return usage.map(({ responses, estimated_cost }) => ({ responses, estimated_cost }))
  }
  const counted = (responses: number) =>
    until(
      async () => ((await rows())[0]?.responses ?? 0) >= responses,
      `${responses} responses are not counted`,
    )
  const talk = await converse(t, `${first.socketUrl}/realtime?resume=`)
  const ticket = String((await talk.until('session.ticket')).at(-1)?.resume)
  const before = await upstream.session()
  answer(before, 'resp_1')
  await talk.until('response.done')
  before.socket.close(1001)
  const renewed = await upstream.session()
  await talk.until('session.renewed')
  await counted(1)
  await untilStored(redis.url, ([conversation]) => conversation?.items.length === 1)
  line.swallowAnswers()
  answer(renewed, 'resp_2')
  await talk.until('response.done')
  // It is in the store, and the process that wrote it does not know.
  await counted(2)
  first.child.kill('SIGKILL')
  await first.exited
  const resumed = await converse(t, `${second.socketUrl}/realtime?resume=${ticket}`)
  await resumed.until('session.resumed')
  answer(await upstream.session(), 'resp_3')
  await resumed.until('response.done')
  await counted(3)
  resumed.socket.close(1000)
  await second.logged('session.ended')
  t.deepEqual(await rows(), [{ responses: 3, estimated_cost: 0.8172 }])
})
