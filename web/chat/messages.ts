/** Reads what comes over the socket: outside data becomes a `ChatMessage` or nothing. */
import type { ChatMessage } from '../../runtime/core/wire.ts'

/** What an assistant's own programs tell the page. `status`: running, or how it ended; `ms`: how long it took. */
export type AssistantMessage =
  | { type: 'tool'; name: string; status: string; ms: number | undefined }
  | { type: 'assistant.event'; name: string; data: unknown }

/** All that a page takes from `/chat`. */
export type PageMessage = ChatMessage | AssistantMessage

type Field = 'string' | 'number' | 'boolean'

const fieldsOf: Record<PageMessage['type'], Record<string, Field>> = {
  status: { message: 'string' },
  'text-reset': {},
  'transcript-reset': {},
  'text-delta': { value: 'string' },
  'transcript-delta': { value: 'string' },
  'audio-chunk': { value: 'string', bytes: 'number' },
  'speech-started': {},
  'speech-stopped': {},
  heard: { value: 'string' },
  error: { message: 'string', code: 'string' },
  'heartbeat-ack': {},
  tool: { name: 'string', status: 'string', ms: 'number' },
  'assistant.event': { name: 'string' },
  'server.draining': { deadline_ms: 'number' },
  'session.ticket': { resume: 'string' },
  'session.resumed': { items: 'number', answer_due: 'boolean' },
  'session.resume_failed': { reason: 'string' },
  'session.renewed': { items: 'number', asked_again: 'boolean' },
  'session.expiring': { deadline_ms: 'number' },
}

/**
 * Reads one frame of `/chat`.
 * @param data the `data` of a socket's message event
 * @returns undefined for what this page does not know, so that a newer server may say more
 */
export function readMessage(data: unknown): PageMessage | undefined {
  if (typeof data !== 'string') return undefined
  const value = parse(data)
  return isPageMessage(value) ? value : undefined
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isPageMessage(value: unknown): value is PageMessage {
  if (typeof value !== 'object' || value === null) return false
  const record = value as Record<string, unknown>
  const { type } = record
  if (typeof type !== 'string' || !Object.hasOwn(fieldsOf, type)) return false
  const fields = fieldsOf[type as PageMessage['type']]
  return Object.entries(fields).every(([name, kind]) => typeof record[name] === kind)
}
