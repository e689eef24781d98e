/** Every GA server event as a strict schema, held at type level against the types of the `openai` package. */
import type { RealtimeServerEvent } from 'openai/resources/realtime/realtime'
import { z } from 'zod'
import {
  error,
  id,
  rateLimit,
  realtimeSession,
  response,
  transcriptionSession,
  transcriptionUsage,
} from './ga-shapes.ts'
import { item } from './item-shapes.ts'

const text = z.string()
const eventId = id('event')
const itemId = z.string().min(1).max(64)
const previous = itemId.nullable()
const session = z.union([realtimeSession, transcriptionSession])
const part = z.union([
  z.strictObject({ type: z.literal('text'), text }),
  z.strictObject({ type: z.literal('audio'), transcript: text }),
])
const obfuscation = z.string().min(1)
const output = { response_id: id('resp'), item_id: itemId, output_index: z.int() }
const place = { ...output, content_index: z.int() }
const heard = { item_id: itemId, content_index: z.literal(0) }
const logprobs = z.array(z.unknown()).optional()

function event<T extends string, S extends z.core.$ZodLooseShape>(type: T, shape: S) {
  return z.strictObject({ type: z.literal(type), event_id: eventId, ...shape })
}

/** Its ids have a form of their own. */
function playout<T extends string>(type: T) {
  const own = z.string().regex(/^event_[0-9a-f]{16}$/)
  return z.strictObject({ type: z.literal(type), event_id: own, response_id: id('resp') })
}

export const gaEvents = {
  'session.created': event('session.created', { session }),
  'session.updated': event('session.updated', { session }),
  error: event('error', { error }),
  'conversation.item.added': event('conversation.item.added', { previous_item_id: previous, item }),
  'conversation.item.done': event('conversation.item.done', { previous_item_id: previous, item }),
  'conversation.item.retrieved': event('conversation.item.retrieved', { item }),
  'conversation.item.deleted': event('conversation.item.deleted', { item_id: itemId }),
  'conversation.item.truncated': event('conversation.item.truncated', { ...heard, audio_end_ms: z.int() }),
  'conversation.item.input_audio_transcription.delta': event(
    'conversation.item.input_audio_transcription.delta',
    {
      ...heard,
      delta: text,
      logprobs,
      obfuscation,
    },
  ),
  'conversation.item.input_audio_transcription.completed': event(
    'conversation.item.input_audio_transcription.completed',
    { ...heard, transcript: text, logprobs, usage: transcriptionUsage },
  ),
  'conversation.item.input_audio_transcription.failed': event(
    'conversation.item.input_audio_transcription.failed',
    {
      ...heard,
      error: z.strictObject({ type: text, code: text, message: text, param: z.null() }),
    },
  ),
  'conversation.item.input_audio_transcription.segment': event(
    'conversation.item.input_audio_transcription.segment',
    { ...heard, id: text, text, speaker: text, start: z.number(), end: z.number() },
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
  'input_audio_buffer.timeout_triggered': event('input_audio_buffer.timeout_triggered', {
    audio_start_ms: z.int(),
    audio_end_ms: z.int(),
    item_id: itemId,
  }),
  'output_audio_buffer.started': playout('output_audio_buffer.started'),
  'output_audio_buffer.stopped': playout('output_audio_buffer.stopped'),
  'output_audio_buffer.cleared': playout('output_audio_buffer.cleared'),
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
  // Azure repeats the part as `content`.
  'response.content_part.added': event('response.content_part.added', {
    ...place,
    part,
    content: part.optional(),
  }),
  'response.content_part.done': event('response.content_part.done', {
    ...place,
    part,
    content: part.optional(),
  }),
  'response.output_text.delta': event('response.output_text.delta', { ...place, delta: text, obfuscation }),
  'response.output_text.done': event('response.output_text.done', { ...place, text }),
  'response.output_audio.delta': event('response.output_audio.delta', { ...place, delta: z.base64() }),
  'response.output_audio.done': event('response.output_audio.done', place),
  'response.output_audio_transcript.delta': event('response.output_audio_transcript.delta', {
    ...place,
    delta: text,
    obfuscation,
  }),
  'response.output_audio_transcript.done': event('response.output_audio_transcript.done', {
    ...place,
    transcript: text,
  }),
  'response.function_call_arguments.delta': event('response.function_call_arguments.delta', {
    ...output,
    call_id: id('call', 16),
    delta: text,
    obfuscation,
  }),
  'response.function_call_arguments.done': event('response.function_call_arguments.done', {
    ...output,
    call_id: id('call', 16),
    name: text,
    arguments: text,
  }),
  'response.mcp_call_arguments.delta': event('response.mcp_call_arguments.delta', {
    ...output,
    delta: text,
    obfuscation,
  }),
  'response.mcp_call_arguments.done': event('response.mcp_call_arguments.done', {
    ...output,
    arguments: text,
  }),
  'response.mcp_call.in_progress': event('response.mcp_call.in_progress', {
    item_id: itemId,
    output_index: z.int(),
  }),
  'response.mcp_call.completed': event('response.mcp_call.completed', {
    item_id: itemId,
    output_index: z.int(),
  }),
  'response.mcp_call.failed': event('response.mcp_call.failed', { item_id: itemId, output_index: z.int() }),
  'mcp_list_tools.in_progress': event('mcp_list_tools.in_progress', { item_id: itemId }),
  'mcp_list_tools.completed': event('mcp_list_tools.completed', { item_id: itemId }),
  'mcp_list_tools.failed': event('mcp_list_tools.failed', { item_id: itemId }),
  'rate_limits.updated': event('rate_limits.updated', { rate_limits: z.array(rateLimit) }),
}

/** In the package's types and never on the GA wire, or on telephone calls alone. */
type Unsaid = 'conversation.created' | 'conversation.item.created' | 'input_audio_buffer.dtmf_event_received'

/** On the wire and not in the package's types. */
type Unlisted = 'obfuscation' | 'content'

type Emitted = keyof typeof gaEvents
type Listed<T> = Extract<RealtimeServerEvent, { type: T }>
type Required<E> = { [K in keyof E]-?: undefined extends E[K] ? never : K }[keyof E]
type Keys<T extends Emitted> = keyof z.infer<(typeof gaEvents)[T]>

/** Fields of ours that the package does not know, or of the package that we lack. */
type Odd<T extends Emitted> =
  | Exclude<Keys<T>, keyof Listed<T> | Unlisted>
  | Exclude<Required<Listed<T>>, Keys<T>>

type Empty<T extends never> = T
/** Does not compile when an event or a field is missing or made up. */
export type NoneForgotten = Empty<Exclude<RealtimeServerEvent['type'], Emitted | Unsaid>>
export type NoneInvented = Empty<Exclude<Emitted, RealtimeServerEvent['type']>>
export type NoFieldOdd = Empty<{ [T in Emitted]: Odd<T> }[Emitted]>
