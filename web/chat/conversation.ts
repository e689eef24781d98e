/** The conversation on the page: questions, answers and notices, in order. */

import { copyTemplate, part, showText } from '../page/page.ts'
import type { Playing } from '../sound/playback.ts'
import { Answer } from './answer.ts'
import type { Outcome } from './talk-parts.ts'

/** A distance from the end of the page that still counts as reading the newest lines (CSS px). */
const nearEndPx = 120

/** A button under a notice; it can be used once. */
export interface NoticeAction {
  label: string
  run(): void
}

/** The list of turns, and the voice of the page for screen readers. */
export class Conversation {
  readonly #turns = part('#turns', HTMLOListElement)
  readonly #greeting = part('#greeting', HTMLElement)
  readonly #announcer = part('#announcer', HTMLElement)
  #answer: Answer | undefined

  /** @param kept it waits for a connection */
  question(text: string, kept: boolean): void {
    const element = copyTemplate('#question-template')
    part('.said', HTMLElement, element).textContent = text
    part('.meta', HTMLElement, element).hidden = !kept
    element.classList.toggle('kept', kept)
    this.#append(element)
    this.#scrollToEnd()
  }

  keptAreSent(): void {
    for (const element of this.#turns.querySelectorAll<HTMLElement>('.kept')) {
      element.classList.remove('kept')
      part('.meta', HTMLElement, element).hidden = true
    }
  }

  /** Something was said; its words may follow. */
  spoken(): void {
    const element = copyTemplate('#question-template')
    element.classList.add('unheard')
    part('.said', HTMLElement, element).textContent = '…'
    showText(part('.meta', HTMLElement, element), 'Writing down what you said')
    this.#append(element)
    this.#scrollToEnd()
  }

  /** Words of what was said first and is not written down yet. */
  heard(text: string): void {
    if (!this.#turns.querySelector('.unheard')) this.spoken()
    this.#followEnd(() => showHeard(part('.unheard', HTMLElement, this.#turns), text.trim()))
  }

  /** What is not written down yet will not be; the next words belong to a later turn. */
  wordsAreLost(): void {
    for (const element of this.#turns.querySelectorAll<HTMLElement>('.unheard')) showHeard(element, '')
  }

  answerBegins(): void {
    this.#answer = new Answer()
    this.#append(this.#answer.element)
    this.#followEnd(() => {})
  }

  text(value: string): void {
    this.#followEnd(() => this.#answer?.text(value))
  }

  transcript(value: string): void {
    this.#followEnd(() => this.#answer?.transcript(value))
  }

  audio(bytes: number): void {
    this.#answer?.audio(bytes)
  }

  playing(playing: Playing): void {
    this.#answer?.playing(playing)
  }

  /** Ends the open answer. Its words are announced here, once, so that a screen reader is not flooded. */
  answerEnds(outcome: Outcome, heardMs?: number): void {
    if (!this.#answer) return
    this.#answer.end(outcome, heardMs)
    this.announce(outcome === 'interrupted' ? 'Interrupted' : this.#answer.words())
  }

  /**
   * Adds a notice.
   * @param what what happened
   * @param advice what to do about it; may be empty
   */
  notice(kind: 'info' | 'problem', what: string, advice: string, action?: NoticeAction): void {
    const element = copyTemplate('#notice-template')
    element.dataset.kind = kind
    showText(part('.what', HTMLElement, element), what)
    showText(part('.advice', HTMLElement, element), advice)
    const button = part('button', HTMLButtonElement, element)
    showText(button, action?.label ?? '')
    button.onclick = () => {
      button.hidden = true
      action?.run()
    }
    this.#followEnd(() => this.#append(element))
    this.announce(`${what} ${advice}`)
  }

  /** Says one sentence to a screen reader. */
  announce(sentence: string): void {
    this.#announcer.textContent = sentence
  }

  #append(element: HTMLElement): void {
    this.#greeting.hidden = true
    this.#turns.append(element)
  }

  /** Someone who scrolled back to read is left there. */
  #followEnd(change: () => void): void {
    const { scrollHeight, clientHeight, scrollTop } = document.documentElement
    const isNear = scrollHeight - clientHeight - scrollTop < nearEndPx
    change()
    if (isNear) this.#scrollToEnd()
  }

  #scrollToEnd(): void {
    window.scrollTo({ top: document.documentElement.scrollHeight, behavior: 'instant' })
  }
}

/** @param text what was said; '' where nobody could write it down */
function showHeard(element: HTMLElement, text: string): void {
  element.classList.remove('unheard')
  part('.said', HTMLElement, element).textContent = text || 'Spoken'
  showText(part('.meta', HTMLElement, element), text ? '' : 'It could not be written down')
}
