/** Every server event of the preview as a strict schema, held at type level against the `openai` package's beta types. */
import type { RealtimeServerEvent } from 'openai/resources/beta/realtime/realtime'
import { z } from 'zod'
import { error, id, statusDetails, usage } from './ga-shapes.ts'

const text = z.string()
const eventId = id('event')
const itemId = z.string().min(1).max(64)
const previous = itemId.nullable()
const audioFormat = z.enum(['pcm16', 'g711_ulaw', 'g711_alaw'])
const limit = z.union([z.int(), z.literal('inf')])
const modalities = z.union([z.tuple([z.literal('text')]), z.tuple([z.literal('audio'), z.literal('text')])])

const heardFields = {
  turn_detection: z.looseObject({ type: z.enum(['server_vad', 'semantic_vad']) }).nullable(),
  input_audio_format: audioFormat,
  input_audio_transcription: z.looseObject({ model: text }).nullable(),
  input_audio_noise_reduction: z.looseObject({ type: text }).nullable(),
}

const session = z.strictObject({
  id: id('sess'),
  object: z.literal('realtime.session'),
  model: text,
  expires_at: z.int(),
  modalities,
  instructions: text,
  voice: text,
  ...heardFields,
  output_audio_format: audioFormat,
  tools: z.array(z.looseObject({ type: z.literal('function') })),
  tool_choice: text,
  temperature: z.number(),
  max_response_output_tokens: limit,
  speed: z.number(),
})

const transcriptionSession = z.strictObject({
  id: id('sess'),
  object: z.literal('realtime.transcription_session'),
  expires_at: z.int(),
  ...heardFields,
  include: z.array(text).nullable(),
})

const content = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('input_text'), text }),
  z.strictObject({
    type: z.literal('input_audio'),
    transcript: text.nullable(),
    audio: z.base64().optional(),
  }),
  z.strictObject({ type: z.literal('text'), text }),
  z.strictObject({ type: z.literal('audio'), transcript: text.optional(), audio: z.base64().optional() }),
])

const item = z.strictObject({
  id: itemId,
  object: z.literal('realtime.item'),
  type: z.enum(['message', 'function_call', 'function_call_output']),
  status: z.enum(['in_progress', 'completed', 'incomplete']).optional(),
  role: z.enum(['system', 'user', 'assistant']).optional(),
  content: z.array(content).optional(),
  name: text.optional(),
  call_id: text.optional(),
  arguments: text.optional(),
  output: text.optional(),
})

const response = z.strictObject({
  object: z.literal('realtime.response'),
  id: id('resp'),
  status: text,
  status_details: statusDetails.nullable(),
  output: z.array(item),
  conversation_id: id('conv').nullable(),
  modalities,
  voice: text,
  output_audio_format: audioFormat,
  temperature: z.number(),
  max_output_tokens: limit,
  usage: usage.nullable(),
  metadata: z.record(text, text).nullable(),
})

const part = z.union([
  z.strictObject({ type: z.literal('text'), text }),
  z.strictObject({ type: z.literal('audio'), transcript: text }),
])
const output = { response_id: id('resp'), item_id: itemId, output_index: z.int() }
const place = { ...output, content_index: z.int() }
const heard = { item_id: itemId, content_index: z.literal(0) }

function event<T extends string, S extends z.core.$ZodLooseShape>(type: T, shape: S) {
  return z.strictObject({ type: z.literal(type), event_id: eventId, ...shape })
}

export const previewEvents = {
  'session.created': event('session.created', { session }),
  'session.updated': event('session.updated', { session }),
  'transcription_session.created': event('transcription_session.created', { session: transcriptionSession }),
  'transcription_session.updated': event('transcription_session.updated', { session: transcriptionSession }),
  error: event('error', { error }),
  'conversation.item.created': event('conversation.item.created', { previous_item_id: previous, item }),
  'conversation.item.retrieved': event('conversation.item.retrieved', { item }),
  'conversation.item.deleted': event('conversation.item.deleted', { item_id: itemId }),
  'conversation.item.truncated': event('conversation.item.truncated', { ...heard, audio_end_ms: z.int() }),
  'conversation.item.input_audio_transcription.delta': event(
    'conversation.item.input_audio_transcription.delta',
    {
      ...heard,
      delta: text,
    },
  ),
  'conversation.item.input_audio_transcription.completed': event(
    'conversation.item.input_audio_transcription.completed',
    { ...heard, transcript: text, usage: z.looseObject({ type: text }) },
  ),
  'conversation.item.input_audio_transcription.failed': event(
    'conversation.item.input_audio_transcription.failed',
    {
      ...heard,
      error: z.strictObject({ type: text, code: text, message: text, param: z.null() }),
    },
  ),
  'input_audio_buffer.committed': event('input_audio_buffer.committed', {
    previous_item_id: previous,
    item_id: itemId,
  }),
  'input_audio_buffer.cleared': event('input_audio_buffer.cleared', {}),
  'input_audio_buffer.speech_started': event('input_audio_buffer.speech_started', {
    audio_start_ms: z.int(),
    item_id: itemId,
  }),
  'input_audio_buffer.speech_stopped': event('input_audio_buffer.speech_stopped', {
    audio_end_ms: z.int(),
    item_id: itemId,
  }),
  'output_audio_buffer.started': event('output_audio_buffer.started', { response_id: id('resp') }),
  'output_audio_buffer.stopped': event('output_audio_buffer.stopped', { response_id: id('resp') }),
  'output_audio_buffer.cleared': event('output_audio_buffer.cleared', { response_id: id('resp') }),
  'response.created': event('response.created', { response }),
  'response.done': event('response.done', { response }),
  'response.output_item.added': event('response.output_item.added', {
    response_id: id('resp'),
    output_index: z.int(),
    item,
  }),
  'response.output_item.done': event('response.output_item.done', {
    response_id: id('resp'),
    output_index: z.int(),
    item,
  }),
  'response.content_part.added': event('response.content_part.added', { ...place, part }),
  'response.content_part.done': event('response.content_part.done', { ...place, part }),
  'response.text.delta': event('response.text.delta', { ...place, delta: text }),
  'response.text.done': event('response.text.done', { ...place, text }),
  'response.audio.delta': event('response.audio.delta', { ...place, delta: z.base64() }),
  'response.audio.done': event('response.audio.done', place),
  'response.audio_transcript.delta': event('response.audio_transcript.delta', { ...place, delta: text }),
  'response.audio_transcript.done': event('response.audio_transcript.done', { ...place, transcript: text }),
  'response.function_call_arguments.delta': event('response.function_call_arguments.delta', {
    ...output,
    call_id: id('call', 16),
    delta: text,
  }),
  'response.function_call_arguments.done': event('response.function_call_arguments.done', {
    ...output,
    call_id: id('call', 16),
    arguments: text,
  }),
}

/** Azure's preview was not seen to send these. */
type Unsaid = 'rate_limits.updated' | 'conversation.created'
/** Said to a transcription client at the begin; the package types only its update. */
type Untyped = 'transcription_session.created'

type Emitted = keyof typeof previewEvents
type Listed<T> = Extract<RealtimeServerEvent, { type: T }>
type Required<E> = { [K in keyof E]-?: undefined extends E[K] ? never : K }[keyof E]
type Keys<T extends Emitted> = keyof z.infer<(typeof previewEvents)[T]>
type Odd<T extends Exclude<Emitted, Untyped>> =
  | Exclude<Keys<T>, keyof Listed<T>>
  | Exclude<Required<Listed<T>>, Keys<T>>

type Empty<T extends never> = T
/** Does not compile when an event or a field is missing or made up. */
export type NoneForgotten = Empty<Exclude<RealtimeServerEvent['type'], Emitted | Unsaid>>
export type NoneInvented = Empty<Exclude<Emitted, RealtimeServerEvent['type'] | Untyped>>
export type NoFieldOdd = Empty<{ [T in Exclude<Emitted, Untyped>]: Odd<T> }[Exclude<Emitted, Untyped>]>
