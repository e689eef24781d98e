import test from 'ava'
import fc from 'fast-check'
import { redact } from '../../../runtime/observability/recording/redact.ts'
import { readRecording } from '../../../runtime/simulator/replay/recording.ts'

const secret = 'MARKED words'
const text = { redacted: 'text', chars: secret.length }
const audio = Buffer.alloc(480).toString('base64')
const ids = { event_id: 'event_1', item_id: 'item_1', output_index: 0 }

const rows: [what: string, event: object, kept: object, keptWithWords?: object][] = [
  [
    "a delta's words, not its ids",
    { type: 'response.output_text.delta', ...ids, delta: secret },
    { ...ids, delta: text },
    { ...ids, delta: secret },
  ],
  [
    'instructions',
    { type: 'session.update', session: { instructions: secret } },
    { session: { instructions: text } },
  ],
  [
    'what the system says',
    {
      type: 'conversation.item.create',
      item: { role: 'system', content: [{ type: 'input_text', text: secret }] },
    },
    { item: { role: 'system', content: [{ type: 'input_text', text }] } },
  ],
  [
    "a user's item",
    {
      type: 'conversation.item.create',
      item: { role: 'user', content: [{ type: 'input_text', text: secret }] },
    },
    { item: { role: 'user', content: [{ type: 'input_text', text }] } },
    { item: { role: 'user', content: [{ type: 'input_text', text: secret }] } },
  ],
  [
    "the client's audio",
    { type: 'input_audio_buffer.append', audio },
    { audio: { redacted: 'audio', bytes: 480 } },
  ],
  [
    "the model's audio, in both dialects",
    { type: 'response.audio.delta', ...ids, delta: audio },
    { ...ids, delta: { redacted: 'audio', bytes: 480 } },
  ],
  [
    'audio deep in an item',
    { type: 'conversation.item.retrieved', item: { content: [{ type: 'input_audio', audio }] } },
    { item: { content: [{ type: 'input_audio', audio: { redacted: 'audio', bytes: 480 } }] } },
  ],
  [
    'arguments',
    {
      type: 'response.function_call_arguments.done',
      call_id: 'call_1',
      name: 'get_weather',
      arguments: secret,
    },
    { call_id: 'call_1', name: 'get_weather', arguments: { redacted: 'json', chars: secret.length } },
    { call_id: 'call_1', name: 'get_weather', arguments: secret },
  ],
  [
    'metadata and the shapes of tools, names of members included',
    {
      type: 'response.create',
      response: { metadata: { [secret]: 1 }, tools: [{ name: 'a', parameters: { b: 1 } }] },
    },
    {
      response: {
        metadata: { redacted: 'fields' },
        tools: [{ name: 'a', parameters: { redacted: 'fields' } }],
      },
    },
  ],
  [
    'a credential of an MCP server',
    {
      type: 'session.update',
      session: { tools: [{ type: 'mcp', authorization: secret, headers: { a: secret } }] },
    },
    { session: { tools: [{ type: 'mcp', authorization: text, headers: { redacted: 'fields' } }] } },
  ],
  [
    "an error's message",
    { type: 'error', error: { code: 'c', message: secret } },
    { error: { code: 'c', message: text } },
  ],
  ['an id that is no id', { type: 'response.cancel', response_id: secret }, { response_id: text }],
  [
    'a field that nobody knows',
    { type: 'new.event', novelty: [secret, 1, true, null] },
    { novelty: [text, 1, true, null] },
  ],
  ['a name that is no name', { type: 'new.event', [secret]: 1 }, {}],
  [
    'the bytes of words, which log probabilities of a transcript carry',
    {
      type: 'conversation.item.input_audio_transcription.delta',
      ...ids,
      delta: secret,
      logprobs: [{ token: secret, logprob: -0.5, bytes: [...Buffer.from(secret)] }],
    },
    { ...ids, delta: text, logprobs: [{ token: text, logprob: -0.5, bytes: { redacted: 'fields' } }] },
    { ...ids, delta: secret, logprobs: [{ token: text, logprob: -0.5, bytes: { redacted: 'fields' } }] },
  ],
]

for (const [what, event, kept, keptWithWords = kept] of rows) {
  test(`redaction of ${what}`, t => {
    const { type } = event as { type: string }
    const frame = JSON.stringify(event)
    t.deepEqual(redact(frame, false, false), { type, ...kept })
    t.deepEqual(redact(Buffer.from(frame), false, true), { type, ...keptWithWords })
  })
}

const usage = { total_tokens: 40, input_token_details: { audio_tokens: 3 } }
test('usage, status and limits stay', t => {
  const done = {
    type: 'response.done',
    response: { id: 'resp_1', status: 'completed', usage, voice: 'alloy' },
  }
  t.deepEqual(redact(JSON.stringify(done), false, false), done)
})

test('frames that are no events are recorded by their size alone', t => {
  const frames: [string | Buffer, boolean][] = [
    [Buffer.from(secret), true],
    [secret, false],
    ['[1]', false],
    [`{"type":"response.output_text.delta","delta":"${secret}`, false],
    [`{"type":"${secret}"}`, false],
    ['{"type":"sk-a-secret-key"}', false],
  ]
  for (const [frame, isBinary] of frames)
    t.deepEqual(redact(frame, isBinary, true), {
      type: '',
      frame: { redacted: 'frame', bytes: frame.length },
    })
})

test('audio with escapes, with a second field of its name, and beyond any size is left out too', t => {
  const escaped = '{"type":"input_audio_buffer.append","audio":"AAAA\\/MARKED"}'
  const twice = `{"type":"input_audio_buffer.append","audio":"AAAA","audio":"MARKED"}`
  const huge = JSON.stringify({ type: 'input_audio_buffer.append', audio: 'MARK'.repeat(1_000_000) })
  for (const frame of [escaped, twice, huge]) {
    t.notRegex(JSON.stringify(redact(frame, false, true)), /MARK/)
    t.is(redact(frame, false, true).type, 'input_audio_buffer.append')
  }
  t.deepEqual(redact(huge, false, false).audio, { redacted: 'audio', bytes: 3_000_000 })
})

test('a large event without audio, and one that is nested without end, keep their type alone', t => {
  const large = JSON.stringify({ type: 'response.huge', padding: 'x'.repeat(300_000) })
  t.deepEqual(redact(large, false, true), {
    type: 'response.huge',
    frame: { redacted: 'frame', bytes: large.length },
  })
  const deep = `{"type":"new.event","a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`
  t.is(redact(deep, false, true).type, 'new.event')
})

test('no text of any event is kept but ids and enumerations', t => {
  const marked = fc.string({ minLength: 1 }).map(words => `MARKED ${words}`)
  const value = fc.letrec(tie => ({
    any: fc.oneof(marked, fc.integer(), fc.boolean(), tie('list'), tie('fields')),
    list: fc.array(tie('any'), { maxLength: 4 }),
    fields: fc.dictionary(
      fc.constantFrom('id', 'name', 'text', 'metadata', 'role', 'audio', 'a'),
      tie('any'),
    ),
  })).fields
  const keepsNoWords = fc.property(value, fields => {
    const frame = JSON.stringify({ ...(fields as object), type: 'new.event' })
    return !JSON.stringify(redact(frame, false, false)).includes('MARKED')
  })
  t.notThrows(() => fc.assert(keepsNoWords))
})

test('a replay fills up what was redacted with silence, dots and empty arguments', t => {
  const events = rows.map(([, event]) => redact(JSON.stringify(event), false, false))
  const lines = events.map(event => JSON.stringify({ at_ms: 0, from: 'upstream', event }))
  const played = readRecording(lines.join('\n'), true).lines.map(line => JSON.parse(line.text()))
  t.is(played[0].delta, '·'.repeat(secret.length))
  t.is(played[4].audio, audio)
  t.is(played[7].arguments, '{}')
  t.deepEqual(played[8].response.metadata, {})
  t.deepEqual(
    played.map(({ type }) => type),
    events.map(({ type }) => type),
  )
})
