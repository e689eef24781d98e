import test from 'ava'
import fc from 'fast-check'
import { connect } from './conversation.ts'
import { textOnly } from './events.ts'
import { createStage, expectShape } from './stage.ts'

const stage = createStage(test)

const types = [
  'session.update',
  'input_audio_buffer.append',
  'input_audio_buffer.commit',
  'input_audio_buffer.clear',
  'conversation.item.create',
  'conversation.item.retrieve',
  'conversation.item.delete',
  'conversation.item.truncate',
  'response.create',
  'response.cancel',
]
const value = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      'message',
      'user',
      'realtime',
      'input_text',
      'text',
      'auto',
      'root',
      'AAAA',
      null,
      0,
      -1,
      1.5,
      true,
    ),
  },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
)
const fieldNames = [
  'type',
  'role',
  'content',
  'text',
  'audio',
  'id',
  'name',
  'output',
  'call_id',
  'arguments',
  'input',
  'format',
  'tools',
  '__proto__',
  'constructor',
]
const object = fc.dictionary(
  fc.constantFrom(...fieldNames),
  fc.oneof(value, fc.array(fc.dictionary(fc.constantFrom(...fieldNames), value), { maxLength: 2 })),
  { maxKeys: 5 },
)
const event = fc.record(
  {
    type: fc.constantFrom(...types),
    event_id: fc.string({ maxLength: 8 }),
    session: object,
    item: object,
    response: object,
    audio: fc.oneof(fc.base64String({ maxLength: 400 }), value),
    item_id: value,
    content_index: value,
    audio_end_ms: value,
  },
  { requiredKeys: ['type'] },
)

test('whatever a client sends, each answer is well-formed and the session goes on', async t => {
  const { url } = await stage.simulator({ seed: 9, rate: 1000 })
  const { socket, send, next, until, close } = await connect(`${url}/v1/realtime?model=gpt-realtime`)
  await next('session.created')
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 8 }), async events => {
      send(...events, {
        type: 'session.update',
        event_id: 'last',
        session: { type: 'realtime', ...textOnly },
      })
      for (const answer of await until('session.updated')) expectShape(answer)
      return socket.readyState === socket.OPEN
    }),
    { numRuns: 150 },
  )
  await t.notThrowsAsync(close())
})
