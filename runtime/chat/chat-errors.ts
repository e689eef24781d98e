/** What a `/chat` client is told when something cannot be done. `code` is for programs, `message` for people. */
import { drainingMessage } from '../core/errors.ts'
import type { CloseReason } from '../session/close-reason.ts'

export interface Refusal {
  readonly code: string
  readonly message: string
}

export const notJson: Refusal = { code: 'not_json', message: 'Messages must be JSON' }
export const noText: Refusal = { code: 'no_text', message: 'Provide text input' }
export const noMode: Refusal = { code: 'bad_request', message: '"mode" must be "push" or "open"' }
export const noAudio: Refusal = {
  code: 'no_audio',
  message: 'Provide audio in "value": base64 of PCM16, 24 kHz, mono',
}
export const badAudio: Refusal = {
  code: 'upstream_broke_protocol',
  message: 'The model sent audio that is not base64; it was left out',
}
export const draining: Refusal = {
  code: 'draining',
  message: drainingMessage,
}
export const textOnly: Refusal = {
  code: 'text_only',
  message: 'This gateway has no audio (REALTIME_TEXT_ONLY); send text',
}
export const speechLost: Refusal = {
  code: 'speech_lost',
  message: 'What you were saying was lost with the connection to the model; say it again',
}

/** @param minMs the shortest turn (ms); the code is the API's own */
export function tooShort(minMs: number): Refusal {
  const message = `A turn needs at least ${minMs} ms of audio; speak a little longer`
  return { code: 'input_audio_buffer_commit_empty', message }
}

/** @param chars of base64 that came @param maxChars that one message may have */
export function tooMuchAudio(chars: number, maxChars: number): Refusal {
  const message = `"value" has ${chars} characters; ${maxChars} are allowed in one message`
  return { code: 'message_too_big', message }
}

/** Says how upstream went, and what to do. @param isSpoken it took speech with it */
export function lossOf({ error, code, reason }: CloseReason, label: string, isSpoken: boolean): Refusal {
  const advice = isSpoken ? 'say it again' : 'send your message again'
  const message = error?.message ?? `${label} ended the session (${code}${reason && `, ${reason}`})`
  return {
    code: error?.code ?? 'upstream_closed',
    message: error?.retry === false ? message : `${message}; ${advice}`,
  }
}
