/**
 * What recorded sessions with the real services show, in our own words: what a client does, and what the vendor sends
 * back, by type and order. Runs of deltas are one step; what runs beside an answer (`transcription`, `rate_limits`,
 * `output_audio_buffer`) is left out. `source` names recordings of pydantic-ai's tests (`tests/realtime/cassettes`).
 */
import { append, byHand, respond, silence, textOnly, tone, update, userText, weatherTool } from '../events.ts'

export type Door = 'openai' | 'azure'

export interface Case {
  readonly title: string
  readonly source: string
  /** Each entry is sent once what the one before leads to has come. */
  readonly steps: readonly { readonly send: readonly object[]; readonly order: readonly string[] }[]
}

const toItem = ['conversation.item.added', 'conversation.item.done']
const begins = ['response.created', 'response.output_item.added', 'conversation.item.added']
const ends = ['conversation.item.done', 'response.output_item.done', 'response.done']
const written = [
  ...begins,
  'response.content_part.added',
  'response.output_text.done',
  'response.content_part.done',
  ...ends,
]
const spoken = [
  ...begins,
  'response.content_part.added',
  'response.output_audio.done',
  'response.output_audio_transcript.done',
  'response.content_part.done',
  ...ends,
]
const called = [...begins, 'response.function_call_arguments.done', ...ends]
const heard = [
  'input_audio_buffer.speech_started',
  'input_audio_buffer.speech_stopped',
  'input_audio_buffer.committed',
  ...toItem,
]

const assistantText = (text: string) => ({
  type: 'conversation.item.create',
  item: { type: 'message', role: 'assistant', content: [{ type: 'output_text', text }] },
})

export const cases: readonly Case[] = [
  {
    title: 'a text is answered in speech',
    source: 'test_text_in_audio_out_turn',
    steps: [
      { send: [update({ instructions: 'Be brief.' })], order: ['session.updated'] },
      { send: [userText('hello'), respond()], order: [...toItem, ...spoken] },
    ],
  },
  {
    title: 'a history of texts is taken, user and assistant, and the answer follows it',
    source: 'test_message_history_seeding',
    steps: [
      { send: [update(textOnly)], order: ['session.updated'] },
      {
        send: [userText('I like tea'), assistantText('Noted.'), userText('what did I say'), respond()],
        order: [...toItem, ...toItem, ...toItem, ...written],
      },
    ],
  },
  {
    title: 'a tool is called, and its output is answered',
    source: 'test_tool_call_round',
    steps: [
      { send: [update({ ...textOnly, tools: [weatherTool] })], order: ['session.updated'] },
      { send: [userText('weather in Oslo'), respond()], order: [...toItem, ...called] },
      {
        send: [
          {
            type: 'conversation.item.create',
            item: { type: 'function_call_output', call_id: '', output: 'snow' },
          },
          respond(),
        ],
        order: [...toItem, ...written],
      },
    ],
  },
  {
    title: 'a turn that is heard is answered by itself',
    source: 'test_audio_in_server_vad_turn, test_audio_in_server_vad_transcribes',
    steps: [
      { send: [append(Buffer.concat([tone(600), silence(600)]))], order: [...heard, ...spoken] },
      { send: [append(Buffer.concat([tone(600), silence(600)]))], order: [...heard, ...spoken] },
    ],
  },
  {
    title: 'a turn that is committed by hand is not answered by itself',
    source: 'assumed of both; manual commits are in no recording',
    steps: [
      { send: [byHand()], order: ['session.updated'] },
      {
        send: [append(tone(300)), { type: 'input_audio_buffer.commit' }],
        order: ['input_audio_buffer.committed', ...toItem],
      },
    ],
  },
]

/** `session` of `session.created`, but for what differs from session to session. Source: every recording of a socket. */
export const createdSession = {
  type: 'realtime',
  object: 'realtime.session',
  model: 'gpt-realtime',
  output_modalities: ['audio'],
  tools: [],
  tool_choice: 'auto',
  max_output_tokens: 'inf',
  tracing: null,
  truncation: 'auto',
  prompt: null,
  audio: {
    input: {
      format: { type: 'audio/pcm', rate: 24_000 },
      transcription: null,
      noise_reduction: null,
      turn_detection: {
        type: 'server_vad',
        threshold: 0.5,
        prefix_padding_ms: 300,
        silence_duration_ms: 200,
        idle_timeout_ms: null,
        create_response: true,
        interrupt_response: true,
      },
    },
    output: { format: { type: 'audio/pcm', rate: 24_000 }, voice: 'alloy', speed: 1 },
  },
  include: null,
}
