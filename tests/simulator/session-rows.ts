/** A table of `session.update` events that are right or wrong, and how the wrong ones are refused. */

import { detection, type Row, session, tool } from './client-event-rows.ts'
import { update } from './events.ts'

const missing = 'missing_required_parameter'

export const sessionRows: Row[] = [
  { event: {}, error: `${missing}:type` },
  { event: { type: 7 }, error: 'invalid_type:type' },
  { event: { type: 'response.start' }, error: 'invalid_value:type' },
  { event: { type: 'toString' }, error: 'invalid_value:type' },

  { event: session({ type: 'realtime' }), error: null, answer: 'session.updated' },
  { event: { type: 'session.update' }, error: `${missing}:session` },
  { event: session({}), error: `${missing}:session.type` },
  { event: session({ modalities: ['text'] }), error: `${missing}:session.type` },
  { event: session({ type: 'chat' }), error: 'invalid_value:session.type' },
  { event: session({ type: 'transcription' }), error: 'null:null' },
  { event: { type: 'session.update', session: 'realtime' }, error: 'invalid_type:session' },
  { event: update({ modalities: ['text'] }), error: 'unknown_parameter:session.modalities' },
  { event: update({ temperature: 0.8 }), error: 'unknown_parameter:session.temperature' },
  { event: update({ instructions: 7 }), error: 'invalid_type:session.instructions' },
  {
    event: update({ output_modalities: ['audio', 'text'] }),
    error: 'invalid_value:session.output_modalities',
  },
  { event: update({ output_modalities: ['video'] }), error: 'invalid_value:session.output_modalities[0]' },
  { event: update({ max_output_tokens: 0 }), error: 'integer_below_min_value:session.max_output_tokens' },
  { event: update({ max_output_tokens: 4097 }), error: 'integer_above_max_value:session.max_output_tokens' },
  { event: update({ max_output_tokens: 'all' }), error: 'invalid_value:session.max_output_tokens' },
  { event: update({ max_output_tokens: 'inf' }), error: null, answer: 'session.updated' },
  {
    event: update({ audio: { output: { voice: 'bob' } } }),
    error: 'invalid_value:session.audio.output.voice',
  },
  {
    event: update({ audio: { output: { speed: 3 } } }),
    error: 'decimal_above_max_value:session.audio.output.speed',
  },
  {
    event: update({ audio: { input: { format: { type: 'pcm16' } } } }),
    error: 'invalid_value:session.audio.input.format.type',
  },
  {
    event: update({ audio: { input: { format: { type: 'audio/pcm', rate: 16000 } } } }),
    error: 'invalid_value:session.audio.input.format.rate',
  },
  {
    event: update({ audio: { input: { transcription: { model: 'dictaphone' } } } }),
    error: 'invalid_value:session.audio.input.transcription.model',
  },
  {
    event: update({ audio: { input: { noise_reduction: { type: 'none' } } } }),
    error: 'invalid_value:session.audio.input.noise_reduction.type',
  },
  { event: detection({}), error: `${missing}:session.audio.input.turn_detection.type` },
  { event: detection({ type: 'none' }), error: 'invalid_value:session.audio.input.turn_detection.type' },
  {
    event: detection({ type: 'server_vad', threshold: 2 }),
    error: 'decimal_above_max_value:session.audio.input.turn_detection.threshold',
  },
  {
    event: detection({ type: 'server_vad', eagerness: 'low' }),
    error: 'unknown_parameter:session.audio.input.turn_detection.eagerness',
  },
  {
    event: detection({ type: 'server_vad', idle_timeout_ms: 100 }),
    error: 'integer_below_min_value:session.audio.input.turn_detection.idle_timeout_ms',
  },
  {
    event: detection({ type: 'semantic_vad', eagerness: 'keen' }),
    error: 'invalid_value:session.audio.input.turn_detection.eagerness',
  },
  { event: tool({ type: 'function' }), error: `${missing}:session.tools[0].name` },
  {
    event: tool({ type: 'function', name: 'f', strict: true }),
    error: 'unknown_parameter:session.tools[0].strict',
  },
  { event: tool({ type: 'plugin' }), error: 'invalid_value:session.tools[0].type' },
  { event: update({ tool_choice: 'maybe' }), error: 'invalid_value:session.tool_choice' },
  { event: update({ tool_choice: { type: 'function' } }), error: `${missing}:session.tool_choice.name` },
  {
    event: update({ truncation: { type: 'retention_ratio' } }),
    error: `${missing}:session.truncation.retention_ratio`,
  },
  { event: update({ tracing: 'off' }), error: 'invalid_value:session.tracing' },
  { event: { ...update({}), colour: 'red' }, error: 'unknown_parameter:colour' },
  { event: { ...update({}), event_id: 'x'.repeat(513) }, error: 'string_above_max_length:event_id' },
]
