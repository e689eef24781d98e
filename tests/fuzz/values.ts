/** Arbitrary values that know the shapes they break: events of the API, JSON, text and bytes. */
import fc from 'fast-check'

/** Bytes as a string of code points below 256, which JSON keeps. */
export const bytes = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map(all => Buffer.from(all).toString('latin1'))

const names = [
  ...['type', 'role', 'content', 'text', 'audio', 'id', 'name', 'output', 'call_id', 'arguments', 'input'],
  ...[
    'format',
    'tools',
    'event_id',
    'item_id',
    'response_id',
    'delta',
    'transcript',
    'instructions',
    'voice',
  ],
  ...['turn_detection', 'model', 'modalities', 'output_modalities', 'usage', 'error', 'code', 'message'],
  ...['__proto__', 'constructor', 'toString', 'length', 'session', 'response', 'item', 'resume', 'sdp', ''],
]

const word = fc.oneof(
  fc.constantFrom(
    ...['message', 'user', 'assistant', 'system', 'realtime', 'transcription', 'input_text', 'text', 'auto'],
    ...['none', 'root', 'AAAA', 'server_vad', 'semantic_vad', 'audio/pcm', 'function_call', 'gpt-realtime'],
    ...['heartbeat', 'audio', 'interrupt', 'stop', 'completed', 'cancelled', 'failed', 'in_progress'],
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
)
const scalar = fc.oneof(
  { weight: 4, arbitrary: word },
  fc.constantFrom<unknown>(null, true, false, 0, -1, 1.5, 1e308, 2 ** 53, -0, ''),
)
const { value } = fc.letrec<{ value: unknown }>(tie => ({
  value: fc.oneof(
    { weight: 5, arbitrary: scalar },
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...names), tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
}))
const object = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 6, noNullPrototype: true })

const clientTypes = [
  ...['session.update', 'input_audio_buffer.append', 'input_audio_buffer.commit', 'input_audio_buffer.clear'],
  ...['conversation.item.create', 'conversation.item.retrieve', 'conversation.item.delete'],
  ...['conversation.item.truncate', 'response.create', 'response.cancel', 'output_audio_buffer.clear'],
  ...['heartbeat', 'audio', 'audio.start', 'interrupt', 'no.such.event', ''],
]
const upstreamTypes = [
  ...['session.created', 'session.updated', 'conversation.item.created', 'conversation.item.added'],
  ...['conversation.item.done', 'conversation.item.deleted', 'conversation.item.truncated', 'error'],
  ...['response.created', 'response.done', 'response.completed', 'response.output_item.added'],
  ...['response.output_item.done', 'response.output_text.delta', 'response.output_text.done'],
  ...['response.text.delta', 'response.output_audio.delta', 'response.output_audio_transcript.delta'],
  ...[
    'response.output_audio_transcript.done',
    'response.function_call_arguments.done',
    'rate_limits.updated',
  ],
  ...['input_audio_buffer.speech_started', 'input_audio_buffer.committed', 'session.usage.updated'],
  ...['conversation.item.input_audio_transcription.completed', 'no.such.event', ''],
]

/** An object with a type of the API and fields that may be anything. */
const eventOf = (types: readonly string[]) =>
  fc
    .tuple(fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...types) }, value), object, object, object)
    .map(([type, fields, session, item]) => ({
      type,
      ...fields,
      ...(fields.type === undefined && { type }),
      session,
      item,
      response: item,
    }))

/** JSON text that is whole, or damaged in one place, or of a kind that parsers find hard. */
const textOf = (json: fc.Arbitrary<unknown>) => {
  const whole = json.map(each => JSON.stringify(each) ?? 'null')
  const damaged = fc
    .tuple(whole, fc.nat(), fc.string({ unit: 'binary', maxLength: 3 }), fc.nat({ max: 4 }))
    .map(([text, at, added, removed]) => {
      const place = at % (text.length + 1)
      return text.slice(0, place) + added + text.slice(place + removed)
    })
  const hard = fc
    .tuple(
      fc.constantFrom('[', '{"a":', '{"type":', '"', '\\u00', ' ', '{"type":"a",'),
      fc.nat({ max: 5000 }),
    )
    .map(([part, times]) => part.repeat(times))
  return fc.oneof({ weight: 6, arbitrary: whole }, { weight: 3, arbitrary: damaged }, hard)
}

/** What a client may send as text: words, events, and `/chat`'s own messages. */
export const clientText = fc.oneof(
  { weight: 5, arbitrary: textOf(eventOf(clientTypes)) },
  { weight: 2, arbitrary: textOf(fc.record({ text: value })) },
  { weight: 1, arbitrary: textOf(value) },
  fc.string({ unit: 'grapheme', maxLength: 40 }),
)

/** What an upstream may send as text. */
export const upstreamText = fc.oneof(
  { weight: 6, arbitrary: textOf(eventOf(upstreamTypes)) },
  textOf(value),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
)

/** A body of a request for JSON. */
export const jsonBody = textOf(fc.oneof({ weight: 3, arbitrary: object }, value))

/** Close codes, legal ones and others. */
export const closeCode = fc.oneof(
  fc.constantFrom(
    1000,
    1001,
    1002,
    1005,
    1006,
    1009,
    1011,
    1012,
    1015,
    3000,
    4000,
    4999,
    0,
    999,
    5000,
    65_535,
  ),
  fc.nat({ max: 65_535 }),
)

/** A stored conversation, near enough to its own form that every part of it is read. */
const storedItem = fc.record(
  {
    id: scalar,
    kind: fc.constantFrom<unknown>('message', 'function_call', 'function_call_output', 'other', 1),
    role: fc.constantFrom<unknown>('user', 'assistant', 'system', '', null),
    text: scalar,
    name: scalar,
    callId: scalar,
    done: fc.constantFrom<unknown>(true, false, 'yes'),
  },
  { requiredKeys: ['kind', 'role', 'text', 'done'], noNullPrototype: true },
)
export const storedText = textOf(
  fc.record(
    {
      items: fc.oneof({ weight: 4, arbitrary: fc.array(storedItem, { maxLength: 4 }) }, value),
      settings: fc.oneof(object, value),
      settingsKept: scalar,
      owed: scalar,
    },
    { requiredKeys: ['items'], noNullPrototype: true },
  ),
)
