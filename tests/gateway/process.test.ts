import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { converse } from './converse.ts'
import { gatewayProcess } from './process.ts'
import { fakeUpstream } from './start.ts'

test('SIGTERM: unready at once, clients told, the idle ended with 1012, exit 0', async t => {
  const gateway = await gatewayProcess(t, { DRAIN_LAME_DUCK_MS: '1000' })
  const idle = await converse(t, `${gateway.socketUrl}/chat`)
  gateway.child.kill('SIGTERM')
  const notice = await idle.next()
  t.like(notice, { type: 'server.draining', deadline_ms: 25_000 })
  t.is(typeof notice.resume, 'string')
  t.deepEqual(await idle.closed, { code: 1012, reason: 'draining' })
  const ready = await fetch(`${gateway.url}/readyz`)
  t.is(ready.status, 503)
  t.like(await ready.json(), { reason: 'draining' })
  const health = await fetch(`${gateway.url}/healthz`)
  t.is(health.status, 200)
  t.like(await health.json(), { status: 'draining' })
  const refusal = await t.throwsAsync(converse(t, `${gateway.socketUrl}/chat`))
  t.like(refusal, { status: 503 })
  t.is((refusal as unknown as { headers: Record<string, string> }).headers['retry-after'], '1')
  t.is((await gateway.exited).code, 0)
  const events = gateway.lines.map(line => line.event).filter(event => /^(signal|drain)/.test(event))
  t.deepEqual(events, ['signal.received', 'drain.started', 'drain.completed'])
  t.like(gateway.lines.at(-1), { ended: 1, left: 0, revision: 'local', replica: 'local' })
})

test('two signals at once, and nobody reads the log any more: the process ends all the same', async t => {
  const gateway = await gatewayProcess(t, { DRAIN_LAME_DUCK_MS: '60000' })
  gateway.child.stdout?.destroy()
  // When both come in one turn of the loop, one line is being written to the broken pipe, another waits behind it.
  gateway.child.kill('SIGTERM')
  gateway.child.kill('SIGINT')
  t.is((await gateway.exited).code, 1)
})

test('SIGTERM while it starts: it ends in good order as soon as it serves', async t => {
  const gateway = await gatewayProcess(t, { WORKERS: '2' })
  gateway.child.kill('SIGTERM')
  t.is((await gateway.exited).code, 0)
})

test('SIGTERM in mid-answer: the answer is finished, a new turn refused, exit 0', async t => {
  const gateway = await gatewayProcess(t, { SIMULATOR_RATE: '20' })
  const talk = await converse(t, `${gateway.socketUrl}/chat`)
  talk.send({ text: 'count to 40' })
  await talk.until('audio-chunk')
  gateway.child.kill('SIGTERM')
  await talk.until('server.draining')
  talk.send({ text: 'one more' })
  const rest = await talk.until('status', ({ message }) => message === 'Model ready')
  t.like(
    rest.find(({ type }) => type === 'error'),
    { code: 'draining' },
  )
  t.true(rest.some(({ message }) => message === 'Response complete'))
  t.deepEqual(await talk.closed, { code: 1012, reason: 'draining' })
  t.is((await gateway.exited).code, 0)
})

test('SIGTERM and a client slow to read: it gets every event and its code before the process is gone', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayProcess(t, {
    ...upstream.env,
    REALTIME_ALLOWED_EVENT_TYPES: '*',
    REALTIME_AUTO_CLOSE: 'false',
    // More than the kernel takes: the rest waits in the process.
    CLIENT_BUFFER_KB: '65536',
  })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  session.send({ type: 'response.created' })
  await talk.until('response.created')
  talk.socket.pause()
  const delta = 'A'.repeat(64 * 1024)
  for (let sent = 0; sent < 400; sent += 1) session.send({ type: 'response.output_audio.delta', delta })
  gateway.child.kill('SIGTERM')
  await gateway.logged('drain.started')
  session.send({ type: 'response.done', response: { status: 'completed' } })
  await gateway.logged('connection.closed')
  talk.socket.resume()
  const events = await talk.until('response.done')
  t.is(events.filter(({ type }) => type === 'response.output_audio.delta').length, 400)
  t.deepEqual(await talk.closed, { code: 1012, reason: 'draining' })
  t.is((await gateway.exited).code, 0)
})

test('SIGTERM with an answer that never ends: 1012 at the deadline, exit 0', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayProcess(t, {
    ...upstream.env,
    DRAIN_DEADLINE_MS: '300',
    REALTIME_ALLOWED_EVENT_TYPES: '*',
  })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  session.send({ type: 'response.created' })
  await talk.until('response.created')
  gateway.child.kill('SIGTERM')
  t.like(await talk.next(), { type: 'server.draining', deadline_ms: 300 })
  t.deepEqual(await talk.closed, { code: 1012, reason: 'draining' })
  t.is((await gateway.exited).code, 0)
})

test('SIGTERM in an answer on /realtime: its words go on to the client, and 1012 follows its end', async t => {
  const upstream = await fakeUpstream(t)
  const env = { ...upstream.env, REALTIME_ALLOWED_EVENT_TYPES: '*', REALTIME_AUTO_CLOSE: 'false' }
  const gateway = await gatewayProcess(t, env)
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  session.send({ type: 'response.created' })
  await talk.until('response.created')
  gateway.child.kill('SIGTERM')
  await talk.until('server.draining')
  session.send({ type: 'response.output_text.delta', delta: 'the last words' })
  t.is((await talk.next()).delta, 'the last words')
  session.send({ type: 'response.done', response: { status: 'completed' } })
  t.is((await talk.next()).type, 'response.done')
  t.deepEqual(await talk.closed, { code: 1012, reason: 'draining' })
  t.is((await gateway.exited).code, 0)
})

test('SIGTERM while upstream is being dialled: the turn that was asked is answered first', async t => {
  const upstream = await fakeUpstream(t, { greeting: null })
  const gateway = await gatewayProcess(t, upstream.env)
  const talk = await converse(t, `${gateway.socketUrl}/chat`)
  talk.send({ text: 'hello' })
  const session = await upstream.session()
  gateway.child.kill('SIGTERM')
  await talk.until('server.draining')
  session.send({ type: 'session.created' })
  session.send({ type: 'response.created' })
  session.send({ type: 'response.done', response: { status: 'completed' } })
  await talk.until('status', ({ message }) => message === 'Model ready')
  t.is((await talk.closed).code, 1012)
  t.is((await gateway.exited).code, 0)
})

test('a second signal ends it at once', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayProcess(t, { ...upstream.env, DRAIN_DEADLINE_MS: '60000' })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  session.send({ type: 'response.created' })
  await gateway.logged('bridge.connected')
  await session.next()
  talk.send('{"type":"response.create"}')
  await session.next()
  gateway.child.kill('SIGINT')
  await gateway.logged('drain.started')
  gateway.child.kill('SIGINT')
  t.is((await gateway.exited).code, 1)
})

test('a faulty environment stops the start with every fault and no stack', async t => {
  const fault = await t.throwsAsync(gatewayProcess(t, { PORT: 'eighty', REALTIME_AUTO_CLOSE: '?' }))
  t.regex(fault?.message ?? '', /exited with 1/)
  t.regex(fault?.message ?? '', /has 2 faults[\s\S]*PORT: [\s\S]*REALTIME_AUTO_CLOSE: /)
  t.notRegex(fault?.message ?? '', /\n {4}at /)
})

test('a named prompt file that is missing stops the start with its path', async t => {
  const fault = await t.throwsAsync(gatewayProcess(t, { REALTIME_MENU_PATH: 'menu/none.json' }))
  t.regex(fault?.message ?? '', /exited with 1 [\s\S]*menu\/none.json/)
})

test('every log line is JSON with revision and replica, and holds nothing of the conversation or the key', async t => {
  const upstream = await fakeUpstream(t)
  const names = { CONTAINER_APP_REVISION: 'rev-7', CONTAINER_APP_REPLICA_NAME: 'rep-7' }
  const gateway = await gatewayProcess(t, { ...upstream.env, ...names, REALTIME_ALLOWED_EVENT_TYPES: '*' })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  talk.send('my private words')
  const session = await upstream.session()
  session.send({ type: 'response.output_text.delta', delta: 'private answer' })
  session.send({ type: 'response.done' })
  await talk.closed
  gateway.child.kill('SIGTERM')
  await gateway.exited
  for (const line of gateway.lines) t.like(line, { revision: 'rev-7', replica: 'rep-7' })
  t.notRegex(JSON.stringify(gateway.lines), /private|a-test-key/)
  const names_ = gateway.lines.map(({ event }) => event)
  for (const event of ['client.connected', 'bridge.connected', 'bridge.completed', 'connection.closed'])
    t.true(names_.includes(event), event)
  const closed = gateway.lines.find(({ event }) => event === 'connection.closed')
  t.like(closed, { code: 1000, by: 'gateway', eventsDown: 3 })
  t.is(typeof closed?.ms, 'number')
})

test('--tls serves https and wss with a certificate of its own', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-tls-'))
  const gateway = await gatewayProcess(t, { HOME: folder }, ['--tls'])
  t.regex(gateway.url, /^https:/)
  const talk = await converse(t, `${gateway.socketUrl}/chat`, { rejectUnauthorized: false })
  talk.send({ type: 'heartbeat' })
  t.is((await talk.next()).type, 'heartbeat-ack')
})
