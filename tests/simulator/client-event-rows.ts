/** Tables of client events that are right or wrong, and how the wrong ones are refused. */
import { silence, update, userText } from './events.ts'

export const audio = silence(100).toString('base64')

/** Every client event: what is valid, what each fault is answered with. `code:param` or null for no error. */
export interface Row {
  event: object
  error: string | null
  /** What the valid event is answered with. */
  answer?: string
}

export const user = (...content: object[]) => ({ type: 'message', role: 'user', content })
export const create = (item: object, more: object = {}) => ({
  type: 'conversation.item.create',
  item,
  ...more,
})
export const session = (fields: object) => ({ type: 'session.update', session: fields })
export const truncate = (fields: object) => ({ type: 'conversation.item.truncate', ...fields })
export const response = (fields: object) => ({ type: 'response.create', response: fields })
export const detection = (fields: unknown) => update({ audio: { input: { turn_detection: fields } } })
export const tool = (fields: object) => update({ tools: [fields] })
export const longId = 'x'.repeat(33)
export const many = Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, 'v']))

const missing = 'missing_required_parameter'

export const eventRows: Row[] = [
  { event: { type: 'input_audio_buffer.append' }, error: `${missing}:audio` },
  { event: { type: 'input_audio_buffer.append', audio: 7 }, error: 'invalid_type:audio' },
  { event: { type: 'input_audio_buffer.append', audio: '%%%' }, error: 'invalid_value:audio' },
  { event: { type: 'input_audio_buffer.append', audio, rate: 1 }, error: 'unknown_parameter:rate' },
  { event: { type: 'input_audio_buffer.append', audio }, error: null },
  { event: { type: 'input_audio_buffer.commit', item_id: 'a' }, error: 'unknown_parameter:item_id' },
  { event: { type: 'input_audio_buffer.commit' }, error: null, answer: 'input_audio_buffer.committed' },
  { event: { type: 'input_audio_buffer.commit' }, error: 'input_audio_buffer_commit_empty:null' },
  { event: { type: 'input_audio_buffer.clear' }, error: null, answer: 'input_audio_buffer.cleared' },
  { event: { type: 'input_audio_buffer.clear', now: true }, error: 'unknown_parameter:now' },
  { event: { type: 'output_audio_buffer.clear' }, error: 'invalid_value:type' },

  { event: userText('hi'), error: null, answer: 'conversation.item.added' },
  { event: { type: 'conversation.item.create' }, error: `${missing}:item` },
  { event: create({}), error: `${missing}:item.type` },
  { event: create({ type: 'note' }), error: 'invalid_value:item.type' },
  { event: create({ type: 'message' }), error: `${missing}:item.role` },
  { event: create({ type: 'message', role: 'robot', content: [] }), error: 'invalid_value:item.role' },
  { event: create({ type: 'message', role: 'user' }), error: `${missing}:item.content` },
  { event: create({ type: 'message', role: 'user', content: 'hi' }), error: 'invalid_type:item.content' },
  { event: create(user({ type: 'text', text: 'hi' })), error: 'invalid_value:item.content[0].type' },
  { event: create(user({ type: 'input_text' })), error: `${missing}:item.content[0].text` },
  { event: create(user({ type: 'input_audio', audio: '!' })), error: 'invalid_value:item.content[0].audio' },
  {
    event: create(user({ type: 'input_image', image_url: 'https://x' })),
    error: 'invalid_value:item.content[0].image_url',
  },
  {
    event: create(user({ type: 'input_image', image_url: 'data:image/png;base64,AA==' })),
    error: null,
    answer: 'conversation.item.added',
  },
  { event: create({ ...user(), id: longId }), error: 'string_above_max_length:item.id' },
  { event: create({ ...user(), object: 'thing' }), error: 'invalid_value:item.object' },
  {
    event: create(user({ type: 'input_text', text: 'a' }), { previous_item_id: 'gone' }),
    error: 'item_create_invalid_previous_item_id:previous_item_id',
  },
  {
    event: create({ type: 'message', role: 'assistant', content: [{ type: 'text', text: 'a' }] }),
    error: 'invalid_value:item.content[0].type',
  },
  {
    event: create({ type: 'message', role: 'system', content: [{ type: 'input_audio' }] }),
    error: 'invalid_value:item.content[0].type',
  },
  {
    event: create({ type: 'function_call', name: 'f', call_id: 'c1', arguments: '{}' }),
    error: null,
    answer: 'conversation.item.added',
  },
  { event: create({ type: 'function_call', name: 'f' }), error: `${missing}:item.arguments` },
  {
    event: create({ type: 'function_call_output', call_id: 'c1', output: 'ok' }),
    error: null,
    answer: 'conversation.item.added',
  },
  { event: create({ type: 'function_call_output', call_id: 'c1' }), error: `${missing}:item.output` },
  { event: create({ type: 'function_call_output', output: 'x' }), error: `${missing}:item.call_id` },
  {
    event: create({ type: 'function_call_output', call_id: 'c9', output: 'ok' }),
    error: 'invalid_tool_call_id:item.call_id',
  },
  {
    event: create({ type: 'mcp_approval_response', approval_request_id: 'r', approve: true }),
    error: 'invalid_approval_request_id:item.approval_request_id',
  },
  {
    event: create({ type: 'mcp_approval_response', approval_request_id: 'r' }),
    error: `${missing}:item.approve`,
  },

  { event: { type: 'conversation.item.retrieve' }, error: `${missing}:item_id` },
  { event: { type: 'conversation.item.retrieve', item_id: 7 }, error: 'invalid_type:item_id' },
  {
    event: { type: 'conversation.item.retrieve', item_id: 'gone' },
    error: 'item_retrieve_invalid_item_id:item_id',
  },
  { event: { type: 'conversation.item.delete' }, error: `${missing}:item_id` },
  {
    event: { type: 'conversation.item.delete', item_id: 'gone' },
    error: 'item_delete_invalid_item_id:item_id',
  },
  { event: truncate({ content_index: 0, audio_end_ms: 0 }), error: `${missing}:item_id` },
  { event: truncate({ item_id: 'a', audio_end_ms: 0 }), error: `${missing}:content_index` },
  { event: truncate({ item_id: 'a', content_index: 0 }), error: `${missing}:audio_end_ms` },
  {
    event: truncate({ item_id: 'a', content_index: 0, audio_end_ms: -1 }),
    error: 'integer_below_min_value:audio_end_ms',
  },
  {
    event: truncate({ item_id: 'a', content_index: 0, audio_end_ms: 1.5 }),
    error: 'invalid_type:audio_end_ms',
  },
  {
    event: truncate({ item_id: 'gone', content_index: 0, audio_end_ms: 0 }),
    error: 'item_truncate_invalid_item_id:item_id',
  },

  { event: response({ conversation: 'other' }), error: 'invalid_value:response.conversation' },
  { event: response({ modalities: ['text'] }), error: 'unknown_parameter:response.modalities' },
  { event: response({ metadata: many }), error: 'object_above_max_properties:response.metadata' },
  { event: response({ metadata: { a: 1 } }), error: 'invalid_type:response.metadata.a' },
  { event: response({ input: [{ type: 'item_reference' }] }), error: `${missing}:response.input[0].id` },
  {
    event: response({ input: [{ type: 'item_reference', id: 'gone' }] }),
    error: 'item_reference_not_found:item_id',
  },
  { event: { type: 'response.create', response: [] }, error: 'invalid_type:response' },
  { event: { type: 'response.cancel' }, error: 'response_cancel_not_active:null' },
  { event: { type: 'response.cancel', response_id: 7 }, error: 'invalid_type:response_id' },
  { event: { type: 'response.cancel', response_id: 'resp_x' }, error: 'response_cancel_not_active:null' },
  { event: response({ output_modalities: ['text'] }), error: null, answer: 'response.created' },
]

export const previewRows: Row[] = [
  { event: session({ type: 'realtime' }), error: 'unknown_parameter:session.type' },
  { event: session({ output_modalities: ['text'] }), error: 'unknown_parameter:session.output_modalities' },
  { event: session({ audio: {} }), error: 'unknown_parameter:session.audio' },
  { event: session({ modalities: ['audio'] }), error: 'invalid_value:session.modalities' },
  { event: session({ modalities: ['text', 'audio'] }), error: null, answer: 'session.updated' },
  {
    event: session({ input_audio_transcription: { model: 'whisper-1', keywords: ['k'] } }),
    error: 'unknown_parameter:session.input_audio_transcription.keywords',
  },
  {
    event: session({ input_audio_noise_reduction: { type: 'near_field', strength: 0.5 } }),
    error: 'unknown_parameter:session.input_audio_noise_reduction.strength',
  },
  { event: session({ temperature: 2 }), error: 'decimal_above_max_value:session.temperature' },
  { event: session({ input_audio_format: 'mp3' }), error: 'invalid_value:session.input_audio_format' },
  {
    event: session({ output_audio_format: 'g711_ulaw', input_audio_format: 'g711_alaw' }),
    error: null,
    answer: 'session.updated',
  },
  {
    event: session({ max_response_output_tokens: 9999 }),
    error: 'integer_above_max_value:session.max_response_output_tokens',
  },
  {
    event: session({ turn_detection: { type: 'server_vad', silence_duration_ms: 300 } }),
    error: null,
    answer: 'session.updated',
  },
  {
    event: create({ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'a' }] }),
    error: 'invalid_value:item.content[0].type',
  },
  { event: response({ output_modalities: ['text'] }), error: 'unknown_parameter:response.output_modalities' },
  {
    event: response({
      modalities: ['text'],
      tools: [{ type: 'function', name: 'get_weather' }],
      tool_choice: 'get_weather',
    }),
    error: null,
    answer: 'response.created',
  },
  { event: { type: 'nothing' }, error: 'invalid_value:type' },
]
