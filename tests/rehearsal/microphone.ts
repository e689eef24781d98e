/** A microphone that is always on: silence, and speech while something is to be said aloud. */
import { silence, speech } from './endpoints.ts'

const soundIntervalMs = 100

export class Mouth {
  readonly #send: (sound: Buffer) => void
  #isSpeaking = false
  #timer: NodeJS.Timeout | undefined
  #hushTimer: NodeJS.Timeout | undefined

  constructor(send: (sound: Buffer) => void) {
    this.#send = send
  }

  open(): void {
    this.#timer ??= setInterval(() => this.#send(this.#isSpeaking ? speech : silence), soundIntervalMs)
  }

  speak(): void {
    this.#isSpeaking = true
  }

  /** Finishes the sentence. @param inMs how long that takes */
  hush(inMs: number): void {
    this.#hushTimer ??= setTimeout(() => {
      this.#isSpeaking = false
      this.#hushTimer = undefined
    }, inMs)
  }

  close(): void {
    clearInterval(this.#timer)
    clearTimeout(this.#hushTimer)
  }
}
