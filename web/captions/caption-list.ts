/** The captions: one for each turn, by the id of its item, in the order in which the turns were said. */

import { say } from '../language/language.ts'
import { part } from '../page/page.ts'
import type { RealtimeEvent } from '../page/realtime-event.ts'

const transcription = 'conversation.item.input_audio_transcription.'
/** Captions that stay on the page; the oldest goes first. */
const maxCaptions = 200

export class CaptionList {
  readonly #list = part('#captions', HTMLElement)
  readonly #empty = part('#empty', HTMLElement)
  readonly #captions = new Map<string, HTMLElement>()

  /** How many turns are not written down yet. */
  get pending(): number {
    return this.#list.querySelectorAll('.caption[data-state="spoken"]').length
  }

  /** Whether words have come of a turn that is not committed. */
  get hasOpenTurn(): boolean {
    return this.#list.querySelector('.caption[data-state="spoken"]:not([data-turn])') !== null
  }

  /** Shows what an event says of a turn; other events say nothing here. @returns whether a turn is done with it */
  receive({ type, item_id, delta, transcript }: RealtimeEvent): boolean {
    const id = String(item_id)
    if (type === 'input_audio_buffer.committed') this.#captionOf(id).dataset.turn = 'over'
    if (!type.startsWith(transcription)) return false
    const caption = this.#captionOf(id)
    switch (type.slice(transcription.length)) {
      case 'delta':
        caption.textContent += String(delta)
        break
      case 'completed':
        this.#finish(caption, 'written', String(transcript).trim())
        return true
      case 'failed':
        this.#finish(caption, 'failed', say('This could not be written down.'))
        return true
    }
    this.#list.scrollTop = this.#list.scrollHeight
    return false
  }

  /** The session is gone: what it was told will not be written down any more. */
  giveUp(): void {
    for (const caption of this.#captions.values())
      if (caption.dataset.state === 'spoken')
        this.#finish(
          caption,
          'failed',
          say('{words}… (the connection was lost)', { words: caption.textContent ?? '' }),
        )
  }

  #finish(caption: HTMLElement, state: 'written' | 'failed', words: string): void {
    caption.textContent = words
    caption.dataset.state = state
    caption.ariaBusy = 'false'
    // A model may hear nothing in a sound.
    if (words === '') caption.remove()
    this.#list.scrollTop = this.#list.scrollHeight
  }

  #captionOf(id: string): HTMLElement {
    const known = this.#captions.get(id)
    if (known !== undefined) return known
    const caption = document.createElement('p')
    caption.className = 'caption'
    caption.dataset.state = 'spoken'
    // A screen reader is told it once, when it is whole.
    caption.ariaBusy = 'true'
    this.#captions.set(id, caption)
    this.#list.append(caption)
    this.#empty.hidden = true
    const [oldest] = this.#captions
    if (this.#captions.size > maxCaptions && oldest !== undefined) {
      this.#captions.delete(oldest[0])
      oldest[1].remove()
    }
    return caption
  }
}
