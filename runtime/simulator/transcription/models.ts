/** What the models that write down while somebody speaks take and refuse. */
import { type Fields, isFields } from '../protocol/check.ts'
import { Refusal, type SessionConfig } from '../protocol/types.ts'

/**
 * Write down while somebody speaks, in turns that are committed by hand: a transcription session with one of them has
 * no turn detection (developers.openai.com, guides/realtime-transcription).
 */
const liveModels = ['gpt-live-transcribe', 'gpt-realtime-whisper']

/** Whether a session's words come while they are said. On Azure a deployment may have any name: its model is not known. */
export function isLive({ type, audio }: SessionConfig): boolean {
  return type === 'transcription' && liveModels.includes(audio.input.transcription?.model ?? '')
}

/** Characters that no keyword has (the same guide). */
const forbiddenInKeywords = /[<>\r\n]/

const path = 'session.audio.input'

/**
 * Settles what a change of a transcription session leaves open.
 * @param next the session as it would be
 * @param patch what the client has sent
 * @returns the session as it will be: without turn detection where its model knows none
 * @throws Refusal for what the model does not take; its code and words are assumed
 */
export function settledTranscription(next: SessionConfig, patch: Fields): SessionConfig {
  if (!isLive(next)) return next
  const { input } = isFields(patch.audio) ? patch.audio : {}
  const { turn_detection: turns } = isFields(input) ? input : {}
  const { model, language, prompt, keywords } = next.audio.input.transcription ?? { model: '' }
  if (isFields(turns))
    throw refused(`turn_detection must be null with the model '${model}'`, 'turn_detection')
  if (model === 'gpt-live-transcribe' && typeof language === 'string')
    throw refused(`the model '${model}' takes 'languages', not 'language'`, 'transcription.language')
  if (model === 'gpt-realtime-whisper' && typeof prompt === 'string')
    throw refused(`the model '${model}' takes no prompt`, 'transcription.prompt')
  if (Array.isArray(keywords) && keywords.some(word => forbiddenInKeywords.test(String(word))))
    throw refused("keywords have no '<', '>' or line breaks", 'transcription.keywords')
  return { ...next, audio: { ...next.audio, input: { ...next.audio.input, turn_detection: null } } }
}

function refused(what: string, field: string): Refusal {
  return new Refusal({ code: 'invalid_value', message: `Invalid value: ${what}.`, param: `${path}.${field}` })
}
