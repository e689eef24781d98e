import test from 'ava'
import { append, byHand, order, respond, silence, textOnly, tone, update, userText } from './events.ts'
import { createStage, doors } from './stage.ts'

const stage = createStage(test)

const turns = (fields: object) => ({
  audio: { input: { turn_detection: { type: 'server_vad', ...fields } } },
})
const spoken = [append(tone(1000)), append(silence(2500))]

async function session(fields: object, path: string = doors.openai) {
  const client = await stage.dial(path)
  await client.next('session.created')
  client.send(update(fields))
  await client.next('session.updated')
  return client
}

test('semantic_vad waits longer for the end of a turn, by its eagerness', async t => {
  const ends: number[] = []
  for (const eagerness of ['high', 'auto', 'low']) {
    const { send, until, close } = await session({
      audio: { input: { turn_detection: { type: 'semantic_vad', eagerness } } },
    })
    send(...spoken)
    const events = await until('response.created')
    t.is(events[0]?.type, 'input_audio_buffer.speech_started')
    ends.push(events[1]?.audio_end_ms)
    await close()
  }
  t.deepEqual(
    ends,
    ends.toSorted((a, b) => a - b),
  )
  t.true((ends[0] ?? 0) > 1200)
})

test('with create_response off a turn makes an item and no response', async t => {
  const { send, until, next, close } = await session(turns({ create_response: false }))
  send(...spoken)
  t.deepEqual(order(await until('conversation.item.done')), [
    'input_audio_buffer.speech_started',
    'input_audio_buffer.speech_stopped',
    'input_audio_buffer.committed',
    'conversation.item.added',
    'conversation.item.done',
  ])
  send(respond(textOnly))
  await next('response.created')
  await close()
})

test('speech during an answer cuts it off: turn_detected', async t => {
  const { send, until, close } = await session({})
  send(userText('count to 400'), respond())
  await until('response.output_audio.delta')
  send(append(tone(400)))
  const events = await until('response.done')
  t.deepEqual(order(events.slice(events.findIndex(event => event.type.endsWith('speech_started')))), [
    'input_audio_buffer.speech_started',
    'response.output_audio.done',
    'response.output_audio_transcript.done',
    'response.content_part.done',
    'conversation.item.done',
    'response.output_item.done',
    'response.done',
  ])
  t.deepEqual(events.at(-1)?.response.status_details, { type: 'cancelled', reason: 'turn_detected' })
  await close()
})

test('with interrupt_response off an answer goes on, and the turn is answered after it', async t => {
  const { send, close, reach } = await session(turns({ interrupt_response: false }))
  send(userText('count to 30'), respond())
  const { response } = await reach('response.created')
  send(...spoken)
  const done = (await reach('response.done')).response
  t.is(done.id, response.id)
  t.is(done.status, 'completed')
  const second = (await reach('response.done')).response
  t.true(second.output[0].content[0].transcript.startsWith('I heard you speak for'))
  await close()
})

test('idle_timeout_ms makes the model ask by itself', async t => {
  const { send, until, close } = await session(turns({ idle_timeout_ms: 5000 }))
  send(userText('hi'), respond())
  await until('rate_limits.updated')
  const events = await until('response.done')
  t.deepEqual(order(events).slice(0, 5), [
    'input_audio_buffer.timeout_triggered',
    'input_audio_buffer.committed',
    'conversation.item.added',
    'conversation.item.done',
    'response.created',
  ])
  t.is(events.at(-1)?.response.output[0].content[0].transcript, 'Are you still there?')
  await close()
})

test('what was said is transcribed beside the answer, with the usage of the model', async t => {
  for (const [model, usage] of [
    ['whisper-1', 'duration'],
    ['gpt-4o-mini-transcribe', 'tokens'],
    ['gpt-4o-transcribe-diarize', 'tokens'],
  ]) {
    const { send, until, close } = await session({ audio: { input: { transcription: { model } } } })
    send(...spoken)
    const name = 'conversation.item.input_audio_transcription'
    const events = await until(`${name}.completed`)
    const deltas = events.filter(event => event.type === `${name}.delta`)
    const completed = events.at(-1)
    t.is(deltas.map(event => event.delta).join(''), completed?.transcript)
    t.is(completed?.usage.type, usage)
    t.is(
      events.some(event => event.type === `${name}.segment`),
      model === 'gpt-4o-transcribe-diarize',
    )
    await close()
  }
})

test('on Azure a transcription deployment that is missing fails, and the turn goes on', async t => {
  const fields = { audio: { input: { transcription: { model: 'missing-whisper' } } } }
  const { send, until, close, reach } = await session(fields, doors.azure)
  send(...spoken)
  const { error } = await reach('conversation.item.input_audio_transcription.failed')
  t.is(error.code, 'DeploymentNotFound')
  await until('response.done')
  await close()
})

test('G.711 goes in and comes out', async t => {
  for (const type of ['audio/pcmu', 'audio/pcma']) {
    const { send, until, close } = await session({
      audio: { input: { format: { type } }, output: { format: { type } } },
    })
    const loud = Buffer.alloc(8000, Buffer.from([0x10, 0x10, 0x10, 0x10, 0x90, 0x90, 0x90, 0x90]))
    send(append(loud), append(Buffer.alloc(8000, type === 'audio/pcmu' ? 0xff : 0xd5)))
    const events = await until('response.done')
    t.is(events[1]?.audio_end_ms, 1200)
    const delta = events.find(event => event.type === 'response.output_audio.delta')?.delta
    const ms = Buffer.from(delta, 'base64').length / 8
    t.true(ms > 50 && ms < 340)
    await close()
  }
})

test('a cleared buffer is empty', async t => {
  const { send, next, close } = await stage.dial()
  await next('session.created')
  send(byHand())
  await next('session.updated')
  send(append(tone(500)), { type: 'input_audio_buffer.clear' }, { type: 'input_audio_buffer.commit' })
  await next('input_audio_buffer.cleared')
  t.is((await next('error')).error.code, 'input_audio_buffer_commit_empty')
  await close()
})

test('a transcription session transcribes what is committed and makes no responses', async t => {
  const { send, next, until, close } = await stage.dial('/v1/realtime?intent=transcription')
  const { session } = await next('session.created')
  t.is(session.object, 'realtime.transcription_session')
  const input = { transcription: { model: 'gpt-4o-transcribe' }, turn_detection: null }
  send({ type: 'session.update', session: { type: 'transcription', audio: { input } } })
  await next('session.updated')
  send(append(tone(700)), { type: 'input_audio_buffer.commit' })
  await until('conversation.item.input_audio_transcription.completed')
  send(respond())
  t.is((await next('error')).error.param, 'type')
  send(update({}))
  t.true((await next('error')).error.message.includes('transcription session'))
  await close()
})

test('the preview has transcription sessions of its own', async t => {
  const { send, next, close } = await stage.dial(
    '/openai/realtime?api-version=2025-04-01-preview&intent=transcription',
  )
  await next('transcription_session.created')
  const session = { input_audio_transcription: { model: 'whisper' }, turn_detection: null }
  send({ type: 'transcription_session.update', session })
  t.is((await next('transcription_session.updated')).session.turn_detection, null)
  await close()
})

test('a turn during which the settings change ends all the same', async t => {
  const { send, next, reach, close } = await session(turns({}))
  send(append(tone(400)))
  const { item_id } = await next('input_audio_buffer.speech_started')
  send(update(turns({ silence_duration_ms: 300 })))
  await next('session.updated')
  send(append(silence(1000)))
  t.is((await next('input_audio_buffer.speech_stopped')).item_id, item_id)
  t.is((await reach('response.done')).response.status, 'completed')
  await close()
})

test('logprobs are sent to whoever includes them, and not for an empty list', async t => {
  for (const [include, count] of [
    [[], 0],
    [['item.input_audio_transcription.logprobs'], 1],
  ] as const) {
    const { send, reach, close } = await session({
      include,
      audio: { input: { turn_detection: null, transcription: { model: 'gpt-4o-transcribe' } } },
    })
    send(append(tone(500)), { type: 'input_audio_buffer.commit' })
    const { logprobs } = await reach('conversation.item.input_audio_transcription.completed')
    t.is(logprobs === undefined ? 0 : 1, count)
    await close()
  }
})
