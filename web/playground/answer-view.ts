/** The last answer: its raw text, and beside it the JSON that was found in it. */
import { say } from '../language/language.ts'
import { part, showText } from '../page/page.ts'
import { type RealtimeEvent, textDelta, textDone } from '../page/realtime-event.ts'
import { findJson } from './json-in-text.ts'

/** More text than this is not shown (characters). */
const maxRawChars = 60_000

/** Raw text and extraction, side by side. */
export class AnswerView {
  readonly #raw = part('#raw', HTMLElement)
  readonly #words = part('#json-words', HTMLElement)
  readonly #json = part('#json-found', HTMLElement)
  readonly #announce: (text: string) => void
  #text = ''
  #key: unknown
  #isExtracted = false
  #frame = 0

  /** @param announce tells a screen reader the whole text, once it is there */
  constructor(announce: (text: string) => void) {
    this.#announce = announce
  }

  /** Takes one event. */
  receive(event: RealtimeEvent): void {
    if (event.type === 'response.created') this.#begin(undefined)
    if (event.type === 'extracted.json') this.#extracted(event.payload)
    if (event.type === 'extracted.json.error')
      this.#tell(
        say('The gateway found none in {type}: {reason}.', {
          type: String(event.source_type),
          reason: String(event.reason),
        }),
        undefined,
      )
    if (textDelta.test(event.type)) {
      this.#follow(event.item_id)
      this.#text += String(event.delta ?? '')
      this.#show()
    }
    if (textDone.test(event.type)) this.#done(event)
  }

  /** A frame without a type: the gateway put the object alone in the event's place. */
  receiveObject(value: unknown): void {
    this.#extracted(value)
  }

  #done(event: RealtimeEvent): void {
    this.#follow(event.item_id)
    this.#text = String(event.text ?? event.transcript ?? this.#text)
    this.#show()
    this.#announce(this.#text)
    if (this.#isExtracted) return
    const found = findJson(this.#text)
    if (found) this.#tell(say('Found by this page; the gateway sent the text as it came.'), found)
    else this.#tell(say('There is no JSON object in this text.'), undefined)
  }

  #extracted(value: unknown): void {
    this.#isExtracted = true
    this.#tell(say('Sent by the gateway in place of the event.'), value)
  }

  /** Another item is another answer; where the filter hides what begins it, its text still begins anew. */
  #follow(item: unknown): void {
    if (item !== this.#key) this.#begin(item)
  }

  #begin(item: unknown): void {
    this.#key = item
    this.#text = ''
    this.#isExtracted = false
    this.#tell(say('The answer is not complete yet.'), undefined)
    this.#show()
  }

  #tell(words: string, value: unknown): void {
    this.#words.textContent = words
    showText(this.#json, value === undefined ? '' : JSON.stringify(value, null, 2).slice(0, maxRawChars))
  }

  #show(): void {
    if (this.#frame !== 0) return
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0
      this.#raw.textContent = this.#text.slice(0, maxRawChars) || say('Nothing yet')
    })
  }
}
