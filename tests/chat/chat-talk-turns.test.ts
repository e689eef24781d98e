/** The turns of a talk on `/chat`: where they begin and end, over an answer, and turns that are none. */
import test from 'ava'
import { converse } from '../gateway/converse.ts'
import { fakeUpstream, gatewayFor } from '../gateway/start.ts'
import { silence, tone } from '../simulator/events.ts'
import { audio, end, opened, pushed, ready, send, types, words } from './spoken.ts'
import { firstAsked, nextEvent, nextEvents } from './upstream-events.ts'

test('audio goes on as it came, and its end commits it and asks', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, upstream.env)
  const talk = await converse(t, `${gateway.socketUrl}/chat`)
  const [chunk] = audio(tone(100)) as [{ value: string }]
  // Some writers of JSON escape what base64 has.
  send(talk, chunk)
  talk.send(JSON.stringify(chunk).replaceAll('/', '\\/').replaceAll('+', '\\u002b'))
  talk.send(end)
  const session = await upstream.session()
  t.deepEqual((await nextEvents(session, 5)).slice(1), [
    { type: 'input_audio_buffer.append', audio: chunk.value },
    { type: 'input_audio_buffer.append', audio: chunk.value },
    { type: 'input_audio_buffer.commit' },
    { type: 'response.create', event_id: 'gateway_response' },
  ])
})

test('a turn begun over an answer interrupts it, and is answered after it', async t => {
  const { talk, session } = await firstAsked(t)
  session.send({ type: 'response.created', response: { id: 'r1' } })
  session.send({
    type: 'response.output_audio.delta',
    item_id: 'item_1',
    delta: Buffer.alloc(48_000).toString('base64'),
  })
  await talk.until('audio-chunk')
  send(talk, { type: 'interrupt', played_ms: 200 }, ...audio(tone(100)), end)
  t.deepEqual(
    (await nextEvents(session, 5)).map(({ type }) => type),
    [
      'response.cancel',
      'conversation.item.truncate',
      'session.update',
      'input_audio_buffer.append',
      'input_audio_buffer.commit',
    ],
  )
  session.send({ type: 'response.done', response: { status: 'cancelled' } })
  t.deepEqual(await nextEvent(session), { type: 'response.create', event_id: 'gateway_response' })
})

test('speech that upstream heard stops the answer, and `played` cuts it there, however late it comes', async t => {
  const { talk, session } = await firstAsked(t, {}, [opened])
  session.send({ type: 'response.created', response: { id: 'r1' } })
  const delta = Buffer.alloc(48_000).toString('base64')
  session.send({ type: 'response.output_audio.delta', item_id: 'item_1', delta })
  await talk.until('audio-chunk')
  session.send({ type: 'input_audio_buffer.speech_started', item_id: 'u' })
  session.send({ type: 'response.output_audio.delta', item_id: 'item_1', delta })
  session.send({ type: 'response.done', response: { status: 'cancelled' } })
  session.send({ type: 'input_audio_buffer.speech_stopped', item_id: 'u' })
  session.send({ type: 'input_audio_buffer.committed', item_id: 'u' })
  session.send({ type: 'response.created', response: { id: 'r2' } })
  const messages = await talk.until('transcript-reset')
  t.deepEqual(types(messages), [
    'speech-started',
    'status',
    'speech-stopped',
    'text-reset',
    'transcript-reset',
  ])
  talk.send({ type: 'played', played_ms: 321 })
  t.deepEqual(await nextEvent(session), {
    type: 'conversation.item.truncate',
    item_id: 'item_1',
    content_index: 0,
    audio_end_ms: 321,
  })
  session.send({ type: 'response.output_audio.delta', item_id: 'item_2', delta: 'AAAA' })
  t.like(await talk.next(), { type: 'audio-chunk', value: 'AAAA' })
})

test('a text sent while upstream answers speech by itself is asked for once that answer is there', async t => {
  const { talk, session } = await firstAsked(t, {}, [opened])
  session.send({ type: 'response.created', response: { id: 'by voice' } })
  await talk.until('transcript-reset')
  session.send({ type: 'error', error: { code: 'conversation_already_has_active_response', message: 'no' } })
  session.send({ type: 'response.done', response: { status: 'completed' } })
  t.true(ready(await talk.next()))
  t.deepEqual(await nextEvent(session), { type: 'response.create', event_id: 'gateway_response' })
})

test('a turn that is empty or too short is refused in words, and harms nothing', async t => {
  const gateway = await gatewayFor(t)
  const talk = await converse(t, `${gateway.socketUrl}/chat`)
  for (const sound of [silence(0), tone(99)]) {
    send(talk, pushed, ...audio(sound), end)
    t.like((await talk.until('error')).at(-1), { code: 'input_audio_buffer_commit_empty' })
  }
  send(talk, ...audio(tone(500)), end)
  const messages = await talk.until('status', ready)
  t.regex(words(messages), /speak for 0\.5 seconds/)
  t.false(types(messages).includes('error'))
})

test('a new talk forgets audio that was no turn yet', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, upstream.env)
  const talk = await converse(t, `${gateway.socketUrl}/chat`)
  send(talk, pushed, ...audio(tone(300)), pushed, end)
  t.like((await talk.until('error')).at(-1), { code: 'input_audio_buffer_commit_empty' })
  const session = await upstream.session()
  const events = await nextEvents(session, 5)
  t.deepEqual(events.at(-1), { type: 'input_audio_buffer.clear' })
})

test('a microphone closed in mid-word is heard to be silent, so that the turn still ends', async t => {
  const gateway = await gatewayFor(t)
  const talk = await converse(t, `${gateway.socketUrl}/chat`)
  send(talk, opened, ...audio(tone(700)))
  await talk.until('speech-started')
  talk.send(end)
  t.regex(words(await talk.until('status', ready)), /^I heard you speak for/)
})
