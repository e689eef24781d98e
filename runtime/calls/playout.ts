/** Lets an answer be heard to its end: upstream says when it plays. */
import type { ResponseState } from '../session/response-state.ts'

/** No answer is waited for longer than this (ms). */
const longestPlayoutMs = 60_000

export class Playout {
  readonly #responses: Pick<ResponseState, 'isRunning'>
  #isPlaying = false
  #then: (() => void) | null = null
  #deadline: NodeJS.Timeout | undefined

  /** @param responses of the call: an answer that runs is about to play */
  constructor(responses: Pick<ResponseState, 'isRunning'>) {
    this.#responses = responses
  }

  /** @param type of an event from upstream, which the response state knows already */
  note(type: string): void {
    if (type === 'output_audio_buffer.started') this.#isPlaying = true
    else if (type === 'output_audio_buffer.stopped' || type === 'output_audio_buffer.cleared')
      this.#isPlaying = false
    if (this.#then !== null && this.#isSilent) this.#run()
  }

  /** Runs something once, as soon as no answer runs and nothing plays; what was to run before is forgotten. */
  whenSilent(run: () => void): void {
    this.stop()
    this.#then = run
    if (this.#isSilent) return this.#run()
    this.#deadline = setTimeout(() => this.#run(), longestPlayoutMs)
  }

  get #isSilent(): boolean {
    return !this.#isPlaying && !this.#responses.isRunning
  }

  /** Nothing is waited for any more. Safe to call twice. */
  stop(): void {
    clearTimeout(this.#deadline)
    this.#then = null
  }

  #run(): void {
    const run = this.#then
    this.stop()
    run?.()
  }
}
