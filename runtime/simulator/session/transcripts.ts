/** Transcription of what the user has said: deltas, then the whole. */
import type { Fields } from '../protocol/check.ts'
import { wordsOf } from '../voice/speaker.ts'
import type { Context } from './context.ts'
import type { Entry } from './conversation.ts'
import { wordsHeard } from './items.ts'
import type { Timeline } from './timeline.ts'
import { textTokens } from './usage.ts'

const firstDeltaMs = 60
const deltaMs = 20
const audioTokensPerSec = 10
const logprobsName = 'item.input_audio_transcription.logprobs'

/** Starts the transcription of a user item, when the session asks for it. */
export function transcribe(context: Context, timeline: Timeline, entry: Entry, seconds: number): void {
  const { transcription } = context.config.audio.input
  if (transcription === null) return
  const place = { item_id: entry.item.id, content_index: 0 }
  const event = (name: string, fields: Fields) =>
    context.emit({ type: `conversation.item.input_audio_transcription.${name}`, ...place, ...fields })
  const { model } = transcription
  if (context.vendor === 'azure' && model.startsWith('missing')) {
    const message = `Input transcription failed for item '${entry.item.id}'. The deployment '${model}' does not exist.`
    const error = { type: 'server_error', code: 'DeploymentNotFound', message, param: null }
    timeline.after(firstDeltaMs / context.rate, () => event('failed', { error }))
    return
  }
  const transcript = wordsHeard(seconds)
  const words = deltasOf(transcript, model)
  const logprobs = (text: string) =>
    context.config.include?.includes(logprobsName) === true ? { logprobs: wordsOf(text).map(logprobOf) } : {}
  const complete = () => {
    const [part] = entry.item.content ?? []
    if (part !== undefined) part.transcript = transcript
    if (model.endsWith('diarize')) {
      const segment = {
        id: `seg_${context.ids.hex(12)}`,
        text: transcript,
        speaker: 'A',
        start: 0,
        end: seconds,
      }
      event('segment', segment)
    }
    event('completed', { transcript, ...logprobs(transcript), usage: usageFor(model, seconds, transcript) })
  }
  const next = () => {
    const delta = words.shift()
    if (delta === undefined) return complete()
    event('delta', { delta, ...logprobs(delta), obfuscation: context.ids.obfuscation() })
    timeline.after(deltaMs / context.rate, next)
  }
  timeline.after(firstDeltaMs / context.rate, next)
}

/**
 * Cuts a transcript as its model streams it. `whisper-1` sends the whole as one delta (documents); the first delta of
 * `gpt-realtime-whisper` begins with a space, that of `gpt-4o-transcribe` does not (recordings of both vendors). What
 * the others do is assumed to be as the latter.
 */
function deltasOf(transcript: string, model: string): string[] {
  if (model === 'whisper-1') return [transcript]
  return wordsOf(model.includes('realtime-whisper') ? ` ${transcript}` : transcript)
}

/** A token as `item.input_audio_transcription.logprobs` shows it; longer words are less sure. */
function logprobOf(token: string): Fields {
  return { token, logprob: -token.length / 1000, bytes: [...Buffer.from(token)] }
}

/** Whisper models are metered by time, rounded up; the others by tokens. */
function usageFor(model: string, seconds: number, transcript: string): Fields {
  if (model.includes('whisper')) return { type: 'duration', seconds: Math.ceil(seconds) }
  const input = Math.ceil(seconds * audioTokensPerSec)
  const output = textTokens(transcript)
  return {
    type: 'tokens',
    total_tokens: input + output,
    input_tokens: input,
    input_token_details: { text_tokens: 0, audio_tokens: input },
    output_tokens: output,
  }
}
