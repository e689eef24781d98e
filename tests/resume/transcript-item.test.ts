/** Which items of either dialect can be told again, and how. */
import test from 'ava'
import {
  isGenerated,
  isTranscriptItem,
  itemEvent,
  maxNameChars,
  readItem,
} from '../../runtime/resume/transcript-item.ts'

const message = { type: 'message', id: 'i', role: 'user' }
const said = { id: 'i', kind: 'message', role: 'user', text: '', done: true } as const
const image = (image_url: string) => ({ type: 'input_image', image_url })
const long = 'x'.repeat(maxNameChars)

const call = { type: 'mcp_call', server_label: 's', name: 'n', arguments: '{}' }
const ofMcp = { id: 'i', kind: 'message', role: '', text: '' } as const
/** A call is done once it has an output or an error. */
const mcpItems: Readonly<Record<string, { item: object; done: boolean }>> = {
  'a call that runs': { item: call, done: false },
  'a call with its output': { item: { ...call, output: 'o', approval_request_id: 'r' }, done: true },
  'a call that failed': { item: { ...call, error: { type: 'e' } }, done: true },
  'a request': {
    item: { type: 'mcp_approval_request', server_label: 's', name: 'n', arguments: '{}' },
    done: true,
  },
  'a response': {
    item: { type: 'mcp_approval_response', approval_request_id: 'r', approve: true, reason: 'because' },
    done: true,
  },
}

const read: readonly (readonly [what: string, item: unknown, expected: object | null])[] = [
  ['a message', { ...message, content: [{ type: 'input_text', text: 'a' }] }, { ...said, text: 'a' }],
  [
    'a message of several parts, audio by its transcript',
    { ...message, content: [{ text: 'a' }, { transcript: 'b' }, { type: 'input_audio' }, 5, { text: 5 }] },
    { ...said, text: 'a\nb' },
  ],
  ['a message without content', message, said],
  ['a message without an id', { type: 'message', role: 'user' }, { ...said, id: '' }],
  ['a message without a role', { type: 'message', id: 'i' }, null],
  ['a message whose role is no text', { ...message, role: 5 }, null],
  ['an item that is finished', { ...message, status: 'completed' }, said],
  ['an item that is not', { ...message, status: 'in_progress' }, { ...said, done: false }],
  [
    'a function call',
    { type: 'function_call', id: 'i', name: 'n', call_id: 'c', arguments: '{}' },
    { id: 'i', kind: 'function_call', role: '', text: '{}', name: 'n', callId: 'c', done: true },
  ],
  ['a function call without a name', { type: 'function_call', call_id: 'c', arguments: '{}' }, null],
  [
    'an output',
    { type: 'function_call_output', id: 'i', call_id: 'c', output: 'o' },
    { id: 'i', kind: 'function_call_output', role: '', text: 'o', callId: 'c', done: true },
  ],
  ...Object.entries(mcpItems).map(
    ([type, { item, done }]) =>
      [`an item of MCP: ${type}`, { id: 'i', ...item }, { ...ofMcp, mcp: item, done }] as const,
  ),
  [
    'of an item of MCP what can be told again',
    { ...call, id: 'i', status: 'x', error: null },
    { ...ofMcp, mcp: call, done: false },
  ],
  [
    "a person's images, with what stands before the words",
    { ...message, role: 'user', content: [image('a'), { type: 'input_text', text: 'x' }, image('b')] },
    { ...said, role: 'user', text: 'x', images: [{ url: 'a', before: true }, { url: 'b' }] },
  ],
  [
    "no images of anybody else's",
    { ...message, role: 'system', content: [{ type: 'input_text', text: 'x' }, image('a')] },
    { ...said, role: 'system', text: 'x' },
  ],
  ['an item of another kind', { type: 'hologram', id: 'i' }, null],
  ['no item', 'x', null],
  ['names of the greatest length', { ...message, id: long, role: long }, { ...said, id: long, role: long }],
  ['an id that is longer', { ...message, id: `${long}x` }, null],
  ['a role that is longer', { ...message, role: `${long}x` }, null],
  ['a call id that is longer', { type: 'function_call_output', call_id: `${long}x`, output: '' }, null],
  ['a name that is longer', { type: 'function_call', name: `${long}x`, call_id: 'c' }, null],
]

for (const [what, item, expected] of read) test(`reads ${what}`, t => t.deepEqual(readItem(item), expected))

const stored: readonly (readonly [item: unknown, is: boolean])[] = [
  [said, true],
  [{ ...said, name: 'n', callId: 'c', unconfirmed: true }, true],
  [{ ...said, kind: 'function_call' }, true],
  [{ ...said, kind: 'function_call_output' }, true],
  [{ ...said, kind: 'x' }, false],
  [{ ...said, unconfirmed: 1 }, false],
  [null, false],
  [{ ...said, isNotice: true, mcp: {} }, true],
  [{ ...said, isNotice: 1 }, false],
  [{ ...said, mcp: [] }, false],
  [{ ...said, images: {} }, false],
  [{ ...said, images: [5] }, false],
  ...Object.keys(said).map(field => [{ ...said, [field]: 5 }, false] as const),
  ...['name', 'callId'].map(field => [{ ...said, [field]: 5 }, false] as const),
]

for (const [item, is] of stored)
  test(`${JSON.stringify(item)} is ${is ? 'an item' : 'none'}`, t => t.is(isTranscriptItem(item), is))

test('the model makes its answers and its calls', t => {
  t.true(isGenerated({ ...said, role: 'assistant' }))
  t.true(isGenerated({ ...said, kind: 'function_call' }))
  t.false(isGenerated(said))
  t.false(isGenerated({ ...said, kind: 'function_call_output', role: 'assistant' }))
})

const parts = { name: 'n', callId: 'c' }
const told: readonly [what: string, item: object, dialect: 'ga' | 'preview', expected: object | null][] = [
  [
    'a message of a user',
    { text: 'a' },
    'ga',
    { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'a' }] },
  ],
  [
    'a message of the system',
    { text: 'a', role: 'system' },
    'ga',
    { type: 'message', role: 'system', content: [{ type: 'input_text', text: 'a' }] },
  ],
  [
    'an answer',
    { text: 'a', role: 'assistant' },
    'ga',
    { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'a' }] },
  ],
  [
    'an answer in the preview',
    { text: 'a', role: 'assistant' },
    'preview',
    { type: 'message', role: 'assistant', content: [{ type: 'text', text: 'a' }] },
  ],
  [
    'speech without a transcript',
    {},
    'ga',
    {
      type: 'message',
      role: 'user',
      content: [{ type: 'input_text', text: '(spoken, not transcribed)' }],
    },
  ],
  ['an answer without words', { role: 'assistant' }, 'ga', null],
  [
    'a function call',
    { ...parts, kind: 'function_call', text: '{}' },
    'ga',
    { type: 'function_call', name: 'n', call_id: 'c', arguments: '{}' },
  ],
  [
    'an output, also an empty one',
    { ...parts, kind: 'function_call_output' },
    'ga',
    { type: 'function_call_output', call_id: 'c', output: '' },
  ],
]

for (const [what, item, dialect, expected] of told) {
  test(`tells ${what}`, t => {
    const text = itemEvent({ ...said, ...item }, dialect, 'e')
    t.deepEqual(
      text === null ? null : JSON.parse(text),
      expected === null
        ? null
        : { type: 'conversation.item.create', event_id: 'e', item: { id: 'i', ...expected } },
    )
  })
}
