import test from 'ava'
import { append, byHand, respond, tone, update, userText } from './events.ts'
import { createStage } from './stage.ts'
import { talkInText } from './text-talk.ts'

const stage = createStage(test)

const textSession = (fields: object = {}) => talkInText(stage, fields)

test('the mind repeats, counts, remembers and obeys its instructions', async t => {
  const { answer, send, next, close } = await textSession()
  t.is(
    await answer('Repeat after me: {"a": 1}\n```json\n{"b": "ü"}\n``` 日本 🎈'),
    '{"a": 1}\n```json\n{"b": "ü"}\n``` 日本 🎈',
  )
  t.is(await answer('please count to 5'), 'one, two, three, four, five')
  t.is(await answer('count to three'), 'one, two, three')
  const said = [
    'Repeat after me: {"a": 1}\n```json\n{"b": "ü"}\n``` 日本 🎈',
    'please count to 5',
    'count to three',
  ]
  t.is(await answer('What did I say?'), said.map(text => `"${text}"`).join(', '))
  send(update({ instructions: 'Always begin with "Aye aye!"' }))
  await next('session.updated')
  t.is(await answer('hello'), 'Aye aye! You said: hello')
  await close()
})

test('items go where previous_item_id says, and a replayed history is known', async t => {
  const { send, next, answer, close } = await textSession()
  send(userText('second', { id: 'two' }))
  t.is((await next('conversation.item.added')).previous_item_id, null)
  await next('conversation.item.done')
  send({ ...userText('first', { id: 'one' }), previous_item_id: 'root' })
  t.is((await next('conversation.item.added')).previous_item_id, null)
  await next('conversation.item.done')
  send({ ...userText('between', { id: 'half' }), previous_item_id: 'one' })
  t.is((await next('conversation.item.added')).previous_item_id, 'one')
  await next('conversation.item.done')
  const content = [{ type: 'output_text', text: 'I see' }]
  send({ type: 'conversation.item.create', item: { type: 'message', role: 'assistant', content } })
  t.is((await next('conversation.item.added')).previous_item_id, 'two')
  await next('conversation.item.done')
  t.is(await answer('what did I say'), '"first", "between", "second"')
  send({ ...userText('x'), previous_item_id: 'nowhere', event_id: 'e9' })
  const { error } = await next('error')
  t.is(error.param, 'previous_item_id')
  t.is(error.event_id, 'e9')
  send(userText('again', { id: 'one' }))
  t.is((await next('error')).error.code, 'item_create_invalid_item_id')
  await close()
})

test('an item can be retrieved with its audio, and deleted', async t => {
  const { send, next, close } = await stage.dial()
  await next('session.created')
  send(byHand())
  await next('session.updated')
  const sound = tone(300)
  send(append(sound), { type: 'input_audio_buffer.commit' })
  const { item_id } = await next('input_audio_buffer.committed')
  t.deepEqual((await next('conversation.item.added')).item.content, [
    { type: 'input_audio', transcript: null },
  ])
  await next('conversation.item.done')
  send({ type: 'conversation.item.retrieve', item_id })
  const { item } = await next('conversation.item.retrieved')
  t.is(item.content[0].audio, sound.toString('base64'))
  send({ type: 'conversation.item.delete', item_id })
  t.is((await next('conversation.item.deleted')).item_id, item_id)
  send({ type: 'conversation.item.retrieve', item_id })
  t.is((await next('error')).error.code, 'item_retrieve_invalid_item_id')
  await close()
})

test('a spoken item is cut to what was heard, and loses its transcript', async t => {
  const { send, next, until, close } = await stage.dial()
  await next('session.created')
  send(userText('repeat after me: this is a fairly long sentence'), respond())
  const events = await until('rate_limits.updated')
  const deltas = events.filter(event => event.type === 'response.output_audio.delta')
  const ms = deltas.reduce((sum, event) => sum + Buffer.from(event.delta, 'base64').length, 0) / 48
  const item_id = deltas[0]?.item_id
  const truncate = { type: 'conversation.item.truncate', item_id, content_index: 0 }
  send({ ...truncate, audio_end_ms: Math.ceil(ms) + 60 })
  const { error } = await next('error')
  t.is(error.code, 'invalid_value')
  t.is(error.message, `Audio content of ${Math.floor(ms)}ms is already shorter than ${Math.ceil(ms) + 60}ms`)
  send({ ...truncate, audio_end_ms: 500 })
  t.is((await next('conversation.item.truncated')).audio_end_ms, 500)
  send({ type: 'conversation.item.retrieve', item_id })
  const { item } = await next('conversation.item.retrieved')
  t.is(item.content[0].transcript, undefined)
  t.is(Buffer.from(item.content[0].audio, 'base64').length, 500 * 48)
  send({ ...truncate, audio_end_ms: 600 })
  t.is((await next('error')).error.message, 'Audio content of 500ms is already shorter than 600ms')
  send(userText('hi', { id: 'mine' }))
  await until('conversation.item.done')
  send({ ...truncate, item_id: 'mine', audio_end_ms: 0 })
  t.is((await next('error')).error.message, 'Only model output audio messages can be truncated')
  await close()
})

test('the voice is fixed once the conversation holds assistant audio', async t => {
  const { send, next, until, close } = await stage.dial()
  await next('session.created')
  send(update({ audio: { output: { voice: 'ash' } } }))
  t.is((await next('session.updated')).session.audio.output.voice, 'ash')
  send(userText('hi'), respond())
  await until('rate_limits.updated')
  send(update({ audio: { output: { voice: 'echo' } } }))
  t.is((await next('error')).error.code, 'cannot_update_voice')
  send(update({ audio: { output: { voice: 'ash' } } }))
  await next('session.updated')
  await close()
})
