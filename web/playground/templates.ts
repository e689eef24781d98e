/** A template for every event that a client may send (OpenAI and Azure OpenAI Realtime API, 11 types). */

import { say } from '../language/language.ts'

const userSays = (text: string) => ({
  type: 'conversation.item.create',
  item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
})

/** What the user says, with the request to answer it. */
export const turnOf = (text: string): object[] => [userSays(text), { type: 'response.create' }]

/** A template's name for people: three are sentences, all others the event's own name. */
export function titleOf(name: string): string {
  if (name === 'Say something, get an answer') return say(name)
  if (name === 'conversation.item.create: result of a function')
    return `conversation.item.create: ${say('result of a function')}`
  if (name === 'response.create: beside the conversation, in text')
    return `response.create: ${say('beside the conversation, in text')}`
  return name === 'output_audio_buffer.clear (WebRTC only)'
    ? `output_audio_buffer.clear (${say('WebRTC only')})`
    : name
}

/** By name; an array is several events, sent one by one. */
export const templates: Readonly<Record<string, object>> = {
  'Say something, get an answer': turnOf('Count to 12.'),
  'session.update': { type: 'session.update', session: { type: 'realtime', instructions: 'Be brief.' } },
  'conversation.item.create': userSays('Hello'),
  'conversation.item.create: result of a function': {
    type: 'conversation.item.create',
    item: { type: 'function_call_output', call_id: 'call_…', output: '{"temperature":12}' },
  },
  'conversation.item.retrieve': { type: 'conversation.item.retrieve', item_id: 'item_…' },
  'conversation.item.delete': { type: 'conversation.item.delete', item_id: 'item_…' },
  'conversation.item.truncate': {
    type: 'conversation.item.truncate',
    item_id: 'item_…',
    content_index: 0,
    audio_end_ms: 1200,
  },
  'response.create': { type: 'response.create' },
  'response.create: beside the conversation, in text': {
    type: 'response.create',
    response: {
      conversation: 'none',
      output_modalities: ['text'],
      input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Say hello.' }] }],
    },
  },
  'response.cancel': { type: 'response.cancel' },
  'input_audio_buffer.append': { type: 'input_audio_buffer.append', audio: 'AAAAAAAAAAA=' },
  'input_audio_buffer.commit': { type: 'input_audio_buffer.commit' },
  'input_audio_buffer.clear': { type: 'input_audio_buffer.clear' },
  'output_audio_buffer.clear (WebRTC only)': { type: 'output_audio_buffer.clear' },
}
