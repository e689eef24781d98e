/** One event, whole: read, copied. */
import { say } from '../language/language.ts'
import { countWords } from '../page/figures.ts'
import { part } from '../page/page.ts'
import { parse } from '../page/realtime-event.ts'
import type { Entry } from './event-log.ts'

/** More than this is not laid out on the page (characters); the copy is always whole. */
const maxShownChars = 60_000
const saidForMs = 2000

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
    this.#copy.onclick = () => this.#toClipboard(whole)
  }

  #toClipboard(text: string): void {
    // The DOM library promises a clipboard; browsers give it in secure contexts only.
    const clipboard: Clipboard | undefined = navigator.clipboard
    const written = clipboard ? clipboard.writeText(text) : Promise.reject(new Error('no clipboard'))
    written.then(
      () => this.#say(say('Copied')),
      () => {
        getSelection()?.selectAllChildren(this.#detail)
        this.#say(say('Press Ctrl+C'))
      },
    )
  }

  #say(words: string): void {
    this.#copy.textContent = words
    window.setTimeout(() => {
      this.#copy.textContent = say('Copy')
    }, saidForMs)
  }
}
