/** Reads what a `/chat` client sends. */
import { z } from 'zod'
import type { ChatRequest } from '../types.ts'

const playedMs = z.number().nonnegative().optional()
const heartbeat = z.object({ type: z.literal('heartbeat') })
const interrupt = z.object({ type: z.literal('interrupt'), played_ms: playedMs })
const message = z.object({ text: z.string().refine(text => text.trim() !== ''), played_ms: playedMs })

const notJson = { error: { code: 'not_json', message: 'Messages must be JSON' } } as const
const noText = { error: { code: 'no_text', message: 'Provide text input' } } as const

/**
 * Reads one message: `{"text":"…","played_ms"?:N}`, `{"type":"interrupt","played_ms"?:N}` or
 * `{"type":"heartbeat"}`; other fields are ignored.
 * @returns the request, or the error that answers it: `not_json` (binary frames too), `no_text`
 */
export function readChatRequest(
  data: Uint8Array,
  isBinary: boolean,
): ChatRequest | { error: { code: string; message: string } } {
  if (isBinary) return notJson
  let body: unknown
  try {
    body = JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString())
  } catch {
    return notJson
  }
  const command = heartbeat.safeParse(body).data ?? interrupt.safeParse(body).data
  if (command !== undefined) return command as ChatRequest
  return (message.safeParse(body).data as ChatRequest | undefined) ?? noText
}
