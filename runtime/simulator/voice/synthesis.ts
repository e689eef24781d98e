/** A small formant synthesiser: a glottal pulse and noise through three resonators. */
import { pcmRate } from '../../core/contract.ts'
import { createRandom } from '../ids.ts'
import type { SpeechSound } from './sounds.ts'

/** Sounds and their resonances glide into the next in steps of 2 ms. */
const stepSamples = 48
const glideSteps = 8
const fadeSamples = 240
const bandwidthsHz = [80, 110, 170] as const
const gains = [1, 1.1, 1] as const
const level = 34_000
const maxSample = 32_000
const breathLevel = 0.2
/** Breath spreads its resonances: a hiss is no whistle. */
const breathSpread = 6
/** Lifts the high notes of the folds, as the lips do (share of the sample before that is taken off). */
const lipShare = 0.95
const declination = 0.12
const vibrato = 0.03
const vibratoSamples = 2400
const openPhase = 0.6

/** How a voice sounds: pitch in Hz, and the length of the vocal tract (1 = the tables' own). */
export interface Timbre {
  pitchHz: number
  tract: number
}

/**
 * Renders sounds as PCM.
 *
 * @param speed 1 = normal; the sounds' times are divided by it
 * @param noiseSeed seed of the breath noise
 * @returns 24 kHz mono samples
 */
export function synthesise(
  sounds: readonly SpeechSound[],
  timbre: Timbre,
  speed: number,
  noiseSeed: number,
): Int16Array {
  const stepCounts = sounds.map(sound =>
    Math.max(1, Math.round((sound.ms / 1000 / speed) * (pcmRate / stepSamples))),
  )
  const total = stepCounts.reduce((sum, count) => sum + count, 0) * stepSamples
  const samples = new Int16Array(total)
  const source = createSource(timbre.pitchHz, total, noiseSeed)
  const throat = new Throat()
  let previous = silent(sounds[0])
  let at = 0
  sounds.forEach((sound, index) => {
    for (let step = 0; step < (stepCounts[index] ?? 0); step++) {
      const glide = Math.min(1, step / glideSteps)
      const noise = mix(previous.noise, sound.noise, glide)
      throat.tune(
        1 + noise * breathSpread,
        mix(previous.f1, sound.f1, glide) * timbre.tract,
        mix(previous.f2, sound.f2, glide) * timbre.tract,
        mix(previous.f3, sound.f3, glide) * timbre.tract,
      )
      const block = source(mix(previous.voiced, sound.voiced, glide), noise)
      throat.filter(block, samples, at)
      at += stepSamples
    }
    previous = sound
  })
  return fadeEnds(samples)
}

/** Makes the sound of the vocal folds and of breath, a block of 2 ms at a time. */
function createSource(
  pitchHz: number,
  total: number,
  noiseSeed: number,
): (voiced: number, noise: number) => Float64Array {
  const block = new Float64Array(stepSamples)
  const chance = createRandom(noiseSeed)
  let phase = 0
  let foldsBefore = 0
  let at = 0
  return (voiced, noise) => {
    const pitch = pitchHz * (1 + vibrato * Math.sin(at / vibratoSamples) - declination * (at / total))
    at += stepSamples
    for (let index = 0; index < stepSamples; index++) {
      phase += pitch / pcmRate
      if (phase >= 1) phase -= 1
      const folds = phase < openPhase ? Math.sin((Math.PI * phase) / openPhase) * 6.4 - 2.4 : -4
      const breath = noise === 0 ? 0 : noise * (chance() * 2 - 1) * breathLevel
      block[index] = voiced * (folds - lipShare * foldsBefore) + breath
      foldsBefore = folds
    }
    return block
  }
}

/** Three two-pole resonators side by side. Their state is in plain fields: this is the inner loop of speech. */
class Throat {
  readonly #feedback = new Float64Array(3)
  readonly #damping = new Float64Array(3)
  readonly #gain = new Float64Array(3)
  readonly #last = new Float64Array(3)
  readonly #beforeLast = new Float64Array(3)

  /** @param spread factor on the bandwidths */
  tune(spread: number, ...frequenciesHz: [number, number, number]): void {
    for (let index = 0; index < 3; index++) {
      const radius = Math.exp((-Math.PI * (bandwidthsHz[index] ?? 100) * spread) / pcmRate)
      const angle = (2 * Math.PI * (frequenciesHz[index] ?? 500)) / pcmRate
      const peak = (1 - radius) * Math.sqrt(1 - 2 * radius * Math.cos(2 * angle) + radius * radius)
      this.#feedback[index] = 2 * radius * Math.cos(angle)
      this.#damping[index] = radius * radius
      this.#gain[index] = peak
    }
  }

  filter(block: Float64Array, samples: Int16Array, at: number): void {
    const sums = new Float64Array(block.length)
    for (let index = 0; index < 3; index++) this.#resonate(index, block, sums)
    for (let index = 0; index < block.length; index++) {
      samples[at + index] = Math.max(-maxSample, Math.min(maxSample, Math.round((sums[index] ?? 0) * level)))
    }
  }

  #resonate(which: number, block: Float64Array, sums: Float64Array): void {
    const feedback = this.#feedback[which] ?? 0
    const damping = this.#damping[which] ?? 0
    const gain = this.#gain[which] ?? 0
    const share = gains[which] ?? 0
    let last = this.#last[which] ?? 0
    let beforeLast = this.#beforeLast[which] ?? 0
    for (let index = 0; index < block.length; index++) {
      const output = gain * (block[index] ?? 0) + feedback * last - damping * beforeLast
      beforeLast = last
      last = output
      sums[index] = (sums[index] ?? 0) + share * output
    }
    this.#last[which] = last
    this.#beforeLast[which] = beforeLast
  }
}

function silent(sound: SpeechSound | undefined): SpeechSound {
  return { ...(sound ?? { f1: 500, f2: 1500, f3: 2500, ms: 0 }), voiced: 0, noise: 0 }
}

function mix(from: number, to: number, share: number): number {
  return from + (to - from) * share
}

function fadeEnds(samples: Int16Array): Int16Array {
  const length = Math.min(fadeSamples, samples.length / 2)
  for (let index = 0; index < length; index++) {
    const last = samples.length - 1 - index
    samples[index] = Math.round((samples[index] ?? 0) * (index / length))
    samples[last] = Math.round((samples[last] ?? 0) * (index / length))
  }
  return samples
}
