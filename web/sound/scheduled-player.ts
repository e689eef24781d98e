/**
 * Plays PCM16 without the audio thread: browsers offer AudioWorklet in secure contexts only, and a gateway
 * behind plain http has none. Same commands, same reports; chunks are scheduled one behind the other.
 */
import type { PlaybackCommand, PlaybackReport } from './playback.worklet.ts'

const reportMs = 40
const leadSeconds = 0.08

interface Segment {
  source: AudioBufferSourceNode
  /** In seconds of the audio context. */
  start: number
  samples: number
}

/** Takes the audio thread's place. */
export class ScheduledPlayer {
  readonly #out: AnalyserNode
  readonly #rate: number
  readonly #onReport: (report: PlaybackReport) => void
  #segments: Segment[] = []
  #counts = { answer: 0, played: 0, underruns: 0, dropped: 0 }
  #end = 0
  #timer = 0

  /**
   * @param out where the sound goes; it also measures the level
   * @param rate samples per second of what is played
   */
  constructor(out: AnalyserNode, rate: number, onReport: (report: PlaybackReport) => void) {
    this.#out = out
    this.#rate = rate
    this.#onReport = onReport
  }

  command(command: PlaybackCommand): void {
    if (command.type === 'samples') this.#schedule(command.samples)
    if (command.type === 'answer' || command.type === 'stop') this.#silence()
    if (command.type === 'answer')
      this.#counts = { answer: command.answer, played: 0, underruns: 0, dropped: 0 }
    if (command.type === 'stop') this.#report()
  }

  #schedule(samples: Int16Array): void {
    const { context } = this.#out
    if (samples.length === 0) return
    const isLate = this.#end < context.currentTime
    if (isLate && this.#segments.length > 0) this.#counts.underruns++
    const start = isLate ? context.currentTime + leadSeconds : this.#end
    const source = new AudioBufferSourceNode(context, { buffer: toBuffer(samples, this.#rate) })
    source.connect(this.#out)
    source.start(start)
    this.#segments.push({ source, start, samples: samples.length })
    this.#end = start + samples.length / this.#rate
    if (this.#timer === 0) this.#timer = window.setInterval(() => this.#report(), reportMs)
  }

  #silence(): void {
    this.#counts.played = this.#playedSamples()
    for (const { source } of this.#segments) source.disconnect()
    this.#segments = []
    this.#end = 0
    clearInterval(this.#timer)
    this.#timer = 0
  }

  #playedSamples(): number {
    if (this.#segments.length === 0) return this.#counts.played
    const now = this.#out.context.currentTime
    const played = this.#segments.map(({ start, samples }) => clamp((now - start) * this.#rate, samples))
    return played.reduce((sum, count) => sum + count, 0)
  }

  #report(): void {
    this.#counts.played = this.#playedSamples()
    const scheduled = this.#segments.reduce((sum, { samples }) => sum + samples, 0)
    const buffered = Math.max(0, scheduled - this.#counts.played)
    this.#onReport({ ...this.#counts, buffered, level: levelOf(this.#out) })
    if (buffered > 0) return
    clearInterval(this.#timer)
    this.#timer = 0
  }
}

function toBuffer(samples: Int16Array, sampleRate: number): AudioBuffer {
  const buffer = new AudioBuffer({ length: samples.length, sampleRate })
  const channel = buffer.getChannelData(0)
  for (const [index, sample] of samples.entries()) channel[index] = sample / 32_768
  return buffer
}

function levelOf(analyser: AnalyserNode): number {
  const wave = new Float32Array(analyser.fftSize)
  analyser.getFloatTimeDomainData(wave)
  return Math.sqrt(wave.reduce((sum, sample) => sum + sample * sample, 0) / wave.length)
}

function clamp(value: number, most: number): number {
  return Math.round(Math.min(most, Math.max(0, value)))
}
