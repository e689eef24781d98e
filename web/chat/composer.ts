/** Where the person writes: Enter sends, Escape stops. */
import { part } from '../page/page.ts'

/** The key of an input method (UI Events, "How to determine keyCode for keydown and keyup events"). */
const inputMethodKeyCode = 229

/** What the person does here. */
export interface ComposerListeners {
  /** @returns false where the text could not be taken; it stays in the box */
  onSay(text: string): boolean
  onStop(): void
  onMute(muted: boolean): void
}

/** The message box with its buttons. */
export class Composer {
  readonly #form = part('#composer', HTMLFormElement)
  readonly #message = part('#message', HTMLTextAreaElement)
  readonly #stop = part('#stop', HTMLButtonElement)
  readonly #mute = part('#mute', HTMLButtonElement)
  readonly #listeners: ComposerListeners

  constructor(listeners: ComposerListeners) {
    this.#listeners = listeners
    this.#form.onsubmit = event => {
      event.preventDefault()
      this.#send()
    }
    this.#message.onkeydown = event => this.#messageOnKey(event)
    this.#stop.onclick = () => listeners.onStop()
    this.#mute.onclick = () => this.#toggleMute()
    document.addEventListener('keydown', ({ key }) => {
      if (key === 'Escape') listeners.onStop()
    })
    for (const example of document.querySelectorAll<HTMLButtonElement>('.example'))
      example.onclick = () => this.#useExample(example.textContent)
  }

  /** Shows the Stop button while there is something to stop. Focus that would be lost goes to the message box. */
  canStop(can: boolean): void {
    if (!can && document.activeElement === this.#stop) this.#message.focus()
    this.#stop.hidden = !can
  }

  /** Puts the cursor into the message box. Not on touch screens: the keyboard would hide the page. */
  focus(): void {
    if (matchMedia('(pointer: fine)').matches) this.#message.focus()
  }

  #messageOnKey(event: KeyboardEvent): void {
    // While an input method is open, Enter picks a candidate. Safari ends the composition before it reports that
    // key, and marks it by the old code alone (WebKit bug 165004).
    const isComposing = event.isComposing || event.keyCode === inputMethodKeyCode
    if (event.key !== 'Enter' || event.shiftKey || isComposing) return
    event.preventDefault()
    this.#send()
  }

  #send(): void {
    const text = this.#message.value.trim()
    if (text && this.#listeners.onSay(text)) this.#message.value = ''
    this.#message.focus()
  }

  #useExample(text: string): void {
    this.#listeners.onSay(text)
    this.#message.focus()
  }

  #toggleMute(): void {
    const muted = this.#mute.ariaPressed !== 'true'
    this.#mute.ariaPressed = String(muted)
    this.#listeners.onMute(muted)
  }
}
