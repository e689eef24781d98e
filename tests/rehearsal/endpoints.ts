/** How a scripted client talks on `/chat`, on `/realtime` and at an address of the SDKs: the same happenings in other words. */

export type Message = { type: string; [field: string]: unknown }

/** What a client makes of one message. */
export type Happening =
  | 'dials'
  | 'begins'
  | 'words'
  | 'sound'
  | 'written'
  | 'answered'
  | 'called'
  | 'runs'
  | 'hears'
  | 'heard'
  | 'other'

export interface Manner {
  /** Path and query. */
  readonly path: string
  /** Whether the gateway carries the conversation over; else the client begins afresh, as at the API itself. */
  readonly resumes: boolean
  /** The message on the next socket with which the gap after a close is over; null: none is measured. */
  readonly gapEnd: 'session.resumed' | 'session.created' | null
  /** A turn of the user's. */
  say(text: string): readonly string[]
  read(message: Message): Happening
  /** The words of a message that `read` calls words or written. */
  words(message: Message): string
  /** The length of a message that `read` calls a sound (bytes). */
  soundBytes(message: Message): number
}

export const chat: Manner = {
  path: '/chat',
  resumes: true,
  gapEnd: 'session.resumed',
  say: text => [JSON.stringify({ text })],
  read: ({ type, message, status }) => {
    if (type === 'transcript-reset') return 'begins'
    if (type === 'transcript-delta') return 'words'
    if (type === 'audio-chunk') return 'sound'
    if (type === 'tool' && status === 'running') return 'runs'
    if (type !== 'status') return 'other'
    if (message === 'Model ready') return 'answered'
    return String(message).startsWith('Connecting') ? 'dials' : 'other'
  },
  words: ({ value }) => String(value),
  soundBytes: ({ value }) => Buffer.byteLength(String(value), 'base64'),
}

const readings = new Map<string, Happening>([
  ['response.created', 'begins'],
  ['response.output_audio_transcript.delta', 'words'],
  ['response.output_audio_transcript.done', 'written'],
  ['response.output_audio.delta', 'sound'],
  ['response.function_call_arguments.done', 'called'],
  ['input_audio_buffer.speech_started', 'hears'],
  ['input_audio_buffer.speech_stopped', 'heard'],
  ['response.done', 'answered'],
])

export const realtime: Manner = {
  path: '/realtime',
  resumes: true,
  gapEnd: 'session.resumed',
  // Plain text: the gateway makes a turn of it.
  say: text => [text],
  read: ({ type }) => readings.get(type) ?? 'other',
  words: ({ delta, transcript }) => String(delta ?? transcript),
  soundBytes: ({ delta }) => Buffer.byteLength(String(delta), 'base64'),
}

export const sdk: Manner = {
  ...realtime,
  path: '/v1/realtime',
  resumes: false,
  gapEnd: null,
  say: text => [
    create({ type: 'message', role: 'user', content: [{ type: 'input_text', text }] }),
    responseCreate,
  ],
}

/** Names of the preview dialect, and of answers in writing. */
const otherReadings = new Map<string, Happening>([
  ['response.audio_transcript.delta', 'words'],
  ['response.audio_transcript.done', 'written'],
  ['response.audio.delta', 'sound'],
  ['response.output_text.delta', 'words'],
  ['response.output_text.done', 'written'],
  ['response.text.delta', 'words'],
  ['response.text.done', 'written'],
])

/** Any address of the Realtime API, whoever serves it. @param path with its query */
export function realtimeAt(path: string): Manner {
  return {
    ...sdk,
    path,
    gapEnd: 'session.created',
    read: ({ type }) => readings.get(type) ?? otherReadings.get(type) ?? 'other',
    words: ({ delta, transcript, text }) => String(delta ?? transcript ?? text),
  }
}

const responseCreate = '{"type":"response.create"}'

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
  return [create({ type: 'function_call_output', call_id: callId, output }), responseCreate]
}

function create(item: object): string {
  return JSON.stringify({ type: 'conversation.item.create', item })
}

const samplesOfTenth = 2400

/** A tenth of a second of silence, 24 kHz PCM16. */
export const silence = Buffer.alloc(samplesOfTenth * 2)

/** A tenth of a second of something that is taken for speech: a hum of 200 Hz. */
export const speech = Buffer.from(
  Int16Array.from({ length: samplesOfTenth }, (_, place) => (place % 120 < 60 ? 8000 : -8000)).buffer,
)
