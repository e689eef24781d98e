import test from 'ava'
import { detection, eventRows, previewRows, session } from './client-event-rows.ts'
import { byHand, textOnly, tone, update } from './events.ts'
import { sessionRows } from './session-rows.ts'
import { createStage, doors } from './stage.ts'

const stage = createStage(test)
test('every client event is checked, field by field', async t => {
  const { send, reach, next, close } = await stage.dial()
  await next('session.created')
  send(byHand(textOnly))
  await next('session.updated')
  for (const [index, { event, error, answer }] of [...sessionRows, ...eventRows].entries()) {
    const shown = JSON.stringify(event).slice(0, 120)
    const eventId = Object.hasOwn(event, 'event_id') ? 'x'.repeat(513) : `row_${index}`
    send({ event_id: eventId, ...event })
    if (error === null) {
      if (answer !== undefined) await reach(answer)
      continue
    }
    const found = (await reach('error')).error
    t.is(`${found.code}:${found.param}`, error, shown)
    t.is(found.event_id, eventId, shown)
    t.is(found.type, 'invalid_request_error')
  }
  await close()
})

test('what is not an event is refused, and the session goes on', async t => {
  const { socket, send, next, reach, close } = await stage.dial()
  await next('session.created')
  socket.send('{"type":')
  t.is((await next('error')).error.code, 'invalid_json')
  socket.send('[1]')
  t.is((await next('error')).error.code, 'invalid_event')
  socket.send(Buffer.from([1, 2, 3]))
  t.is((await next('error')).error.code, 'invalid_event')
  send(update(textOnly))
  await reach('session.updated')
  await close()
})

test('an append of more than 15 MiB of audio is refused', async t => {
  const { send, next, close } = await stage.dial()
  await next('session.created')
  send({ type: 'input_audio_buffer.append', audio: Buffer.alloc(15 * 1024 * 1024 + 1).toString('base64') })
  t.is((await next('error')).error.param, 'audio')
  await close()
})

test('the preview checks its own shapes', async t => {
  const { send, reach, next, close } = await stage.dial(doors.preview)
  await next('session.created')
  for (const { event, error, answer } of previewRows) {
    send(event)
    if (error === null) {
      await reach(answer ?? '')
      continue
    }
    const found = (await reach('error')).error
    t.is(`${found.code}:${found.param}`, error, JSON.stringify(event))
  }
  await close()
})

test('messages name the values that would do', async t => {
  const { send, reach, next, close } = await stage.dial()
  await next('session.created')
  const expected: [object, string][] = [
    [update({ foo: 1 }), "Unknown parameter: 'session.foo'."],
    [session({}), "Missing required parameter: 'session.type'."],
    [
      update({ instructions: 1 }),
      "Invalid type for 'session.instructions': expected a string, but got an integer instead.",
    ],
    [
      detection({ type: 'semantic_vad', eagerness: 'x' }),
      "Invalid value: 'x'. Supported values are: 'low', 'medium', 'high', and 'auto'.",
    ],
    [
      update({ audio: { output: { speed: 2 } } }),
      "Invalid 'session.audio.output.speed': decimal above maximum value. Expected a value <= 1.5, but got 2 instead.",
    ],
  ]
  for (const [event, message] of expected) {
    send(event)
    t.is((await reach('error')).error.message, message)
  }
  send(
    { type: 'input_audio_buffer.append', audio: tone(50).toString('base64') },
    { type: 'input_audio_buffer.commit' },
  )
  t.is(
    (await reach('error')).error.message,
    'Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has 50.00ms of audio.',
  )
  await close()
})
