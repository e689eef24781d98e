/** What SDKs may send at most, how they write the addresses, and how they end: as at the API itself. */
import { createHash } from 'node:crypto'
import test from 'ava'
import { callUpstream } from '../calls/call-upstream.ts'
import { request } from '../calls/caller.ts'
import { converse } from './converse.ts'
import { fakeUpstream, gatewayFor } from './start.ts'

const mebibyte = 1024 * 1024

/** The API takes 15 MiB of audio in one append. */
const largestAppend = JSON.stringify({
  type: 'input_audio_buffer.append',
  event_id: 'event_largest',
  audio: Buffer.alloc(15 * mebibyte, 'audio').toString('base64'),
})
const commit = '{"type":"input_audio_buffer.commit"}'

const digest = (text: string) => createHash('sha256').update(text).digest('hex')

for (const sentAt of ['once there is a session', 'at once'] as const) {
  test(`15 MiB of audio in one append pass whole, and a commit behind them: sent ${sentAt}`, async t => {
    const upstream = await fakeUpstream(t)
    const gateway = await gatewayFor(t, { ...upstream.env, CLIENT_TURN_MS: '10000' })
    const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`)
    if (sentAt !== 'at once') await talk.next()
    talk.send(largestAppend)
    talk.send(commit)
    const session = await upstream.session()
    t.is(digest((await session.next()).text), digest(largestAppend))
    t.is((await session.next()).text, commit)
  })
}

test('a message beyond that is refused by 1009 at the SDK addresses too', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, CLIENT_TURN_MS: '10000' })
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`)
  talk.send(JSON.stringify({ type: 'x', audio: 'A'.repeat(21 * mebibyte) }))
  const [fault] = (await talk.until('error')).slice(-1)
  t.like(fault, { error: { type: 'gateway_error', code: 'message_too_big' } })
  t.deepEqual(await talk.closed, { code: 1009, reason: 'message_too_big' })
})

for (const path of ['/v1/realtime/', '/openai/v1/realtime/', '/openai/realtime/', '/realtime/']) {
  test(`${path}: served as without its slash`, async t => {
    const upstream = await fakeUpstream(t)
    const gateway = await gatewayFor(t, { ...upstream.env, REALTIME_ALLOWED_EVENT_TYPES: '*' })
    const talk = await converse(t, `${gateway.socketUrl}${path}?model=gpt-realtime`)
    t.is((await talk.next()).type, 'session.created')
    t.is((await gateway.logged('client.connected')).fields.route, path.slice(0, -1))
  })
}

test('addresses over HTTP are served with a slash at their end too', async t => {
  const upstream = await callUpstream(t)
  const gateway = await gatewayFor(t, upstream.env)
  const made = await request(`${gateway.url}/v1/realtime/client_secrets/`, { method: 'POST', body: {} })
  t.is(made.status, 200)
  t.is((await request(`${gateway.url}/healthz/`)).status, 200)
  t.is((await request(`${gateway.url}/v1/realtime/`)).status, 426)
})

test('a session of a mebibyte gets its key; a larger one, and as much elsewhere, is refused', async t => {
  const upstream = await callUpstream(t)
  const gateway = await gatewayFor(t, upstream.env)
  const post = (path: string, bytes: number) => {
    const body = { session: { type: 'realtime', instructions: 'x'.repeat(bytes) } }
    return request(`${gateway.url}${path}`, { method: 'POST', body })
  }
  t.is((await post('/v1/realtime/client_secrets', mebibyte - 100)).status, 200)
  t.is((await post('/v1/realtime/client_secrets', mebibyte)).status, 413)
  t.is((await post('/sideband/session', mebibyte / 2)).status, 413)
})

for (const { end, upstreamSees } of [
  { end: [1000, 'done'], upstreamSees: { code: 1000, reason: 'done' } },
  { end: [1001, ''], upstreamSees: { code: 1001, reason: '' } },
  { end: [4000, 'my own'], upstreamSees: { code: 4000, reason: 'my own' } },
  { end: [4999, 'ü'.repeat(61)], upstreamSees: { code: 4999, reason: 'ü'.repeat(61) } },
  // A close frame without a code has no other name on the wire than the normal end.
  { end: [], upstreamSees: { code: 1000, reason: '' } },
  ...[1003, 1007, 1008, 1009, 1010, 1011].map(code => {
    return { end: [code, 'legal'], upstreamSees: { code, reason: 'legal' } } as const
  }),
  // uWebSockets.js 20.51 tells nothing of a close frame with one of these: neither code nor reason (docs/uwebsockets.md).
  ...[1012, 1013, 1014, 3000, 3999].map(code => {
    return { end: [code, 'my own'], upstreamSees: { code: 1000, reason: '' } } as const
  }),
] as const) {
  test(`a client that closes with ${end[0] ?? 'no code'} ends upstream's session with ${upstreamSees.code}`, async t => {
    const upstream = await fakeUpstream(t)
    const gateway = await gatewayFor(t, upstream.env)
    const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`)
    await talk.next()
    const session = await upstream.session()
    const closed = new Promise(resolve =>
      session.socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() })),
    )
    talk.socket.close(...(end as readonly [number?, string?]))
    t.deepEqual(await closed, upstreamSees)
  })
}

test('a client that is cut ends its session upstream as any, as its code may not be sent', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, upstream.env)
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`)
  await talk.next()
  const session = await upstream.session()
  const closed = new Promise(resolve => session.socket.once('close', code => resolve(code)))
  talk.socket.terminate()
  t.is(await closed, 1000)
})
