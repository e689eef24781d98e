/** A ticket is spent when its client is heard of: what breaks before that can come again, and one alone goes on. */
import test, { type ExecutionContext } from 'ava'
import { ask, converse, type Talk } from '../gateway/converse.ts'
import { fakeUpstream, gatewayFor, type TestGateway } from '../gateway/start.ts'
import { until, untilReady } from '../gateway/within.ts'
import { redisServer } from '../store/redis-server.ts'
import { rawUpgrade } from './raw-upgrade.ts'

/** Says something on `/chat`, and leaves. @returns the ticket to come back with */
async function leave(t: ExecutionContext, gateway: TestGateway, text: string): Promise<string> {
  const talk = await converse(t, `${gateway.socketUrl}/chat?resume=`)
  const ticket = String((await talk.until('session.ticket')).at(-1)?.resume)
  await ask(talk, text)
  talk.socket.close()
  await talk.closed
  await gateway.logged('connection.closed')
  return ticket
}

const resume = (t: ExecutionContext, gateway: TestGateway, ticket: string): Promise<Talk> =>
  converse(t, `${gateway.socketUrl}/chat?resume=${ticket}`)

const closedOf = ({ lines }: TestGateway) => lines.filter(({ event }) => event === 'connection.closed').length

async function untilClosed(gateway: TestGateway, count: number): Promise<void> {
  await until(() => closedOf(gateway) >= count, `there are no ${count} closed connections`)
}

const resumed = { type: 'session.resumed', items: 2, answer_due: false, answers: 1 }
const unknown = { type: 'session.resume_failed', reason: 'unknown' }

test('a connection that is reset before the 101 has spent nothing', async t => {
  const gateway = await gatewayFor(t)
  const ticket = await leave(t, gateway, 'my name is Ada')
  for (let time = 0; time < 5; time += 1) {
    const broken = await rawUpgrade(t, `${gateway.socketUrl}/chat?resume=${ticket}`)
    broken.reset()
  }
  const after = await resume(t, gateway, ticket)
  t.deepEqual(await after.next(), resumed)
  t.regex((await ask(after, 'what did I say')).transcript, /"my name is Ada"/)
})

test('a connection that is reset right after the 101, before its pong, has spent nothing', async t => {
  const gateway = await gatewayFor(t)
  const ticket = await leave(t, gateway, 'my name is Ada')
  for (let time = 0; time < 3; time += 1) {
    const broken = await rawUpgrade(t, `${gateway.socketUrl}/chat?resume=${ticket}`)
    await broken.answered
    broken.reset()
    await untilClosed(gateway, 2 + time)
  }
  const after = await resume(t, gateway, ticket)
  t.deepEqual(await after.next(), resumed)
  await ask(after, 'what did I say')
  t.deepEqual(await (await resume(t, gateway, ticket)).next(), unknown)
})

test('a client that lost the next ticket on its way comes again by the one that it has, until it has the next', async t => {
  const redis = await redisServer(t)
  const gateway = await gatewayFor(t, { REDIS_URL: redis.url })
  await untilReady(gateway.url)
  const ticket = await leave(t, gateway, 'my name is Ada')
  for (let time = 0; time < 3; time += 1) {
    const broken = await rawUpgrade(t, `${gateway.socketUrl}/chat?resume=${ticket}`)
    await broken.answered
    broken.pong()
    await until(() => broken.texts().includes('session.ticket'), 'there is no ticket')
    t.regex(broken.texts(), /"type":"session.resumed","items":2/, `time ${time}`)
    broken.reset()
    await untilClosed(gateway, 2 + time)
  }
  const after = await resume(t, gateway, ticket)
  t.deepEqual(await after.next(), resumed)
  t.regex((await ask(after, 'what did I say')).transcript, /"my name is Ada"/)
  t.deepEqual(await (await resume(t, gateway, ticket)).next(), unknown)
})

for (const control of ['ping', 'pong'] as const)
  test(`a ${control} of a client's own does not say that it has its next ticket`, async t => {
    const gateway = await gatewayFor(t)
    const ticket = await leave(t, gateway, 'my name is Ada')
    const broken = await rawUpgrade(t, `${gateway.socketUrl}/chat?resume=${ticket}`)
    await broken.answered
    broken.say('{"type":"heartbeat"}')
    await until(() => broken.texts().includes('session.ticket'), 'there is no ticket')
    broken[control]()
    // The gateway reads in order: once this ping is answered, it has read what came before.
    const before = broken.pongs()
    broken.ping()
    await until(() => broken.pongs() > before, 'the gateway answers no ping')
    broken.reset()
    await untilClosed(gateway, 2)
    const after = await resume(t, gateway, ticket)
    t.deepEqual(await after.next(), resumed)
  })

test('a second connection by the same ticket fences off the first, on whichever replica, before it dials', async t => {
  const [redis, upstream] = [await redisServer(t), await fakeUpstream(t)]
  const env = { ...upstream.env, REDIS_URL: redis.url }
  const [blue, green] = [await gatewayFor(t, env), await gatewayFor(t, env)]
  for (const { url } of [blue, green]) await untilReady(url)
  const before = await converse(t, `${blue.socketUrl}/realtime?resume=`)
  const ticket = String((await before.until('session.ticket')).at(-1)?.resume)
  before.socket.close()
  await before.closed
  const dials = upstream.dials
  const stalled = await rawUpgrade(t, `${blue.socketUrl}/realtime?resume=${ticket}`)
  await stalled.answered
  const second = await converse(t, `${green.socketUrl}/realtime?resume=${ticket}`)
  t.is((await second.next()).type, 'session.resumed')
  await second.until('session.ticket')
  stalled.pong()
  await stalled.closed
  const told = stalled.texts()
  t.regex(told, /"code":"resumed_elsewhere"/)
  t.notRegex(told, /session\.resumed/)
  t.is(stalled.closeCode(), 1008)
  t.is(upstream.dials, dials + 1)
})

test('of many who come by one ticket at once, one goes on', async t => {
  const gateway = await gatewayFor(t)
  const ticket = await leave(t, gateway, 'one')
  const all = await Promise.all(Array.from({ length: 8 }, () => resume(t, gateway, ticket)))
  const firsts = await Promise.all(all.map(talk => talk.next()))
  t.is(firsts.filter(({ type }) => type === 'session.resumed').length, 1)
  for (const first of firsts.filter(({ type }) => type !== 'session.resumed')) {
    if (first.type === 'error') t.is(first.code, 'resumed_elsewhere')
    else t.deepEqual(first, unknown)
  }
})

test("somebody else's credential does not fence off the owner", async t => {
  const keys = {
    GATEWAY_AUTH: 'key',
    GATEWAY_API_KEYS: 'ada:first-key-of-the-test,bob:second-key-of-the-test',
  }
  const gateway = await gatewayFor(t, keys)
  const as = (key: string, ticket: string) =>
    converse(t, `${gateway.socketUrl}/chat?resume=${ticket}`, { headers: { 'api-key': key } })
  const ada = await as('first-key-of-the-test', '')
  const ticket = String((await ada.until('session.ticket')).at(-1)?.resume)
  t.deepEqual(await (await as('second-key-of-the-test', ticket)).next(), unknown)
  t.is((await (await as('first-key-of-the-test', ticket)).next()).type, 'session.resumed')
})

test('a drain that finds a connection waiting closes it with 1012, and the ticket stays good', async t => {
  const redis = await redisServer(t)
  const env = { REDIS_URL: redis.url }
  const [blue, green] = [await gatewayFor(t, env), await gatewayFor(t, env)]
  for (const { url } of [blue, green]) await untilReady(url)
  const ticket = await leave(t, blue, 'my name is Ada')
  const waiting = await rawUpgrade(t, `${blue.socketUrl}/chat?resume=${ticket}`)
  await waiting.answered
  await blue.logged('client.connected', ({ query }) => String(query) === 'resume')
  await blue.drain()
  await waiting.closed
  const told = waiting.texts()
  t.true(told.includes(`"resume":"${ticket}"`), told)
  t.is(waiting.closeCode(), 1012)
  t.deepEqual(await (await resume(t, green, ticket)).next(), resumed)
})

test('what is said before the ticket is spent goes up behind the conversation, in its order', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, REALTIME_ALLOWED_EVENT_TYPES: '*' })
  const before = await converse(t, `${gateway.socketUrl}/realtime?resume=`)
  const ticket = String((await before.until('session.ticket')).at(-1)?.resume)
  const item = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'before' }] }
  const first = await upstream.session()
  first.send({ type: 'conversation.item.added', item: { ...item, id: 'i1' } })
  await before.until('conversation.item.added')
  before.socket.close()
  await before.closed
  await gateway.logged('connection.closed')
  const after = await converse(t, `${gateway.socketUrl}/realtime?resume=${ticket}`)
  for (const number of [1, 2, 3]) after.send({ type: 'input_audio_buffer.clear', event_id: `e${number}` })
  t.is((await after.next()).type, 'session.resumed')
  const second = await upstream.session()
  const said: string[] = []
  while (!said.at(-1)?.includes('"e3"')) said.push((await second.next()).text)
  const order = said
    .map(text => JSON.parse(text))
    .map(({ item, event_id }) => item?.content[0].text ?? event_id)
  t.deepEqual(
    order.filter(name => name !== undefined && name !== 'gateway_settings'),
    ['before', 'e1', 'e2', 'e3'],
  )
})

test('the store has no ticket that could be used', async t => {
  const redis = await redisServer(t)
  const gateway = await gatewayFor(t, { REDIS_URL: redis.url })
  await untilReady(gateway.url)
  const ticket = await leave(t, gateway, 'hello')
  const { createClient } = await import('redis')
  const client = createClient({ url: redis.url })
  await client.connect()
  t.teardown(() => client.destroy())
  const keys = await client.keys('*')
  const records = await Promise.all(
    keys.filter(key => key.includes(':resume:')).map(key => client.hGetAll(key)),
  )
  t.is(records.length, 1)
  t.false(JSON.stringify([keys, records]).includes(ticket))
})
