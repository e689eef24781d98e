/** Spans, links and attributes, as a collector gets them. */
import { createServer } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { startSimulator } from '../../../runtime/simulator/server.ts'
import { ask, converse, type Talk } from '../../gateway/converse.ts'
import { type GatewayProcess, gatewayProcess } from '../../gateway/process.ts'
import { type FakeSession, fakeUpstream, gatewayFor } from '../../gateway/start.ts'
import { patienceMs, untilReady } from '../../gateway/within.ts'
import { redisServer } from '../../store/redis-server.ts'
import { untilStored } from '../../store/stored-conversations.ts'
import { done, scriptedRunner } from '../../tools/scripted-runner.ts'
import { startOtlpReceiver } from './receiver.ts'

const isSession = ({ name }: { name: string }) => name === 'realtime_session'
const isResponse = ({ name }: { name: string }) => name.startsWith('realtime_inference')

const usage = {
  input_tokens: 13,
  output_tokens: 7,
  total_tokens: 20,
  input_token_details: { text_tokens: 3, audio_tokens: 10, cached_tokens: 4 },
  output_token_details: { text_tokens: 2, audio_tokens: 5 },
}

/** A whole answer in GA names. */
function answer(session: FakeSession, id: string, fields: object = {}): void {
  session.send({ type: 'response.created', response: { id, status: 'in_progress' } })
  session.send({ type: 'response.output_audio.delta', response_id: id, delta: 'AAAA' })
  session.send({ type: 'response.output_audio_transcript.delta', response_id: id, delta: 'MARKED' })
  const output = [
    { type: 'message', role: 'assistant', content: [{ type: 'output_audio', transcript: 'MARKED' }] },
  ]
  session.send({ type: 'response.done', response: { id, status: 'completed', output, usage, ...fields } })
}

test('a session, its dial and its responses are spans of one trace, which the client may have begun', async t => {
  const [upstream, collector] = [await fakeUpstream(t), await startOtlpReceiver(t)]
  const gateway = await gatewayFor(t, {
    ...upstream.env,
    AZURE_OPENAI_DEPLOYMENT_NAME: 'gpt-realtime',
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  })
  const traceId = 'abcdefabcdefabcdefabcdefabcdefab'
  const talk = await converse(
    t,
    `${gateway.socketUrl}/v1/realtime?traceparent=00-${traceId}-1234567812345678-01`,
  )
  const session = await upstream.session()
  talk.send({ type: 'response.create' })
  await session.next()
  answer(session, 'resp_1')
  answer(session, 'resp_2', {
    status: 'cancelled',
    status_details: { type: 'cancelled', reason: 'turn_detected' },
  })
  answer(session, 'resp_3', { status: 'failed', status_details: { error: { code: 'server_error' } } })
  await talk.until('response.done', ({ response }) => (response as { id: string }).id === 'resp_3')
  talk.socket.close(1000)
  const [root] = await collector.until(1, isSession)
  t.like(root, { traceId, parentSpanId: '1234567812345678', failed: false })
  t.like(root?.attributes, {
    'gen_ai.provider.name': 'azure.ai.openai',
    'server.address': '127.0.0.1',
    'gateway.route': '/v1/realtime',
    'gateway.session.ended_by': 'client',
    'enduser.id': 'anonymous',
  })
  const children = collector.spans.filter(({ parentSpanId }) => parentSpanId === root?.spanId)
  t.deepEqual(children.map(({ name }) => name).toSorted(), [
    'realtime_dial',
    ...Array(3).fill('realtime_inference gpt-realtime'),
  ])
  t.true(collector.spans.every(span => span.traceId === traceId))
  const [first, second, third] = children.filter(isResponse)
  t.like(first?.attributes, {
    'gen_ai.operation.name': 'realtime_inference',
    'gen_ai.request.model': 'gpt-realtime',
    'gen_ai.response.id': 'resp_1',
    'gen_ai.response.finish_reasons': ['completed'],
    'gen_ai.usage.input_tokens': 13,
    'gen_ai.usage.audio.input_tokens': 10,
    'gen_ai.usage.cache_read.input_tokens': 4,
    'gen_ai.usage.text.output_tokens': 2,
    'gen_ai.usage.audio.output_tokens': 5,
    'gateway.response.interrupted': false,
  })
  for (const name of ['gateway.response.first_sound_ms', 'gateway.response.first_word_ms'])
    t.true(Number(first?.attributes[name]) >= 0, name)
  t.like(second?.attributes, {
    'gen_ai.response.finish_reasons': ['turn_detected'],
    'gateway.response.interrupted': true,
  })
  t.like(third?.attributes, { 'error.type': 'server_error' })
  t.deepEqual([first?.failed, second?.failed, third?.failed], [false, false, true])
  for (const event of ['bridge.connected', 'connection.closed', 'session.ended'] as const)
    t.is((await gateway.logged(event)).fields.trace_id, traceId, event)
  await gateway.close()
  t.deepEqual([...collector.metrics.keys()].toSorted(), [
    'gen_ai.client.operation.duration',
    'gen_ai.client.operation.time_to_first_chunk',
    'gen_ai.client.token.usage',
  ])
  t.like(collector.metrics.get('gen_ai.client.token.usage')?.[0], {
    'gen_ai.token.type': 'input',
    'gen_ai.request.model': 'gpt-realtime',
  })
  t.notRegex(collector.text(), /MARKED|AAAA|a-test-key/)
})

test('TRACE_CONTENT tells what the model said', async t => {
  const [upstream, collector] = [await fakeUpstream(t), await startOtlpReceiver(t)]
  const gateway = await gatewayFor(t, {
    ...upstream.env,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    TRACE_CONTENT: 'true',
  })
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`)
  answer(await upstream.session(), 'resp_1')
  await talk.until('response.done')
  const [span] = await collector.until(1, isResponse)
  t.is(span?.attributes['gen_ai.output.messages'], '[{"role":"assistant","content":"MARKED"}]')
  t.notRegex(collector.text(), /AAAA/)
})

test('a call of a tool is a span of its session, with how it ended and none of what it was told', async t => {
  const collector = await startOtlpReceiver(t)
  const hung: AbortSignal[] = []
  const runner = scriptedRunner({
    get_weather: { run: () => done({ sky: 'MARKED' }) },
    break_down: { run: () => ({ kind: 'failed', code: 'tool_failed', message: 'MARKED' }) },
    hang: {
      run: ({ signal }) =>
        new Promise(resolve => {
          hung.push(signal)
          signal.addEventListener('abort', () => resolve({ kind: 'interrupted' }))
        }),
    },
  })
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, REALTIME_TEXT_ONLY: 'true' }
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...env }, undefined, {
    toolsFor: () => ({ runner }),
  })
  for (const path of ['/v1/realtime', '/chat']) {
    const talk = await converse(t, `${gateway.socketUrl}${path}`)
    if (path === '/chat') talk.send({ text: 'MARKED' })
    const session = await upstream.session()
    for (const name of ['get_weather', 'break_down', 'hang']) {
      const id = `${path}-${name}`
      const call = {
        id,
        type: 'function_call',
        status: 'completed',
        name,
        call_id: id,
        arguments: '"MARKED"',
      }
      const response = { id: `resp_${id}`, status: 'completed', output: [call] }
      session.send({ type: 'response.created', response: { id: response.id } })
      session.send({ type: 'response.output_item.done', response_id: response.id, item: call })
      session.send({ type: 'response.done', response })
    }
    const [ok, failed] = await collector.until(
      2,
      ({ name, attributes }) =>
        name.startsWith('execute_tool') && String(attributes['gen_ai.tool.call.id']).startsWith(path),
    )
    t.like(ok, { name: 'execute_tool get_weather', failed: false })
    t.like(failed, { name: 'execute_tool break_down', failed: true })
    t.is(failed?.attributes['error.type'], 'tool_failed')
    t.like(ok?.attributes, {
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': 'get_weather',
      'gen_ai.tool.call.id': `${path}-get_weather`,
    })
    talk.socket.close(1000)
    const [interrupted] = await collector.until(
      1,
      ({ attributes }) => attributes['gen_ai.tool.call.id'] === `${path}-hang`,
    )
    t.like(interrupted?.attributes, { 'error.type': 'interrupted' })
    const [span] = await collector.until(1, one => isSession(one) && one.attributes['gateway.route'] === path)
    for (const tool of [ok, failed, interrupted]) t.is(tool?.parentSpanId, span?.spanId)
  }
  t.is(hung.length, 2)
  await gateway.close()
  t.true(
    collector.metrics.get('gen_ai.execute_tool.duration')?.some(of => of['error.type'] === 'tool_failed'),
  )
  t.notRegex(collector.text(), /MARKED/)
})

test('a renewed session goes on in its span: the new dial is linked to the one before', async t => {
  const [upstream, collector] = [await fakeUpstream(t), await startOtlpReceiver(t)]
  const gateway = await gatewayFor(t, {
    ...upstream.env,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    REALTIME_AUTO_CLOSE: 'false',
  })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const first = await upstream.session()
  first.socket.close(1001)
  await upstream.session()
  await talk.until('session.renewed')
  talk.socket.close(1000)
  await collector.until(1, isSession)
  const [one, other] = collector.spans.filter(({ name }) => name === 'realtime_dial')
  t.deepEqual(other?.links, [{ traceId: one?.traceId, spanId: one?.spanId, why: 'renewed' }])
  t.is(collector.spans.filter(isSession).length, 1)
})

test('what should have held JSON and did not is an event of the session, and a refused dial is told by its code', async t => {
  const collector = await startOtlpReceiver(t)
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, {
    ...upstream.env,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    REALTIME_EXTRACT_JSON_FROM_TEXT_TYPES: 'response.output_text.done',
    REALTIME_EXTRACT_ON_FAIL: 'error',
  })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  session.send({ type: 'response.output_text.done', text: 'no JSON' })
  await talk.until('extracted.json.error')
  talk.socket.close(1000)
  const [span] = await collector.until(1, isSession)
  t.deepEqual(span?.events, [
    { name: 'extraction.failed', attributes: { 'event.type': 'response.output_text.done' } },
  ])
  const refusing = await fakeUpstream(t, { refuse: () => ({ status: 401 }) })
  const refused = await gatewayFor(t, { ...refusing.env, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })
  await (await converse(t, `${refused.socketUrl}/realtime`)).closed
  const [dial] = await collector.until(1, ({ name, failed }) => name === 'realtime_dial' && failed)
  t.is(dial?.attributes['error.type'], 'upstream_refused')
})

/** Goes on with a conversation. A store that does not answer in time refuses the ticket, which stays good. */
async function resume(
  t: ExecutionContext,
  { url, socketUrl }: GatewayProcess,
  ticket: string,
): Promise<{ talk: Talk; ticket: string }> {
  await untilReady(url)
  const reasons: unknown[] = []
  const endsAt = performance.now() + patienceMs
  while (performance.now() < endsAt) {
    const talk = await converse(t, `${socketUrl}/chat?resume=${ticket}`)
    const messages = await talk.until('session.ticket')
    if (messages.some(({ type }) => type === 'session.resumed'))
      return { talk, ticket: String(messages.at(-1)?.resume) }
    const failed = messages.find(({ type }) => type === 'session.resume_failed')
    if (failed?.reason !== 'store_unavailable') t.fail(`the ticket was refused: ${failed?.reason}`)
    reasons.push(failed?.reason)
    talk.socket.close(1000)
  }
  throw new Error(`no ticket is taken within ${patienceMs} ms: ${reasons}`)
}

test('a conversation that is resumed over SIGTERM and kill -9 is one trace, with links from session to session', async t => {
  const [redis, collector, simulator] = [
    await redisServer(t),
    await startOtlpReceiver(t),
    await startSimulator({ rate: 200 }),
  ]
  t.teardown(() => simulator.close())
  const env = {
    OPENAI_API_KEY: 'sk-test',
    OPENAI_BASE_URL: `${simulator.url}/v1`,
    REDIS_URL: redis.url,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  }
  const first = await gatewayProcess(t, env)
  await untilReady(first.url)
  const one = await converse(t, `${first.socketUrl}/chat?resume=`)
  const ticket = (await one.until('session.ticket')).at(-1)?.resume
  await ask(one, 'my name is Ada')
  first.child.kill('SIGTERM')
  // Where the store is slow, the notice comes without a ticket: the one before is good.
  const notice = (await one.until('server.draining')).at(-1)
  t.is((await one.closed).code, 1012)
  await first.exited
  const second = await gatewayProcess(t, env)
  const { talk: two, ticket: next } = await resume(t, second, String(notice?.resume ?? ticket))
  const { transcript } = await ask(two, 'what did I say')
  await untilStored(redis.url, conversations =>
    conversations.some(({ items, owed }) => items.at(-1)?.text === transcript && !owed),
  )
  // The second session's response has been sent before its process is killed.
  await collector.until(2, isResponse)
  second.child.kill('SIGKILL')
  await second.exited
  const third = await gatewayProcess(t, env)
  const { talk: three } = await resume(t, third, next)
  await ask(three, 'and before that')
  three.socket.close(1000)
  const [traceId] = (await collector.until(3, isResponse)).map(response => response.traceId)
  // A connection that the store refused for a while was a session without an answer, with a trace of its own.
  const isOfThese = (span: { name: string; traceId: string }) => isSession(span) && span.traceId === traceId
  const [before, after] = await collector.until(2, isOfThese)
  t.deepEqual(
    collector.spans.filter(isResponse).map(response => response.traceId),
    [traceId, traceId, traceId],
  )
  t.is(after?.parentSpanId, before?.spanId)
  // Of the session whose process was killed the children tell.
  const killed = collector.spans.filter(isResponse)[1]?.parentSpanId
  t.deepEqual(after?.links, [{ traceId: before?.traceId, spanId: killed, why: 'resumed' }])
  t.is(after?.attributes['gen_ai.conversation.id'], before?.attributes['gen_ai.conversation.id'])
  t.true(collector.spans.some(({ name }) => name === 'session_drain'))
  t.true(collector.spans.some(({ name }) => name === 'gateway_drain'))
  t.notRegex(collector.text(), /Ada|sk-test/)
})

test('a collector that takes nothing holds nothing up: sessions are served, and the process ends in time', async t => {
  const sockets = new Set<import('node:net').Socket>()
  const silent = createServer(socket => void sockets.add(socket))
  await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    silent.close()
  })
  const { port } = silent.address() as { port: number }
  const gateway = await gatewayProcess(t, { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` })
  const talk = await converse(t, `${gateway.socketUrl}/chat`)
  await ask(talk, 'hello')
  gateway.child.kill('SIGTERM')
  t.is((await talk.closed).code, 1012)
  t.is((await gateway.exited).code, 0)
})
