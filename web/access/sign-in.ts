/** The dialog that asks for a credential. */
import type { EntraSignIn } from '../../runtime/pages/page-info.ts'
import { say } from '../language/language.ts'
import type { PageInfo } from '../page/gateway-info.ts'
import { part } from '../page/page.ts'
import { Access, isSendable } from './access.ts'
import type { SignIn } from './entra.ts'

/** Asks for a key or a sign-in, and gives the page its access. */
export class SignInDialog {
  readonly access: Access
  readonly #info: PageInfo
  readonly #onSigned: () => void
  readonly #dialog = part('#sign-in', HTMLDialogElement)
  readonly #key = part('#key', HTMLInputElement)
  readonly #keep = part('#keep-key', HTMLInputElement)
  readonly #fault = part('#key-fault', HTMLElement)
  readonly #open = part('#sign-in-open', HTMLButtonElement)
  /** Told when the dialog opens next; '' where nothing is. */
  #pendingFault = ''
  #signIn: SignIn | undefined

  /** @param onSigned a credential is there: the page connects again */
  constructor(info: PageInfo, onSigned: () => void) {
    this.#info = info
    this.#onSigned = onSigned
    this.access = new Access(info, fault => this.#ask(fault))
    this.#open.hidden = !info.auth?.length
    this.#open.onclick = () => this.#show('')
    part('#sign-in-close', HTMLButtonElement).onclick = () => this.#dialog.close()
    part('#forget-key', HTMLButtonElement).onclick = () => {
      this.access.forget()
      this.#key.value = ''
      this.#show(say('The key is forgotten.'))
    }
    part('#sign-in-form', HTMLFormElement).onsubmit = event => this.#useKey(event)
    // A gateway that asked for nothing when it served this page may ask for a key now.
    const takesKeys = !info.auth?.length || info.auth.includes('key')
    part('#key-fields', HTMLElement).hidden = !takesKeys
    part('#use-key', HTMLButtonElement).hidden = !takesKeys
  }

  /** Prepares the sign-in with Entra ID, where the gateway takes it. What goes wrong is told in the dialog. */
  async prepare(): Promise<void> {
    const { auth, entra } = this.#info
    if (!auth?.includes('entra')) return
    const takesKeys = auth.includes('key')
    const words = part('#sign-in-words', HTMLElement)
    if (!entra) {
      if (!takesKeys)
        words.textContent = say(
          'This gateway takes sign-ins with Entra ID, and its pages are not set up for them. Ask whoever runs it.',
        )
      return
    }
    const button = part('#use-entra', HTMLButtonElement)
    button.hidden = false
    button.onclick = () => void this.#leave(entra)
    if (!takesKeys) words.textContent = say('Sign in with your work account.')
    const fault = await this.#prepareEntra(entra)
    // Who can give a key is told when the button is pressed.
    this.#pendingFault = this.#signIn || !takesKeys ? fault : ''
  }

  /** @returns what went wrong, in words; '' where nothing did */
  async #prepareEntra(entra: EntraSignIn): Promise<string> {
    try {
      const { prepareSignIn } = await import('./entra.ts')
      const signIn = await prepareSignIn(entra)
      this.#signIn = signIn
      this.access.useTokens(signIn.token)
      return signIn.fault && say('The sign-in failed: {cause}', { cause: signIn.fault })
    } catch (cause) {
      return startFault(cause)
    }
  }

  /** Goes to the sign-in service. Whoever signs in there is known by that from then on, not by a key. */
  async #leave(entra: EntraSignIn): Promise<void> {
    const fault = this.#signIn ? '' : await this.#prepareEntra(entra)
    if (!this.#signIn) return this.#show(fault)
    this.access.forget()
    await this.#signIn.leave().catch((cause: unknown) => this.#show(startFault(cause)))
  }

  #ask(fault: string): void {
    this.#open.hidden = false
    this.#show(fault)
  }

  #show(fault: string): void {
    // Several parts of a page may ask at once: what the first was told stays.
    if (fault !== '' || !this.#dialog.open) this.#fault.textContent = fault || this.#pendingFault
    this.#pendingFault = ''
    part('#forget-key', HTMLButtonElement).hidden = !this.access.hasKey
    if (!this.#dialog.open) this.#dialog.showModal()
  }

  #useKey(event: SubmitEvent): void {
    const key = this.#key.value.trim()
    if (key === '') {
      event.preventDefault()
      this.#fault.textContent = say('Enter a key first.')
      return
    }
    if (!isSendable(key)) {
      event.preventDefault()
      this.#fault.textContent = say(
        'This cannot be a key: it has characters that are not sent. Check the keyboard, and enter it again.',
      )
      return
    }
    this.access.useKey(key, this.#keep.checked)
    this.#key.value = ''
    this.#onSigned()
  }
}

/** Says why the sign-in did not start. */
function startFault(cause: unknown): string {
  if (!isSecureContext)
    return say('Browsers sign people in on secure pages only: open this page by https or on localhost.')
  return say('The sign-in did not start: {cause}', { cause: String(cause) })
}
