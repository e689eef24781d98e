/** Spans of calls that the gateway hears: over WebRTC and by telephone, and as they go from replica to replica. */
import test from 'ava'
import { createClient } from 'redis'
import { signWebhook } from '../../../runtime/simulator/telephone/webhook.ts'
import { folderWith } from '../../assistants/folders.ts'
import { callUpstream, placeCall } from '../../calls/call-upstream.ts'
import { request, someOffer } from '../../calls/caller.ts'
import { secret } from '../../calls/telephone.ts'
import { converse } from '../../gateway/converse.ts'
import { gatewayProcess } from '../../gateway/process.ts'
import { gatewayFor } from '../../gateway/start.ts'
import { patienceMs, untilReady, within } from '../../gateway/within.ts'
import { redisServer } from '../../store/redis-server.ts'
import { type ReceivedSpan, startOtlpReceiver } from './receiver.ts'

const isSession = ({ name }: ReceivedSpan) => name === 'realtime_session'
const isDial = ({ name }: ReceivedSpan) => name === 'realtime_dial'
const isResponse = ({ name }: ReceivedSpan) => name.startsWith('realtime_inference')

const usage = { input_tokens: 6, output_tokens: 4, total_tokens: 10 }

test('a WebRTC call that is watched is a span with its dials and responses, and its log lines carry the trace', async t => {
  const [upstream, collector] = [await callUpstream(t), await startOtlpReceiver(t)]
  const gateway = await gatewayFor(t, { ...upstream.env, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })
  const sessionId = await placeCall(gateway.url)
  const control = await converse(t, `${gateway.socketUrl}/sideband/control/${sessionId}`)
  const first = await upstream.joined()
  await control.until('sideband_connected')
  first.socket.close(1001)
  const second = await upstream.joined()
  second.send({ type: 'session.created', session: { id: 'sess_1', model: 'gpt-realtime' } })
  second.send({ type: 'response.created', response: { id: 'resp_1' } })
  second.send({ type: 'response.output_audio_transcript.delta', response_id: 'resp_1', delta: 'MARKED' })
  second.send({ type: 'response.done', response: { id: 'resp_1', status: 'completed', usage } })
  await collector.until(1, isResponse)
  upstream.joinStatus = 404
  second.socket.close(1000)
  await control.until('call_ended')
  const [root] = await collector.until(1, isSession)
  t.like(root?.attributes, {
    'gateway.connection.id': sessionId,
    'gateway.route': 'call',
    'gateway.session.ended_by': 'upstream',
    'enduser.id': 'anonymous',
    'gen_ai.provider.name': 'azure.ai.openai',
  })
  const [one, other, last] = await collector.until(3, isDial)
  t.deepEqual(other?.links, [{ traceId: one?.traceId, spanId: one?.spanId, why: 'renewed' }])
  t.is(last?.attributes['error.type'], 'call_not_found')
  const [response] = collector.spans.filter(isResponse)
  t.like(response?.attributes, {
    'gen_ai.response.id': 'resp_1',
    'gen_ai.response.model': 'gpt-realtime',
    'gen_ai.realtime_session.id': 'sess_1',
    'gen_ai.usage.input_tokens': 6,
  })
  for (const span of [one, other, last, response]) t.is(span?.parentSpanId, root?.spanId)
  const { fields } = await gateway.logged('sideband.control.connected')
  t.is(fields.trace_id, root?.traceId)
  t.notRegex(collector.text(), /MARKED|a-test-key/)
})

for (const how of ['drains', 'is killed'])
  test(`a telephone call whose replica ${how} goes on in its trace, with a link to the span before`, async t => {
    const [redis, upstream, collector] = [
      await redisServer(t),
      await callUpstream(t),
      await startOtlpReceiver(t),
    ]
    const env = {
      ...upstream.env,
      REDIS_URL: redis.url,
      OPENAI_WEBHOOK_SECRET: secret,
      CALLS_POLICY: 'accept',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    }
    const a = await gatewayProcess(t, env)
    const ready = async () => {
      await untilReady(a.url)
    }
    await within(ready(), patienceMs, 'the gateway is not ready')
    const body = JSON.stringify({ type: 'realtime.call.incoming', data: { call_id: 'rtc_phone' } })
    const { headers } = signWebhook(secret, 'wh_1', Math.floor(Date.now() / 1000), body)
    t.is((await fetch(`${a.url}/webhooks/realtime`, { method: 'POST', headers, body })).status, 200)
    const first = await upstream.joined()
    first.send({ type: 'session.created', session: { id: 'sess_1', model: 'gpt-realtime' } })
    const [dial] = await collector.until(1, isDial)
    await linksStored(redis.url)
    const b = await gatewayFor(t, env)
    a.child.kill(how === 'drains' ? 'SIGTERM' : 'SIGKILL')
    const second = await upstream.joined()
    second.send({ type: 'response.created', response: { id: 'resp_1' } })
    second.send({ type: 'response.done', response: { id: 'resp_1', status: 'completed', usage } })
    const [response] = await collector.until(1, isResponse)
    await b.close()
    const [span] = await collector.until(1, one => isSession(one) && one.spanId === response?.parentSpanId)
    // The first span's own end is lost where its process is killed.
    t.is(span?.parentSpanId, dial?.parentSpanId)
    t.deepEqual(span?.links, [{ traceId: dial?.traceId, spanId: dial?.parentSpanId, why: 'resumed' }])
    t.is(span?.traceId, dial?.traceId)
    if (how === 'drains') {
      const [before] = await collector.until(1, one => isSession(one) && one.spanId === dial?.parentSpanId)
      t.is(before?.attributes['gateway.session.ended_by'], 'gateway')
    }
  })

/** Resolves when the store knows the trace of a call. */
async function linksStored(url: string): Promise<void> {
  const client = await createClient({ url }).connect()
  try {
    const known = async () => {
      for (;;) {
        for (const key of await client.keys('*sideband_*')) {
          if ((await client.type(key)) !== 'hash') continue
          if ((await client.hGet(key, 'usage'))?.includes('"trace"')) return
        }
        await new Promise(resolve => setTimeout(resolve, 20))
      }
    }
    await within(known(), patienceMs, 'the trace of the call is not stored')
  } finally {
    client.destroy()
  }
}

/** An assistant whose tools are heard of from the gateway alone. */
const clerk = {
  'clerk/assistant.yaml': 'description: Stamps papers\nwebrtc: visible\n',
  'clerk/instructions.md': 'You stamp papers.',
  'clerk/tools/stamp.ts': `
import { defineTool, z } from 'realtime-gateway/tools'
export default defineTool({
  description: 'Stamps a paper',
  parameters: z.strictObject({ paper: z.string() }),
  async run({ paper }) {
    if (paper === 'MARKED torn') throw new Error('MARKED')
    return { stamped: paper }
  },
})
`,
}

for (const way of ['WebRTC', 'telephone'])
  test(`a tool that runs in a ${way} call is a span of the call, with how it ended and none of what it was told`, async t => {
    const [upstream, collector] = [await callUpstream(t), await startOtlpReceiver(t)]
    const gateway = await gatewayFor(t, {
      ...upstream.env,
      ASSISTANTS_DIR: folderWith(t, clerk),
      OPENAI_WEBHOOK_SECRET: secret,
      CALLS_POLICY: '+49301234=assistant:clerk',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    })
    if (way === 'telephone') {
      const sip_headers = [{ name: 'To', value: 'sip:+49301234@gateway.example' }]
      const data = { call_id: 'rtc_phone', sip_headers }
      const body = JSON.stringify({ type: 'realtime.call.incoming', data })
      const { headers } = signWebhook(secret, 'wh_1', Math.floor(Date.now() / 1000), body)
      const rung = await fetch(`${gateway.url}/webhooks/realtime`, { method: 'POST', headers, body })
      t.is(rung.status, 200)
    } else {
      const made = await request<{ session_id: string }>(`${gateway.url}/sideband/session`, {
        method: 'POST',
        body: { assistant: 'clerk' },
      })
      const body = { sdp: await someOffer(t), session_id: made.body.session_id }
      t.is((await request(`${gateway.url}/sideband/offer`, { method: 'POST', body })).status, 200)
    }
    const call = await upstream.joined()
    call.send({ type: 'session.created', session: { id: 'sess_1', model: 'gpt-realtime' } })
    for (const [id, paper] of [
      ['call_done', 'MARKED whole'],
      ['call_failed', 'MARKED torn'],
    ] as const) {
      const item = {
        id: `item_${id}`,
        type: 'function_call',
        status: 'completed',
        name: 'stamp',
        call_id: id,
      }
      const given = JSON.stringify({ paper })
      call.send({ type: 'response.created', response: { id: `resp_${id}` } })
      call.send({
        type: 'response.output_item.done',
        response_id: `resp_${id}`,
        item: { ...item, arguments: given },
      })
      call.send({ type: 'response.done', response: { id: `resp_${id}`, status: 'completed', usage } })
    }
    const tools = await collector.until(2, ({ name }) => name === 'execute_tool stamp')
    const [done, failed] = ['call_done', 'call_failed'].map(id =>
      tools.find(({ attributes }) => attributes['gen_ai.tool.call.id'] === id),
    )
    t.like(done, { failed: false, attributes: { 'gen_ai.tool.name': 'stamp' } })
    t.like(failed, { failed: true, attributes: { 'error.type': 'tool_failed' } })
    const [dial] = await collector.until(1, isDial)
    for (const span of [done, failed]) {
      t.is(span?.traceId, dial?.traceId)
      t.is(span?.parentSpanId, dial?.parentSpanId)
    }
    await gateway.close()
    const [session] = await collector.until(1, one => isSession(one) && one.spanId === dial?.parentSpanId)
    t.is(session?.attributes['gen_ai.agent.name'], 'clerk')
    t.notRegex(collector.text(), /MARKED|a-test-key/)
  })
