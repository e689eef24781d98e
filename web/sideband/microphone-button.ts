/** The button that opens and closes the microphone. */
import { say } from '../language/language.ts'
import { part } from '../page/page.ts'

/** Microphone on or off; opened with the call, where the person allows it. */
export class MicrophoneButton {
  readonly #button = part('#microphone', HTMLButtonElement)
  readonly #fault = part('#microphone-fault', HTMLElement)
  readonly #set: (on: boolean) => Promise<void>

  /** @param set opens or closes the microphone; it may throw NoMicrophone */
  constructor(set: (on: boolean) => Promise<void>) {
    this.#set = set
    this.#button.onclick = () => this.#turn(this.#button.ariaPressed !== 'true')
  }

  /** @param on a call is there to speak into */
  enable(on: boolean): void {
    this.#button.disabled = !on
    this.#fault.textContent = ''
    if (on) this.#turn(true)
    else this.show(false)
  }

  show(on: boolean): void {
    this.#button.ariaPressed = String(on)
    this.#button.textContent = say(on ? 'Close microphone' : 'Open microphone')
  }

  #turn(on: boolean): void {
    this.#fault.textContent = ''
    this.#set(on).catch((cause: unknown) => {
      this.#fault.textContent = say('{cause} You can still type.', {
        cause: cause instanceof Error ? cause.message : String(cause),
      })
    })
  }
}
