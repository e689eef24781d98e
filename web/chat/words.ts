/** What the page says of sound and of errors, in words for people. */
import { say, type Words } from '../language/language.ts'
import type { SoundState } from '../sound/playback.ts'

const soundStates: Record<SoundState, Words> = {
  locked: 'starts with your first message',
  starting: 'starting',
  on: 'on',
  blocked: 'held back by the browser',
  unavailable: 'not available here',
}

/** Says how the sound is. */
export function soundWords(state: SoundState, muted: boolean): string {
  return say(state === 'on' && muted ? 'muted' : soundStates[state])
}

/** After these errors of the gateway's it takes no sound until a talk begins anew. */
export function endsSpeech(code: string): boolean {
  return /^upstream_|^(internal|credential_unavailable|model_not_configured|text_only|speech_lost)$/.test(
    code,
  )
}

/** What an error is to the person, and what to do. */
interface Sentence {
  what: Words
  advice: Words
}

const waitAndAsk: Words = 'Wait a moment, then try again.'
const askOperator: Words =
  'Trying again will not help. Ask whoever runs this gateway to check the model and its key.'

/** By the gateway's error codes, and those of the model's that people meet. */
const sentences: Record<string, Sentence> = {
  upstream_unreachable: {
    what: 'The model could not be reached.',
    advice: 'Check the network of the gateway, then try again.',
  },
  upstream_timeout: { what: 'The model took too long to answer.', advice: 'Try again.' },
  upstream_unavailable: { what: 'The model is not available just now.', advice: waitAndAsk },
  upstream_rate_limited: {
    what: 'The model has had too many requests.',
    advice: 'Wait a minute, then try again.',
  },
  upstream_refused: { what: 'The model refused the connection.', advice: askOperator },
  settings_refused: { what: 'The model refused the settings of this gateway.', advice: askOperator },
  model_not_configured: { what: 'This gateway does not know the model.', advice: askOperator },
  upstream_lost: { what: 'The connection to the model was lost.', advice: 'Try again.' },
  upstream_closed: { what: 'The model ended the session.', advice: 'Try again.' },
  upstream_silent: { what: 'The model stopped answering.', advice: 'Try again.' },
  upstream_too_slow: { what: 'The model is too slow just now.', advice: waitAndAsk },
  upstream_broke_protocol: {
    what: 'The model sent something that cannot be read; it was left out.',
    advice: 'Try again if part of the answer is missing.',
  },
  credential_unavailable: { what: 'The gateway cannot sign in to the model just now.', advice: waitAndAsk },
  message_too_big: { what: 'The message is too long.', advice: 'Send a shorter message.' },
  held_too_much: {
    what: 'Too much is waiting.',
    advice: 'Wait for the answer before you send more.',
  },
  client_too_fast: { what: 'Too many messages in a short time.', advice: waitAndAsk },
  limit_reached: { what: 'A limit of this gateway is reached.', advice: waitAndAsk },
  text_only: { what: 'This gateway has no sound.', advice: 'Type your message.' },
  input_audio_buffer_commit_empty: {
    what: 'That was too short to be understood.',
    advice: 'Hold the button while you speak.',
  },
  speech_lost: {
    what: 'What you were saying was lost with the connection to the model.',
    advice: 'Say it again.',
  },
  no_audio: { what: 'No sound came from the microphone.', advice: 'Close the microphone and open it again.' },
  no_text: { what: 'The message was empty.', advice: 'Write something first.' },
  draining: {
    what: 'This server is being replaced; you are moved to another one.',
    advice: 'Try again once you are connected.',
  },
  store_unavailable: { what: 'The gateway cannot reach its store just now.', advice: waitAndAsk },
  memory_exhausted: { what: 'The gateway has no memory left just now.', advice: waitAndAsk },
  rate_limit_exceeded: {
    what: 'The model has had too many requests.',
    advice: 'Wait a minute, then try again.',
  },
  content_filter: {
    what: 'The answer was held back by a content filter.',
    advice: 'Ask it in other words.',
  },
  insufficient_quota: { what: 'The quota of the model is used up.', advice: askOperator },
  max_output_tokens: { what: 'The answer became too long and was cut.', advice: 'Ask for a shorter answer.' },
}

const unknownError: Sentence = {
  what: 'The model could not complete this.',
  advice: 'Try again. If it fails again, reload the page.',
}

/** What a notice says of an error. `cause` is the server's own sentence with its code, for those who ask for details. */
export interface ErrorWords {
  what: string
  advice: string
  cause: string
}

/**
 * Puts an error into words; no code stands alone in front of a person.
 * @param message the server's own words
 * @param code one of the gateway's error codes, or the model's own
 */
export function errorWords(message: string, code: string): ErrorWords {
  const { what, advice } = Object.hasOwn(sentences, code) ? (sentences[code] ?? unknownError) : unknownError
  return { what: say(what), advice: say(advice), cause: `${message} (${code})` }
}
