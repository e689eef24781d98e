/** Which items of either dialect can be told again, and how. */
import test from 'ava'
import {
  isGenerated,
  isTranscriptItem,
  itemEvent,
  readItem,
  saysSomething,
} from '../../runtime/resume/transcript-item.ts'

const message = { type: 'message', id: 'i', role: 'user' }
const said = { id: 'i', kind: 'message', role: 'user', text: '', done: true } as const
const image = (image_url: string) => ({ type: 'input_image', image_url })
/** Of the greatest length that a name may have. */
const long = 'x'.repeat(256)
const imageOf = (chars: number) => `data:image/png;base64,${'A'.repeat(chars - 22)}`
/** Of a data URI that is kept (characters). */
const maxImageChars = 131_072

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
  [
    'an image of the greatest length',
    { ...message, content: [image(imageOf(maxImageChars))] },
    { ...said, images: [{ url: imageOf(maxImageChars) }] },
  ],
  [
    'that there was an image where it is longer, empty or no text',
    {
      ...message,
      content: [image(imageOf(maxImageChars + 1)), image(''), { ...image('a'), image_url: 5 }],
    },
    { ...said, images: [{ url: null }, { url: null }, { url: null }] },
  ],
  [
    'the detail of an image where it is a name',
    { ...message, content: ['low', '', 5, `${long}x`].map(detail => ({ ...image('a'), detail })) },
    { ...said, images: [{ url: 'a', detail: 'low' }, { url: 'a' }, { url: 'a' }, { url: 'a' }] },
  ],
  ['a message whose content is no list', { ...message, content: 'x' }, said],
  ['an item of another kind', { type: 'hologram', id: 'i' }, null],
  ['an item of a kind that every object has by that name', { type: 'constructor', id: 'i' }, null],
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

for (const [what, item, is] of [
  ['an answer', { ...said, role: 'assistant' }, true],
  ['a call', { ...said, kind: 'function_call' }, true],
  ['a call of a server', { ...ofMcp, mcp: { type: 'mcp_call' } }, true],
  ['a request for approval', { ...ofMcp, mcp: { type: 'mcp_approval_request' } }, true],
  ['an answer to such a request', { ...ofMcp, mcp: { type: 'mcp_approval_response' } }, false],
  ['a message of a user', said, false],
  ['an output', { ...said, kind: 'function_call_output', role: 'assistant' }, false],
] as const)
  test(`the model makes ${is ? what : `no such thing as ${what}`}`, t =>
    t.is(isGenerated({ ...item, done: true }), is))

for (const [what, item, says] of [
  ['without words', {}, false],
  ['with words', { text: 'x' }, true],
  ['with an image', { images: [{ url: 'a' }] }, true],
  ['with an image that was lost', { images: [{ url: null }] }, true],
  ['of a server', { mcp: { type: 'mcp_call' } }, true],
] as const)
  test(`an item ${what} says ${says ? 'something' : 'nothing'}`, t =>
    t.is(saysSomething({ ...said, ...item }), says))

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
    'images where they stood, and a note where one was lost',
    { text: 'x', images: [{ url: 'a', before: true }, { url: 'b', detail: 'low' }, { url: null }] },
    'ga',
    {
      type: 'message',
      role: 'user',
      content: [
        { type: 'input_image', image_url: 'a' },
        { type: 'input_text', text: 'x' },
        { type: 'input_image', image_url: 'b', detail: 'low' },
        { type: 'input_text', text: '(an image, which was too large to be kept)' },
      ],
    },
  ],
  [
    'an image without words, and no word of speech',
    { images: [{ url: 'a' }] },
    'ga',
    { type: 'message', role: 'user', content: [{ type: 'input_image', image_url: 'a' }] },
  ],
  [
    'an image in the preview, which knows none',
    { images: [{ url: 'a' }] },
    'preview',
    {
      type: 'message',
      role: 'user',
      content: [{ type: 'input_text', text: '(an image, which was too large to be kept)' }],
    },
  ],
  [
    'an item of a server',
    { mcp: mcpItems['a call that failed']?.item },
    'ga',
    { ...call, error: { type: 'e' } },
  ],
  ['an item of a server in the preview', { mcp: mcpItems['a call that failed']?.item }, 'preview', null],
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
