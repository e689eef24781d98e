/** Takes the microphone on the audio thread: any rate in, PCM16 at 24 kHz out, in chunks. */
import { pcmRate, toPcm16 } from './pcm.ts'
import { createResampler } from './resample.ts'

/** What `AudioWorkletGlobalScope` offers (Web Audio API 1.1, section 1.32); the DOM library does not declare it. */
declare class AudioWorkletProcessor {
  readonly port: MessagePort
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void
declare const sampleRate: number

const chunkSamples = pcmRate * 0.04

class CaptureProcessor extends AudioWorkletProcessor {
  readonly #resample = createResampler(sampleRate, pcmRate)
  readonly #chunk = new Float32Array(chunkSamples)
  #filled = 0

  process(inputs: Float32Array[][]): boolean {
    const channel = inputs[0]?.[0]
    if (channel) this.#take(this.#resample(channel))
    return true
  }

  #take(samples: Float32Array): void {
    for (const sample of samples) {
      this.#chunk[this.#filled++] = sample
      if (this.#filled < chunkSamples) continue
      this.#filled = 0
      const pcm = toPcm16(this.#chunk)
      this.port.postMessage(pcm, [pcm.buffer])
    }
  }
}

registerProcessor('pcm-capture', CaptureProcessor)
