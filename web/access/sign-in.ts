/** The dialog that asks for a credential. */
import { say } from '../language/language.ts'
import type { PageInfo } from '../page/gateway-info.ts'
import { part } from '../page/page.ts'
import { Access } from './access.ts'

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
    part('#key-fields', HTMLElement).hidden = info.auth !== undefined && !info.auth.includes('key')
    part('#use-key', HTMLButtonElement).hidden = info.auth !== undefined && !info.auth.includes('key')
  }

  /** Prepares the sign-in with Entra ID, where the gateway takes it. */
  async prepare(): Promise<void> {
    const { auth, entra } = this.#info
    if (!entra || !auth?.includes('entra')) return
    const { prepareSignIn } = await import('./entra.ts')
    const signIn = await prepareSignIn(entra)
    this.access.useTokens(signIn.token)
    const button = part('#use-entra', HTMLButtonElement)
    button.hidden = false
    button.onclick = () => {
      signIn
        .leave()
        .catch((cause: unknown) =>
          this.#show(say('The sign-in did not start: {cause}', { cause: String(cause) })),
        )
    }
    if (!auth.includes('key'))
      part('#sign-in-words', HTMLElement).textContent = say('Sign in with your work account.')
  }

  #ask(fault: string): void {
    this.#open.hidden = false
    this.#show(fault)
  }

  #show(fault: string): void {
    this.#fault.textContent = fault
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
    this.access.useKey(key, this.#keep.checked)
    this.#key.value = ''
    this.#onSigned()
  }
}
