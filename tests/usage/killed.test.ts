/** What is told of sessions whose process was killed: the end of their conversation, once, resumed or not; of others nothing. */
import test from 'ava'
import { checkSignature, readSignature } from '../../runtime/access/webhook-signature.ts'
import { ConversationEnds } from '../../runtime/notifications/conversation-ends.ts'
import { EventOutbox, eventIdOf } from '../../runtime/notifications/event-outbox.ts'
import { ticketLifeMs } from '../../runtime/resume/tickets.ts'
import { startSimulator } from '../../runtime/simulator/server.ts'
import { createRedisStore } from '../../runtime/store/redis.ts'
import { dayOf } from '../../runtime/usage/ledger.ts'
import { ask, converse } from '../gateway/converse.ts'
import { gatewayProcess } from '../gateway/process.ts'
import { type FakeSession, fakeUpstream } from '../gateway/start.ts'
import { patienceMs, until, within } from '../gateway/within.ts'
import { startReceiver } from '../notifications/receiver.ts'
import { startOtlpReceiver } from '../observability/tracing/receiver.ts'
import { redisServer } from '../store/redis-server.ts'
import { untilStored } from '../store/stored-conversations.ts'
import { spokenAnswer as usage } from './spoken-answer.ts'

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }

test('of a killed process: a conversation that nobody resumes ends once, by its id; a session without a ticket leaves its spans alone', async t => {
  const [redis, collector, simulator] = [
    await redisServer(t),
    await startOtlpReceiver(t),
    await startSimulator({ rate: 200 }),
  ]
  t.teardown(() => simulator.close())
  const gateway = await gatewayProcess(t, {
    OPENAI_API_KEY: 'sk-test',
    OPENAI_BASE_URL: `${simulator.url}/v1`,
    REDIS_URL: redis.url,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  })
  const resumable = await converse(t, `${gateway.socketUrl}/chat?resume=`)
  await ask(resumable, 'a private word')
  const plain = await converse(t, `${gateway.socketUrl}/chat`)
  await ask(plain, 'another private word')
  await untilStored(redis.url, ([conversation]) => conversation?.items.length === 2 && !conversation.owed)
  const responses = await collector.until(2, ({ name }) => name.startsWith('realtime_inference'))
  gateway.child.kill('SIGKILL')
  await gateway.exited
  // Each session is a trace of its own, of which the children tell.
  t.is(new Set(responses.map(({ traceId }) => traceId)).size, 2)
  const conversations = responses.map(({ attributes }) => String(attributes['gen_ai.conversation.id']))
  t.false(collector.spans.some(({ name }) => name === 'realtime_session'))

  // Two replicas look for ends that are due, again and again.
  const store = createRedisStore({ url: redis.url, log: silent })
  t.teardown(() => store.close())
  const ready = async () => {
    await until(() => store.unavailable() === null, 'the store is not there')
  }
  await within(ready(), patienceMs, 'the store is not connected')
  const clock = { now: Date.now() }
  const now = () => clock.now
  const sent: { id: string; body: string }[] = []
  const replicas = [1, 2].map(() => {
    const outbox = new EventOutbox({
      store,
      now,
      log: silent,
      intervalMs: 20,
      send: async (id, body) => {
        sent.push({ id, body })
        return null
      },
    })
    const ends = new ConversationEnds({
      store,
      now,
      log: silent,
      intervalMs: 3_600_000,
      onEnded: (conversation, summary) => {
        const type = 'conversation.ended'
        return outbox.publish({ id: eventIdOf(type, conversation), type, data: summary })
      },
    })
    t.teardown(async () => {
      await ends.close()
      await outbox.close()
    })
    return ends
  })
  const look = () => Promise.all(replicas.map(ends => ends.look()))
  await look()
  t.deepEqual(sent, [], 'the client may still come back')
  clock.now += ticketLifeMs + 1000
  await look()
  await look()
  const first = async () => {
    await until(() => sent.length > 0, 'nothing is sent')
  }
  await within(first(), patienceMs, 'no event is sent')
  await look()
  t.is(sent.length, 1)
  const { type, data } = JSON.parse(sent[0]?.body ?? '{}')
  t.is(type, 'conversation.ended')
  t.true(conversations.includes(data.conversation_id))
  t.is(sent[0]?.id, eventIdOf(type, data.conversation_id))
  t.like(data, { route: '/chat', responses: 1, sessions: 1 })
  t.notRegex(JSON.stringify(sent), /private/)
})

const secret = 'MARKED-SECRET-of-the-webhook'

const call = { id: 'item_call', type: 'function_call', status: 'completed', name: 'look', call_id: 'call_1' }
const output = { type: 'function_call_output', call_id: 'call_1', output: '"MARKED"' }

/** Begins a response once it was asked for. */
async function begin(session: FakeSession, id: string): Promise<void> {
  while (JSON.parse((await session.next()).text).type !== 'response.create');
  session.send({ type: 'response.created', response: { id, status: 'in_progress' } })
}

function finish(session: FakeSession, id: string, fields: object = {}): void {
  session.send({ type: 'response.done', response: { id, status: 'completed', output: [], usage, ...fields } })
}

/** Nobody can come back any more (ms). */
const laterMs = ticketLifeMs + 1000

/** Makes a process believe that it is later by so much (ms). */
const laterBy = (ms: number) => [
  '--import',
  `data:text/javascript,const now=Date.now;Date.now=()=>now()+${ms}`,
]

test('a conversation that is resumed after its process was killed ends once, with what it came to in both', async t => {
  const [redis, upstream, receiver] = [await redisServer(t), await fakeUpstream(t), await startReceiver(t)]
  const env = {
    ...upstream.env,
    AZURE_OPENAI_DEPLOYMENT_NAME: 'speech',
    AZURE_OPENAI_MODEL: 'gpt-realtime-2.1@2026-07-07',
    REDIS_URL: redis.url,
    EVENTS_WEBHOOK_URL: receiver.url.href,
    EVENTS_WEBHOOK_SECRET: secret,
    REALTIME_AUTO_CLOSE: 'false',
    REALTIME_ALLOWED_EVENT_TYPES: '*',
  }
  const first = await gatewayProcess(t, env)
  const one = await converse(t, `${first.socketUrl}/realtime?resume=`)
  const ticket = String((await one.until('session.ticket')).at(-1)?.resume)
  one.send({ type: 'response.create' })
  const before = await upstream.session()
  await begin(before, 'resp_1')
  finish(before, 'resp_1', { output: [{ ...call, arguments: '"MARKED"' }] })
  await one.until('response.done')
  one.send({ type: 'conversation.item.create', item: output })
  one.send({ type: 'response.create' })
  await begin(before, 'resp_2')
  // All but the end of the last response is in the store, and nothing else happens after it.
  await untilStored(redis.url, ([conversation]) => conversation?.answers === 1 && conversation.owed)
  finish(before, 'resp_2', { status: 'cancelled', status_details: { reason: 'turn_detected' } })
  await untilStored(redis.url, ([conversation]) => conversation?.answers === 2 && !conversation.owed)
  // Sums wait half a second to be written; who asks for them does not wait.
  const since = dayOf(Date.now())
  await fetch(`${first.url}/usage`)
  first.child.kill('SIGKILL')
  await first.exited

  const second = await gatewayProcess(t, env)
  const two = await converse(t, `${second.socketUrl}/realtime?resume=${ticket}`)
  t.like((await two.until('session.resumed')).at(-1), { answers: 2 })
  two.send({ type: 'response.create' })
  const after = await upstream.session()
  await begin(after, 'resp_3')
  finish(after, 'resp_3')
  await two.until('response.done')
  two.socket.close(1000)
  const ended = await second.logged('session.ended')
  t.like(ended, { responses: 1, interruptions: 0, tool_calls: 0, estimated_cost: 0.2724 })
  t.false(
    second.lines.some(({ event }) => event === 'conversation.ended'),
    'the client may still come back',
  )
  // Its last words are in the store before it is killed as well: whoever is there later tells the end.
  second.child.kill('SIGTERM')
  await second.exited

  const later = await Promise.all([1, 2].map(() => gatewayProcess(t, env, [], laterBy(laterMs))))
  const told = await Promise.any(later.map(gateway => gateway.logged('conversation.ended')))
  const events = new Map<string, { type: string; data: Record<string, unknown> }>()
  while (![...events.values()].some(({ type }) => type === 'conversation.ended')) {
    const { headers, body } = await receiver.next()
    // Any of the processes sends it, and not all have the same clock.
    const at = Number(headers.get('webhook-timestamp')) * 1000
    t.notThrows(() => checkSignature(readSignature(headers, at), Buffer.from(body), [Buffer.from(secret)]))
    events.set(headers.get('webhook-id') ?? '', JSON.parse(body))
  }
  const conversation = String(ended.conversation_id)
  const data = events.get(eventIdOf('conversation.ended', conversation))?.data ?? {}
  for (const summary of [told, data]) {
    t.like(summary, {
      conversation_id: conversation,
      route: '/realtime',
      sessions: 2,
      responses: 3,
      interruptions: 1,
      tool_calls: 1,
      estimated_cost: 0.8172,
    })
    const [row] = summary.usage as object[]
    t.like(row, {
      deployment: 'speech',
      responses: 3,
      input_audio_tokens: 30_000,
      cached_audio_tokens: 24_000,
    })
  }
  t.deepEqual([...events.values()].map(({ type }) => type).toSorted(), [
    'conversation.ended',
    'session.ended',
  ])
  t.is(receiver.deliveries.length, 2)
  const lines = later.flatMap(gateway => gateway.lines).filter(({ event }) => event === 'conversation.ended')
  t.is(lines.length, 1)
  const days = `from=${since}&to=${dayOf(Date.now() + laterMs)}`
  const { usage: sums } = (await (await fetch(`${later[0]?.url}/usage?${days}`)).json()) as {
    usage: { responses: number; input_audio_tokens: number }[]
  }
  t.is(
    sums.reduce((sum, { responses }) => sum + responses, 0),
    3,
  )
  t.is(
    sums.reduce((sum, { input_audio_tokens: tokens }) => sum + tokens, 0),
    30_000,
  )
  t.notRegex(
    JSON.stringify([receiver.deliveries, ...[first, second, ...later].map(({ lines }) => lines)]),
    /MARKED/,
  )
})
