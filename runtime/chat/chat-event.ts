/** Reads what upstream says of a `/chat` conversation, in either dialect. */
import { base64Field } from '../events/base64.ts'
import { namesOf } from '../events/event-names.ts'
import { type Fields, isFields, parseFields, textOr } from '../events/fields.ts'
import { indexField, textField } from '../events/type.ts'

/** An event as far as `/chat` concerns itself with it, named as GA names it. */
export type ChatEvent =
  | { readonly type: 'response.created' }
  | { readonly type: 'response.output_text.delta'; readonly delta: string }
  | { readonly type: 'response.output_audio_transcript.delta'; readonly delta: string }
  /** `base64`: null where the event has none; gone when the frame is. */
  | {
      readonly type: 'response.output_audio.delta'
      readonly itemId: string
      readonly contentIndex: number
      readonly base64: Buffer | null
    }
  | { readonly type: 'response.output_text.done' }
  /** `failure`: the code of a response that failed; null for one that ended in any other way. */
  | { readonly type: 'response.done'; readonly failure: string | null }
  /** `refuses`: type of the message that it answers; null where that is none, or is not known. */
  | {
      readonly type: 'error'
      readonly code: string
      readonly message: string
      readonly refuses: string | null
    }
  | { readonly type: 'input_audio_buffer.speech_started' }
  | { readonly type: 'input_audio_buffer.speech_stopped' }
  | { readonly type: 'input_audio_buffer.committed' }
  /** `transcript`: '' where the turn could not be written down. */
  | {
      readonly type: 'conversation.item.input_audio_transcription.completed'
      readonly transcript: string
    }

type Read = (frame: Buffer, refuses: string | null) => ChatEvent | null

function readDelta(type: 'response.output_text.delta' | 'response.output_audio_transcript.delta'): Read {
  return frame => {
    const delta = textField(frame, 'delta')
    return delta === null ? null : { type, delta }
  }
}

function readAudio(frame: Buffer): ChatEvent {
  return {
    type: 'response.output_audio.delta',
    itemId: textField(frame, 'item_id') ?? '',
    contentIndex: indexField(frame, 'content_index') ?? 0,
    base64: base64Field(frame, 'delta'),
  }
}

function readDone(frame: Buffer): ChatEvent {
  const response = fieldsIn(parseFields(frame), 'response')
  const error = fieldsIn(fieldsIn(response, 'status_details'), 'error')
  const failure = response.status === 'failed' ? textOr(error.code, 'response_failed') : null
  return { type: 'response.done', failure }
}

function readError(frame: Buffer, refuses: string | null): ChatEvent {
  const error = fieldsIn(parseFields(frame), 'error')
  const message = textOr(error.message, 'Upstream reported an error')
  return { type: 'error', code: textOr(error.code, 'upstream_error'), message, refuses }
}

function readTranscript(frame: Buffer): ChatEvent {
  const { transcript } = parseFields(frame) ?? {}
  return {
    type: 'conversation.item.input_audio_transcription.completed',
    transcript: textOr(transcript),
  }
}

/** Events without fields that matter here: each is one object for all sessions. */
const begun = { type: 'response.created' } as const
const textDone = { type: 'response.output_text.done' } as const
const started = { type: 'input_audio_buffer.speech_started' } as const
const stopped = { type: 'input_audio_buffer.speech_stopped' } as const
const committed = { type: 'input_audio_buffer.committed' } as const

const readers: ReadonlyMap<string, Read> = new Map(
  Object.entries<Read>({
    'response.created': () => begun,
    'response.output_text.delta': readDelta('response.output_text.delta'),
    'response.output_audio_transcript.delta': readDelta('response.output_audio_transcript.delta'),
    'response.output_audio.delta': readAudio,
    'response.output_text.done': () => textDone,
    'response.output_audio_transcript.done': () => textDone,
    'response.done': readDone,
    'response.completed': readDone,
    error: readError,
    'input_audio_buffer.speech_started': () => started,
    'input_audio_buffer.speech_stopped': () => stopped,
    'input_audio_buffer.committed': () => committed,
    'conversation.item.input_audio_transcription.completed': readTranscript,
    'conversation.item.input_audio_transcription.failed': readTranscript,
  }).flatMap(([type, read]) => namesOf(type).map(name => [name, read] as const)),
)

/**
 * Reads one event.
 * @param type as it stands in the frame, of either dialect; null where none can be read
 * @param refuses type of the message that the event refuses; null where it refuses none
 * @returns null for what means nothing to `/chat`: most types, which are told by the type alone, and a delta
 *   without its text. Never throws.
 */
export function readChatEvent(frame: Buffer, type: string | null, refuses: string | null): ChatEvent | null {
  const read = type === null ? undefined : readers.get(type)
  return read === undefined ? null : read(frame, refuses)
}

/** Reads an object inside another. @returns an empty one where there is none */
function fieldsIn(fields: Fields | null, name: string): Fields {
  const value = fields?.[name]
  return isFields(value) ? value : {}
}
