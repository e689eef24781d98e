/** Where the person writes: Enter sends, Escape stops. */
import { say } from '../language/language.ts'
import { part, showText } from '../page/page.ts'

/** The key of an input method (UI Events, "How to determine keyCode for keydown and keyup events"). */
const inputMethodKeyCode = 229
/** Characters of one message. */
const maxChars = 10_000

/** What the person does here. */
export interface ComposerListeners {
  /** @returns false where the text could not be taken; it stays in the box */
  onSay(text: string): boolean
  onStop(): void
  onMute(muted: boolean): void
  /** What stands in the box is another text now. */
  onDraft(text: string): void
}

/** The message box with its buttons. */
export class Composer {
  readonly #form = part('#composer', HTMLFormElement)
  readonly #message = part('#message', HTMLTextAreaElement)
  readonly #tooLong = part('#too-long', HTMLElement)
  readonly #send = part('#send', HTMLButtonElement)
  readonly #stop = part('#stop', HTMLButtonElement)
  readonly #mute = part('#mute', HTMLButtonElement)
  readonly #listeners: ComposerListeners

  /** @param draft what stood in the box before */
  constructor(draft: string, listeners: ComposerListeners) {
    this.#listeners = listeners
    this.#form.onsubmit = event => {
      event.preventDefault()
      this.#sendMessage()
    }
    this.#message.onkeydown = event => this.#messageOnKey(event)
    this.#message.oninput = () => this.#messageOnInput()
    this.#stop.onclick = () => listeners.onStop()
    this.#mute.onclick = () => this.#toggleMute()
    document.addEventListener('keydown', event => {
      const isInDialog = event.target instanceof Element && event.target.closest('dialog, [popover]') !== null
      if (event.key === 'Escape' && !isInDialog && !isComposing(event)) listeners.onStop()
    })
    for (const example of document.querySelectorAll<HTMLButtonElement>('.example'))
      example.onclick = () => this.#useExample(example.textContent)
    if (draft !== '' && this.#message.value === '') this.#message.value = draft
    this.#showLength()
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

  /** Puts a text into the message box, to be changed and sent. */
  edit(text: string): void {
    this.#put(text)
    this.#message.focus()
    this.#message.setSelectionRange(text.length, text.length)
  }

  #put(text: string): void {
    this.#message.value = text
    this.#messageOnInput()
  }

  #messageOnInput(): void {
    this.#showLength()
    this.#listeners.onDraft(this.#message.value)
  }

  /** A text that is too long is not cut behind the person's back. */
  #showLength(): void {
    const { length } = this.#message.value.trim()
    const isTooLong = length > maxChars
    this.#send.disabled = isTooLong
    this.#message.ariaInvalid = String(isTooLong)
    const words = isTooLong
      ? say('{count} characters; a message has at most {limit}. Shorten it, or send it in parts.', {
          count: length.toLocaleString(),
          limit: maxChars.toLocaleString(),
        })
      : ''
    showText(this.#tooLong, words)
  }

  #messageOnKey(event: KeyboardEvent): void {
    if (event.key !== 'Enter' || event.shiftKey || isComposing(event)) return
    event.preventDefault()
    this.#sendMessage()
  }

  #sendMessage(): void {
    const text = this.#message.value.trim()
    if (text && text.length <= maxChars && this.#listeners.onSay(text)) this.#put('')
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

/**
 * Whether a key is the input method's: Enter picks a candidate then, and Escape leaves it. Safari ends the composition
 * before it reports that key, and marks it by the old code alone (WebKit bug 165004).
 */
function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === inputMethodKeyCode
}
