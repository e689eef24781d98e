/** The microphone while somebody speaks into it: open, or held for one turn. What becomes of the sound is the page's. */
import { say } from '../language/language.ts'
import { type Capture, startCapture } from './capture.ts'
import { samplesToMs } from './pcm.ts'
import type { SpeechMode } from './speech-mode.ts'

/** Less than this is no turn (ms); the API refuses it too. */
export const shortestTurnMs = 120

export interface SpeechInputListeners {
  /** @param analyser for pictures of the sound; undefined until the microphone is there */
  onMode(mode: SpeechMode, analyser: AnalyserNode | undefined): void
  /** The microphone is there; its sound follows. */
  onBegin(mode: 'open' | 'held'): void
  /** @param samples 40 ms of PCM16 at 24 kHz */
  onSamples(samples: Int16Array<ArrayBuffer>): void
  /** It was closed. @param spokenMs how much sound there was */
  onEnd(mode: 'open' | 'held', spokenMs: number): void
  /** @param words what went wrong, and what to do */
  onFault(words: string): void
}

/** One microphone, opened and closed as often as the person likes. */
export class SpeechInput {
  readonly #listeners: SpeechInputListeners
  #mode: SpeechMode = 'off'
  #capture: Capture | undefined
  #samples = 0
  /** Numbers the openings and closings, so that a microphone that comes too late is closed again. */
  #begun = 0

  constructor(listeners: SpeechInputListeners) {
    this.#listeners = listeners
  }

  get mode(): SpeechMode {
    return this.#mode
  }

  /** Opens the microphone, unless it is in use. Whether there is one is told to the listeners. */
  async begin(mode: 'open' | 'held'): Promise<void> {
    if (this.#mode !== 'off') return
    this.#begun++
    const begun = this.#begun
    this.#samples = 0
    this.#enter(mode)
    try {
      const capture = await startCapture(
        samples => begun === this.#begun && this.#take(samples),
        () => begun === this.#begun && this.#lose(),
      )
      if (begun !== this.#begun) return capture.stop()
      this.#capture = capture
      this.#listeners.onBegin(mode)
      this.#enter(mode)
    } catch (cause) {
      if (begun !== this.#begun) return
      this.#close()
      this.#listeners.onFault(cause instanceof Error ? cause.message : String(cause))
    }
  }

  /** Closes the microphone. A turn that was held is complete now. Safe to call twice. */
  end(): void {
    const mode = this.#mode
    if (mode === 'off') return
    this.#close()
    this.#listeners.onEnd(mode, samplesToMs(this.#samples))
  }

  /** Closes the microphone and takes back the turn that was held: no `onEnd` follows. */
  cancel(): void {
    if (this.#mode !== 'off') this.#close()
  }

  #take(samples: Int16Array<ArrayBuffer>): void {
    if (!this.#capture) return
    this.#samples += samples.length
    this.#listeners.onSamples(samples)
  }

  #lose(): void {
    this.end()
    this.#listeners.onFault(say('The microphone went away. Plug it in again, then try again.'))
  }

  #close(): void {
    this.#begun++
    this.#capture?.stop()
    this.#capture = undefined
    this.#enter('off')
  }

  #enter(mode: SpeechMode): void {
    this.#mode = mode
    this.#listeners.onMode(mode, this.#capture?.analyser)
  }
}
