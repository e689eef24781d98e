/** The ends of sessions and conversations reach a webhook, whatever becomes of the process that saw them. */
import test from 'ava'
import { checkSignature, readSignature } from '../../runtime/access/webhook-signature.ts'
import { startSimulator } from '../../runtime/simulator/server.ts'
import { ask, converse } from '../gateway/converse.ts'
import { gatewayProcess } from '../gateway/process.ts'
import { gatewayFor } from '../gateway/start.ts'
import { redisServer } from '../store/redis-server.ts'
import { startReceiver } from './receiver.ts'

const secret = 'MARKED-SECRET-of-the-webhook'
const key = Buffer.from(secret)

test('a receiver fails twice and the process is killed between: each event arrives, signed, once by its id', async t => {
  const redis = await redisServer(t)
  const simulator = await startSimulator({ rate: 200 })
  t.teardown(() => simulator.close())
  const receiver = await startReceiver(t, delivery => (delivery <= 2 ? 500 : 204))
  const env = {
    OPENAI_API_KEY: 'sk-test',
    OPENAI_BASE_URL: `${simulator.url}/v1`,
    REDIS_URL: redis.url,
    EVENTS_WEBHOOK_URL: receiver.url.href,
    EVENTS_WEBHOOK_SECRET: secret,
  }
  const first = await gatewayProcess(t, env)
  const talk = await converse(t, `${first.socketUrl}/chat`)
  await ask(talk, 'a private word')
  talk.socket.close(1000)
  await first.logged('conversation.ended')
  // Both events have failed once.
  await receiver.next()
  await receiver.next()
  first.child.kill('SIGKILL')
  await first.exited
  const second = await gatewayProcess(t, env)
  const taken = new Set<string>()
  while (taken.size < 2) {
    const { headers, body } = await receiver.next()
    const id = headers.get('webhook-id') ?? ''
    t.notThrows(() => checkSignature(readSignature(headers, Date.now()), Buffer.from(body), [key]))
    t.notRegex(body, /private|MARKED/)
    const tries = receiver.deliveries.filter(each => each.headers.get('webhook-id') === id).length
    if (tries === 3) taken.add(id)
  }
  const types = receiver.deliveries.map(({ body }) => JSON.parse(body).type)
  t.deepEqual([...new Set(types)].toSorted(), ['conversation.ended', 'session.ended'])
  for (const id of taken)
    t.is(receiver.deliveries.filter(each => each.headers.get('webhook-id') === id).length, 3)
  t.notRegex(JSON.stringify([...first.lines, ...second.lines]), /private|MARKED/)
})

test('without a webhook the log tells the ends, and a conversation with a ticket is not over yet', async t => {
  const gateway = await gatewayFor(t)
  const talk = await converse(t, `${gateway.socketUrl}/chat?resume=`)
  await talk.until('session.ticket')
  await ask(talk, 'hello')
  talk.socket.close(1000)
  const { fields } = await gateway.logged('session.ended')
  t.like(fields, { responses: 1, route: '/chat', principal: 'anonymous' })
  t.false(gateway.lines.some(({ event }) => event === 'conversation.ended'))
})
