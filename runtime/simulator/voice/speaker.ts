/** Speaks text in chunks of about 250 ms, each with the words that are heard in it. Rendered words are kept. */
import { pcmRate } from '../../core/contract.ts'
import type { AudioFormat } from '../protocol/types.ts'
import { encodeAudio } from './formats.ts'
import { soundsOf } from './sounds.ts'
import { synthesise, type Timbre } from './synthesis.ts'

const maxWordLength = 14
const longestChunkMs = 320
const maxCacheBytes = 48 * 1024 * 1024

const timbres: Record<string, Timbre> = {
  alloy: { pitchHz: 165, tract: 1 },
  ash: { pitchHz: 112, tract: 0.93 },
  ballad: { pitchHz: 128, tract: 0.96 },
  coral: { pitchHz: 205, tract: 1.1 },
  echo: { pitchHz: 104, tract: 0.92 },
  sage: { pitchHz: 190, tract: 1.06 },
  shimmer: { pitchHz: 220, tract: 1.12 },
  verse: { pitchHz: 135, tract: 0.97 },
  marin: { pitchHz: 198, tract: 1.08 },
  cedar: { pitchHz: 98, tract: 0.9 },
}
const plainTimbre: Timbre = { pitchHz: 150, tract: 1 }

/** A piece of speech. `text` is empty when the piece goes on with the word before. */
export interface Chunk {
  text: string
  ms: number
  samples: Int16Array
  /** The audio as it goes on the wire; encoded once for each format. */
  base64(format: AudioFormat): string
}

export interface SpeechSynthesizer {
  /**
   * Speaks a text. The chunks' texts joined are exactly `text`. A word takes a few ms to render, so each is
   * rendered when it is asked for.
   *
   * @param voice name of a voice; an unknown one gets a plain timbre
   * @param speed 0.25..1.5, 1 = normal
   */
  speak(text: string, voice: string, speed: number): Iterable<Chunk>
}

/**
 * Makes a speaker with a bounded store of rendered words (48 MB of samples, least recently used out first).
 *
 * @param seed seed of the breath noise
 */
export function createSpeechSynthesizer(seed: number): SpeechSynthesizer {
  const cache = new Map<string, Chunk[]>()
  let cachedBytes = 0

  const remember = (key: string, chunks: Chunk[]) => {
    cache.set(key, chunks)
    cachedBytes += bytesOf(chunks)
    for (const [oldest, old] of cache) {
      if (cachedBytes <= maxCacheBytes) break
      cache.delete(oldest)
      cachedBytes -= bytesOf(old)
    }
  }
  const render = (word: string, voice: string, speed: number) => {
    const key = `${voice}|${speed}|${word}`
    const known = cache.get(key)
    if (known !== undefined) {
      cache.delete(key)
      cache.set(key, known)
      return known
    }
    const samples = synthesise(soundsOf(word), timbres[voice] ?? plainTimbre, speed, seed)
    const chunks = slice(word, samples)
    remember(key, chunks)
    return chunks
  }

  return {
    speak: function* (text, voice, speed) {
      for (const word of wordsOf(text)) yield* render(word, voice, speed)
    },
  }
}

/** Splits a text into words with the space before them; long ones into pieces. Joined they are the text. */
export function wordsOf(text: string): string[] {
  return text.match(new RegExp(`\\s*\\S{1,${maxWordLength}}|\\s+$`, 'gu')) ?? []
}

function slice(word: string, samples: Int16Array): Chunk[] {
  const ms = (samples.length / pcmRate) * 1000
  const count = Math.max(1, Math.ceil(ms / longestChunkMs))
  const length = Math.ceil(samples.length / count / 6) * 6
  return Array.from({ length: count }, (_, index) =>
    createChunk(index === 0 ? word : '', samples.subarray(index * length, (index + 1) * length)),
  )
}

function createChunk(text: string, samples: Int16Array): Chunk {
  const encoded = new Map<string, string>()
  return {
    text,
    samples,
    ms: (samples.length / pcmRate) * 1000,
    base64: format => {
      const known = encoded.get(format.type)
      if (known !== undefined) return known
      const text = encodeAudio(samples, format).toString('base64')
      encoded.set(format.type, text)
      return text
    },
  }
}

/** Samples and their base64 forms, roughly. */
function bytesOf(chunks: Chunk[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.samples.byteLength * 3, 0)
}
