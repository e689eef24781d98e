/** Finds the pauses in which a turn ends: models that write down at once leave them to whoever speaks. */
import { samplesToMs } from '../sound/pcm.ts'

/** Root mean square, as a share of full scale, above which sound counts as speech. */
const loudness = 0.012
const fullScale = 32_768
/** Shorter sounds are a click, no speech (ms). */
const shortestSpeechMs = 120
/** A pause of this length ends a turn (ms). */
const pauseMs = 700
/** So much sound is a turn, whatever is said (ms): captions become final now and then. */
const longestTurnMs = 20_000

export class Turns {
  #turnMs = 0
  #loudMs = 0
  #quietMs = 0

  /** Whether something was said since the last turn. */
  get hasSpeech(): boolean {
    return this.#loudMs >= shortestSpeechMs
  }

  /** Takes in sound. @returns whether a turn ends with it */
  take(samples: Int16Array): boolean {
    const ms = samplesToMs(samples.length)
    const isLoud = rootMeanSquare(samples) > loudness * fullScale
    this.#turnMs += ms
    this.#loudMs += isLoud ? ms : 0
    this.#quietMs = isLoud ? 0 : this.#quietMs + ms
    const isOver = this.hasSpeech && (this.#quietMs >= pauseMs || this.#turnMs >= longestTurnMs)
    // Silence is no part of a turn: it would end the next one with its first word.
    const isSilence = !this.hasSpeech && this.#quietMs >= pauseMs
    if (isOver || isSilence) this.reset()
    return isOver
  }

  /** A turn begins. */
  reset(): void {
    this.#turnMs = 0
    this.#loudMs = 0
    this.#quietMs = 0
  }
}

function rootMeanSquare(samples: Int16Array): number {
  let sum = 0
  for (const sample of samples) sum += sample * sample
  return Math.sqrt(sum / Math.max(1, samples.length))
}
