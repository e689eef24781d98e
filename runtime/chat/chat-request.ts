/** Reads what a `/chat` client sends. */
import { z } from 'zod'
import type { ChatRequest } from '../core/wire.ts'
import { isFields } from '../events/fields.ts'
import { noMode, noText, notJson, type Refusal } from './chat-errors.ts'

const playedMs = z.number().nonnegative().optional()
const command = z.discriminatedUnion('type', [
  z.object({ type: z.literal('heartbeat') }),
  z.object({ type: z.literal('interrupt'), played_ms: playedMs }),
  z.object({ type: z.literal('played'), played_ms: z.number().nonnegative() }),
  z.object({ type: z.literal('talk'), mode: z.enum(['push', 'open']) }),
  z.object({ type: z.literal('audio-end') }),
])
const message = z.object({ text: z.string().refine(text => text.trim() !== ''), played_ms: playedMs })

/** What is read here: all but audio, which goes on unread. */
type ReadRequest = Exclude<ChatRequest, { type: 'audio' }>

/**
 * Reads one message: `{"text":"…","played_ms"?:N}`, or a command by its `type`; other fields are ignored.
 * @returns the request, or the error that answers it: `not_json` (binary frames too), `bad_request`, `no_text`
 */
export function readChatRequest(data: Uint8Array, isBinary: boolean): ReadRequest | { refusal: Refusal } {
  if (isBinary) return { refusal: notJson }
  let body: unknown
  try {
    body = JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString())
  } catch {
    return { refusal: notJson }
  }
  const read = command.safeParse(body).data ?? message.safeParse(body).data
  if (read !== undefined) return read as ReadRequest
  return { refusal: isFields(body) && body.type === 'talk' ? noMode : noText }
}

/** A text of the user's as a conversation item. */
export function userItem(text: string): object {
  return { type: 'message', role: 'user', content: [{ type: 'input_text', text }] }
}

/** A spoken turn as a conversation item: its words are upstream's to write down. */
export const spokenItem = { type: 'message', role: 'user', content: [{ type: 'input_audio' }] }
