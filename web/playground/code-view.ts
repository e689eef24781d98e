/** Shows the program that does what is set now, and copies it. */
import { copyText } from '../page/copy-text.ts'
import { part } from '../page/page.ts'
import { type SampleKind, type SampleSettings, sampleOf } from './code-sample.ts'

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
    this.#copy.onclick = () => copyText(this.#shown.textContent ?? '', this.#copy, this.#shown)
  }

  /** Something is set otherwise now. */
  refresh(): void {
    if (this.#panel.open) this.#shown.textContent = sampleOf(this.#kind.value as SampleKind, this.#settings())
  }
}
