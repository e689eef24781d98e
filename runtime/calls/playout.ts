/** Lets an answer that is being spoken be heard to its end: upstream says when it plays. */

/** No answer is waited for longer than this (ms). */
const longestPlayoutMs = 60_000

export class Playout {
  #isPlaying = false
  #then: (() => void) | null = null
  #deadline: NodeJS.Timeout | undefined

  /** @param type of an event from upstream */
  note(type: string): void {
    if (type === 'output_audio_buffer.started') this.#isPlaying = true
    else if (type === 'output_audio_buffer.stopped' || type === 'output_audio_buffer.cleared') this.#silent()
  }

  /** Runs something once, as soon as nothing plays; what was to run before is forgotten. */
  whenSilent(run: () => void): void {
    this.stop()
    this.#then = run
    if (!this.#isPlaying) return this.#silent()
    this.#deadline = setTimeout(() => this.#silent(), longestPlayoutMs)
  }

  /** Nothing is waited for any more. Safe to call twice. */
  stop(): void {
    clearTimeout(this.#deadline)
    this.#then = null
  }

  #silent(): void {
    this.#isPlaying = false
    const run = this.#then
    this.stop()
    run?.()
  }
}
