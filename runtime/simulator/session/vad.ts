/** Voice activity detection by energy: pure, driven by the audio alone. */
import type { TurnDetection } from '../protocol/types.ts'

const frameMs = 20
const framesLookedAt = 5
const loudFramesForSpeech = 3
/** Root mean square, as a share of full scale, that counts as loud at threshold 0.5: about -38 dB. */
const loudAtHalf = 0.0125
const fullScale = 32_768
const defaultPaddingMs = 300

/** How long semantic detection waits for the user to go on (ms); the documents give 8, 4 and 2 s as upper bounds. */
const patienceMs = { low: 1600, medium: 900, auto: 900, high: 500 }

export interface SpeechChange {
  kind: 'started' | 'stopped'
  /** Position in all audio heard: with prefix padding for a start, with the silence for a stop. */
  atMs: number
}

export class Detector {
  readonly #frameLength: number
  readonly #loudness: number
  readonly #silenceMs: number
  readonly #paddingMs: number
  #recent: boolean[] = []
  #energy = 0
  #counted = 0
  #positionMs: number
  #lastLoudMs: number
  #earliestStartMs: number
  #speaking: boolean

  /**
   * @param sampleRate Hz
   * @param startMs position of the first sample in all audio of the session
   * @param isSpeaking whether somebody speaks at that moment
   */
  constructor(settings: TurnDetection, sampleRate: number, startMs: number, isSpeaking: boolean) {
    this.#speaking = isSpeaking
    this.#frameLength = (sampleRate * frameMs) / 1000
    this.#loudness = loudAtHalf * ((settings.threshold ?? 0.5) / 0.5) * fullScale
    this.#silenceMs = Math.max(frameMs, silenceOf(settings))
    this.#paddingMs = settings.prefix_padding_ms ?? defaultPaddingMs
    this.#positionMs = startMs
    this.#lastLoudMs = startMs
    this.#earliestStartMs = startMs
  }

  /** Listens on; `samples` are mono at the detector's rate. */
  hear(samples: Int16Array): SpeechChange[] {
    const changes: SpeechChange[] = []
    for (const sample of samples) {
      this.#energy += sample * sample
      if (++this.#counted < this.#frameLength) continue
      const change = this.#frame(Math.sqrt(this.#energy / this.#counted) > this.#loudness)
      if (change !== null) changes.push(change)
      this.#energy = 0
      this.#counted = 0
    }
    return changes
  }

  /** Forgets speech in progress. */
  reset(): void {
    this.#speaking = false
    this.#recent = []
  }

  #frame(loud: boolean): SpeechChange | null {
    this.#positionMs += frameMs
    if (loud) this.#lastLoudMs = this.#positionMs
    this.#recent = [...this.#recent.slice(1 - framesLookedAt), loud]
    return this.#speaking ? this.#endOfSpeech() : this.#beginOfSpeech()
  }

  #beginOfSpeech(): SpeechChange | null {
    if (this.#recent.filter(Boolean).length < loudFramesForSpeech) return null
    this.#speaking = true
    const firstLoudMs = this.#positionMs - (this.#recent.length - this.#recent.indexOf(true)) * frameMs
    const atMs = Math.max(this.#earliestStartMs, firstLoudMs - this.#paddingMs)
    return { kind: 'started', atMs: Math.round(atMs) }
  }

  #endOfSpeech(): SpeechChange | null {
    if (this.#positionMs - this.#lastLoudMs < this.#silenceMs) return null
    this.reset()
    this.#earliestStartMs = this.#positionMs
    return { kind: 'stopped', atMs: Math.round(this.#positionMs) }
  }
}

function silenceOf({ type, eagerness, silence_duration_ms }: TurnDetection): number {
  return type === 'semantic_vad' ? patienceMs[eagerness ?? 'auto'] : (silence_duration_ms ?? 0)
}
