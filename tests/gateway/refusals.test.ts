/**
 * What clients are told when upstream refuses, says nothing, breaks off or says too much.
 */
import { createServer } from 'node:net'
import test from 'ava'
import { converse, type Message } from './converse.ts'
import { fakeUpstream, gatewayFor } from './start.ts'

type GatewayFault = Message & {
  error: { code: string; message: string }
  retry: boolean
  retry_after_ms?: number
}

/** Timers count in whole milliseconds. */
const roundingMs = 2

const everything = { REALTIME_ALLOWED_EVENT_TYPES: '*', REALTIME_AUTO_CLOSE: 'false' }

for (const status of [401, 403, 404]) {
  test(`a dial that upstream answers with ${status} is not tried again`, async t => {
    const upstream = await fakeUpstream(t, {
      refuse: () => ({ status, body: '{"error":{"code":"DeploymentNotFound","message":"secret words"}}' }),
    })
    const gateway = await gatewayFor(t, { ...upstream.env, ...everything })
    const talk = await converse(t, `${gateway.socketUrl}/realtime`)
    const fault = (await talk.next()) as GatewayFault
    t.is(fault.error.code, 'upstream_refused')
    t.false(fault.retry)
    t.regex(fault.error.message, new RegExp(`HTTP ${status}, DeploymentNotFound`))
    t.notRegex(fault.error.message, /secret words/)
    t.deepEqual(await talk.next(), { type: 'upstream.closed', reason: 'upstream_refused', code: 1014 })
    t.is((await talk.closed).code, 1014)
    t.is(upstream.dials, 1)
  })
}

test('a dial that fails before the session exists is tried again', async t => {
  const upstream = await fakeUpstream(t, { refuse: dial => (dial < 3 ? { status: 503 } : null) })
  const gateway = await gatewayFor(t, { ...upstream.env, ...everything })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  t.is((await talk.next()).type, 'session.created')
  t.is(upstream.dials, 3)
})

test('429 waits as long as upstream asks, and not longer than the deadline', async t => {
  const upstream = await fakeUpstream(t, {
    refuse: () => ({ status: 429, headers: { 'Retry-After': '60' } }),
  })
  const gateway = await gatewayFor(t, { ...upstream.env, ...everything })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const fault = (await talk.next()) as GatewayFault
  t.is(fault.error.code, 'upstream_rate_limited')
  t.true(fault.retry)
  t.is(fault.retry_after_ms, 60_000)
  await talk.until('upstream.closed')
  t.deepEqual(await talk.closed, { code: 1013, reason: 'upstream_rate_limited' })
  t.is(upstream.dials, 1)
})

test('an upstream that says to wait for nothing is not dialled without a pause', async t => {
  const dialledAt: number[] = []
  const upstream = await fakeUpstream(t, {
    refuse: dial => {
      dialledAt.push(performance.now())
      return { status: 429, headers: { 'Retry-After': dial < 4 ? '0' : '3600' } }
    },
  })
  const gateway = await gatewayFor(t, {
    ...upstream.env,
    ...everything,
    UPSTREAM_CONNECT_TIMEOUT_MS: '60000',
  })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  t.is(((await talk.next()) as GatewayFault).error.code, 'upstream_rate_limited')
  const pauses = dialledAt.slice(1).map((at, index) => at - (dialledAt[index] ?? 0))
  t.is(pauses.length, 3)
  // Each is shortened by up to half, at random.
  for (const [index, leastMs] of [100, 200, 400].entries())
    t.true((pauses[index] ?? 0) >= leastMs - roundingMs, `pauses: ${pauses.join()}`)
})

test('an error event right after the upgrade is a refused dial, and its message is not repeated', async t => {
  const greeting = {
    type: 'error',
    error: { type: 'invalid_request_error', code: 'invalid_api_key', message: 'Incorrect API key: sk-123' },
  }
  const upstream = await fakeUpstream(t, { greeting })
  const gateway = await gatewayFor(t, { ...upstream.env, ...everything })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const fault = (await talk.next()) as GatewayFault
  t.is(fault.error.code, 'upstream_refused')
  t.regex(fault.error.message, /invalid_api_key/)
  t.notRegex(JSON.stringify([fault, gateway.lines]), /sk-123/)
  t.is(upstream.dials, 1)
})

test('an upstream that is not there is named after the deadline', async t => {
  const gateway = await gatewayFor(t, {
    ...everything,
    AZURE_OPENAI_ENDPOINT: 'http://127.0.0.1:9',
    AZURE_OPENAI_API_KEY: 'k',
    UPSTREAM_CONNECT_TIMEOUT_MS: '300',
  })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const fault = (await talk.next()) as GatewayFault
  t.is(fault.error.code, 'upstream_unreachable')
  t.regex(fault.error.message, /ECONNREFUSED/)
})

test('an upstream that takes the connection and says nothing runs into the deadline', async t => {
  const silent = createServer()
  await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
  t.teardown(() => silent.close())
  const { port } = silent.address() as { port: number }
  const gateway = await gatewayFor(t, {
    ...everything,
    AZURE_OPENAI_ENDPOINT: `http://127.0.0.1:${port}`,
    AZURE_OPENAI_API_KEY: 'k',
    UPSTREAM_CONNECT_TIMEOUT_MS: '300',
  })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  t.is(((await talk.next()) as GatewayFault).error.code, 'upstream_timeout')
})

test('an upstream that accepts and then says nothing runs into the deadline', async t => {
  const upstream = await fakeUpstream(t, { greeting: null })
  const gateway = await gatewayFor(t, { ...upstream.env, ...everything, UPSTREAM_CONNECT_TIMEOUT_MS: '300' })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  t.is(((await talk.next()) as GatewayFault).error.code, 'upstream_timeout')
})

test('an upstream that refuses and then says nothing until the deadline is reported as it refused', async t => {
  const upstream = await fakeUpstream(t, {
    greeting: null,
    refuse: dial => (dial === 1 ? { status: 503 } : null),
  })
  // Long enough for the refusal to be in time wherever this runs: the deadline is to come after it.
  const gateway = await gatewayFor(t, { ...upstream.env, ...everything, UPSTREAM_CONNECT_TIMEOUT_MS: '5000' })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  t.is(((await talk.next()) as GatewayFault).error.code, 'upstream_unavailable')
})

test('a refusal whose code is its status says it once', async t => {
  const upstream = await fakeUpstream(t, {
    refuse: () => ({ status: 401, body: '{"error":{"code":"401","message":"Access denied"}}' }),
  })
  const gateway = await gatewayFor(t, { ...upstream.env, ...everything })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  t.regex(((await talk.next()) as GatewayFault).error.message, /\(HTTP 401\)/)
})

test('an upstream that dies in mid-answer and cannot be reached again is reported', async t => {
  const upstream = await fakeUpstream(t, { refuse: dial => (dial > 1 ? { status: 403 } : null) })
  const gateway = await gatewayFor(t, { ...upstream.env, ...everything })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  session.send({ type: 'response.created' })
  await talk.until('response.created')
  session.socket.terminate()
  t.is(((await talk.next()) as GatewayFault).error.code, 'upstream_refused')
  t.deepEqual(await talk.next(), { type: 'upstream.closed', reason: 'upstream_refused', code: 1014 })
})

test('at an SDK address an upstream that dies in mid-answer is reported as lost', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, upstream.env)
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`)
  const session = await upstream.session()
  session.send({ type: 'response.created' })
  await talk.until('response.created')
  session.socket.terminate()
  const fault = (await talk.next()) as GatewayFault
  t.is(fault.error.code, 'upstream_lost')
  t.true(fault.retry)
  t.is((await talk.closed).code, 1014)
})

test('an upstream that breaks the WebSocket protocol ends its own session only', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...everything })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const broken = await upstream.session()
  const other = await converse(t, `${gateway.socketUrl}/realtime`)
  const healthy = await upstream.session()
  const wire = (broken.socket as unknown as { _socket: { write(data: Buffer): void } })._socket
  wire.write(Buffer.from([0xff, 0xff, 0xff, 0xff]))
  const said = await talk.until('error')
  t.is((said.at(-1) as GatewayFault).error.code, 'upstream_broke_protocol')
  healthy.send({ type: 'still.here' })
  t.is((await other.until('still.here')).at(-1)?.type, 'still.here')
})

test('an upstream that sends invalid UTF-8 is reported as breaking the protocol', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...everything })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  session.socket.send(Buffer.from([0x7b, 0xff, 0xfe]), { binary: false })
  const said = await talk.until('error')
  t.is((said.at(-1) as GatewayFault).error.code, 'upstream_broke_protocol')
})

test('a 10 MB event from upstream arrives whole', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...everything })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  await talk.next()
  const event = JSON.stringify({ delta: 'x'.repeat(10_000_000), type: 'response.audio.delta' })
  session.send(event)
  t.is((await talk.nextFrame()).text, event)
})

test('an event larger than allowed ends the session by name', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...everything, REALTIME_MAX_MSG_MB: '1' })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  session.send({ type: 'x', delta: 'x'.repeat(2_000_000) })
  const said = await talk.until('error')
  t.is((said.at(-1) as GatewayFault).error.code, 'message_too_big')
  t.is((await talk.closed).code, 1009)
})

test("a client's message larger than allowed closes with 1009, and nothing of it is forwarded", async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...everything })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  await session.next()
  const closed = new Promise(resolve => session.socket.once('close', resolve))
  talk.send(JSON.stringify({ type: 'x', audio: 'A'.repeat(16 * 1024 * 1024) }))
  t.deepEqual(await talk.closed, { code: 1009, reason: 'message_too_big' })
  await closed
  const { fields } = await gateway.logged('connection.closed')
  t.is(fields.messagesUp, 1)
})
