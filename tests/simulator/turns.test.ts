import test from 'ava'
import {
  append,
  byHand,
  order,
  respond,
  silence,
  textOnly,
  tone,
  update,
  userText,
  weatherTool,
} from './events.ts'
import { createStage } from './stage.ts'

const stage = createStage(test)
/** Says a word each 20 ms: for an answer that is to be under way until the test ends it. */
const slowStage = createStage(test, { rate: 1, seed: 7 })

const itemOrder = ['conversation.item.added', 'conversation.item.done']
const openingOrder = ['response.created', 'response.output_item.added', 'conversation.item.added']
const closingOrder = [
  'response.content_part.done',
  'conversation.item.done',
  'response.output_item.done',
  'response.done',
]

test('a session begins with session.created and nothing else until the client speaks', async t => {
  const { next, send, close } = await stage.dial()
  const { session } = await next('session.created')
  t.is(session.object, 'realtime.session')
  t.is(session.model, 'gpt-realtime')
  t.is(session.expires_at > Date.now() / 1000 + 3500, true)
  send(update({ instructions: 'Be brief.' }))
  const updated = await next('session.updated')
  t.is(updated.session.instructions, 'Be brief.')
  t.is(updated.session.id, session.id)
  await close()
})

test('a text turn has the events of the recordings, in their order', async t => {
  const { until, send, close, next } = await stage.dial()
  await next('session.created')
  send(update(textOnly))
  await next('session.updated')
  send(userText('Good morning to you'), respond())
  const events = await until('rate_limits.updated')
  t.deepEqual(order(events), [
    ...itemOrder,
    ...openingOrder,
    'response.content_part.added',
    'response.output_text.delta',
    'response.output_text.done',
    ...closingOrder,
    'rate_limits.updated',
  ])
  const text = events.filter(event => event.type === 'response.output_text.delta').map(event => event.delta)
  t.is(text.join(''), 'You said: Good morning to you')
  const assistant = events.filter(({ item }) => item?.role === 'assistant')
  const previous = assistant
    .filter(({ type }) => type.startsWith('conversation.'))
    .map(event => event.previous_item_id)
  t.deepEqual(previous, [events[0]?.item.id, null], "OpenAI's `done` has lost its predecessor")
  const { usage } = events.find(event => event.type === 'response.done')?.response ?? {}
  t.is(usage.output_tokens, 6)
  t.is(usage.total_tokens, usage.input_tokens + usage.output_tokens)
  t.is(usage.input_token_details.text_tokens, usage.input_tokens)
  await close()
})

test('an audio turn begins with words, goes on with words and sound, and ends with sound', async t => {
  const { until, send, close, next } = await stage.dial()
  await next('session.created')
  send(userText('repeat after me: one two three four five six seven eight'), respond())
  const events = await until('response.done')
  const transcript = 'response.output_audio_transcript.delta'
  const audio = 'response.output_audio.delta'
  const deltas = events.map(event => event.type).filter(type => type === transcript || type === audio)
  t.deepEqual(deltas.slice(0, 5), [transcript, transcript, transcript, transcript, audio])
  t.deepEqual(deltas.slice(-3), [audio, audio, audio])
  t.deepEqual(order(events).slice(-6), [
    'response.output_audio.done',
    'response.output_audio_transcript.done',
    ...closingOrder,
  ])
  const bytes = events
    .filter(event => event.type === audio)
    .map(event => Buffer.from(event.delta, 'base64').length)
  const mean = bytes.reduce((sum, length) => sum + length) / bytes.length / 48
  t.true(mean > 120 && mean < 330, `mean delta is ${mean} ms`)
  await close()
})

test('server_vad finds the turn in the sound and answers it', async t => {
  const { until, send, close, next } = await stage.dial()
  await next('session.created')
  send(append(silence(1000)), append(tone(1000)), append(silence(600)))
  const events = await until('response.done')
  t.deepEqual(order(events).slice(0, 8), [
    'input_audio_buffer.speech_started',
    'input_audio_buffer.speech_stopped',
    'input_audio_buffer.committed',
    ...itemOrder,
    ...openingOrder,
  ])
  const [started, stopped, committed, added] = events
  t.is(started?.audio_start_ms, 700)
  t.is(stopped?.audio_end_ms, 2200)
  t.is(new Set([started?.item_id, stopped?.item_id, committed?.item_id, added?.item.id]).size, 1)
  t.deepEqual(added?.item.content, [{ type: 'input_audio', transcript: null }])
  await close()
})

test('a commit by hand makes an item and no response', async t => {
  const { send, close, next } = await stage.dial()
  await next('session.created')
  send(byHand())
  await next('session.updated')
  send(append(tone(500)), { type: 'input_audio_buffer.commit' })
  const committed = await next('input_audio_buffer.committed')
  const added = await next('conversation.item.added')
  await next('conversation.item.done')
  t.is(added.item.id, committed.item_id)
  send({ type: 'input_audio_buffer.commit' })
  const { error } = await next('error')
  t.is(error.code, 'input_audio_buffer_commit_empty')
  t.true(error.message.includes('0.00ms'))
  await close()
})

test('a function call streams its arguments, and its output is quoted in the next answer', async t => {
  const { until, send, close, next } = await stage.dial()
  await next('session.created')
  send(update({ ...textOnly, tools: [weatherTool] }))
  await next('session.updated')
  send(userText('What is the weather in Paris today?'), respond())
  const events = await until('response.done')
  t.deepEqual(order(events), [
    ...itemOrder,
    ...openingOrder,
    'response.function_call_arguments.delta',
    'response.function_call_arguments.done',
    ...closingOrder.slice(1),
  ])
  const done = events.find(event => event.type === 'response.function_call_arguments.done')
  t.is(done?.name, 'get_weather')
  t.deepEqual(JSON.parse(done?.arguments), { city: 'Paris' })
  await next('rate_limits.updated')
  const output = { type: 'function_call_output', call_id: done?.call_id, output: '12 C and rain' }
  send({ type: 'conversation.item.create', item: output }, respond())
  const [answer] = (await until('response.done')).slice(-1)
  t.true(answer?.response.output[0].content[0].text.includes('12 C and rain'))
  await close()
})

test('a cancelled answer ends with its done chain and says who cancelled it', async t => {
  const { until, send, close, next } = await slowStage.dial()
  await next('session.created')
  send(update(textOnly), userText('count to 900'), respond())
  await until('response.output_text.delta')
  send({ type: 'response.cancel' })
  const events = await until('response.done')
  t.deepEqual(order(events).slice(-5), ['response.output_text.done', ...closingOrder])
  const response = events.at(-1)?.response
  t.is(response.status, 'cancelled')
  t.deepEqual(response.status_details, { type: 'cancelled', reason: 'client_cancelled' })
  t.is(response.output[0].status, 'incomplete')
  await next('rate_limits.updated')
  send({ type: 'response.cancel', event_id: 'late' })
  const { error } = await next('error')
  t.is(error.code, 'response_cancel_not_active')
  t.is(error.event_id, 'late')
  await close()
})
