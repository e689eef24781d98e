/** Shows the program that does what is set now, and copies it. */
import { say } from '../language/language.ts'
import { part } from '../page/page.ts'
import { type SampleKind, type SampleSettings, sampleOf } from './code-sample.ts'

const saidForMs = 2000

/** The fold with the program; it is written while it is open. */
export class CodeView {
  readonly #settings: () => SampleSettings
  readonly #panel = part('#code', HTMLDetailsElement)
  readonly #kind = part('#code-kind', HTMLSelectElement)
  readonly #shown = part('#code-shown', HTMLElement)
  readonly #copy = part('#code-copy', HTMLButtonElement)

  /** @param settings what is set now */
  constructor(settings: () => SampleSettings) {
    this.#settings = settings
    this.#panel.ontoggle = () => this.refresh()
    this.#kind.onchange = () => this.refresh()
    this.#copy.onclick = () => this.#toClipboard()
  }

  /** Something is set otherwise now. */
  refresh(): void {
    if (this.#panel.open) this.#shown.textContent = sampleOf(this.#kind.value as SampleKind, this.#settings())
  }

  #toClipboard(): void {
    // The DOM library promises a clipboard; browsers give it in secure contexts only.
    const clipboard: Clipboard | undefined = navigator.clipboard
    const text = this.#shown.textContent ?? ''
    const written = clipboard ? clipboard.writeText(text) : Promise.reject(new Error('no clipboard'))
    written.then(
      () => this.#say(say('Copied')),
      () => {
        getSelection()?.selectAllChildren(this.#shown)
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
