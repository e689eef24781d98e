/** The buttons with which a person talks. */
import { say, type Words } from '../language/language.ts'
import { joinHold } from '../page/hold-button.ts'
import { part, showText } from '../page/page.ts'
import type { SpeechMode } from '../sound/speech-mode.ts'

const modeWords: Record<SpeechMode, Words> = {
  off: 'off',
  open: 'open',
  held: 'open while you hold the button',
}

/** What the person does here. */
export interface TalkBarListeners {
  onOpen(): void
  onHold(): void
  /** The button was let go, or the open microphone is to be closed. */
  onClose(): void
}

/** The talk bar of the chat page. */
export class TalkBar {
  readonly #open = part('#open-microphone', HTMLButtonElement)
  readonly #hold = part('#hold', HTMLButtonElement)
  readonly #fault = part('#talk-fault', HTMLElement)

  constructor({ onOpen, onHold, onClose }: TalkBarListeners) {
    this.#open.onclick = () => (this.#open.ariaPressed === 'true' ? onClose() : onOpen())
    joinHold(this.#hold, onHold, onClose)
  }

  /** A gateway without audio takes text alone: nothing on the page speaks of sound. */
  hide(): void {
    for (const element of document.querySelectorAll<HTMLElement>('[data-sound], [data-silent]'))
      element.hidden = 'sound' in element.dataset
  }

  mode(mode: SpeechMode): void {
    this.#open.ariaPressed = String(mode === 'open')
    part('span', HTMLElement, this.#open).textContent = say(
      mode === 'open' ? 'Close microphone' : 'Open microphone',
    )
    this.#open.disabled = mode === 'held'
    this.#hold.ariaPressed = String(mode === 'held')
    this.#hold.disabled = mode === 'open'
    part('#microphone-words', HTMLElement).textContent = say(modeWords[mode])
  }

  fault(words: string): void {
    showText(this.#fault, words)
  }
}
