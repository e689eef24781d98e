/** The head that all pages share: who answers, and how the line is. */
import { say } from '../language/language.ts'
import { type PageInfo, providerName } from './gateway-info.ts'
import { joinMenu } from './menu.ts'
import { part } from './page.ts'

/** How the line is, for its colour. */
export type LinePhase = 'idle' | 'connecting' | 'open' | 'draining' | 'waiting' | 'refused'

/** Badge and line of one page. */
export class Masthead {
  readonly #badge = part('#provider-badge', HTMLElement)
  readonly #line = part('#line', HTMLElement)
  readonly #words = part('#line-words', HTMLElement)
  readonly #retry = part('#retry', HTMLButtonElement)

  constructor() {
    joinMenu()
  }

  provider({ provider }: PageInfo): void {
    if (!provider) return
    this.#badge.hidden = false
    this.#badge.dataset.provider = provider
    part('#provider-name', HTMLElement).textContent = providerName(provider)
    part('#provider-note', HTMLElement).textContent =
      provider === 'simulator' ? say(' — no account needed') : ''
  }

  /** @param reason the server's own words, shown on hover */
  line(phase: LinePhase, words: string, reason = ''): void {
    this.#line.dataset.phase = phase
    this.#line.title = reason
    if (this.#words.textContent !== words) this.#words.textContent = words
  }

  /** @param run what the "Try now" button does; undefined hides it */
  retry(run: (() => void) | undefined): void {
    this.#retry.hidden = run === undefined
    this.#retry.onclick = () => run?.()
  }
}
