/** The objects inside GA server events, as strict schemas: a field too many or too few fails. */
import { z } from 'zod'
import { item } from './item-shapes.ts'

export const id = (kind: string, length = 21) =>
  z.string().regex(new RegExp(`^${kind}_[A-Za-z0-9]{${length}}$`))

/** Of a session; OpenAI marks those of calls. */
const sessionId = z.string().regex(/^sess_(u0_)?[A-Za-z0-9]{21}$/)

export const format = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('audio/pcm'), rate: z.literal(24_000) }),
  z.strictObject({ type: z.literal('audio/pcmu') }),
  z.strictObject({ type: z.literal('audio/pcma') }),
])

export const turnDetection = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('server_vad'),
    threshold: z.number(),
    prefix_padding_ms: z.int(),
    silence_duration_ms: z.int(),
    idle_timeout_ms: z.int().nullable(),
    create_response: z.boolean(),
    interrupt_response: z.boolean(),
  }),
  z.strictObject({
    type: z.literal('semantic_vad'),
    eagerness: z.enum(['low', 'medium', 'high', 'auto']),
    create_response: z.boolean(),
    interrupt_response: z.boolean(),
  }),
])

const input = z.strictObject({
  format,
  transcription: z
    .strictObject({ model: z.string(), language: z.string().nullable(), prompt: z.string().nullable() })
    .nullable(),
  noise_reduction: z.strictObject({ type: z.enum(['near_field', 'far_field']) }).nullable(),
  turn_detection: turnDetection.nullable(),
})

const voice = z.union([z.string(), z.strictObject({ id: z.string() })])
const include = z.array(z.string()).nullable()
const limit = z.union([z.int(), z.literal('inf')])
const modalities = z.tuple([z.enum(['text', 'audio'])])

export const realtimeSession = z.strictObject({
  type: z.literal('realtime'),
  object: z.literal('realtime.session'),
  id: sessionId,
  model: z.string(),
  output_modalities: modalities,
  instructions: z.string(),
  tools: z.array(z.looseObject({ type: z.enum(['function', 'mcp']) })),
  tool_choice: z.union([z.string(), z.looseObject({ type: z.string() })]),
  max_output_tokens: limit,
  tracing: z.unknown(),
  truncation: z.unknown(),
  prompt: z.unknown(),
  reasoning: z.strictObject({ effort: z.string() }).optional(),
  parallel_tool_calls: z.boolean().optional(),
  expires_at: z.int(),
  audio: z.strictObject({ input, output: z.strictObject({ format, voice, speed: z.number() }) }),
  include,
})

export const transcriptionSession = z.strictObject({
  type: z.literal('transcription'),
  object: z.literal('realtime.transcription_session'),
  id: sessionId,
  expires_at: z.int(),
  audio: z.strictObject({ input }),
  include,
})

const modalityTokens = { text_tokens: z.int(), audio_tokens: z.int(), image_tokens: z.int() }

export const usage = z.strictObject({
  total_tokens: z.int(),
  input_tokens: z.int(),
  output_tokens: z.int(),
  input_token_details: z.strictObject({
    ...modalityTokens,
    cached_tokens: z.int(),
    cached_tokens_details: z.strictObject(modalityTokens),
  }),
  output_token_details: z.strictObject({ text_tokens: z.int(), audio_tokens: z.int() }),
})

export const statusDetails = z.strictObject({
  type: z.enum(['completed', 'cancelled', 'incomplete', 'failed']),
  reason: z.enum(['turn_detected', 'client_cancelled', 'max_output_tokens', 'content_filter']).optional(),
  error: z.strictObject({ type: z.string(), code: z.string() }).optional(),
})

export const response = z.strictObject({
  object: z.literal('realtime.response'),
  id: id('resp'),
  status: z.enum(['in_progress', 'completed', 'cancelled', 'incomplete', 'failed']),
  status_details: statusDetails.nullable(),
  output: z.array(item),
  conversation_id: id('conv').nullable(),
  output_modalities: modalities,
  max_output_tokens: limit,
  audio: z.strictObject({ output: z.strictObject({ format, voice }) }),
  usage: usage.nullable(),
  metadata: z.record(z.string(), z.string()).nullable(),
})

export const error = z.strictObject({
  type: z.string(),
  code: z.string().nullable(),
  message: z.string(),
  param: z.string().nullable(),
  event_id: z.string().nullable(),
})

export const rateLimit = z.strictObject({
  name: z.enum(['requests', 'tokens']),
  limit: z.int(),
  remaining: z.int(),
  reset_seconds: z.number(),
})

export const transcriptionUsage = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('duration'), seconds: z.int() }),
  z.strictObject({
    type: z.literal('tokens'),
    total_tokens: z.int(),
    input_tokens: z.int(),
    input_token_details: z.strictObject({ text_tokens: z.int(), audio_tokens: z.int() }),
    output_tokens: z.int(),
  }),
])
