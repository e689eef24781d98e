/** The sound of the answers, as events bring it. */
import { part } from '../page/page.ts'
import { audioDelta, type RealtimeEvent } from '../page/realtime-event.ts'
import { Playback } from '../sound/playback.ts'
import { Waveform } from '../sound/waveform.ts'

const audioDone = /^response\.(output_)?audio\.done$/

/** Plays what comes, stops when the person speaks. */
export class Loudspeaker {
  readonly #playback = new Playback({
    onSound: () => {},
    onPlaying: ({ playing }) => this.#wave.run(playing),
  })
  readonly #wave = new Waveform(part('#heard', HTMLCanvasElement), () => this.#playback.analyser())
  #itemId = ''
  #isCut = false

  /** Call it in a gesture's event: browsers refuse sound elsewhere. */
  unlock(): void {
    this.#playback.unlock()
  }

  receive(event: RealtimeEvent): void {
    if (event.type === 'input_audio_buffer.speech_started') this.cut()
    if (audioDone.test(event.type)) this.#playback.finishAnswer()
    if (!audioDelta.test(event.type) || typeof event.delta !== 'string') return
    const itemId = String(event.item_id ?? '')
    if (itemId !== this.#itemId) this.#begin(itemId)
    if (!this.#isCut) this.#playback.push(event.delta)
  }

  /**
   * Silences the answer; what still comes of it is not played.
   * @returns what was being played and how much of it was heard (ms); undefined where nothing was
   */
  cut(): { itemId: string; heardMs: number } | undefined {
    const heardMs = this.#playback.stop()
    this.#isCut = true
    this.#wave.run(false)
    return heardMs === undefined ? undefined : { itemId: this.#itemId, heardMs }
  }

  #begin(itemId: string): void {
    this.#itemId = itemId
    this.#isCut = false
    this.#playback.beginAnswer()
  }
}
