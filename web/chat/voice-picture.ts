/** The picture of the voice: a circle that says whose turn it is, and breathes with the real level of the sound. */
import { part } from '../page/page.ts'
import { levelOf } from '../sound/waveform.ts'
import type { VoiceState } from './talk-status.ts'

/** Speech rarely passes this root mean square: the largest circle. */
const loudLevel = 0.25
/** How much of the way to a new level the circle goes in one frame: it rises quickly and falls slowly. */
const rise = 0.35
const fall = 0.08
/** A level below this is silence; the circle rests. */
const quietLevel = 0.01

/** Where the levels come from; undefined while there is no such sound. */
export interface VoiceSources {
  /** The person's microphone. */
  person(): AnalyserNode | undefined
  /** The answers. */
  assistant(): AnalyserNode | undefined
}

/** The circle. It draws only while there is something to hear. */
export class VoicePicture {
  readonly #element = part('#voice', HTMLElement)
  readonly #sources: VoiceSources
  #state: VoiceState = 'waiting'
  #level = 0
  #frame = 0

  constructor(sources: VoiceSources) {
    this.#sources = sources
  }

  show(state: VoiceState): void {
    this.#state = state
    this.#element.dataset.state = state
    // Someone who asked for little motion sees the state alone.
    const isStill = matchMedia('(prefers-reduced-motion: reduce)').matches
    if (this.#source() && !isStill && this.#frame === 0)
      this.#frame = requestAnimationFrame(() => this.#draw())
  }

  #source(): AnalyserNode | undefined {
    if (this.#state === 'speaking') return this.#sources.assistant()
    if (this.#state === 'hearing' || this.#state === 'listening') return this.#sources.person()
    return undefined
  }

  #draw(): void {
    const source = this.#source()
    const heard = Math.min(1, levelOf(source) / loudLevel)
    this.#level += (heard - this.#level) * (heard > this.#level ? rise : fall)
    const isOver = source === undefined && this.#level < quietLevel
    if (isOver) this.#level = 0
    this.#element.style.setProperty('--level', this.#level.toFixed(3))
    this.#frame = isOver ? 0 : requestAnimationFrame(() => this.#draw())
  }
}
