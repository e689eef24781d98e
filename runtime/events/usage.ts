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

function fieldsOf(frame: Uint8Array): Fields {
  return parseFields(asBuffer(frame)) ?? {}
}

function tokensOf(value: unknown): number {
  return isAmount(value) ? Math.round(value) : 0
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0
}
