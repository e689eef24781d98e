/** Speech into the session: an open microphone, one that is held, or a file. */
import { say } from '../language/language.ts'
import type { RealtimeEvent } from '../page/realtime-event.ts'
import { encodePcm16, pcmRate } from '../sound/pcm.ts'
import { SpeechInput, type SpeechInputListeners, shortestTurnMs } from '../sound/speech-input.ts'
import { turnUpdate } from './settings.ts'

/** What speech needs and tells. */
export interface SpeechListeners extends Pick<SpeechInputListeners, 'onMode' | 'onFault'> {
  /** Sends an event; it waits for a connection where there is none. */
  send(event: RealtimeEvent): void
  onWords(words: string): void
}

const chunkSamples = pcmRate / 10
/** Silence behind a file or a microphone that was closed, so that a server that listens for it hears the end. */
const tailSamples = pcmRate

/** The person's voice. */
export class Speech {
  readonly #listeners: SpeechListeners
  readonly #input: SpeechInput
  /** Who ends a turn, as far as this page knows. */
  #detection: string | undefined

  constructor(listeners: SpeechListeners) {
    this.#listeners = listeners
    this.#input = new SpeechInput({
      onMode: listeners.onMode,
      onFault: listeners.onFault,
      onBegin: mode => this.#leaveTurnsTo(mode === 'held' ? 'none' : 'server_vad'),
      onSamples: samples => this.#append(samples),
      onEnd: (mode, spokenMs) => (mode === 'held' ? this.#finish(spokenMs) : this.#appendSilence()),
    })
  }

  /** A session began, or its settings changed: who ends a turn now. Undefined: not known. */
  setDetection(detection: string | undefined): void {
    this.#detection = detection
  }

  /** Opens the microphone; the server hears where a turn ends. */
  open(): Promise<void> {
    return this.#input.begin('open')
  }

  /** Opens the microphone for one turn. */
  hold(): Promise<void> {
    return this.#input.begin('held')
  }

  /** Closes the microphone. A turn that was held is complete now. */
  release(): void {
    this.#input.end()
  }

  /** Closes the microphone; what was said goes no further. */
  cancel(): void {
    this.#input.cancel()
  }

  /** Sends a whole recording as one turn. */
  sendAll(samples: Int16Array): void {
    for (let start = 0; start < samples.length; start += chunkSamples)
      this.#append(samples.subarray(start, start + chunkSamples))
    if (this.#detection === 'none') return this.#complete()
    this.#appendSilence()
  }

  #appendSilence(): void {
    for (let start = 0; start < tailSamples; start += chunkSamples) this.#append(new Int16Array(chunkSamples))
  }

  #leaveTurnsTo(wanted: 'none' | 'server_vad'): void {
    if (this.#detection !== wanted) this.#listeners.send(turnUpdate(wanted))
    this.#detection = wanted
  }

  #append(samples: Int16Array): void {
    this.#listeners.send({ type: 'input_audio_buffer.append', audio: encodePcm16(samples) })
  }

  #finish(spokenMs: number): void {
    if (spokenMs >= shortestTurnMs) return this.#complete()
    this.#listeners.send({ type: 'input_audio_buffer.clear' })
    this.#listeners.onWords(say('That was too short. Hold the button while you speak.'))
  }

  #complete(): void {
    this.#listeners.send({ type: 'input_audio_buffer.commit' })
    this.#listeners.send({ type: 'response.create' })
  }
}
