/** Plays PCM16 on the audio thread: a ring buffer in, one channel out, and a count of what was really played. */
import { createSampleRing } from './ring.ts'

/** Page to audio thread. `answer` numbers the answers, so that a late report is never taken for the next one's. */
export type PlaybackCommand =
  | { type: 'answer'; answer: number }
  | { type: 'samples'; samples: Int16Array<ArrayBuffer> }
  | { type: 'finish' }
  | { type: 'stop' }

/** Audio thread to page, about every 21 ms while there is something to play. Counts are samples. */
export interface PlaybackReport {
  answer: number
  played: number
  buffered: number
  /** How often the ring ran dry in mid-answer. */
  underruns: number
  /** Samples refused because the ring was full. */
  dropped: number
  /** Root mean square of what was played since the last report, 0 to 1. */
  level: number
}

/** What `AudioWorkletGlobalScope` offers (Web Audio API 1.1, section 1.32); the DOM library does not declare it. */
declare class AudioWorkletProcessor {
  readonly port: MessagePort
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void
declare const sampleRate: number

const ringSeconds = 300
/** Samples gathered before an answer starts: bridges the jitter of its first chunks. */
const leadSeconds = 0.08
const quantaPerReport = 4

class PlaybackProcessor extends AudioWorkletProcessor {
  readonly #ring = createSampleRing(ringSeconds * sampleRate)
  #phase: 'filling' | 'playing' | 'stopping' = 'filling'
  #finished = false
  /** The ring ran dry in mid-answer, or before its end was known: a gap only if more comes. */
  #ranDry = false
  #counts = { answer: 0, played: 0, underruns: 0, dropped: 0 }
  /** Since the last report. */
  #recent = { energy: 0, samples: 0, quanta: 0 }

  constructor() {
    super()
    this.port.onmessage = ({ data }: MessageEvent<PlaybackCommand>) => this.#obey(data)
  }

  process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const out = outputs[0]?.[0]
    if (!out) return true
    if (this.#phase === 'filling' && this.#mayStart()) this.#startPlaying()
    if (this.#phase !== 'filling') this.#play(out)
    return true
  }

  #obey(command: PlaybackCommand): void {
    if (command.type === 'answer') this.#begin(command.answer)
    else if (command.type === 'samples') this.#take(command.samples)
    else if (command.type === 'finish') this.#finished = true
    else this.#stop()
  }

  #begin(answer: number): void {
    this.#ring.clear()
    this.#phase = 'filling'
    this.#finished = false
    this.#ranDry = false
    this.#counts = { answer, played: 0, underruns: 0, dropped: 0 }
  }

  #take(samples: Int16Array): void {
    // An answer that was broken off goes on.
    this.#finished = false
    this.#counts.dropped += samples.length - this.#ring.write(samples)
  }

  #stop(): void {
    if (this.#phase === 'playing') this.#phase = 'stopping'
    else this.#ring.clear()
  }

  #mayStart(): boolean {
    const waiting = this.#ring.length()
    return waiting >= leadSeconds * sampleRate || (this.#finished && waiting > 0)
  }

  #startPlaying(): void {
    this.#phase = 'playing'
    if (this.#ranDry) this.#counts.underruns++
    this.#ranDry = false
  }

  #play(out: Float32Array): void {
    const goesOn = this.#render(out)
    if (!goesOn) this.#phase = 'filling'
    this.#recent.quanta++
    if (!goesOn || this.#recent.quanta >= quantaPerReport) this.#report()
  }

  /** Fills one block; false where the sound ends with it. */
  #render(out: Float32Array): boolean {
    const count = this.#ring.read(out)
    const isStopping = this.#phase === 'stopping'
    if (isStopping) {
      fadeOut(out)
      this.#ring.clear()
    }
    this.#count(out, count)
    if (isStopping || (this.#finished && this.#ring.length() === 0)) return false
    this.#ranDry = count < out.length
    return !this.#ranDry
  }

  #count(out: Float32Array, played: number): void {
    this.#counts.played += played
    this.#recent.samples += out.length
    for (const sample of out) this.#recent.energy += sample * sample
  }

  #report(): void {
    const { energy, samples } = this.#recent
    const report: PlaybackReport = {
      ...this.#counts,
      buffered: this.#ring.length(),
      level: Math.sqrt(energy / samples),
    }
    this.port.postMessage(report)
    this.#recent = { energy: 0, samples: 0, quanta: 0 }
  }
}

/** A cut in mid-wave clicks; one block of fall (5 ms) does not. */
function fadeOut(out: Float32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = (out[i] ?? 0) * (1 - i / out.length)
}

registerProcessor('pcm-playback', PlaybackProcessor)
