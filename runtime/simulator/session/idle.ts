/** `idle_timeout_ms`: a response when nobody has spoken for a while after the last answer. */
import type { Cancel } from '../clock.ts'
import type { Context } from './context.ts'
import type { Input } from './input.ts'
import type { Timeline } from './timeline.ts'

/** Watches for idleness. Like all audio time, the wait passes `rate` times faster than real time. */
export class IdleWatch {
  readonly #context: Context
  readonly #timeline: Timeline
  readonly #input: Input
  readonly #timedOut: (itemId: string) => void
  #cancel: Cancel = () => {}

  /** @param timedOut makes the empty user item with this id, and asks for a response */
  constructor(context: Context, timeline: Timeline, input: Input, timedOut: (itemId: string) => void) {
    this.#context = context
    this.#timeline = timeline
    this.#input = input
    this.#timedOut = timedOut
  }

  /** Starts to wait, from the end of the playback of an answer. */
  watch(spokenMs: number): void {
    this.rest()
    const timeoutMs = this.#timeoutMs()
    if (timeoutMs === null) return
    const startMs = this.#input.heardMs
    const waitMs = (spokenMs + timeoutMs) / this.#context.rate
    this.#cancel = this.#timeline.after(waitMs, () => this.#fire(startMs))
  }

  /** Stops to wait: somebody speaks, or a response is under way. */
  rest(): void {
    this.#cancel()
  }

  #timeoutMs(): number | null {
    return this.#context.config.audio.input.turn_detection?.idle_timeout_ms ?? null
  }

  #fire(startMs: number): void {
    // It may have been turned off meanwhile.
    if (this.#input.speaking || this.#timeoutMs() === null) return
    const { ids, emit, conversation } = this.#context
    const itemId = ids.next('item')
    emit({
      type: 'input_audio_buffer.timeout_triggered',
      audio_start_ms: Math.round(startMs),
      audio_end_ms: Math.round(this.#input.heardMs),
      item_id: itemId,
    })
    const previous = conversation.lastId()
    emit({ type: 'input_audio_buffer.committed', previous_item_id: previous, item_id: itemId })
    this.#timedOut(itemId)
  }
}
