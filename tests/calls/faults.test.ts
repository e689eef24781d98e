/** What a call's control connection does when upstream does not do as it should. */
import test, { type ExecutionContext } from 'ava'
import { knockSocket } from '../access/upgrade-attempts.ts'
import { converse, type Talk } from '../gateway/converse.ts'
import { gatewayFor, type TestGateway } from '../gateway/start.ts'
import { until } from '../gateway/within.ts'
import { type CallUpstream, callUpstream, type JoinedCall, placeCall } from './call-upstream.ts'
import { request } from './caller.ts'

interface Scene {
  readonly upstream: CallUpstream
  readonly gateway: TestGateway
  readonly sessionId: string
  readonly control: Talk
  readonly call: JoinedCall
}

/** A call that is controlled. */
async function controlledCall(t: ExecutionContext, env: Record<string, string> = {}): Promise<Scene> {
  const upstream = await callUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...env })
  const sessionId = await placeCall(gateway.url)
  const control = await converse(t, `${gateway.socketUrl}/sideband/control/${sessionId}`)
  const call = await upstream.joined()
  await control.until('sideband_connected')
  return { upstream, gateway, sessionId, control, call }
}

test('an observer is told when its hang_up fails', async t => {
  const { upstream, control } = await controlledCall(t)
  upstream.hangUpStatus = 500
  control.send({ type: 'hang_up' })
  t.like((await control.until('error')).at(-1), { code: 'upstream_unavailable' })
})

test('what waits for an upstream that takes nothing is bounded, and the observer is told', async t => {
  const { control, call } = await controlledCall(t, { UPSTREAM_BUFFER_MB: '1' })
  call.socket.pause()
  const megabyte = JSON.stringify({ type: 'x', filler: 'x'.repeat(1024 * 1024) })
  const told = control.until('error')
  let waiting = true
  told.finally(() => {
    waiting = false
  })
  for (let sent = 0; waiting && sent < 64; sent += 1) {
    control.send(megabyte)
    control.send({ type: 'heartbeat' })
    await new Promise(resolve => setImmediate(resolve))
  }
  t.like((await told).at(-1), { code: 'upstream_too_slow' })
})

test('an upstream that closes every control connection as soon as it is open is given up', async t => {
  const { upstream, control, call } = await controlledCall(t)
  const closeEach = async (joined: JoinedCall): Promise<void> => {
    joined.socket.close(1000, '')
    return closeEach(await upstream.joined())
  }
  void closeEach(call)
  t.deepEqual(await control.closed, { code: 1014, reason: 'upstream_lost' })
  t.true(upstream.joins <= 8, `${upstream.joins}`)
})

test('a refusal that says when to come back is not tried again before', async t => {
  const upstream = await callUpstream(t)
  upstream.joinStatus = 429
  upstream.joinHeaders = { 'Retry-After': '30' }
  const gateway = await gatewayFor(t, upstream.env)
  const sessionId = await placeCall(gateway.url)
  const control = await converse(t, `${gateway.socketUrl}/sideband/control/${sessionId}`)
  t.is((await control.closed).reason, 'upstream_rate_limited')
  t.is(upstream.joins, 1)
})

test('with the last observer the control connection is closed, not cut', async t => {
  const { control, call } = await controlledCall(t)
  const closed = new Promise<number>(resolve => call.socket.once('close', resolve))
  control.socket.close()
  t.is(await closed, 1000)
})

test('an answer that is told in broken JSON, or with odd usage, loses no control and spoils no counts', async t => {
  const { upstream, gateway, sessionId, control, call } = await controlledCall(t)
  call.send('{"type":"response.done","response":{"usage":{"input_tokens":')
  call.send({ type: 'response.done', response: { usage: { input_tokens: '7', output_tokens: -1 } } })
  call.send({ type: 'response.done', response: { usage: { input_tokens: 3, output_tokens: 4 } } })
  call.send({ type: 'last' })
  for (;;) if ((await control.nextFrame()).text.includes('"type":"last"')) break
  t.is(upstream.joins, 1)
  let body: Record<string, unknown> = {}
  await until(async () => {
    body = (await request(`${gateway.url}/sideband/session/${sessionId}`)).body
    return Number(body.events_from_openai) >= 4
  }, 'the events are not counted')
  t.like(body.usage, { input_tokens: 3, output_tokens: 4 })
})

test('a pinned call is asked for again while upstream fails, and pinned when it is back', async t => {
  const upstream = await callUpstream(t)
  upstream.joinStatus = 503
  // The call must be placed in this time too. One dial tries five times in it at most: the sixth is another dial's.
  const env = { SIDEBAND_PIN_SESSION: 'true', UPSTREAM_CONNECT_TIMEOUT_MS: '2000' }
  const gateway = await gatewayFor(t, { ...upstream.env, ...env })
  await placeCall(gateway.url)
  await until(() => upstream.joins >= 6, 'upstream is not joined six times')
  upstream.joinStatus = 101
  t.like(JSON.parse(await (await upstream.joined()).next()), { type: 'session.update' })
})

test('a pinned call that the server cannot hear is hung up', async t => {
  const { upstream, gateway, sessionId, control, call } = await controlledCall(t, {
    SIDEBAND_PIN_SESSION: 'true',
  })
  // Ends each dial at once: with a short deadline the call itself had to be placed before it.
  upstream.joinStatus = 429
  upstream.joinHeaders = { 'Retry-After': '60' }
  call.socket.terminate()
  t.regex(await upstream.hungUp(), /rtc_abc\/hangup$/)
  t.is((await control.closed).reason, 'upstream_rate_limited')
  await gateway.logged('sideband.call.ended')
  t.like((await request(`${gateway.url}/sideband/session/${sessionId}`)).body, {
    ended_reason: 'the server could not hear it',
  })
})

test("a change of the server's that upstream refuses is not pinned, and nobody is blamed for it", async t => {
  const { gateway, control, call } = await controlledCall(t, {
    SIDEBAND_PIN_SESSION: 'true',
    CHAT_INSTRUCTIONS: 'as made',
  })
  const session = { type: 'realtime', tools: [{ type: 'no such type' }] }
  await call.next()
  control.send({ type: 'session.update', session })
  t.deepEqual(JSON.parse(await call.next()), { type: 'session.update', session })
  call.send({ type: 'error', error: { code: 'invalid_value' } })
  call.send({ type: 'session.updated', session: { instructions: 'as made', tools: [] } })
  call.send({ type: 'session.updated', session: { instructions: 'tampered', tools: [] } })
  const putBack = { type: 'realtime', instructions: 'as made', tools: [] }
  t.deepEqual(JSON.parse(await call.next()), { type: 'session.update', session: putBack })
  t.is(gateway.lines.filter(({ event }) => event === 'sideband.session.tampered').length, 1)
})

test("a refused change that upstream's error names is not asked for again, and others are", async t => {
  const { upstream, control, call } = await controlledCall(t, {
    SIDEBAND_PIN_SESSION: 'true',
    CHAT_INSTRUCTIONS: 'as made',
  })
  await call.next()
  const instructions = 'a change that is refused'
  const tools = [{ type: 'function', name: 'f', parameters: {} }]
  control.send({ type: 'update_instructions', instructions })
  const { event_id } = JSON.parse(await call.next())
  control.send({ type: 'session.update', event_id: 'theirs', session: { type: 'realtime', tools } })
  await call.next()
  call.send({ type: 'error', error: { code: 'invalid_value', event_id } })
  await control.until('openai_event', ({ event }) => (event as { type: string }).type === 'error')
  call.socket.terminate()
  const again = await upstream.joined()
  const sent = [JSON.parse(await again.next()), JSON.parse(await again.next())]
  t.deepEqual(
    sent.map(({ session }) => session),
    [
      { type: 'realtime', instructions: 'as made', tools: [] },
      { type: 'realtime', tools },
    ],
  )
})

const keys = { GATEWAY_AUTH: 'key', GATEWAY_API_KEYS: 'alice:the-secret-of-alice,bob:the-secret-of-bob' }
const as = (name: string) => ({ 'api-key': `the-secret-of-${name}` })
const spent = (tokens: number) => ({
  type: 'response.done',
  response: { usage: { total_tokens: tokens, input_tokens: tokens - 1, output_tokens: 1 } },
})

test("calls spend the day's tokens of whoever made them: the last answer is heard, the call is hung up, and the next one refused", async t => {
  const upstream = await callUpstream(t)
  const env = { ...upstream.env, ...keys, LIMIT_TOKENS_PER_DAY_PER_CREDENTIAL: '100' }
  const gateway = await gatewayFor(t, env)
  const sessionId = await placeCall(gateway.url, as('alice'))
  // Nobody controls it: the server hears it all the same.
  const call = await upstream.joined()
  call.send(spent(60))
  call.send({ type: 'output_audio_buffer.started', response_id: 'r' })
  call.send(spent(40))
  await gateway.logged('limit.reached')
  t.is((await knockSocket(gateway.url, { path: '/chat', headers: as('alice') })).status, 429)
  t.false(upstream.asked.some(path => path.endsWith('hangup')))
  call.send({ type: 'output_audio_buffer.stopped', response_id: 'r' })
  await upstream.hungUp()
  await gateway.logged('sideband.call.ended')
  const { body } = await request(`${gateway.url}/sideband/session/${sessionId}`, { headers: as('alice') })
  t.is(body.ended_reason, 'the budget of the day is spent')
  await t.throwsAsync(placeCall(gateway.url, as('alice')), { message: /429|tokens a day/ })
  await t.notThrowsAsync(placeCall(gateway.url, as('bob')))
})

test('an answer that runs when the last tokens are found spent is heard to its end', async t => {
  const upstream = await callUpstream(t)
  const env = { ...upstream.env, ...keys, LIMIT_TOKENS_PER_DAY_PER_CREDENTIAL: '100' }
  const gateway = await gatewayFor(t, env)
  const sessionId = await placeCall(gateway.url, as('alice'))
  const control = await converse(t, `${gateway.socketUrl}/sideband/control/${sessionId}`, {
    headers: as('alice'),
  })
  const call = await upstream.joined()
  call.send(spent(100))
  call.send({ type: 'response.created', response: { id: 'next' } })
  await control.until('error', ({ code }) => code === 'limit_reached')
  // A hang-up that was asked for with the error would be there by now.
  await fetch(`${upstream.env.AZURE_OPENAI_ENDPOINT}/later`)
  t.false(upstream.asked.some(path => path.endsWith('hangup')))
  call.send({ type: 'output_audio_buffer.started', response_id: 'next' })
  call.send({ type: 'response.done', response: { id: 'next' } })
  control.send({ type: 'heartbeat' })
  await control.until('heartbeat-ack')
  t.false(upstream.asked.some(path => path.endsWith('hangup')))
  call.send({ type: 'output_audio_buffer.stopped', response_id: 'next' })
  await upstream.hungUp()
  t.is((await control.closed).reason, 'call ended')
})

test("calls spend the day's tokens of the address that made them, and a server that joins by call_id spends none twice", async t => {
  const upstream = await callUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, LIMIT_TOKENS_PER_DAY_PER_ADDRESS: '100' })
  await placeCall(gateway.url)
  const heard = await upstream.joined()
  const joiner = await converse(t, `${gateway.socketUrl}/v1/realtime?call_id=rtc_abc`)
  const joined = await upstream.joined()
  for (const call of [heard, joined]) call.send(spent(60))
  await joiner.until('response.done')
  const usage = async () => {
    const { body } = await request<{ sessions: { usage: { input_tokens: number } }[] }>(
      `${gateway.url}/sideband/sessions`,
    )
    return body.sessions[0]?.usage.input_tokens
  }
  await until(async () => (await usage()) === 59, 'the usage is not 59')
  t.is((await knockSocket(gateway.url, { path: '/chat' })).status, 101)
  for (const call of [heard, joined]) call.send(spent(40))
  await upstream.hungUp()
  t.is((await knockSocket(gateway.url, { path: '/chat' })).status, 429)
})
