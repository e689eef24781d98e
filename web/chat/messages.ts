/** Reads what comes over the socket: outside data becomes a `ChatMessage` or nothing. */
import type { ChatMessage } from '../../runtime/core/wire.ts'

type Field = 'string' | 'number' | 'boolean'

const fieldsOf: Record<ChatMessage['type'], Record<string, Field>> = {
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
export function readMessage(data: unknown): ChatMessage | undefined {
  if (typeof data !== 'string') return undefined
  const value = parse(data)
  return isChatMessage(value) ? value : undefined
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isChatMessage(value: unknown): value is ChatMessage {
  if (typeof value !== 'object' || value === null) return false
  const record = value as Record<string, unknown>
  const { type } = record
  if (typeof type !== 'string' || !Object.hasOwn(fieldsOf, type)) return false
  const fields = fieldsOf[type as ChatMessage['type']]
  return Object.entries(fields).every(([name, kind]) => typeof record[name] === kind)
}
