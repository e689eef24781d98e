/**
 * Two replicas, one Redis: the calls of one session may land on either.
 */
import test, { type ExecutionContext } from 'ava'
import OpenAI from 'openai'
import { startSimulator } from '../../runtime/simulator/server.ts'
import { converse, type Message } from '../gateway/converse.ts'
import { gatewayProcess } from '../gateway/process.ts'
import { gatewayFor } from '../gateway/start.ts'
import { until, untilReady } from '../gateway/within.ts'
import { redisServer } from '../store/redis-server.ts'
import { callUpstream, placeCall } from './call-upstream.ts'
import { makeCall, makeSession, openPeer, request } from './caller.ts'

/** An upstream that outlives any gateway. */
async function sharedUpstream(t: ExecutionContext): Promise<Record<string, string>> {
  const simulator = await startSimulator({ rate: 200 })
  t.teardown(() => simulator.close())
  return { OPENAI_API_KEY: 'sk-test', OPENAI_BASE_URL: `${simulator.url}/v1` }
}

const isStopped = ({ event }: Message) => (event as { type: string }).type === 'output_audio_buffer.stopped'

test('at the SDK addresses: key from A, call on B, hung up on A; a browser has nothing but its key', async t => {
  const redis = await redisServer(t)
  const auth = { GATEWAY_AUTH: 'key', GATEWAY_API_KEYS: 'backend:the-secret-of-the-backend' }
  const env = { ...(await sharedUpstream(t)), ...auth, REDIS_URL: redis.url }
  const [a, b] = [await gatewayFor(t, env), await gatewayFor(t, env)]
  await Promise.all([untilReady(a.url), untilReady(b.url)])
  const clientAt = ({ url }: { url: string }, apiKey: string) => new OpenAI({ apiKey, baseURL: `${url}/v1` })
  const backend = clientAt(a, 'the-secret-of-the-backend')
  const { value } = await backend.realtime.clientSecrets.create({ session: { type: 'realtime' } })
  const peer = await openPeer(t)
  const reply = await clientAt(b, value).realtime.calls.create({ sdp: peer.sdp })
  await peer.connect(await reply.text())
  await backend.realtime.calls.hangup(reply.headers.get('location')?.split('/').pop() ?? '')
  await t.notThrowsAsync(peer.closed)
})

test('session on A, offer on B, control on A, and both list it with the same counts', async t => {
  const redis = await redisServer(t)
  const env = { ...(await sharedUpstream(t)), REDIS_URL: redis.url }
  const [a, b] = [await gatewayFor(t, env), await gatewayFor(t, env)]
  await Promise.all([untilReady(a.url), untilReady(b.url)])
  const sessionId = await makeSession(a.url)
  const call = await makeCall(t, a.url, { sessionId, offerUrl: b.url })
  const [onA, onB] = [
    await converse(t, `${a.socketUrl}/sideband/control/${sessionId}`),
    await converse(t, `${b.socketUrl}/sideband/control/${sessionId}`),
  ]
  await Promise.all([onA.until('sideband_connected'), onB.until('sideband_connected')])
  onA.send({ type: 'send_message', text: 'hello' })
  onB.send({
    type: 'conversation.item.create',
    item: { type: 'message', role: 'system', content: [{ type: 'input_text', text: 'x' }] },
  })
  const [seenOnA] = await Promise.all([
    onA.until('openai_event', isStopped),
    onB.until('openai_event', isStopped),
  ])
  const expected = seenOnA.length
  const counted: Record<string, unknown>[] = []
  await until(async () => {
    const answers = await Promise.all(
      [a, b].map(({ url }) => request(`${url}/sideband/session/${sessionId}`)),
    )
    counted.splice(0, 2, ...answers.map(({ body }) => body))
    // The two were asked at the same time: either may have been answered before the last write.
    return answers.every(
      ({ status, body }) =>
        status === 200 && Number(body.events_from_openai) >= expected && Number(body.events_to_openai) >= 3,
    )
  }, 'the events are not counted')
  const [fromA = {}, fromB = {}] = counted
  t.like(fromA, {
    call_id: call.callId,
    events_from_openai: expected,
    events_to_openai: 3,
    websocket_connected: true,
  })
  const stable = ({ session_id, call_id, events_to_openai }: Record<string, unknown>) => ({
    session_id,
    call_id,
    events_to_openai,
  })
  t.deepEqual(stable(fromB), stable(fromA))
  for (const { url } of [a, b]) {
    const { body } = await request<{ total: number; sessions: { session_id: string }[] }>(
      `${url}/sideband/sessions`,
    )
    t.is(body.total, 1)
    t.is(body.sessions[0]?.session_id, sessionId)
  }
})

test('kill -9 of one replica in mid-call: the call goes on, and the other takes control of it', async t => {
  const redis = await redisServer(t)
  const env = { ...(await sharedUpstream(t)), REDIS_URL: redis.url }
  const [doomed, other] = [await gatewayProcess(t, env), await gatewayProcess(t, env)]
  await Promise.all([untilReady(doomed.url), untilReady(other.url)])
  const call = await makeCall(t, doomed.url)
  const control = await converse(t, `${doomed.socketUrl}/sideband/control/${call.sessionId}`)
  await control.until('sideband_connected')
  control.send({ type: 'send_message', text: 'count to 5' })
  await control.until('openai_event')
  doomed.child.kill('SIGKILL')
  await control.closed
  await call.until('response.done')
  const taken = await converse(t, `${other.socketUrl}/sideband/control/${call.sessionId}`)
  t.like((await taken.until('sideband_connected')).at(-1), {
    session_id: call.sessionId,
    call_id: call.callId,
  })
  taken.send({ type: 'send_message', text: 'still there?' })
  await taken.until('openai_event', isStopped)
  t.is((await request(`${other.url}/sideband/session/${call.sessionId}`)).status, 200)
})

test('Redis dies in mid-call: the call goes on, new sessions are refused with the reason, and all heals by itself', async t => {
  const redis = await redisServer(t)
  const gateway = await gatewayFor(t, { ...(await sharedUpstream(t)), REDIS_URL: redis.url })
  await untilReady(gateway.url)
  const call = await makeCall(t, gateway.url)
  const control = await converse(t, `${gateway.socketUrl}/sideband/control/${call.sessionId}`)
  await control.until('sideband_connected')
  control.send({ type: 'send_message', text: 'before' })
  const before = await control.until('openai_event', isStopped)
  await redis.kill()
  await gateway.logged('store.lost')

  control.send({ type: 'send_message', text: 'during' })
  const during = await control.until('openai_event', isStopped)
  const refused = await request<{ detail: string }>(`${gateway.url}/sideband/session`, { method: 'POST' })
  t.is(refused.status, 503)
  t.regex(refused.body.detail, /Redis/)
  const ready = await fetch(`${gateway.url}/readyz`)
  t.is(ready.status, 503)
  t.like(await ready.json(), { reason: 'Redis cannot be reached' })

  await redis.restart()
  await untilReady(gateway.url)
  control.send({ type: 'send_message', text: 'after' })
  const after = await control.until('openai_event', isStopped)
  const events = before.length + during.length + after.length
  let restored: Record<string, unknown> = {}
  await until(async () => {
    const { status, body } = await request(`${gateway.url}/sideband/session/${call.sessionId}`)
    restored = body
    // The session is written anew first, and who controls it after that.
    return status === 200 && Number(body.events_from_openai) >= events && body.websocket_connected === true
  }, 'the session is not restored')
  t.like(restored, { call_id: call.callId, events_from_openai: events, events_to_openai: 6 })
  t.is((await request(`${gateway.url}/sideband/session`, { method: 'POST' })).status, 200)
  const hangup = `${gateway.url}/v1/realtime/calls/${call.callId}/hangup`
  t.is((await fetch(hangup, { method: 'POST' })).status, 200)
})

test('a session that nothing happens to expires and leaves nothing behind', async t => {
  const redis = await redisServer(t)
  const gateway = await gatewayFor(t, {
    ...(await sharedUpstream(t)),
    REDIS_URL: redis.url,
    SIDEBAND_SESSION_TTL_SEC: '1',
  })
  await untilReady(gateway.url)
  const sessionId = await makeSession(gateway.url)
  type List = { sessions: object[]; total: number }
  await until(
    async () => (await request<List>(`${gateway.url}/sideband/sessions`)).body.total === 0,
    'the session does not expire',
  )
  t.is((await request(`${gateway.url}/sideband/session/${sessionId}`)).status, 404)
  const { createClient } = await import('redis')
  const client = createClient({ url: redis.url })
  await client.connect()
  t.teardown(() => client.destroy())
  // Beside the key by which writes are tried, every two seconds.
  const left = (await client.keys('*')).filter(key => key !== 'gateway:1:probe')
  t.deepEqual(left, [])
})

test('what a replica counted is in the store when it has ended', async t => {
  const redis = await redisServer(t)
  const upstream = await callUpstream(t)
  const env = { ...upstream.env, REDIS_URL: redis.url, LIMIT_TOKENS_PER_DAY_PER_ADDRESS: '100' }
  const [a, b] = [await gatewayFor(t, env), await gatewayFor(t, env)]
  await Promise.all([untilReady(a.url), untilReady(b.url)])
  const sessionId = await placeCall(a.url)
  const control = await converse(t, `${a.socketUrl}/sideband/control/${sessionId}`)
  const call = await upstream.joined()
  await control.until('sideband_connected')
  // Upstream and observer know of the connection before the store does.
  const isConnected = async () => {
    const { body } = await request(`${b.url}/sideband/session/${sessionId}`)
    return body.websocket_connected === true
  }
  await until(isConnected, 'the call is not connected')
  const usage = { total_tokens: 100, input_tokens: 60, output_tokens: 40 }
  call.send({ type: 'response.done', response: { usage } })
  await control.until('openai_event')
  await a.close()
  t.like((await request(`${b.url}/sideband/session/${sessionId}`)).body, {
    events_from_openai: 1,
    usage: { input_tokens: 60, output_tokens: 40 },
  })
  t.is((await request(`${b.url}/sideband/session`, { method: 'POST' })).status, 429)
})
