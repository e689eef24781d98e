/** Images and sound of a client's: what the simulator counts, hears and says of them. */
import test from 'ava'
import { connect } from './conversation.ts'
import { append, byHand, respond, silence, textOnly, tone, update, userText } from './events.ts'
import { createStage, doors } from './stage.ts'

const stage = createStage(test)

/** The beginning of a PNG, which says its size. */
function png(width: number, height: number): string {
  const head = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')
  const size = Buffer.alloc(8)
  size.writeUInt32BE(width, 0)
  size.writeUInt32BE(height, 4)
  return `data:image/png;base64,${Buffer.concat([head, size]).toString('base64')}`
}

const seen = (...content: object[]) => ({
  type: 'conversation.item.create',
  item: { type: 'message', role: 'user', content },
})
const image = (image_url: string, detail = 'auto') => ({ type: 'input_image', image_url, detail })

async function answerTo(...events: object[]) {
  const { next, until, send, close } = await stage.dial()
  await next('session.created')
  send(update(textOnly), ...events, respond())
  const response = (await until('response.done')).at(-1)?.response
  await close()
  return { text: response.output[0].content[0].text as string, usage: response.usage }
}

for (const [what, part, tokens] of [
  ['of one tile', image(png(512, 512)), 255],
  ['of two tiles by three, as it is scaled', image(png(4096, 8192)), 85 + 170 * 6],
  ['in low detail', image(png(4096, 8192), 'low'), 85],
  ['whose size cannot be read', image('data:image/jpeg;base64,AAAA'), 765],
] as const) {
  test(`an image ${what} costs ${tokens} tokens`, async t => {
    const without = await answerTo(seen({ type: 'input_text', text: 'what is it' }))
    const { usage } = await answerTo(seen({ type: 'input_text', text: 'what is it' }, part))
    t.is(usage.input_token_details.image_tokens, tokens)
    t.is(usage.input_tokens, without.usage.input_tokens + tokens)
    t.is(usage.total_tokens, usage.input_tokens + usage.output_tokens)
    t.is(without.usage.input_token_details.image_tokens, 0)
  })
}

test('an image is answered as by a simulator, which sees none', async t => {
  const unseen = 'I am a simulated voice model and cannot see what an image shows.'
  t.is((await answerTo(seen(image(png(512, 512))))).text, unseen)
  const asked = await answerTo(seen(image(png(512, 512)), { type: 'input_text', text: 'what is it' }))
  t.is(asked.text, `You said: what is it. ${unseen}`)
})

const introduction = /^I am a simulated voice model: a demo .*, so you need no account\. Ask me to count/

for (const words of [
  'introduce yourself',
  'Who are you?',
  'what can you do',
  'help',
  'are you a real person',
  'Introduce yourself in two sentences.',
]) {
  test(`"${words}" is answered by what this is and what it can do`, async t => {
    t.regex((await answerTo(userText(words))).text, introduction)
  })
}

for (const [words, answer] of [
  ['2 文で自己紹介してください。', /^決まったルールで答えるデモ用の音声モデルです。/],
  ['何ができますか？', /デモ用の音声モデルです。/],
  ['3 まで数えてください。', /^1、2、3$/],
] as const)
  test(`"${words}" is answered in Japanese`, async t => {
    t.regex((await answerTo(userText(words))).text, answer)
  })

test('an item that is cut while it is spoken stays cut when it is done', async t => {
  const stand = await stage.simulator({ rate: 4, seed: 7 })
  const { send, next, until, reach, close } = await connect(stand.url + doors.openai)
  await next('session.created')
  send(userText('count to 20'), respond())
  const { item_id } = await reach('response.output_audio.delta')
  send({ type: 'conversation.item.truncate', item_id, content_index: 0, audio_end_ms: 100 })
  const events = await until('response.done')
  t.true(events.some(({ type }) => type === 'conversation.item.truncated'))
  const done = events.find(({ type, item }) => type === 'conversation.item.done' && item.id === item_id)
  t.deepEqual(done?.item.content, [{ type: 'output_audio' }])
  t.deepEqual(events.at(-1)?.response.output[0].content, [{ type: 'output_audio' }])
  send({ type: 'conversation.item.retrieve', item_id })
  const [part] = (await reach('conversation.item.retrieved')).item.content
  t.is(part.transcript, undefined)
  t.is(Buffer.from(part.audio, 'base64').length, 100 * 48)
  await close()
})

/** Quiet, but each half of it is loud when it is read as a sample with the half of its neighbour. */
const quiet = Buffer.alloc(2 * 48_000, Buffer.from([40, 0]))

function piecesOf(bytes: Buffer, length: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / length) }, (_, at) =>
    bytes.subarray(at * length, (at + 1) * length),
  )
}

for (const length of [961, 4801]) {
  test(`sound in appends of ${length} bytes is heard as one: quiet stays quiet, and nothing of it is lost`, async t => {
    const { send, next, until, close } = await stage.dial()
    await next('session.created')
    send(...piecesOf(quiet, length).map(append), update({ instructions: 'heard' }))
    const events = await until('session.updated')
    t.deepEqual(
      events.map(({ type }) => type),
      ['session.updated'],
    )
    await close()
  })
}

test('sound in appends of odd lengths is committed whole', async t => {
  const { send, next, reach, close } = await stage.dial()
  await next('session.created')
  send(byHand())
  await next('session.updated')
  const sound = tone(300)
  send(...piecesOf(sound, 961).map(append), { type: 'input_audio_buffer.commit' })
  const { item_id } = await next('input_audio_buffer.committed')
  send({ type: 'conversation.item.retrieve', item_id })
  const { item } = await reach('conversation.item.retrieved')
  t.is(item.content[0].audio, sound.toString('base64'))
  await close()
})

const transcription = 'conversation.item.input_audio_transcription'

for (const { model, deltas, begins } of [
  // The documents: its one delta is the whole transcript.
  { model: 'whisper-1', deltas: 'one', begins: /^\(simulated:/ },
  // The recordings of both vendors.
  { model: 'gpt-4o-transcribe', deltas: 'many', begins: /^\(simulated:/ },
  { model: 'gpt-realtime-whisper', deltas: 'many', begins: /^ \(simulated:/ },
] as const) {
  test(`${model} transcribes in ${deltas} delta, the first of which begins like ${begins}`, async t => {
    const { send, until, close } = await stage.dial()
    await until('session.created')
    send(
      update({ audio: { input: { transcription: { model } } } }),
      append(tone(1000)),
      append(silence(2500)),
    )
    const events = await until(`${transcription}.completed`)
    const said = events.filter(({ type }) => type === `${transcription}.delta`).map(({ delta }) => delta)
    t.is(said.length === 1, deltas === 'one')
    t.regex(said[0], begins)
    t.is(said.join('').trim(), events.at(-1)?.transcript)
    await close()
  })
}
