/** One event, whole: read, copied. */
import { say } from '../language/language.ts'
import { copyText } from '../page/copy-text.ts'
import { countWords } from '../page/figures.ts'
import { part } from '../page/page.ts'
import { parse } from '../page/realtime-event.ts'
import type { Entry } from './event-log.ts'

/** More than this is not laid out on the page (characters); the copy is always whole. */
const maxShownChars = 60_000

/** The event that was chosen. */
export class EventDetail {
  readonly #title = part('#detail-title', HTMLElement)
  readonly #detail = part('#detail', HTMLElement)
  readonly #copy = part('#copy', HTMLButtonElement)

  show(entry: Entry): void {
    const value = parse(entry.text)
    const whole = value === undefined ? entry.text : JSON.stringify(value, null, 2)
    this.#title.textContent =
      whole.length > maxShownChars
        ? say('{type}: the first {shown} of {all}', {
            type: entry.type,
            shown: countWords(maxShownChars, 'character'),
            all: countWords(whole.length, 'character'),
          })
        : entry.type
    this.#detail.hidden = false
    this.#detail.textContent = whole.slice(0, maxShownChars)
    this.#copy.hidden = false
    this.#copy.onclick = () => copyText(whole, this.#copy, this.#detail)
  }
}
