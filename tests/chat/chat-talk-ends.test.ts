/** A talk on `/chat` whose gateway drains, or whose upstream is lost or refuses. */
import test from 'ava'
import { converse } from '../gateway/converse.ts'
import { fakeUpstream, gatewayFor } from '../gateway/start.ts'
import { silence, tone } from '../simulator/events.ts'
import { audio, end, inputOf, opened, ready, send, types, words } from './spoken.ts'
import { nextEvents } from './upstream-events.ts'

test('draining: a turn in progress is spoken to its end and answered', async t => {
  const gateway = await gatewayFor(t, { SIMULATOR_RATE: '20' })
  const talk = await converse(t, `${gateway.socketUrl}/chat`)
  send(talk, { text: 'hi' })
  await talk.until('status', ready)
  send(talk, ...audio(tone(400)))
  send(talk, { type: 'heartbeat' })
  await talk.until('heartbeat-ack')
  const drained = gateway.drain()
  await talk.until('server.draining')
  send(talk, ...audio(tone(400)), end)
  const messages = await talk.until('status', ready)
  t.false(types(messages).includes('error'))
  t.regex(words(messages), /speak for 0\.8 seconds/)
  t.is((await talk.closed).code, 1012)
  await drained
})

test('draining: another turn, spoken while the last one is answered, is refused once', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, upstream.env)
  const talk = await converse(t, `${gateway.socketUrl}/chat`)
  send(talk, ...audio(tone(400)))
  const session = await upstream.session()
  await nextEvents(session, 5)
  const drained = gateway.drain()
  await talk.until('server.draining')
  send(talk, end)
  session.send({ type: 'response.created', response: { id: 'r1' } })
  await talk.until('text-reset')
  send(talk, ...audio(tone(200)))
  t.like((await talk.until('error')).at(-1), { code: 'draining' })
  session.send({ type: 'response.done', response: { status: 'completed' } })
  t.false(types(await talk.until('status', ready)).includes('error'))
  t.deepEqual(
    (await nextEvents(session, 2)).map(({ type }) => type),
    ['input_audio_buffer.commit', 'response.create'],
  )
  t.is((await talk.closed).code, 1012)
  await drained
})

test('draining: who is heard to speak on an open microphone is heard out', async t => {
  const gateway = await gatewayFor(t, { SIMULATOR_RATE: '20' })
  const talk = await converse(t, `${gateway.socketUrl}/chat`)
  send(talk, opened, ...audio(tone(400)))
  await talk.until('speech-started')
  const drained = gateway.drain()
  await talk.until('server.draining')
  send(talk, ...audio(tone(400)), ...audio(silence(1000)))
  t.regex(words(await talk.until('status', ready)), /^I heard you speak for/)
  t.is((await talk.closed).code, 1012)
  await drained
})

test('another upstream session knows what was said, and listens as the one before', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, upstream.env)
  const talk = await converse(t, `${gateway.socketUrl}/chat`)
  send(talk, ...audio(tone(200)), end)
  const session = await upstream.session()
  await nextEvents(session, 5)
  const item = {
    id: 'item_u',
    type: 'message',
    role: 'user',
    status: 'completed',
    content: [{ type: 'input_audio', transcript: null }],
  }
  session.send({ type: 'conversation.item.added', item })
  session.send({ type: 'response.created', response: { id: 'r1' } })
  const transcript = 'My name is Ada.'
  session.send({
    type: 'conversation.item.input_audio_transcription.completed',
    item_id: 'item_u',
    transcript,
  })
  t.deepEqual((await talk.until('heard')).at(-1), { type: 'heard', value: transcript })
  session.socket.terminate()
  const renewed = await upstream.session()
  const [update, told, create] = await nextEvents(renewed, 3)
  t.like(inputOf(update) ?? {}, { turn_detection: null })
  t.like(told, { item: { content: [{ type: 'input_text', text: transcript }] } })
  t.is(create?.type, 'response.create')
})

test('a turn that upstream took with it in mid-word is to be said again; the next one is heard whole', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, upstream.env)
  const talk = await converse(t, `${gateway.socketUrl}/chat`)
  send(talk, ...audio(tone(200)))
  const session = await upstream.session()
  await nextEvents(session, 3)
  session.socket.terminate()
  t.like((await talk.until('error')).at(-1), { code: 'speech_lost' })
  send(talk, ...audio(tone(200)), end, ...audio(tone(100)), end)
  const renewed = await upstream.session()
  t.deepEqual(
    (await nextEvents(renewed, 4)).map(({ type }) => type),
    ['session.update', 'input_audio_buffer.append', 'input_audio_buffer.commit', 'response.create'],
  )
})

test('an open microphone does not dial again and again where upstream refuses', async t => {
  const upstream = await fakeUpstream(t, { refuse: dial => (dial === 1 ? { status: 401 } : null) })
  const gateway = await gatewayFor(t, upstream.env)
  const talk = await converse(t, `${gateway.socketUrl}/chat`)
  send(talk, opened, ...audio(silence(100)))
  const fault = (await talk.until('error')).at(-1)
  t.is(fault?.code, 'upstream_refused')
  send(talk, ...audio(silence(1000)), { type: 'heartbeat' })
  t.is((await talk.next()).type, 'heartbeat-ack')
  t.is(upstream.dials, 1)
  send(talk, opened, ...audio(silence(100)))
  await upstream.session()
  t.is(upstream.dials, 2)
})
