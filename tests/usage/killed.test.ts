/** What is told of sessions whose process was killed: the end of a conversation that can be resumed, once; of others nothing. */
import test from 'ava'
import { ConversationEnds } from '../../runtime/notifications/conversation-ends.ts'
import { EventOutbox, eventIdOf } from '../../runtime/notifications/event-outbox.ts'
import { ticketLifeMs } from '../../runtime/resume/tickets.ts'
import { startSimulator } from '../../runtime/simulator/server.ts'
import { createRedisStore } from '../../runtime/store/redis.ts'
import { ask, converse } from '../gateway/converse.ts'
import { gatewayProcess } from '../gateway/process.ts'
import { patienceMs, within } from '../gateway/within.ts'
import { startOtlpReceiver } from '../observability/tracing/receiver.ts'
import { redisServer } from '../store/redis-server.ts'
import { untilStored } from '../store/stored-conversations.ts'

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
    while (store.unavailable() !== null) await new Promise(resolve => setTimeout(resolve, 10))
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
    while (sent.length === 0) await new Promise(resolve => setTimeout(resolve, 10))
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
