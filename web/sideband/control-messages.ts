/** Reads what comes over a control connection: outside data becomes a message or nothing. */
import { isEvent, type RealtimeEvent, readEvent } from '../page/realtime-event.ts'

/** What the gateway says over `/sideband/control/{id}`. */
export type ControlMessage =
  | { type: 'sideband_connected'; session_id: string; call_id: string }
  | { type: 'openai_event'; event: RealtimeEvent }
  | { type: 'call_ended'; reason: string }
  | { type: 'assistant.tool'; name: string; status: ToolStatus; ms: number }
  | { type: 'assistant.event'; name: string; data: unknown }
  | { type: 'error'; code: string; message: string }
  | { type: 'server.draining' }
  | { type: 'heartbeat-ack' }

/** How a call of a tool that runs on the server stands. */
export type ToolStatus = 'running' | 'done' | 'failed' | 'interrupted'

const toolStatuses: readonly unknown[] = ['running', 'done', 'failed', 'interrupted'] satisfies ToolStatus[]

type Fields = Record<string, unknown>

const checks: Record<ControlMessage['type'], (fields: Fields) => boolean> = {
  sideband_connected: ({ session_id, call_id }) =>
    typeof session_id === 'string' && typeof call_id === 'string',
  openai_event: ({ event }) => isEvent(event),
  call_ended: ({ reason }) => typeof reason === 'string',
  'assistant.tool': ({ name, status, ms }) =>
    typeof name === 'string' && toolStatuses.includes(status) && typeof ms === 'number',
  'assistant.event': ({ name }) => typeof name === 'string',
  error: ({ code, message }) => typeof code === 'string' && typeof message === 'string',
  'server.draining': () => true,
  'heartbeat-ack': () => true,
}

/** Reads one frame; undefined for what this page does not know. */
export function readControlMessage(data: unknown): ControlMessage | undefined {
  const value = typeof data === 'string' ? readEvent(data) : undefined
  if (!value || !Object.hasOwn(checks, value.type)) return undefined
  return checks[value.type as ControlMessage['type']](value) ? (value as ControlMessage) : undefined
}
