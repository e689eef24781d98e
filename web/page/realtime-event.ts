/** Events of the Realtime API, as far as these pages read them. */

/** One event. */
export interface RealtimeEvent {
  type: string
  [field: string]: unknown
}

/** Reads one event; undefined for what is none. */
export function readEvent(text: string): RealtimeEvent | undefined {
  const value = parse(text)
  return isEvent(value) ? value : undefined
}

/** Whether a value is an object with a type. */
export function isEvent(value: unknown): value is RealtimeEvent {
  return typeof value === 'object' && value !== null && typeof (value as RealtimeEvent).type === 'string'
}

/** Parses JSON; undefined for what is none. */
export function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The deltas and ends of an answer, in both dialects of the API. */
export const textDelta = /^response\.(output_)?(text|audio_transcript)\.delta$/
export const textDone = /^response\.(output_)?(text|audio_transcript)\.done$/
export const audioDelta = /^response\.(output_)?audio\.delta$/
