/** A call whose assistant has tools goes from one replica to the next: each tool runs once, and the model is told of each. */
import test, { type ExecutionContext } from 'ava'
import { gatewayProcess } from '../gateway/process.ts'
import { gatewayFor } from '../gateway/start.ts'
import { untilReady } from '../gateway/within.ts'
import { redisServer } from '../store/redis-server.ts'
import { callUpstream, type JoinedCall } from './call-upstream.ts'
import { request, someOffer } from './caller.ts'
import { clerkFor } from './clerk.ts'

type Sent = { type: string; session?: Fields; item?: Fields }
type Fields = Readonly<Record<string, unknown>>

async function stageOf(t: ExecutionContext, timeoutMs: number) {
  const [redis, upstream, clerk] = [
    await redisServer(t),
    await callUpstream(t),
    clerkFor(t, timeoutMs, 'low'),
  ]
  clerk.hold()
  return { ...clerk, env: { ...upstream.env, REDIS_URL: redis.url, ...clerk.env }, upstream }
}

async function callClerk(t: ExecutionContext, { url }: { url: string }): Promise<void> {
  await untilReady(url)
  const made = await request<{ session_id: string }>(`${url}/sideband/session`, {
    method: 'POST',
    body: { assistant: 'clerk' },
  })
  const body = { sdp: await someOffer(t), session_id: made.body.session_id }
  t.is((await request(`${url}/sideband/offer`, { method: 'POST', body })).status, 200)
}

/** Reads what the gateway sends, up to an event that fits. */
async function until(call: JoinedCall, fits: (sent: Sent) => boolean): Promise<Sent> {
  for (;;) {
    const sent = JSON.parse(await call.next()) as Sent
    if (fits(sent)) return sent
  }
}

const isOutput = ({ type, item }: Sent) =>
  type === 'conversation.item.create' && item?.type === 'function_call_output'

function callsTool(call: JoinedCall, id: string, responseId = 'resp_1'): void {
  const given = JSON.stringify({ paper: id })
  const item = { id: `item_${id}`, type: 'function_call', status: 'completed', name: 'stamp', call_id: id }
  call.send({
    type: 'response.output_item.done',
    response_id: responseId,
    item: { ...item, arguments: given },
  })
}

test('a drain lets a tool of a call end, and hands on one that has not begun', async t => {
  const { env, upstream, stamped, untilStamped, release } = await stageOf(t, 9000)
  const [a, b] = [await gatewayFor(t, env), await gatewayFor(t, env)]
  await callClerk(t, a)
  const first = await upstream.joined()
  const set = await until(first, ({ type }) => type === 'session.update')
  t.like(set.session, { type: 'realtime', tools: [{ type: 'function', name: 'stamp' }] })
  t.deepEqual(set.session?.audio, {
    input: { turn_detection: { type: 'semantic_vad', eagerness: 'low', create_response: true } },
  })
  first.send({ type: 'response.created', response: { id: 'resp_1' } })
  callsTool(first, 'call_1')
  await untilStamped('call_1')
  const drained = a.drain()
  await a.logged('drain.started')
  callsTool(first, 'call_2')
  first.send({ type: 'response.done', response: { id: 'resp_1', status: 'completed' } })
  t.is(upstream.joins, 1, 'no other replica takes a call whose tool runs')
  release()
  const answered = await until(first, isOutput)
  t.like(answered.item, { call_id: 'call_1', output: '{"stamped":"call_1"}' })
  const second = await upstream.joined()
  t.like((await until(second, isOutput)).item, { call_id: 'call_2', output: '{"stamped":"call_2"}' })
  await until(second, ({ type }) => type === 'response.create')
  await drained
  t.deepEqual(stamped(), ['call_1', 'call_2'])
  second.send({ type: 'response.created', response: { id: 'resp_2' } })
  second.send({ type: 'response.done', response: { id: 'resp_2', status: 'completed' } })
  second.send({ type: 'response.created', response: { id: 'resp_3' } })
  callsTool(second, 'call_3', 'resp_3')
  t.like((await until(second, isOutput)).item, { call_id: 'call_3', output: '{"stamped":"call_3"}' })
  await b.close()
})

test('a replica is killed while a tool of its call runs: another one tells the model, and it runs no more', async t => {
  t.timeout(120_000)
  const { env, upstream, stamped, untilStamped } = await stageOf(t, 1000)
  const doomed = await gatewayProcess(t, env)
  await callClerk(t, doomed)
  const first = await upstream.joined()
  first.send({ type: 'response.created', response: { id: 'resp_1' } })
  callsTool(first, 'call_1')
  await untilStamped('call_1')
  doomed.child.kill('SIGKILL')
  const b = await gatewayFor(t, env)
  const second = await upstream.joined()
  const { item } = await until(second, isOutput)
  t.like(item, { call_id: 'call_1', output: '{"error":"interrupted","may_have_run":true}' })
  await until(second, ({ type }) => type === 'response.create')
  t.deepEqual(stamped(), ['call_1'])
  await b.close()
})

test('whoever else writes to the session sets tools beside those of the server, and not in their place', async t => {
  const { env, upstream, release } = await stageOf(t, 9000)
  const a = await gatewayFor(t, env)
  await callClerk(t, a)
  const call = await upstream.joined()
  await until(call, ({ type }) => type === 'session.update')
  const others = [{ type: 'function', name: 'of_the_page', parameters: {} }]
  call.send({ type: 'session.updated', session: { type: 'realtime', tools: others } })
  const { session } = await until(call, ({ type }) => type === 'session.update')
  t.like(session?.tools, [{ name: 'stamp' }, { name: 'of_the_page' }])
  release()
})
