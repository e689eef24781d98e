/** What an answer, or the writing down of a turn, used, as upstream tells. */
import { asBuffer } from '../core/bytes.ts'
import { type Fields, isFields, parseFields } from './fields.ts'

/** Tokens. */
export interface Usage {
  readonly input: number
  readonly output: number
  readonly total: number
}

/** Tokens or seconds of sound, whichever the model is paid by; the other is 0. */
export interface TranscriptionUsage extends Usage {
  readonly seconds: number
}

/** A second of speech in a conversation (OpenAI, "Managing costs": 100 ms of what a person says are a token). */
const tokensPerSecond = 10

/** What a limit in tokens counts: those that upstream tells, else as many as the seconds would be in a conversation. */
export function countedTokens({ total, seconds }: TranscriptionUsage): number {
  return total > 0 ? total : Math.ceil(seconds * tokensPerSecond)
}

/**
 * Reads the usage of a turn that was written down (`conversation.item.input_audio_transcription.completed`). Never throws.
 * @returns zero for what it does not tell, or not as a number
 */
export function transcriptionUsageOf(frame: Uint8Array): TranscriptionUsage {
  const { usage } = fieldsOf(frame)
  const { input_tokens, output_tokens, total_tokens, seconds } = isFields(usage) ? usage : {}
  const [input, output] = [tokensOf(input_tokens), tokensOf(output_tokens)]
  return {
    input,
    output,
    total: tokensOf(total_tokens) || input + output,
    seconds: isAmount(seconds) ? seconds : 0,
  }
}

/** Reads the usage of a `response.done`. Never throws. @returns zero for what it does not tell, or not as a number */
export function usageOf(frame: Uint8Array): Usage {
  const { response } = fieldsOf(frame)
  const usage = isFields(response) && isFields(response.usage) ? response.usage : {}
  const { input_tokens, output_tokens, total_tokens } = usage
  return { input: tokensOf(input_tokens), output: tokensOf(output_tokens), total: tokensOf(total_tokens) }
}

export function fieldsOf(frame: Uint8Array): Fields {
  return parseFields(asBuffer(frame)) ?? {}
}

/** Reads a number of tokens. @returns 0 for what is none */
export function tokensOf(value: unknown): number {
  return isAmount(value) ? Math.round(value) : 0
}

/** More than any one answer uses (tokens, seconds): added up, such a number would make a whole day's sum unreadable. */
const maxAmount = 1_000_000_000

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && value <= maxAmount
}

/**
 * What is counted of a session, each kind with its own price. Tokens; `…_ms` is milliseconds of sound. `cached_*` is the
 * part of `input_*` that upstream had read before.
 */
export const usageKinds = [
  'input_text',
  'input_audio',
  'input_image',
  'cached_text',
  'cached_audio',
  'cached_image',
  'output_text',
  'output_audio',
  'transcription_ms',
  'translation_ms',
] as const

export type UsageKind = (typeof usageKinds)[number]

/** Whole numbers; a kind that is absent was not used. */
export type Amounts = Readonly<Partial<Record<UsageKind, number>>>

/**
 * Sorts what a response used by kind. Unknown fields and what is no number count as nothing. Tokens whose kind upstream
 * does not tell count as text; cached ones as text first, then as images, then as audio, which is the dearest estimate.
 * @param usage of a `response.done`
 */
export function amountsOfResponse(usage: unknown): Amounts {
  const fields = isFields(usage) ? usage : {}
  const input = byKind(fields.input_token_details, fields.input_tokens, 'text')
  const output = byKind(fields.output_token_details, fields.output_tokens, 'text')
  const cached = cachedOf(fields.input_token_details, input)
  return whatWasUsed({
    input_text: input.text,
    input_audio: input.audio,
    input_image: input.image,
    cached_text: cached.text,
    cached_audio: cached.audio,
    cached_image: cached.image,
    output_text: output.text + output.image,
    output_audio: output.audio,
  })
}

/**
 * Sorts what the writing down of a turn used by kind: tokens or milliseconds. Input whose kind is not told is audio.
 * @param usage of a `conversation.item.input_audio_transcription.completed`
 */
export function amountsOfTranscription(usage: unknown): Amounts {
  const fields = isFields(usage) ? usage : {}
  const { text, audio } = byKind(fields.input_token_details, fields.input_tokens, 'audio')
  const { seconds } = fields
  return whatWasUsed({
    input_text: text,
    input_audio: audio,
    output_text: tokensOf(fields.output_tokens),
    transcription_ms: isAmount(seconds) ? Math.round(seconds * 1000) : 0,
  })
}

interface Kinds {
  readonly text: number
  readonly audio: number
  readonly image: number
}

/** @param otherwise the kind of those that the details leave out */
function byKind(details: unknown, all: unknown, otherwise: 'text' | 'audio'): Kinds {
  const { text_tokens, audio_tokens, image_tokens } = isFields(details) ? details : {}
  const told = { text: tokensOf(text_tokens), audio: tokensOf(audio_tokens), image: tokensOf(image_tokens) }
  const untold = Math.max(0, tokensOf(all) - told.text - told.audio - told.image)
  return { ...told, [otherwise]: told[otherwise] + untold }
}

/** No more of a kind is cached than there was. */
function cachedOf(details: unknown, input: Kinds): Kinds {
  const { cached_tokens, cached_tokens_details } = isFields(details) ? details : {}
  const kinds = byKind(cached_tokens_details, 0, 'text')
  const text = Math.min(input.text, kinds.text)
  const image = Math.min(input.image, kinds.image)
  const audio = Math.min(input.audio, kinds.audio)
  let untold = Math.max(0, tokensOf(cached_tokens) - kinds.text - kinds.image - kinds.audio)
  const more = (had: number, limit: number) => {
    const taken = Math.min(untold, limit - had)
    untold -= taken
    return had + taken
  }
  return { text: more(text, input.text), image: more(image, input.image), audio: more(audio, input.audio) }
}

function whatWasUsed(amounts: Record<string, number>): Amounts {
  return Object.fromEntries(Object.entries(amounts).filter(([, amount]) => amount > 0))
}
