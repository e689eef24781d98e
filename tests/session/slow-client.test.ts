import test from 'ava'
import { converse } from '../gateway/converse.ts'
import { type FakeSession, fakeUpstream, gatewayFor } from '../gateway/start.ts'

const event = JSON.stringify({ type: 'response.output_audio.delta', delta: 'A'.repeat(64 * 1024) })
const floodBytes = 200 * 1024 * 1024

/** Sends as long as the gateway takes it. @returns bytes that were taken when it stopped, or all of them */
async function flood(session: FakeSession): Promise<number> {
  let sent = 0
  while (sent < floodBytes) {
    session.socket.send(event)
    sent += event.length
    let waited = 0
    while (session.socket.bufferedAmount > 1024 * 1024) {
      await new Promise(resolve => setTimeout(resolve, 10))
      waited += 1
      if (waited > 100) return sent
    }
  }
  return sent
}

const env = { REALTIME_ALLOWED_EVENT_TYPES: '*', REALTIME_AUTO_CLOSE: 'false' }

test('a client that stops reading holds its upstream back, and gets every event when it reads again', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...env })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  await talk.next()
  const session = await upstream.session()
  talk.socket.pause()
  const before = process.memoryUsage().rss
  const taken = await flood(session)
  const grown = process.memoryUsage().rss - before
  t.true(taken < floodBytes / 2, `upstream was not held back: ${taken} bytes taken`)
  t.true(grown < 120 * 1024 * 1024, `memory grew by ${grown} bytes`)
  talk.socket.resume()
  session.send({ type: 'the.end' })
  const received = await talk.until('the.end')
  t.is(received.filter(({ type }) => type === 'response.output_audio.delta').length, taken / event.length)
})

test('a client that never reads again is ended by name', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...env, CLIENT_STALL_TIMEOUT_MS: '500' })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  await talk.next()
  const session = await upstream.session()
  const upstreamClosed = new Promise(resolve => session.socket.once('close', resolve))
  talk.socket.pause()
  await flood(session)
  const { fields } = await gateway.logged('connection.closed')
  t.like(fields, { code: 1008, reason: 'client_too_slow' })
  await upstreamClosed
})

test('a client that answers no ping is gone after three intervals', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...env, REALTIME_HEARTBEAT_SEC: '1' })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`, { autoPong: false })
  const { fields } = await gateway.logged('connection.closed')
  t.like(fields, { code: 1001, reason: 'client_silent' })
  t.is((await talk.closed).code, 1006)
})

test('an upstream that answers no ping is gone after three intervals', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...env, REALTIME_HEARTBEAT_SEC: '1' })
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`)
  const session = await upstream.session()
  session.socket.pause()
  t.deepEqual(await talk.closed, { code: 1014, reason: 'upstream_silent' })
})

test('a quiet conversation outlives many intervals', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...env, REALTIME_HEARTBEAT_SEC: '1' })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  let pings = 0
  await new Promise<void>(resolve => {
    talk.socket.on('ping', () => {
      pings += 1
      if (pings === 5) resolve()
    })
  })
  session.send({ type: 'still.here' })
  t.is((await talk.until('still.here')).at(-1)?.type, 'still.here')
})
