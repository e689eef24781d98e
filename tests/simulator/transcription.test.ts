/** Transcription sessions of the simulator: models that write down while somebody speaks, and what they refuse. */
import test from 'ava'
import { append, order, silence, tone } from './events.ts'
import { createStage } from './stage.ts'

const stage = createStage(test)

const path = '/v1/realtime?intent=transcription'
const transcription = 'conversation.item.input_audio_transcription'
const settings = (input: object) => ({
  type: 'session.update',
  session: { type: 'transcription', audio: { input } },
})
const commit = { type: 'input_audio_buffer.commit' }

for (const model of ['gpt-live-transcribe', 'gpt-realtime-whisper']) {
  test(`${model} writes down before the commit, by the id that the item has then`, async t => {
    const { send, next, until, close } = await stage.dial(path)
    await next('session.created')
    send(settings({ transcription: { model } }))
    t.is((await next('session.updated')).session.audio.input.turn_detection, null)
    for (let part = 0; part < 5; part += 1) send(append(tone(200)))
    const first = await next(`${transcription}.delta`)
    send(append(tone(500)), commit)
    const events = [first, ...(await until(`${transcription}.completed`))]
    const types = order(events)
    t.is(types[0], `${transcription}.delta`)
    t.is(types[1], 'input_audio_buffer.committed')
    const words = events.map(({ type, delta }) => (type.endsWith('.delta') ? delta : '')).join('')
    t.is(words, ' (simulated: a voice spoke for 1.5 seconds)')
    const ids = events.map(({ item, item_id }) => item_id ?? item?.id)
    t.deepEqual([...new Set(ids)], [first.item_id])
    t.like(events.at(-1), {
      transcript: '(simulated: a voice spoke for 1.5 seconds)',
      usage: { type: 'duration', seconds: 2 },
    })
    await close()
  })
}

test('silence has no words before its commit', async t => {
  const { send, next, until, close } = await stage.dial(path)
  await next('session.created')
  send(settings({ transcription: { model: 'gpt-live-transcribe' } }))
  await next('session.updated')
  send(append(silence(1000)), commit)
  const events = await until(`${transcription}.completed`)
  t.is(events[0]?.type, 'input_audio_buffer.committed')
  await close()
})

test('two turns have two items, and a cleared one leaves nothing behind', async t => {
  const { send, next, until, close } = await stage.dial(path)
  await next('session.created')
  send(settings({ transcription: { model: 'gpt-live-transcribe' } }))
  await next('session.updated')
  send(append(tone(1000)), { type: 'input_audio_buffer.clear' })
  const cleared = await until('input_audio_buffer.cleared')
  send(append(tone(400)), commit)
  const [last] = (await until(`${transcription}.completed`)).slice(-1)
  t.is(last?.transcript, '(simulated: a voice spoke for 0.4 seconds)')
  t.not(last?.item_id, cleared[0]?.item_id)
  await close()
})

for (const [what, input, param] of [
  [
    'turn detection',
    { transcription: { model: 'gpt-live-transcribe' }, turn_detection: { type: 'server_vad' } },
    'turn_detection',
  ],
  [
    'one language',
    { transcription: { model: 'gpt-live-transcribe', language: 'en' } },
    'transcription.language',
  ],
  ['a prompt', { transcription: { model: 'gpt-realtime-whisper', prompt: 'x' } }, 'transcription.prompt'],
  [
    'a keyword',
    { transcription: { model: 'gpt-live-transcribe', keywords: ['<b>'] } },
    'transcription.keywords',
  ],
] as const) {
  test(`a model that writes down at once refuses ${what}`, async t => {
    const { send, next, close } = await stage.dial(path)
    await next('session.created')
    send(settings(input))
    t.is((await next('error')).error.param, `session.audio.input.${param}`)
    await close()
  })
}

test('a model in the address of a transcription is refused', async t => {
  const { next } = await stage.dial(`${path}&model=gpt-live-transcribe`)
  t.like((await next('error')).error, {
    code: 'invalid_model',
    message: 'You must not provide a model parameter for transcription sessions.',
  })
})
