/** A conversation on `/chat`: turns, interruptions, and what is answered to bad messages. */
import test from 'ava'
import { ask, converse } from '../gateway/converse.ts'
import { fakeUpstream, gatewayFor } from '../gateway/start.ts'
import { firstAsked, firstTurn, nextEvent, nextEvents } from './upstream-events.ts'

test('a turn against the simulator: status, resets, transcript, audio, status', async t => {
  const gateway = await gatewayFor(t)
  const talk = await converse(t, `${gateway.socketUrl}/chat`)
  const { transcript, bytes, messages } = await ask(talk, 'good morning')
  t.is(transcript, 'You said: good morning')
  t.true(bytes > 24_000)
  t.deepEqual(messages.slice(0, 3), [
    { type: 'status', message: 'Connecting to the simulator...' },
    { type: 'text-reset' },
    { type: 'transcript-reset' },
  ])
  t.deepEqual(
    messages.slice(-2).map(({ message }) => message),
    ['Response complete', 'Model ready'],
  )
  const chunk = messages.find(({ type }) => type === 'audio-chunk')
  t.is(Buffer.from(String(chunk?.value), 'base64').length, chunk?.bytes as number)
})

test('one upstream session keeps the conversation across messages', async t => {
  const gateway = await gatewayFor(t)
  const talk = await converse(t, `${gateway.socketUrl}/chat`)
  await ask(talk, 'my name is Ada')
  const { transcript, messages } = await ask(talk, 'what did I say')
  t.regex(transcript, /my name is Ada/)
  t.false(messages.some(({ message }) => String(message).startsWith('Connecting')))
})

test('a text-only gateway streams text and no audio', async t => {
  const gateway = await gatewayFor(t, { REALTIME_TEXT_ONLY: 'true' })
  const talk = await converse(t, `${gateway.socketUrl}/chat`)
  const { text, bytes } = await ask(talk, 'good morning')
  t.is(text, 'You said: good morning')
  t.is(bytes, 0)
})

test('a preview upstream is understood like a GA one', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, AZURE_OPENAI_API_VERSION: '2024-10-01-preview' })
  const talk = await converse(t, `${gateway.socketUrl}/chat`)
  talk.send({ text: 'hello' })
  const session = await upstream.session()
  const { update } = await firstTurn(session)
  t.deepEqual((update.session as { modalities: string[] }).modalities, ['text', 'audio'])
  session.send({ type: 'response.created', response: { id: 'r1' } })
  session.send({ type: 'response.text.delta', delta: 'Hi' })
  session.send({ type: 'response.audio_transcript.delta', delta: 'Ho' })
  session.send({ type: 'response.audio.delta', item_id: 'i1', delta: 'AAAAAAA=' })
  session.send({ type: 'response.done', response: { status: 'completed' } })
  const messages = await talk.until('status', ({ message }) => message === 'Model ready')
  t.deepEqual(messages.slice(1), [
    { type: 'text-reset' },
    { type: 'transcript-reset' },
    { type: 'text-delta', value: 'Hi' },
    { type: 'transcript-delta', value: 'Ho' },
    { type: 'audio-chunk', value: 'AAAAAAA=', bytes: 5 },
    { type: 'status', message: 'Model ready' },
  ])
})

const badMessages: [what: string, frame: string | Buffer, code: string, message: string][] = [
  ['not JSON', 'hello', 'not_json', 'Messages must be JSON'],
  ['binary', Buffer.from([1, 2, 3]), 'not_json', 'Messages must be JSON'],
  ['JSON that is not an object', '[1]', 'no_text', 'Provide text input'],
  ['null', 'null', 'no_text', 'Provide text input'],
  ['an object without text', '{}', 'no_text', 'Provide text input'],
  ['empty text', '{"text":"  "}', 'no_text', 'Provide text input'],
  ['text that is a number', '{"text":5}', 'no_text', 'Provide text input'],
]

test('bad messages are answered one by one, dial nothing, and the session goes on', async t => {
  const gateway = await gatewayFor(t)
  const talk = await converse(t, `${gateway.socketUrl}/chat`)
  for (const [what, frame, code, message] of badMessages) {
    talk.send(frame)
    t.deepEqual(await talk.next(), { type: 'error', code, message }, what)
  }
  talk.send({ type: 'heartbeat' })
  t.deepEqual(await talk.next(), { type: 'heartbeat-ack' })
  t.is((await ask(talk, 'still there?')).transcript, 'You said: still there?')
})

test('a message in mid-answer cancels it, truncates to what was played, and is answered next', async t => {
  const { talk, session } = await firstAsked(t)
  session.send({ type: 'response.created', response: { id: 'r1' } })
  session.send({
    type: 'response.output_audio.delta',
    item_id: 'item_1',
    delta: Buffer.alloc(48_000).toString('base64'),
  })
  await talk.until('audio-chunk')
  talk.send({ text: 'second', played_ms: 250.7 })
  t.deepEqual(await nextEvent(session), { type: 'response.cancel' })
  t.deepEqual(await nextEvent(session), {
    type: 'conversation.item.truncate',
    item_id: 'item_1',
    content_index: 0,
    audio_end_ms: 250,
  })
  t.is((await nextEvent(session)).type, 'conversation.item.create')
  session.send({ type: 'response.output_audio.delta', item_id: 'item_1', delta: 'AAAA' })
  session.send({ type: 'response.done', response: { status: 'cancelled' } })
  t.deepEqual(await nextEvent(session), { type: 'response.create', event_id: 'gateway_response' })
  session.send({ type: 'response.created', response: { id: 'r2' } })
  t.deepEqual(await talk.next(), { type: 'status', message: 'Response interrupted' })
  t.deepEqual(await talk.next(), { type: 'text-reset' })
})

test('an answer of several parts is truncated by what was heard of each', async t => {
  const { talk, session } = await firstAsked(t)
  session.send({ type: 'response.created', response: { id: 'r1' } })
  for (const [item_id, content_index, ms] of [
    ['item_1', 0, 2000],
    ['item_1', 1, 500],
    ['item_2', 0, 1000],
  ] as const) {
    const delta = Buffer.alloc(ms * 48).toString('base64')
    session.send({ type: 'response.output_audio.delta', item_id, content_index, delta })
    await talk.until('audio-chunk')
  }
  talk.send({ type: 'interrupt', played_ms: 2100.5 })
  const type = 'conversation.item.truncate'
  t.deepEqual(await nextEvents(session, 3), [
    { type: 'response.cancel' },
    { type, item_id: 'item_2', content_index: 0, audio_end_ms: 0 },
    { type, item_id: 'item_1', content_index: 1, audio_end_ms: 100 },
  ])
})

test('a truncation is never longer than the audio that was made', async t => {
  const { talk, session } = await firstAsked(t)
  session.send({ type: 'response.created', response: { id: 'r1' } })
  session.send({
    type: 'response.output_audio.delta',
    item_id: 'item_1',
    delta: Buffer.alloc(4800).toString('base64'),
  })
  session.send({ type: 'response.done', response: { status: 'completed' } })
  await talk.until('status', ({ message }) => message === 'Model ready')
  talk.send({ text: 'second', played_ms: 5000 })
  t.is((await nextEvent(session)).type, 'conversation.item.create')
})

test('an interruption before the answer begins cancels it when it does', async t => {
  const { talk, session } = await firstAsked(t)
  talk.send({ type: 'interrupt' })
  await talk.until('status', ({ message }) => message === 'Response interrupted')
  session.send({ type: 'response.created', response: { id: 'r1' } })
  t.deepEqual(await nextEvent(session), { type: 'response.cancel' })
  session.send({ type: 'response.done', response: { status: 'cancelled' } })
  talk.send({ text: 'second' })
  t.is((await nextEvent(session)).type, 'conversation.item.create')
  t.deepEqual(await nextEvent(session), { type: 'response.create', event_id: 'gateway_response' })
})

test('interruption against the simulator: the second question gets its own answer', async t => {
  const gateway = await gatewayFor(t, { SIMULATOR_RATE: '4' })
  const talk = await converse(t, `${gateway.socketUrl}/chat`)
  talk.send({ text: 'count to 500' })
  await talk.until('audio-chunk')
  const { transcript, messages } = await ask(talk, 'stop please')
  t.true(messages.some(({ message }) => message === 'Response interrupted'))
  t.true(transcript.endsWith('You said: stop please'))
  t.false(messages.some(({ type }) => type === 'error'))
})

test('a failed response is told by its code, and the model is ready again', async t => {
  const { talk, session } = await firstAsked(t)
  session.send({ type: 'response.created', response: { id: 'r1' } })
  session.send({
    type: 'response.done',
    response: { status: 'failed', status_details: { error: { code: 'rate_limit_exceeded' } } },
  })
  t.like((await talk.until('error')).at(-1), { code: 'rate_limit_exceeded' })
  t.deepEqual(await talk.next(), { type: 'status', message: 'Model ready' })
})

test('events that are no JSON, or not of the answer, are passed over', async t => {
  const { talk, session } = await firstAsked(t)
  session.send('{"type":"response.output_text.delta"')
  session.send('garbage')
  session.socket.send(Buffer.from([1, 2]))
  session.send({ type: 'rate_limits.updated' })
  session.send({ type: 'response.output_text.delta', delta: 'Hi' })
  const messages = await talk.until('text-delta')
  t.deepEqual(
    messages.map(({ type }) => type),
    ['status', 'text-delta'],
  )
})
