/** Reads what a `/chat` client sends. */

import { z } from 'zod'
import { asBuffer } from '../core/bytes.ts'
import { parseJson } from '../core/json.ts'
import { base64Field } from '../events/base64.ts'
import { isFields } from '../events/fields.ts'
import { noAudio, noMode, noText, notJson, type Refusal, tooMuchAudio } from './chat-errors.ts'

/** The longest audio of one message (characters of base64): about 16 s. */
const maxAudioChars = 1024 * 1024

const playedMs = z.number().nonnegative().optional()
const command = z.discriminatedUnion('type', [
  z.object({ type: z.literal('heartbeat') }),
  z.object({ type: z.literal('interrupt'), played_ms: playedMs }),
  z.object({ type: z.literal('played'), played_ms: z.number().nonnegative() }),
  z.object({ type: z.literal('talk'), mode: z.enum(['push', 'open']) }),
  z.object({ type: z.literal('audio-end') }),
])
const message = z
  .object({ text: z.string().refine(text => text.trim() !== ''), played_ms: playedMs })
  .transform(fields => ({ type: 'message' as const, ...fields }))

/** A client's message, as `wire.ts` describes it; a text has the type `message`, whatever stood there. */
export type ReadRequest = Readonly<z.output<typeof command> | z.output<typeof message>>

/**
 * Reads one message: `{"text":"…","played_ms"?:N}`, or a command by its `type`; other fields are ignored.
 * Audio is not for it but for `readAudio`.
 * @returns the request, or the error that answers it: `not_json` (binary frames too), `bad_request`, `no_text`
 */
export function readChatRequest(data: Uint8Array, isBinary: boolean): ReadRequest | { refusal: Refusal } {
  if (isBinary) return { refusal: notJson }
  const body = parseJson(asBuffer(data).toString())
  if (body === undefined) return { refusal: notJson }
  const read = command.safeParse(body).data ?? message.safeParse(body).data
  if (read !== undefined) return read
  return { refusal: isFields(body) && body.type === 'talk' ? noMode : noText }
}

/**
 * Reads an `audio` message, whose base64 is checked and not decoded.
 * @returns bytes of the message's own memory, or the error that answers it: `no_audio`, `message_too_big`
 */
export function readAudio(data: Uint8Array): { base64: Buffer } | { refusal: Refusal } {
  const base64 = base64Field(data, 'value')
  if (base64 === null || base64.length === 0) return { refusal: noAudio }
  if (base64.length > maxAudioChars) return { refusal: tooMuchAudio(base64.length, maxAudioChars) }
  return { base64 }
}

/** A text of the user's as a conversation item. */
export function userItem(text: string): object {
  return { type: 'message', role: 'user', content: [{ type: 'input_text', text }] }
}

/** A spoken turn as a conversation item: its words are upstream's to write down. */
export const spokenItem = { type: 'message', role: 'user', content: [{ type: 'input_audio' }] }
