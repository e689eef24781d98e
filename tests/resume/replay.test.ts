/** What another upstream session is told of a conversation. */
import test from 'ava'
import { Conversation } from '../../runtime/resume/conversation.ts'

const user = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'what is on the menu' }] }
const call = { type: 'function_call', name: 'menu', call_id: 'call_1' }
const output = { type: 'function_call_output', call_id: 'call_1', output: 'soup' }

/** Room for a message, a call and its output (bytes of JSON), not where two of them have 60 characters more. */
const limits = { items: 420, settings: 1000 }

/** Notes events of upstream's, each about one item. */
function after(...events: readonly (readonly [type: string, item: object])[]): Conversation {
  const conversation = new Conversation(limits)
  for (const [type, item] of events) conversation.note(Buffer.from(JSON.stringify({ type, item })), type)
  return conversation
}

const kindsOf = (conversation: Conversation) =>
  conversation
    .replay('ga')
    .map(({ message }) => (JSON.parse(message) as { item: { type: string } }).item.type)

test('a function call is told with its output', t => {
  const conversation = after(
    ['conversation.item.added', { ...user, id: 'i1' }],
    ['conversation.item.added', { ...call, id: 'i2', status: 'in_progress', arguments: '' }],
    ['response.output_item.done', { ...call, id: 'i2', status: 'completed', arguments: '{}' }],
    ['conversation.item.added', { ...output, id: 'i3' }],
  )
  t.deepEqual(kindsOf(conversation), ['message', 'function_call', 'function_call_output'])
})

test('a function call that was cut off in the middle is not told: it is made again', t => {
  const conversation = after(
    ['conversation.item.added', { ...user, id: 'i1' }],
    ['conversation.item.added', { ...call, id: 'i2', status: 'in_progress', arguments: '' }],
  )
  t.deepEqual(kindsOf(conversation), ['message'])
})

test('an output whose function call is forgotten is not told: upstream would refuse it', t => {
  const conversation = after(
    ['conversation.item.done', { ...call, id: 'i2', status: 'completed', arguments: 'x'.repeat(60) }],
    ['conversation.item.added', { ...output, id: 'i3', output: 'x'.repeat(60) }],
    ['conversation.item.added', { ...user, id: 'i4' }],
  )
  t.deepEqual(kindsOf(conversation), ['message'])
})

test('an answer that the client tells itself, which the preview announces but once, is told', t => {
  const answer = { type: 'message', role: 'assistant', content: [{ type: 'text', text: 'soup' }] }
  const announced = { ...answer, id: 'i1', object: 'realtime.item', status: 'completed' }
  t.deepEqual(kindsOf(after(['conversation.item.created', announced])), ['message'])
})

test('an answer is owed as the store has it, unless its last word was kept', t => {
  const answer = { id: 'i2', kind: 'message', role: 'assistant', text: 'soup', done: true }
  const owed = (items: object[]) =>
    Conversation.restore(JSON.stringify({ items, settings: null, owed: true })).owed
  t.true(owed([]))
  t.true(owed([{ ...answer, done: false }]))
  t.false(owed([answer]))
})

test('an output that is dropped because its call was counts as dropped, too', t => {
  const conversation = after(
    ['conversation.item.done', { ...call, id: 'i2', status: 'completed', arguments: 'x'.repeat(60) }],
    ['conversation.item.added', { ...output, id: 'i3', output: 'x'.repeat(60) }],
    ['conversation.item.added', { ...user, id: 'i4' }],
  )
  conversation.replay('ga')
  t.is(conversation.dropped, 2)
})
