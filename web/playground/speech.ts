/** Speech into the session: an open microphone, one that is held, or a file. */
import type { RealtimeEvent } from '../page/realtime-event.ts'
import { type Capture, startCapture } from '../sound/capture.ts'
import { encodePcm16, pcmRate, samplesToMs } from '../sound/pcm.ts'
import { turnUpdate } from './settings.ts'

/** `held`: the person's finger says when the turn is over. */
export type SpeechMode = 'off' | 'open' | 'held'

/** What speech needs and tells. */
export interface SpeechListeners {
  /** Sends an event; it waits for a connection where there is none. */
  send(event: RealtimeEvent): void
  onMode(mode: SpeechMode, analyser: AnalyserNode | undefined): void
  onWords(words: string): void
  onFault(words: string): void
}

const chunkSamples = pcmRate / 10
/** Less than this is no turn (ms); the API refuses it too. */
const shortestTurnMs = 120
/** Silence behind a file, so that a server that listens for it hears the end. */
const tailSamples = pcmRate

/** The person's voice. */
export class Speech {
  readonly #listeners: SpeechListeners
  #mode: SpeechMode = 'off'
  #capture: Capture | undefined
  #samples = 0
  /** Numbers the openings and closings, so that a microphone that comes too late is closed again. */
  #begun = 0
  /** Who ends a turn, as far as this page knows. */
  #detection: string | undefined

  constructor(listeners: SpeechListeners) {
    this.#listeners = listeners
  }

  /** A session began, or its settings changed: who ends a turn now. Undefined: not known. */
  setDetection(detection: string | undefined): void {
    this.#detection = detection
  }

  /** Opens the microphone; the server hears where a turn ends. */
  async open(): Promise<void> {
    await this.#begin('open')
  }

  /** Opens the microphone for one turn. */
  async hold(): Promise<void> {
    await this.#begin('held')
  }

  /** Closes the microphone. A turn that was held is complete now. */
  release(): void {
    const mode = this.#mode
    this.#begun++
    this.#capture?.stop()
    this.#capture = undefined
    this.#enter('off')
    if (mode !== 'held') return
    if (samplesToMs(this.#samples) >= shortestTurnMs) return this.#complete()
    this.#listeners.send({ type: 'input_audio_buffer.clear' })
    this.#listeners.onWords('That was too short. Hold the button while you speak.')
  }

  /** Sends a whole recording as one turn. */
  sendAll(samples: Int16Array): void {
    for (let start = 0; start < samples.length; start += chunkSamples)
      this.#append(samples.subarray(start, start + chunkSamples))
    if (this.#detection === 'none') return this.#complete()
    for (let start = 0; start < tailSamples; start += chunkSamples) this.#append(new Int16Array(chunkSamples))
  }

  async #begin(mode: 'open' | 'held'): Promise<void> {
    if (this.#mode !== 'off') return
    this.#begun++
    const begun = this.#begun
    this.#enter(mode)
    this.#samples = 0
    try {
      const capture = await startCapture(
        samples => this.#append(samples),
        () => this.#lose(),
      )
      if (begun !== this.#begun) return capture.stop()
      this.#capture = capture
      const wanted = mode === 'held' ? 'none' : 'server_vad'
      if (this.#detection !== wanted) this.#listeners.send(turnUpdate(wanted))
      this.#detection = wanted
      this.#enter(mode)
    } catch (cause) {
      if (begun === this.#begun) this.#enter('off')
      this.#listeners.onFault(cause instanceof Error ? cause.message : String(cause))
    }
  }

  #append(samples: Int16Array): void {
    this.#samples += samples.length
    this.#listeners.send({ type: 'input_audio_buffer.append', audio: encodePcm16(samples) })
  }

  #complete(): void {
    this.#listeners.send({ type: 'input_audio_buffer.commit' })
    this.#listeners.send({ type: 'response.create' })
  }

  #lose(): void {
    this.release()
    this.#listeners.onFault('The microphone went away. Plug it in again, then try again.')
  }

  #enter(mode: SpeechMode): void {
    this.#mode = mode
    this.#listeners.onMode(mode, this.#capture?.analyser)
  }
}
