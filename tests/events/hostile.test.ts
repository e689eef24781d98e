/** Translations of JSON that nobody vouches for: too deep, of the wrong types, with names that objects have themselves. */
import test from 'ava'
import { SessionMemory } from '../../runtime/dialect/session-memory.ts'
import { maxDepth, parseFields } from '../../runtime/events/fields.ts'
import { Conversation } from '../../runtime/resume/conversation.ts'
import { toGa, toPreview } from '../dialect/dialects.ts'

const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`

/** Values that JSON can say and `String()`, `Buffer.from()` or a recursion may fail on. */
const hostileValues: [what: string, json: string][] = [
  ['an object 5,000 levels deep', nested(5000)],
  ['a list 5,000 levels deep', `${'['.repeat(5000)}${']'.repeat(5000)}`],
  ['an object without a text form', '{"toString":1,"valueOf":1}'],
  ['a prototype', '{"__proto__":{"type":"x","voice":"y"}}'],
  ['a number', '5'],
  ['null', 'null'],
  ['a list of null', '[null]'],
]

/** Templates of an event; `?` stands for the hostile value. */
const places = (type: string) => [
  `{"type":"${type}","session":?}`,
  `{"type":"${type}","session":{"voice":?,"modalities":?,"tool_choice":?,"turn_detection":?,"input_audio_format":?}}`,
  `{"type":"${type}","session":{"type":?,"audio":{"input":?,"output":?},"output_modalities":?}}`,
  `{"type":"${type}","item":?}`,
  `{"type":"${type}","event_id":?,"item":{"id":?,"type":"message","role":?,"status":?,"content":?}}`,
  `{"type":"${type}","item":{"type":"message","role":"assistant","content":[?,{"type":?,"text":?}]}}`,
  `{"type":"${type}","item":{"id":?,"type":"function_call","name":?,"call_id":?,"arguments":?}}`,
  `{"type":"${type}","item":{"type":"function_call_output","call_id":?,"output":?}}`,
  `{"type":"${type}","response":?}`,
  `{"type":"${type}","response":{"audio":?,"modalities":?,"voice":?,"input":?,"output":[?],"tool_choice":?}}`,
  `{"type":"${type}","item_id":?,"transcript":?}`,
  `{"type":"${type}","error":?}`,
  `{"type":"${type}","error":{"param":"session.voice","message":?}}`,
  `{"type":"${type}","type":?,"session":{},"response":{},"item":{}}`,
]

for (const [what, value] of hostileValues) {
  test(`${what}: no translation throws, whichever field it stands in`, t => {
    for (const translator of [toGa, toPreview]) {
      for (const [type, translate] of [...translator.messages, ...translator.events]) {
        for (const place of places(type)) {
          const text = place.replaceAll('?', value)
          t.notThrows(() => translate(Buffer.from(text), new SessionMemory()), text.slice(0, 120))
        }
      }
    }
  })

  test(`${what}: a conversation takes it in without throwing, and can be written and told`, t => {
    const conversation = new Conversation()
    const types = ['added', 'done', 'created', 'deleted', 'input_audio_transcription.completed']
    for (const type of [...types.map(word => `conversation.item.${word}`), 'response.output_item.done']) {
      for (const place of places(type)) {
        const frame = Buffer.from(place.replaceAll('?', value))
        conversation.note(frame, type)
        conversation.expect(parseFields(frame)?.item)
        conversation.configure(parseFields(frame)?.session)
      }
    }
    t.notThrows(() => Conversation.restore(JSON.stringify(conversation)))
    t.notThrows(() => conversation.replay('ga'))
  })
}

test('what is too deep goes on to the other side byte for byte', t => {
  const session = `{"type":"realtime","audio":{},"voice":"alloy","tools":${nested(5000)}}`
  const message = Buffer.from(`{"type":"session.update","session":${session}}`)
  for (const translator of [toGa, toPreview])
    t.true(translator.messages.get('session.update')?.(message, new SessionMemory()) === message)
  const event = Buffer.from(`{"type":"session.updated","session":${nested(5000)}}`)
  t.true(toPreview.events.get('session.updated')?.(event, new SessionMemory())[0]?.frame === event)
})

test('JSON is read to a depth, whatever stands in its strings', t => {
  t.not(parseFields(Buffer.from(nested(maxDepth))), null)
  t.is(parseFields(Buffer.from(nested(maxDepth + 1))), null)
  t.not(parseFields(Buffer.from(JSON.stringify({ a: '{['.repeat(5000), 'b"\\': '\\"['.repeat(5000) }))), null)
  const wide = `{"a":[${Array.from({ length: 5000 }, () => '{"b":[]}').join()}]}`
  t.not(parseFields(Buffer.from(wide)), null)
})

test('a name that objects have themselves changes nothing but itself', t => {
  const conversation = new Conversation()
  conversation
    .configure(JSON.parse('{"__proto__":{"voice":"x"},"constructor":{"prototype":{"a":1}}}'))
    .onConfirmed?.()
  conversation.configure({ instructions: 'one', voice: undefined }).onConfirmed?.()
  const { session } = JSON.parse(conversation.replay('ga')[0]?.message ?? '{}')
  t.is(session.voice, undefined)
  t.is(session.instructions, 'one')
  t.is(({} as { voice?: string }).voice, undefined)
})
