/** What the model says, in words: shown as it comes, told to a screen reader once. */
import { say } from '../language/language.ts'
import { part } from '../page/page.ts'
import { type RealtimeEvent, textDelta, textDone } from '../page/realtime-event.ts'

/** The last answer's words. Both lanes carry them: each event counts once, by its id. */
export class Transcript {
  readonly #shown = part('#said-last', HTMLElement)
  readonly #announcer = part('#announcer', HTMLElement)
  readonly #seen = new Set<unknown>()
  #item: unknown
  #text = ''

  receive(event: RealtimeEvent): void {
    const isDelta = textDelta.test(event.type)
    if (!isDelta && !textDone.test(event.type)) return
    if (event.event_id !== undefined && this.#seen.has(event.event_id)) return
    this.#seen.add(event.event_id)
    if (event.item_id !== this.#item) {
      this.#item = event.item_id
      this.#text = ''
      this.#seen.clear()
      this.#seen.add(event.event_id)
    }
    if (isDelta) this.#text += String(event.delta ?? '')
    else this.#text = String(event.transcript ?? event.text ?? this.#text)
    this.#shown.textContent = this.#text
    if (!isDelta) this.announce(this.#text)
  }

  clear(): void {
    this.#item = undefined
    this.#seen.clear()
    this.#shown.textContent = say('Nothing said yet')
  }

  /** Says one sentence to a screen reader. */
  announce(sentence: string): void {
    this.#announcer.textContent = sentence
  }
}
