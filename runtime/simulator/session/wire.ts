/** One line into a session: a WebSocket, a data channel, or a sideband socket. */
import type { Fault } from '../protocol/check.ts'
import type { ClientEvent, ServerEvent } from '../protocol/types.ts'

export type WireKind = 'socket' | 'channel' | 'sideband'

/** The names and shapes that one line speaks. */
export interface Dialect {
  /** Checks a parsed frame. */
  check(event: unknown): Fault | null
  /** Translates a checked client event to the GA shape. */
  inward(event: ClientEvent): ClientEvent
  /** Translates a GA server event to what this line says: none, one or several frames. */
  outward(event: ServerEvent): ServerEvent[]
}

export interface Wire {
  readonly kind: WireKind
  readonly dialect: Dialect
  /** Queues one frame. Does nothing once the line is closed. */
  send(text: string): void
  /** Bytes queued that the network has not taken. */
  buffered(): number
  /** Ends the line; safe to call twice. */
  close(code: number, reason: string): void
}

const audioDelta = 'response.output_audio.delta'

/** Whether a line of this kind gets events of this type: no audio beside WebRTC (OpenAI guide "Realtime server controls"). */
export function carries(kind: WireKind, type: string): boolean {
  return kind === 'socket' || type !== audioDelta
}

/** An event as JSON. Audio, by far the longest, is put in as it is: base64 needs no escapes. */
export function frameOf(event: ServerEvent): string {
  if (!event.type.endsWith('audio.delta') || typeof event.delta !== 'string') return JSON.stringify(event)
  const { delta, ...rest } = event
  return `${JSON.stringify(rest).slice(0, -1)},"delta":"${delta}"}`
}
