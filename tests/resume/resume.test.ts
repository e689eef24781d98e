/**
 * A conversation outlives its replica, its revision, and its upstream session.
 */
import test from 'ava'
import { startSimulator } from '../../runtime/simulator/server.ts'
import { ask, converse, type Message, type Talk } from '../gateway/converse.ts'
import { gatewayProcess } from '../gateway/process.ts'
import { fakeUpstream, gatewayFor, type Stage } from '../gateway/start.ts'
import { until, untilReady } from '../gateway/within.ts'
import { redisServer } from '../store/redis-server.ts'
import { untilStored } from '../store/stored-conversations.ts'

/** Two revisions that share a store and an upstream, as blue and green do. */
async function twoRevisions(t: Stage) {
  const [redis, simulator] = [await redisServer(t), await startSimulator({ rate: 200 })]
  t.teardown(() => simulator.close())
  const env = { OPENAI_API_KEY: 'sk-test', OPENAI_BASE_URL: `${simulator.url}/v1`, REDIS_URL: redis.url }
  return { ...env, REALTIME_ALLOWED_EVENT_TYPES: '*', REALTIME_AUTO_CLOSE: 'false' }
}

async function ticketOf(talk: Talk): Promise<string> {
  return String((await talk.until('session.ticket')).at(-1)?.resume)
}

/** Says something on `/realtime` and reads to the end of the answer. */
async function say(talk: Talk, text: string): Promise<{ transcript: string; messages: Message[] }> {
  talk.send(text)
  const messages = await talk.until('response.done')
  const done = messages.findLast(({ type }) => type === 'response.output_audio_transcript.done')
  return { transcript: String(done?.transcript), messages }
}

test('/chat: the notice of a drain carries a ticket, and green knows what was said on blue', async t => {
  const env = await twoRevisions(t)
  const [blue, green] = [await gatewayFor(t, env), await gatewayFor(t, env)]
  await Promise.all([blue.url, green.url].map(untilReady))
  const before = await converse(t, `${blue.socketUrl}/chat`)
  await ask(before, 'my name is Ada')
  const drained = blue.drain()
  const notice = (await before.until('server.draining')).at(-1)
  t.is((await before.closed).code, 1012)
  await drained
  const after = await converse(t, `${green.socketUrl}/chat?resume=${notice?.resume}`)
  t.deepEqual(await after.next(), { type: 'session.resumed', items: 2, answer_due: false, answers: 1 })
  t.regex((await ask(after, 'what did I say')).transcript, /"my name is Ada"/)
})

test('/realtime: likewise, and the client does not see the replayed items again', async t => {
  const env = await twoRevisions(t)
  const [blue, green] = [await gatewayFor(t, env), await gatewayFor(t, env)]
  await Promise.all([blue.url, green.url].map(untilReady))
  const before = await converse(t, `${blue.socketUrl}/realtime`)
  before.send({
    type: 'session.update',
    session: { type: 'realtime', instructions: 'Always begin with "Ahoy"' },
  })
  await say(before, 'my name is Ada')
  const drained = blue.drain()
  const notice = (await before.until('server.draining')).at(-1)
  await Promise.all([before.closed, drained])
  const after = await converse(t, `${green.socketUrl}/realtime?resume=${notice?.resume}`)
  t.deepEqual(await after.next(), { type: 'session.resumed', items: 2, answer_due: false, answers: 1 })
  const { transcript, messages } = await say(after, 'what did I say')
  t.regex(transcript, /^Ahoy.*"my name is Ada"/)
  const users = messages.filter(
    ({ type, item }) => type === 'conversation.item.added' && (item as { role: string }).role === 'user',
  )
  t.is(users.length, 1)
})

for (const [what, ticket] of [
  ['unknown', 'nobody-ever-gave-this'],
  ['absurdly long', 'x'.repeat(3000)],
] as const) {
  test(`a ticket that is ${what} is answered by name, with a fresh session`, async t => {
    const gateway = await gatewayFor(t)
    const talk = await converse(t, `${gateway.socketUrl}/chat?resume=${ticket}`)
    t.deepEqual(await talk.next(), { type: 'session.resume_failed', reason: 'unknown' })
    t.is((await talk.until('session.ticket')).length, 1)
    t.is((await ask(talk, 'hello')).transcript, 'You said: hello')
  })
}

test('a ticket is good once', async t => {
  const gateway = await gatewayFor(t)
  const first = await converse(t, `${gateway.socketUrl}/chat?resume=`)
  const ticket = await ticketOf(first)
  await ask(first, 'one')
  first.socket.close()
  const second = await converse(t, `${gateway.socketUrl}/chat?resume=${ticket}`)
  t.is((await second.next()).type, 'session.resumed')
  const third = await converse(t, `${gateway.socketUrl}/chat?resume=${ticket}`)
  t.deepEqual(await third.next(), { type: 'session.resume_failed', reason: 'unknown' })
})

test('a spent ticket is not given out again, though the session that it came from goes on', async t => {
  const env = await twoRevisions(t)
  const [blue, green] = [await gatewayFor(t, env), await gatewayFor(t, env)]
  await Promise.all([blue.url, green.url].map(untilReady))
  const first = await converse(t, `${blue.socketUrl}/chat?resume=`)
  const spent = await ticketOf(first)
  await ask(first, 'one')
  const second = await converse(t, `${green.socketUrl}/chat?resume=${spent}`)
  t.is((await second.next()).type, 'session.resumed')
  const drained = blue.drain()
  const notice = (await first.until('server.draining')).at(-1)
  await drained
  const again = await converse(t, `${green.socketUrl}/chat?resume=${spent}`)
  t.deepEqual(await again.next(), { type: 'session.resume_failed', reason: 'unknown' })
  const third = await converse(t, `${green.socketUrl}/chat?resume=${notice?.resume}`)
  t.deepEqual(await third.next(), { type: 'session.resumed', items: 2, answer_due: false, answers: 1 })
})

test("a ticket is no good to somebody else's credential", async t => {
  const keys = {
    GATEWAY_AUTH: 'key',
    GATEWAY_API_KEYS: 'ada:first-key-of-the-test,bob:second-key-of-the-test',
  }
  const gateway = await gatewayFor(t, keys)
  const ada = await converse(t, `${gateway.socketUrl}/chat?resume=`, {
    headers: { 'api-key': 'first-key-of-the-test' },
  })
  const ticket = await ticketOf(ada)
  const bob = await converse(t, `${gateway.socketUrl}/chat?resume=${ticket}`, {
    headers: { 'api-key': 'second-key-of-the-test' },
  })
  t.deepEqual(await bob.next(), { type: 'session.resume_failed', reason: 'unknown' })
})

test('a client that never heard of tickets gets none but with the notice', async t => {
  const gateway = await gatewayFor(t)
  const talk = await converse(t, `${gateway.socketUrl}/chat`)
  const { messages } = await ask(talk, 'hello')
  t.false(messages.some(({ type }) => type.startsWith('session.')))
})

test('kill -9 in mid-answer: green gives the answer that broke off, asked once more', async t => {
  const env = await twoRevisions(t)
  // Blue's answer takes half a minute: it is killed in its middle.
  const slow = await startSimulator({ rate: 4 })
  t.teardown(() => slow.close())
  const slowly = { ...env, OPENAI_BASE_URL: `${slow.url}/v1` }
  const [blue, green] = [await gatewayProcess(t, slowly), await gatewayProcess(t, env)]
  await Promise.all([blue.url, green.url].map(untilReady))
  const before = await converse(t, `${blue.socketUrl}/chat?resume=`)
  const ticket = await ticketOf(before)
  await ask(before, 'my name is Ada')
  before.send({ text: 'count to 300' })
  await before.until('audio-chunk')
  await untilStored(env.REDIS_URL, all =>
    all.some(({ items, owed }) => owed && items.some(({ text }) => text === 'count to 300')),
  )
  blue.child.kill('SIGKILL')
  await before.closed
  const after = await converse(t, `${green.socketUrl}/chat?resume=${ticket}`)
  t.like(await after.next(), { type: 'session.resumed', answer_due: true })
  const messages = await after.until('status', ({ message }) => message === 'Model ready')
  const transcript = messages.map(({ type, value }) => (type === 'transcript-delta' ? value : '')).join('')
  t.regex(transcript, /three hundred|300/)
  t.regex((await ask(after, 'what did I say')).transcript, /"my name is Ada", "count to 300"/)
})

test('who interrupted an answer and comes back before it is over is not given it after all', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, upstream.env)
  const before = await converse(t, `${gateway.socketUrl}/chat?resume=`)
  const ticket = await ticketOf(before)
  before.send({ text: 'count to 300' })
  const session = await upstream.session()
  session.send({ type: 'response.created', response: { id: 'r1' } })
  await before.until('transcript-reset')
  before.send({ type: 'interrupt' })
  await before.until('status', ({ message }) => message === 'Response interrupted')
  before.socket.close()
  await before.closed
  const after = await converse(t, `${gateway.socketUrl}/chat?resume=${ticket}`)
  t.deepEqual(await after.next(), { type: 'session.resumed', items: 1, answer_due: false, answers: 0 })
})

test('/realtime: an answer that its client cancelled is not asked for again when upstream is lost', async t => {
  const upstream = await fakeUpstream(t)
  const env = { ...upstream.env, REALTIME_ALLOWED_EVENT_TYPES: '*', REALTIME_AUTO_CLOSE: 'false' }
  const gateway = await gatewayFor(t, env)
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  talk.send({ type: 'response.create' })
  session.send({ type: 'response.created', response: { id: 'r1' } })
  await talk.until('response.created')
  talk.send({ type: 'response.cancel' })
  await until(
    async () => (await session.next()).text.includes('response.cancel'),
    'the answer is not cancelled',
  )
  session.socket.close(1001, 'going away')
  t.deepEqual((await talk.until('session.renewed')).at(-1), {
    type: 'session.renewed',
    items: 0,
    asked_again: false,
  })
})

test("upstream's own end between turns is carried over, and told once", async t => {
  const upstream = await fakeUpstream(t)
  const env = { ...upstream.env, REALTIME_ALLOWED_EVENT_TYPES: '*', REALTIME_AUTO_CLOSE: 'false' }
  const gateway = await gatewayFor(t, env)
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  await session.next()
  talk.send({ type: 'session.update', session: { type: 'realtime', audio: { output: { speed: 1.5 } } } })
  talk.send({
    type: 'session.update',
    session: { type: 'realtime', audio: { input: { noise_reduction: null } } },
  })
  await session.next()
  await session.next()
  // The gateway's own settings, and the client's two changes.
  for (let confirmed = 0; confirmed < 3; confirmed += 1) session.send({ type: 'session.updated' })
  session.send({
    type: 'conversation.item.added',
    item: { id: 'i1', type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hello' }] },
  })
  await talk.until('conversation.item.added')
  session.send({
    type: 'error',
    error: { type: 'invalid_request_error', code: 'session_expired', message: 'over' },
  })
  session.socket.close(1001, 'Your session hit the maximum duration of 60 minutes.')
  const renewed = await upstream.session()
  t.is(JSON.parse((await renewed.next()).text).type, 'session.update')
  const merged = JSON.parse((await renewed.next()).text)
  t.deepEqual(merged.session.audio, { output: { speed: 1.5 }, input: { noise_reduction: null } })
  const item = JSON.parse((await renewed.next()).text).item
  t.deepEqual(item.content, [{ type: 'input_text', text: 'hello' }])
  renewed.send({ type: 'session.updated' })
  renewed.send({ type: 'session.updated' })
  renewed.send({ type: 'conversation.item.added', item })
  renewed.send({ type: 'conversation.item.done', item })
  renewed.send({ type: 'rate_limits.updated' })
  t.deepEqual(await talk.next(), { type: 'session.renewed', items: 1, asked_again: false })
  t.is((await talk.next()).type, 'rate_limits.updated')
})

test('a change by the name that the preview has for it is kept for the next session', async t => {
  const upstream = await fakeUpstream(t)
  const env = { ...upstream.env, REALTIME_ALLOWED_EVENT_TYPES: '*', REALTIME_AUTO_CLOSE: 'false' }
  const gateway = await gatewayFor(t, env)
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  await session.next()
  talk.send({ type: 'transcription_session.update', session: { input_audio_noise_reduction: null } })
  const update = JSON.parse((await session.next()).text)
  const asked = { type: 'transcription', audio: { input: { noise_reduction: null } } }
  t.deepEqual(update, { type: 'session.update', session: asked })
  // The gateway's own settings, and the client's change.
  for (let confirmed = 0; confirmed < 2; confirmed += 1) session.send({ type: 'session.updated' })
  await talk.until('session.updated')
  await talk.until('session.updated')
  session.socket.close(1001, 'Your session hit the maximum duration of 60 minutes.')
  const renewed = await upstream.session()
  t.is(JSON.parse((await renewed.next()).text).type, 'session.update')
  t.like(JSON.parse((await renewed.next()).text), { type: 'session.update', session: asked })
})

test('twenty turns over one socket whose upstream sessions live for two seconds are one conversation', async t => {
  const simulator = await startSimulator({ rate: 200, sessionLifetimeSec: 2 })
  t.teardown(() => simulator.close())
  const gateway = await gatewayFor(t, { OPENAI_API_KEY: 'sk-test', OPENAI_BASE_URL: `${simulator.url}/v1` })
  const talk = await converse(t, `${gateway.socketUrl}/chat`)
  const unexpected: Message[] = []
  let renewals = 0
  for (let turn = 1; turn <= 20; turn += 1) {
    const { transcript, messages } = await ask(talk, `turn ${turn}`)
    t.true(transcript.endsWith(`You said: turn ${turn}`), transcript)
    renewals += messages.filter(({ type }) => type === 'session.renewed').length
    unexpected.push(...messages.filter(({ type }) => type === 'error'))
    await new Promise(resolve => setTimeout(resolve, 300))
  }
  const { transcript } = await ask(talk, 'what did I say')
  const turns = Array.from({ length: 20 }, (_, index) => `"turn ${index + 1}"`)
  // An answer that its session's end broke off comes once more, from its beginning.
  t.true(transcript.endsWith(turns.join(', ')), transcript)
  t.deepEqual(unexpected, [])
  t.true(renewals >= 2, `${renewals} renewals`)
})
