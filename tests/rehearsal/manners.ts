/** How a scripted client talks on `/chat` and on `/realtime`: the same happenings in other words. */

export type Message = { type: string; [field: string]: unknown }

/** What a client makes of one message. */
export type Happening = 'begins' | 'words' | 'answered' | 'called' | 'other'

export interface Manner {
  readonly path: '/chat' | '/realtime'
  /** A turn of the user's. */
  say(text: string): string
  read(message: Message): Happening
  /** The words of a message that `read` calls words. */
  words(message: Message): string
}

export const chat: Manner = {
  path: '/chat',
  say: text => JSON.stringify({ text }),
  read: ({ type, message }) => {
    if (type === 'transcript-reset') return 'begins'
    if (type === 'transcript-delta') return 'words'
    return type === 'status' && message === 'Model ready' ? 'answered' : 'other'
  },
  words: ({ value }) => String(value),
}

export const realtime: Manner = {
  path: '/realtime',
  // Plain text: the gateway makes a turn of it.
  say: text => text,
  read: message => {
    if (message.type === 'response.created') return 'begins'
    if (message.type === 'response.output_audio_transcript.delta') return 'words'
    if (message.type === 'response.function_call_arguments.done') return 'called'
    return message.type === 'response.done' ? 'answered' : 'other'
  },
  words: ({ delta }) => String(delta),
}

/** The one tool of clients that wait for one. */
export const weatherTool = JSON.stringify({
  type: 'session.update',
  session: {
    type: 'realtime',
    tools: [
      {
        type: 'function',
        name: 'get_weather',
        description: 'The weather of a place',
        parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
      },
    ],
  },
})

/** The tool's late answer, and the request to go on. */
export function toolOutput(callId: string, output: string): string[] {
  const item = { type: 'function_call_output', call_id: callId, output }
  return [JSON.stringify({ type: 'conversation.item.create', item }), '{"type":"response.create"}']
}

/** A tenth of a second of silence, 24 kHz PCM16. */
export const silence = Buffer.alloc(4800)
