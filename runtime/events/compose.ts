/** The events that the gateway itself writes. */
import { asBuffer } from '../core/bytes.ts'
import type { GatewayError } from '../core/errors.ts'
import type { Dialect } from '../core/ports.ts'

/** How the `event_id` of every event begins that the gateway writes itself: upstream's errors name it. */
export const ownEventIdPrefix = 'gateway_'

/** The `event_id`s of events that are written in one place only, so that none needs to be told from the next. */
export const ownEventIds = {
  'response.create': `${ownEventIdPrefix}response`,
  'session.update': `${ownEventIdPrefix}settings`,
  'conversation.item.create': `${ownEventIdPrefix}item`,
} as const

/** Names the `event_id` that the gateway writes into its own events of a type. */
export function ownEventIdOf(type: string | null): string | undefined {
  return type !== null && Object.hasOwn(ownEventIds, type)
    ? ownEventIds[type as keyof typeof ownEventIds]
    : undefined
}

export const responseCreate = JSON.stringify({
  type: 'response.create',
  event_id: ownEventIds['response.create'],
})
/** Asks for the first answer, which the assistant gives without being asked. @param instructions in place of the session's */
export function greetingCreate(instructions: string): string {
  const type = 'response.create'
  return JSON.stringify({ type, event_id: ownEventIds[type], response: { instructions } })
}

export const audioCommit = '{"type":"input_audio_buffer.commit"}'
export const audioClear = '{"type":"input_audio_buffer.clear"}'

/** Base64 of audio (`audio/pcm`, 24 kHz, 16 bit, mono) as an append event. */
export function audioAppend(audio: Uint8Array): string {
  const base64 = asBuffer(audio).toString('base64')
  return `{"type":"input_audio_buffer.append","audio":"${base64}"}`
}

const appendStart = Buffer.from('{"type":"input_audio_buffer.append","audio":"')
const appendEnd = Buffer.from('"}')
const chunkStart = Buffer.from('{"type":"audio-chunk","value":"')

/** Audio that is base64 already as an append event: copied once, not decoded. @param base64 as `base64Field` checked it */
export function base64Append(base64: Uint8Array): Buffer {
  return Buffer.concat([appendStart, base64, appendEnd])
}

/**
 * Audio as a message to a `/chat` client: copied once, not decoded.
 * @param base64 as `base64Field` checked it
 * @param bytes its decoded length
 */
export function audioChunk(base64: Uint8Array, bytes: number): Buffer {
  return Buffer.concat([chunkStart, base64, Buffer.from(`","bytes":${bytes}}`)])
}

/** A message of the user or the system, or of the assistant when history is replayed (`text` in the preview). */
export function messageItem(role: 'user' | 'assistant' | 'system', text: string, dialect: Dialect): string {
  const assistantType = dialect === 'ga' ? 'output_text' : 'text'
  const content = [{ type: role === 'assistant' ? assistantType : 'input_text', text }]
  const type = 'conversation.item.create'
  return JSON.stringify({ type, event_id: ownEventIds[type], item: { type: 'message', role, content } })
}

/** Asks the model to come to an end, as a part of the conversation: it is said in the model's own voice. @param seconds left */
export function wrapUpItem(seconds: number, dialect: Dialect): string {
  const text = `This conversation ends in ${seconds} seconds. Say so politely in one short sentence, in the language of the conversation, say goodbye, and begin nothing new.`
  return messageItem('system', text, dialect)
}

/** Cuts an assistant's audio to what was heard. @param audioEndMs kept audio (ms) */
export function truncateItem(itemId: string, contentIndex: number, audioEndMs: number): string {
  return JSON.stringify({
    type: 'conversation.item.truncate',
    item_id: itemId,
    content_index: contentIndex,
    audio_end_ms: audioEndMs,
  })
}

/**
 * A failure of the gateway's in the shape of the API's own `error` event, so that SDKs read it.
 * @param about what it refuses: the message's own id, and the field at fault; null where there is none
 */
export function errorEvent(
  { code, message, retry, retryAfterMs }: GatewayError,
  about: { readonly param: string | null; readonly eventId: string | null } = { param: null, eventId: null },
): string {
  const error = { type: 'gateway_error', code, message, param: about.param, event_id: about.eventId }
  const retryAfter = retryAfterMs === undefined ? {} : { retry_after_ms: Math.round(retryAfterMs) }
  return JSON.stringify({ type: 'error', event_id: `event_gateway_${code}`, error, retry, ...retryAfter })
}
