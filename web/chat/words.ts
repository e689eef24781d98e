/** What the page says, in words for people. */
import type { SoundState } from '../sound/playback.ts'

/** Says how the sound is. */
export function soundWords(state: SoundState, muted: boolean): string {
  if (state === 'on' && muted) return 'muted'
  return {
    locked: 'starts with your first message',
    starting: 'starting',
    on: 'on',
    blocked: 'held back by the browser',
    unavailable: 'not available here',
  }[state]
}

/** After these errors of the gateway's it takes no sound until a talk begins anew. */
export function endsSpeech(code: string): boolean {
  return /^upstream_|^(internal|credential_unavailable|model_not_configured|text_only|speech_lost)$/.test(
    code,
  )
}

const advices: Record<string, string> = {
  upstream_unreachable: 'Check the network of the gateway, then send the message again.',
  upstream_timeout: 'The model took too long. Send the message again.',
  upstream_unavailable: 'The model is not available just now. Wait a moment and send the message again.',
  upstream_rate_limited: 'The model has had too many requests. Wait a minute, then send the message again.',
  upstream_refused: 'Trying again will not help. Ask who runs this gateway to check the model and its key.',
  settings_refused: 'Trying again will not help. Ask who runs this gateway to check its settings.',
  model_not_configured: 'Trying again will not help. Ask who runs this gateway to check the model name.',
  upstream_lost: 'The model hung up. Send the message again.',
  upstream_silent: 'The model stopped answering. Send the message again.',
  credential_unavailable: 'The gateway cannot sign in to the model just now. Try again in a minute.',
  message_too_big: 'Send a shorter message.',
  held_too_much: 'Too much was waiting. Wait for the answer before you send more.',
  text_only: 'This gateway gives no sound. Type your message.',
  input_audio_buffer_commit_empty: 'Hold the button while you speak.',
  no_audio: 'Close the microphone and open it again.',
  draining: 'This server is being replaced. You are moved to another one; send the message again then.',
}

/**
 * Says what to do about an error; empty where its message already does.
 * @param code one of the gateway's error codes, or the model's own
 */
export function advice(message: string, code: string): string {
  if (/\bagain\b/.test(message)) return ''
  return advices[code] ?? 'Send the message again. If it fails again, reload the page.'
}
