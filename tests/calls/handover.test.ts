/** Calls that a replica must hear go from one replica to the next, and the caller hears nothing of it. */
import test, { type ExecutionContext } from 'ava'
import { signWebhook } from '../../runtime/simulator/telephone/webhook.ts'
import { converse, type Talk } from '../gateway/converse.ts'
import { gatewayProcess } from '../gateway/process.ts'
import { gatewayFor, type TestGateway } from '../gateway/start.ts'
import { patienceMs, until, untilReady, within } from '../gateway/within.ts'
import { redisServer } from '../store/redis-server.ts'
import { callUpstream, placeCall } from './call-upstream.ts'
import { request } from './caller.ts'
import { desk, type Exchange, exchangeFor, type Listed, secret, sessionsOf } from './telephone.ts'

type CallEvent = { type: string; [field: string]: unknown }

const callEvent = (control: Talk, type: string) =>
  control.until('openai_event', ({ event }) => (event as CallEvent).type === type)

async function sharedExchange(t: ExecutionContext): Promise<Exchange> {
  const [redis, exchange] = [await redisServer(t), await exchangeFor(t)]
  return { ...exchange, env: { ...exchange.env, REDIS_URL: redis.url } }
}

async function replica(t: ExecutionContext, env: Record<string, string>): Promise<TestGateway> {
  const gateway = await gatewayFor(t, env)
  await untilReady(gateway.url)
  return gateway
}

/** The one session, once somebody controls its call. */
async function controlledSession(gateway: { url: string }): Promise<Listed> {
  let found: Listed | undefined
  await until(async () => {
    found = (await sessionsOf(gateway, desk))[0]
    return found?.websocket_connected === true
  }, 'nobody controls the call')
  return found as Listed
}

test('a drain hands a telephone call to another replica, which controls it, counts it and hangs it up', async t => {
  const { env, ring } = await sharedExchange(t)
  const [a, b] = [await replica(t, env), await replica(t, env)]
  const { call } = ring(a)
  await call.accepted
  await a.logged('sideband.control.connected')
  call.say(500)
  const session = await controlledSession(b)
  const before = async () => (await sessionsOf(b, desk))[0]?.events_from_openai ?? 0
  await until(async () => (await before()) !== 0, 'nothing is counted')

  const startedAt = performance.now()
  const drained = a.drain()
  await b.logged('sideband.call.taken_over', ({ call_id }) => call_id === call.id)
  await drained
  t.log(`taken over, and the drain over, ${Math.round(performance.now() - startedAt)} ms after its start`)
  await a.close()
  t.is(call.phase, 'active')

  const counted = await before()
  const control = await converse(t, `${b.socketUrl}/sideband/control/${session.session_id}`, {
    headers: desk,
  })
  await control.until('sideband_connected')
  call.press('#')
  await callEvent(control, 'input_audio_buffer.dtmf_event_received')
  control.send({ type: 'send_message', text: 'still there?' })
  await callEvent(control, 'response.done')
  await until(async () => (await before()) > counted, 'no more is counted')
  control.send({ type: 'hang_up' })
  await control.until('call_ended')
  t.deepEqual(await call.ended, { by: 'hung up' })
  t.is(b.lines.filter(({ event }) => event === 'sideband.call.taken_over').length, 1)
})

test('the replica that drains leaves a call only once another one has joined it', async t => {
  const [redis, upstream] = [await redisServer(t), await callUpstream(t)]
  const env = {
    ...upstream.env,
    REDIS_URL: redis.url,
    OPENAI_WEBHOOK_SECRET: secret,
    CALLS_POLICY: 'accept',
    CALLS_CONTROL: 'anonymous',
  }
  const [a, b] = [await replica(t, env), await replica(t, env)]
  const body = JSON.stringify({ type: 'realtime.call.incoming', data: { call_id: 'rtc_phone' } })
  const { headers } = signWebhook(secret, 'wh_1', Math.floor(Date.now() / 1000), body)
  await fetch(`${a.url}/webhooks/realtime`, { method: 'POST', headers, body })
  const first = await upstream.joined()
  const order: string[] = []
  first.socket.once('close', () => order.push('left'))
  await controlledSession(b)
  const drained = a.drain()
  const second = await upstream.joined()
  order.push('joined')
  await drained
  await a.close()
  await until(() => order.length >= 2, 'the two do not come')
  t.deepEqual(order, ['joined', 'left'])
  // Only the second counts what comes now.
  const usage = { total_tokens: 10, input_tokens: 6, output_tokens: 4 }
  second.send({ type: 'response.done', response: { usage } })
  let counted: Listed | undefined
  await until(async () => {
    counted = (await sessionsOf(b, {}))[0]
    return counted?.usage.output_tokens !== 0
  }, 'the usage is not counted')
  t.like(counted?.usage, { input_tokens: 6, output_tokens: 4 })
})

test('a call whose replica was killed is taken over when its lease has run out', async t => {
  const { env, simulator } = await sharedExchange(t)
  const doomed = await gatewayProcess(t, env)
  await untilReady(doomed.url)
  const b = await replica(t, env)
  const { call } = simulator.ring({ webhook: { url: `${doomed.url}/webhooks/realtime`, secret } })
  await call.accepted
  const session = await controlledSession(b)
  const startedAt = performance.now()
  doomed.child.kill('SIGKILL')
  await b.logged('sideband.call.taken_over', ({ call_id }) => call_id === call.id)
  await b.logged('sideband.control.connected')
  t.log(`heard again ${Math.round(performance.now() - startedAt)} ms after the kill`)
  t.is(call.phase, 'active')
  const { body } = await request(`${b.url}/sideband/session/${session.session_id}`, { headers: desk })
  t.like(body, { websocket_connected: true, ended_at: null })
})

test('a replica that is alone keeps a call to the deadline of its drain, and one that starts later takes it', async t => {
  const { env, ring } = await sharedExchange(t)
  const a = await replica(t, { ...env, DRAIN_DEADLINE_MS: '1000' })
  const { call } = ring(a)
  await call.accepted
  await a.logged('sideband.control.connected')
  const startedAt = performance.now()
  await a.drain()
  t.true(performance.now() - startedAt >= 1000)
  await a.close()
  t.is(call.phase, 'active')
  const b = await replica(t, env)
  await b.logged('sideband.call.taken_over', ({ call_id }) => call_id === call.id)
  await b.logged('sideband.control.connected')
  call.leave()
  await b.logged('sideband.call.ended', ({ call_id }) => call_id === call.id)
})

test('a call of a browser that must be heard is handed over, too', async t => {
  const [redis, upstream] = [await redisServer(t), await callUpstream(t)]
  const env = { ...upstream.env, REDIS_URL: redis.url, LIMIT_TOKENS_PER_DAY_PER_ADDRESS: '1000' }
  const [a, b] = [await replica(t, env), await replica(t, env)]
  await placeCall(a.url)
  await upstream.joined()
  const drained = a.drain()
  await upstream.joined()
  await b.logged('sideband.call.taken_over')
  await drained
  t.is(upstream.asked.filter(path => path.endsWith('hangup')).length, 0)
})

/** Ways to begin a call, and what upstream is asked for then. */
const beginnings: readonly (readonly [
  what: string,
  asked: RegExp,
  begin: (gateway: TestGateway) => Promise<unknown>,
])[] = [
  ['an offer', /calls\b(?!.*(accept|hangup))/, ({ url }) => placeCall(url)],
  ['a webhook', /accept$/, ({ url }) => deliver(url)],
]

/** Delivers the webhook of a call. @throws Error when it is refused */
async function deliver(url: string): Promise<void> {
  const body = JSON.stringify({ type: 'realtime.call.incoming', data: { call_id: 'rtc_abc' } })
  const { headers } = signWebhook(secret, 'wh_1', Math.floor(Date.now() / 1000), body)
  const { status } = await fetch(`${url}/webhooks/realtime`, { method: 'POST', headers, body })
  if (status !== 200) throw new Error(`the webhook is refused: ${status}`)
}

for (const [what, asked, begin] of beginnings)
  test(`a call that is being made when the drain begins is made, and handed over at once: ${what}`, async t => {
    const [redis, upstream] = [await redisServer(t), await callUpstream(t)]
    const env = {
      ...upstream.env,
      REDIS_URL: redis.url,
      OPENAI_WEBHOOK_SECRET: secret,
      CALLS_POLICY: 'accept',
      LIMIT_TOKENS_PER_DAY_PER_ADDRESS: '1000',
    }
    const [a, b] = [await replica(t, env), await replica(t, env)]
    const answering = Promise.withResolvers<void>()
    upstream.answering = answering.promise
    const begun = begin(a)
    await until(() => upstream.asked.some(path => asked.test(path)), 'upstream is asked for no call')
    const order: string[] = []
    const drained = a.drain().then(() => order.push('drained'))
    await a.logged('drain.started')
    order.push('made')
    answering.resolve()
    const first = await upstream.joined()
    const left = new Promise<void>(resolve => first.socket.once('close', () => resolve()))
    const taken = b.logged('sideband.call.taken_over').then(() => order.push('taken'))
    await begun
    await Promise.all([taken, drained])
    await within(left, patienceMs, 'the first replica does not leave the call')
    t.deepEqual(order, ['made', 'taken', 'drained'])
    const completed = a.lines.find(({ event }) => event === 'drain.completed')
    t.is(completed?.fields.left, 0)
    t.true(Number(completed?.fields.ended) >= 1)
    t.is(upstream.asked.filter(path => path.endsWith('hangup')).length, 0)
  })
