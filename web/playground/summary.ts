/** What an event says in a few words, for its line in the list. */
import { say } from '../language/language.ts'
import { bytesWords } from '../page/figures.ts'
import { audioDelta, type RealtimeEvent } from '../page/realtime-event.ts'

const maxChars = 90

/** A few words on an event; '' where its type says it all. */
export function summarise(event: RealtimeEvent): string {
  if (audioDelta.test(event.type))
    return say('sound, {bytes}', { bytes: bytesWords(decodedBytes(event.delta)) })
  if (event.type === 'input_audio_buffer.append')
    return say('sound, {bytes}', { bytes: bytesWords(decodedBytes(event.audio)) })
  if (event.type === 'error') return words(field(event, 'error', 'message') ?? event.message)
  if (event.type === 'response.done') return words(field(event, 'response', 'status'))
  return words(
    event.delta ??
      event.transcript ??
      event.text ??
      event.arguments ??
      textOfItem(event.item) ??
      event.reason ??
      '',
  )
}

function words(value: unknown): string {
  const text = typeof value === 'string' ? value : ''
  return text.length > maxChars ? `${text.slice(0, maxChars)}…` : text
}

function field(event: RealtimeEvent, outer: string, inner: string): unknown {
  const value = event[outer]
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[inner] : undefined
}

function textOfItem(item: unknown): string | undefined {
  if (typeof item !== 'object' || item === null) return undefined
  const { role, content, type } = item as { role?: unknown; content?: unknown; type?: unknown }
  const parts = Array.isArray(content) ? (content as Record<string, unknown>[]) : []
  const said = parts.map(part => part.text ?? part.transcript ?? '').join(' ')
  return `${String(role ?? type ?? '')}: ${said}`.trim()
}

function decodedBytes(base64: unknown): number {
  return typeof base64 === 'string' ? Math.floor((base64.length * 3) / 4) : 0
}
