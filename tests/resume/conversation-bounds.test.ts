/** However much is said, and wherever it stands, what is kept of a conversation has a limit in bytes. */
import test from 'ava'
import { Conversation } from '../../runtime/resume/conversation.ts'
import { readItem } from '../../runtime/resume/transcript-item.ts'

const large = 'x'.repeat(200_000)

/** Names of fields, commas and flags around items and settings (bytes). */
const envelopeBytes = 1024
/** As the documents promise them (bytes). */
const promised = { items: 256 * 1024, settings: 128 * 1024 }
const mostBytes = promised.items + promised.settings + envelopeBytes

function bytesOf(conversation: Conversation): number {
  // One comma for each item; the smallest item takes 80 bytes.
  const commas = promised.items / 80
  return Buffer.byteLength(JSON.stringify(conversation)) - commas
}

function added(item: object): [frame: Buffer, type: string] {
  const type = 'conversation.item.added'
  return [Buffer.from(JSON.stringify({ type, item })), type]
}

const message = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hello' }] }
const call = { type: 'function_call', name: 'f', call_id: 'c1', arguments: '{}', status: 'completed' }
const output = { type: 'function_call_output', call_id: 'c1', output: 'soup' }

const growths: [what: string, item: (number: number) => object][] = [
  ['text', () => ({ ...message, content: [{ type: 'input_text', text: large }] })],
  [
    'text that JSON escapes',
    () => ({ ...message, content: [{ type: 'input_text', text: '\u0001'.repeat(30_000) }] }),
  ],
  [
    'text of three bytes a character',
    () => ({ ...message, content: [{ type: 'input_text', text: '語'.repeat(50_000) }] }),
  ],
  ['id', number => ({ ...message, id: `${number}${large}` })],
  ['role', () => ({ ...message, role: large })],
  ['name', () => ({ ...call, name: large })],
  ['call id', () => ({ ...call, call_id: large })],
  ['arguments', () => ({ ...call, arguments: large })],
  ['output', () => ({ ...output, output: large })],
  ['nothing, 10,000 times', number => ({ ...message, id: `i${number}`, content: [] })],
]

for (const [what, item] of growths) {
  test(`items with much ${what}`, t => {
    const times = what.includes('10,000') ? 10_000 : 50
    const [told, expected] = [new Conversation(), new Conversation()]
    for (let number = 0; number < times; number += 1) {
      told.note(...added(item(number)))
      expected.expect(item(number))
    }
    for (const conversation of [told, expected]) {
      t.true(bytesOf(conversation) <= mostBytes, `${bytesOf(conversation)} bytes`)
      conversation.replay('ga')
      t.true(bytesOf(conversation) <= mostBytes, `${bytesOf(conversation)} bytes after a replay`)
    }
  })
}

test('an item that grows by its transcript stays within the limit', t => {
  const conversation = new Conversation()
  const type = 'conversation.item.input_audio_transcription.completed'
  for (let number = 0; number < 20; number += 1) {
    conversation.note(...added({ ...message, id: `i${number}`, content: [] }))
    conversation.note(Buffer.from(JSON.stringify({ type, item_id: `i${number}`, transcript: large })), type)
  }
  t.true(bytesOf(conversation) <= mostBytes)
  t.is(conversation.size, 1)
})

test('thirty changes of large settings stay within the limit, and the last that fitted is told', t => {
  const conversation = new Conversation()
  conversation.configure({ instructions: 'Be brief' }).onConfirmed?.()
  t.true(conversation.settingsKept)
  for (let number = 0; number < 30; number += 1)
    conversation.configure({ [`field${number}`]: 'x'.repeat(100_000) }).onConfirmed?.()
  t.true(bytesOf(conversation) <= mostBytes)
  t.false(conversation.settingsKept)
  t.false(Conversation.restore(JSON.stringify(conversation)).settingsKept)
  const { session } = JSON.parse(conversation.replay('ga')[0]?.message ?? '')
  t.is(session.instructions, 'Be brief')
})

test('256 KiB of items and 128 KiB of settings are kept, and not more', t => {
  const conversation = new Conversation()
  for (let number = 0; number < 400; number += 1)
    conversation.note(...added({ ...message, id: `i${number}`, content: [{ text: 'x'.repeat(1000) }] }))
  const bytes = Buffer.byteLength(JSON.stringify(conversation.toJSON().items))
  t.true(bytes > 0.98 * promised.items && bytes <= promised.items, `${bytes} bytes`)
  const envelope = JSON.stringify({ instructions: '' }).length
  for (const [size, isKept] of [
    [promised.settings, true],
    [promised.settings + 1, false],
  ] as const) {
    const told = new Conversation()
    told.configure({ instructions: 'x'.repeat(size - envelope) }).onConfirmed?.()
    t.is(told.settingsKept, isKept, `${size} bytes`)
  }
})

test('the oldest are forgotten first', t => {
  const conversation = new Conversation({ items: 1000, settings: 1000 })
  for (let number = 0; number < 50; number += 1)
    conversation.note(...added({ ...message, id: `i${number}`, content: [{ text: `word ${number}` }] }))
  const told = conversation.replay('ga').map(({ message }) => JSON.parse(message).item.content[0].text)
  t.true(told.length > 3)
  t.deepEqual(
    told,
    Array.from(told, (_, place) => `word ${50 - told.length + place}`),
  )
})

test('a call whose output is too large to be kept is not told without it', t => {
  const conversation = new Conversation()
  conversation.note(...added({ ...message, id: 'i1' }))
  conversation.note(...added({ ...call, id: 'i2' }))
  conversation.note(...added({ ...output, id: 'i3', output: large + large }))
  conversation.note(...added({ ...message, id: 'i4' }))
  const kinds = conversation.replay('ga').map(({ message }) => JSON.parse(message).item.type)
  t.deepEqual(kinds, ['message', 'message'])
  t.is(conversation.dropped, 2)
})

test('names as long as the API gives them are kept', t => {
  const callId = `call_${'x'.repeat(60)}`
  t.like(readItem({ ...call, id: `item_${'x'.repeat(60)}`, name: 'n'.repeat(64), call_id: callId }), {
    callId,
  })
})
