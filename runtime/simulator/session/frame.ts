/** Frames of a client, before they are events. */
import { isTooDeep, tooDeep } from '../protocol/json.ts'
import { Refusal } from '../protocol/types.ts'
import { maxAppendBytes } from '../protocol/values.ts'

const maxParseNoteLength = 80
export const expiredCloseCode = 1001

/** The value of a text frame, or the refusal of one that is no JSON. */
export function parseFrame(text: string): unknown {
  if (isTooDeep(text)) return notJson(tooDeep)
  try {
    return JSON.parse(text)
  } catch (problem) {
    return notJson(problem instanceof Error ? problem.message.slice(0, maxParseNoteLength) : '')
  }
}

function notJson(note: string): Refusal {
  return new Refusal({ code: 'invalid_json', message: `We could not parse the JSON of your event: ${note}` })
}

/** The client's own id of an event, to be named in an error. */
export function eventIdOf(frame: unknown): string | null {
  const id = typeof frame === 'object' && frame !== null && 'event_id' in frame ? frame.event_id : null
  return typeof id === 'string' ? id : null
}

/** A mistake of the simulator itself: one session hears of it, the process goes on. */
export function serverError(): Refusal {
  const message = 'The server had an error while processing your request. Sorry about that!'
  return new Refusal({ code: null, message }, 'server_error')
}

/** The refusal of a binary frame. */
export function notText(): Refusal {
  const message = 'Binary frames are not supported. Send events as JSON in text frames.'
  return new Refusal({ code: 'invalid_event', message })
}

/** The end of a session at its time limit. */
export function sessionExpired(lifetimeSec: number): Refusal {
  const minutes = Math.max(1, Math.round(lifetimeSec / 60))
  const message = `Your session hit the maximum duration of ${minutes} minutes.`
  return new Refusal({ code: 'session_expired', message })
}

/** The refusal of an append above the limit. */
export function tooMuchAudio(bytes: number): Refusal {
  const message = `Invalid 'audio': audio too long. Expected at most ${maxAppendBytes} bytes of audio in one event, but got ${bytes} bytes.`
  return new Refusal({ code: 'invalid_value', message, param: 'audio' })
}
