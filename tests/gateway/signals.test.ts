/** Told to go by a signal: what becomes of the sessions, and how the process ends. */

import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { lineOf, startChild } from './child.ts'
import { converse } from './converse.ts'
import { gatewayProcess } from './process.ts'
import { fakeUpstream } from './start.ts'
import { patienceMs, within } from './within.ts'

const root = join(import.meta.dirname, '../..')

/** Whether a client was told what is left of a deadline when it is told (ms). */
function isWithin(leftMs: unknown, deadlineMs: number): boolean {
  return typeof leftMs === 'number' && leftMs > 0 && leftMs <= deadlineMs
}

test('SIGTERM: clients told, the idle ended with 1012, exit 0 when the lame-duck time is over', async t => {
  const gateway = await gatewayProcess(t, { DRAIN_LAME_DUCK_MS: '300' })
  const idle = await converse(t, `${gateway.socketUrl}/chat`)
  gateway.child.kill('SIGTERM')
  const notice = await idle.next()
  t.is(notice.type, 'server.draining')
  t.true(isWithin(notice.deadline_ms, 25_000))
  t.is(typeof notice.resume, 'string')
  t.deepEqual(await idle.closed, { code: 1012, reason: 'draining' })
  t.is((await gateway.exited).code, 0)
  const events = gateway.lines.map(line => line.event).filter(event => /^(signal|drain)/.test(event))
  t.deepEqual(events, ['signal.received', 'drain.started', 'drain.completed'])
  t.like(gateway.lines.at(-1), { ended: 1, left: 0, revision: 'local', replica: 'local' })
})

test('SIGTERM: unready at once, and newcomers refused for as long as HTTP is answered', async t => {
  const gateway = await gatewayProcess(t, { DRAIN_LAME_DUCK_MS: '60000', DRAIN_DEADLINE_MS: '60000' })
  const idle = await converse(t, `${gateway.socketUrl}/chat`)
  gateway.child.kill('SIGTERM')
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

test('SIGTERM to the npm that was told `start` reaches the gateway, which ends in good order', async t => {
  const npm = startChild(t, 'npm', ['start', '--ignore-scripts'], {
    cwd: root,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PORT: '0', DRAIN_LAME_DUCK_MS: '0' },
  })
  await lineOf(npm, line => line.includes('"server.listening"') || undefined, 'the gateway does not listen')
  const gateway = Number(readFileSync(`/proc/${npm.pid}/task/${npm.pid}/children`, 'utf8').split(' ')[0])
  t.teardown(() => {
    if (existsSync(`/proc/${gateway}`)) process.kill(gateway, 'SIGKILL')
  })
  const drained = lineOf(npm, line => line.includes('"drain.completed"') || undefined, 'it does not drain')
  const ended = once(npm, 'exit')
  npm.kill('SIGTERM')
  await drained
  await within(ended, patienceMs, 'npm does not end')
  t.false(existsSync(`/proc/${gateway}`))
})

test('SIGTERM in mid-answer: the answer is finished, a new turn refused, exit 0', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayProcess(t, upstream.env)
  const talk = await converse(t, `${gateway.socketUrl}/chat`)
  talk.send({ text: 'count to 40' })
  const session = await upstream.session()
  session.send({ type: 'response.created' })
  session.send({ type: 'response.output_audio.delta', item_id: 'item_1', delta: 'AAAA' })
  await talk.until('audio-chunk')
  gateway.child.kill('SIGTERM')
  await talk.until('server.draining')
  talk.send({ text: 'one more' })
  t.like(await talk.next(), { type: 'error', code: 'draining' })
  session.send({ type: 'response.output_audio.delta', item_id: 'item_1', delta: 'BBBB' })
  session.send({ type: 'response.output_audio_transcript.done' })
  session.send({ type: 'response.done', response: { status: 'completed' } })
  t.like(await talk.next(), { type: 'audio-chunk', value: 'BBBB' })
  t.like(await talk.next(), { message: 'Response complete' })
  t.like(await talk.next(), { message: 'Model ready' })
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
  const notice = await talk.next()
  t.is(notice.type, 'server.draining')
  t.true(isWithin(notice.deadline_ms, 300))
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
  const gateway = await gatewayProcess(t, { ...upstream.env, UPSTREAM_CONNECT_TIMEOUT_MS: '60000' })
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
