/** Token figures: text at about four characters a token, audio by its length, images by their size. */
import type { Fields } from '../protocol/check.ts'
import type { Entry } from './conversation.ts'
import { imageTokens } from './image-tokens.ts'

const charactersPerToken = 4
const inputAudioTokensPerSec = 10
const outputAudioTokensPerSec = 20
const cacheBlock = 64

export interface Tokens {
  text: number
  audio: number
  image: number
}

/** Tokens of a text, roughly. */
export function textTokens(text: string): number {
  return Math.ceil(text.length / charactersPerToken)
}

/** Tokens of speech that the model has made: 50 ms each. */
export function speechTokens(ms: number): number {
  return Math.ceil((ms / 1000) * outputAudioTokensPerSec)
}

/** Tokens that a model reads for these instructions and items. */
export function inputTokens(instructions: string, entries: readonly Entry[]): Tokens {
  const tokens = { text: textTokens(instructions), audio: 0, image: 0 }
  for (const { item, memory, spoken } of entries) {
    if (memory === null) continue
    for (const { image_url: url, detail } of item.content ?? [])
      if (url !== undefined) tokens.image += imageTokens(url, detail)
    if (memory.heardSec !== undefined) tokens.audio += Math.ceil(memory.heardSec * inputAudioTokensPerSec)
    else tokens.text += textTokens(memory.text)
    if (spoken !== undefined) tokens.audio += Math.ceil((spoken.ms / 1000) * inputAudioTokensPerSec)
  }
  return tokens
}

/**
 * The `usage` object of `response.done`.
 *
 * @param seenBefore input tokens of the response before: what of it fills whole blocks counts as cached
 */
export function usageOf(input: Tokens, output: Tokens, seenBefore: Tokens): Fields {
  const cached = {
    text_tokens: cachedPart(input.text, seenBefore.text),
    audio_tokens: cachedPart(input.audio, seenBefore.audio),
    image_tokens: cachedPart(input.image, seenBefore.image),
  }
  return {
    total_tokens: sumOf(input) + sumOf(output),
    input_tokens: sumOf(input),
    output_tokens: sumOf(output),
    input_token_details: {
      text_tokens: input.text,
      audio_tokens: input.audio,
      image_tokens: input.image,
      cached_tokens: cached.text_tokens + cached.audio_tokens + cached.image_tokens,
      cached_tokens_details: cached,
    },
    output_token_details: { text_tokens: output.text, audio_tokens: output.audio },
  }
}

/** All tokens together. */
export function sumOf({ text, audio, image }: Tokens): number {
  return text + audio + image
}

function cachedPart(now: number, before: number): number {
  return Math.floor(Math.min(now, before) / cacheBlock) * cacheBlock
}
