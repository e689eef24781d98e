/** What this page shows to be let in: a key or a token, and the one-time tickets that sockets take for it. */
import { say } from '../language/language.ts'
import { type PageInfo, socketUrl } from '../page/gateway-info.ts'
import { forgetKey, keepKey, readKey } from './stored-key.ts'

/** Nobody is let in without a credential, and there is none, or it is no longer taken. */
export class CredentialNeeded extends Error {
  override name = 'CredentialNeeded'
}

/** The gateway refused, for another reason than the credential; the message is its own. */
export class Refused extends Error {
  override name = 'Refused'
  readonly status: number

  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}

/** Longer than the gateway itself waits for the model's side (ms). */
const answerTimeoutMs = 45_000

/** How a token is got; handed in, because its program is loaded only where it is needed. */
export type GetToken = () => Promise<string | undefined>

/** Whether a key can stand in a header: `fetch` takes no other characters there (Fetch, "header value"). */
export function isSendable(key: string): boolean {
  return /^[\x20-\x7e\x80-\xff]+$/.test(key)
}

/** The credential of one page. */
export class Access {
  readonly #info: PageInfo
  readonly #onNeeded: (fault: string) => void
  #key = keptKey()
  #getToken: GetToken | undefined
  #dialFailed = false
  /** Undefined while nobody has said. What a page was told may be old: a dial that fails asks. */
  #needed: boolean | undefined

  /** @param onNeeded asks the person for a credential; `fault`: what was wrong with the one there was, '' where there was none */
  constructor(info: PageInfo, onNeeded: (fault: string) => void) {
    this.#info = info
    this.#onNeeded = onNeeded
    this.#needed = info.auth && info.auth.length > 0
  }

  get hasKey(): boolean {
    return this.#key !== ''
  }

  /** Takes a key. @param keep also after the tab is closed */
  useKey(key: string, keep: boolean): void {
    this.#key = key
    keepKey(key, keep)
    if (key !== '') this.#needed = true
  }

  forget(): void {
    this.#key = ''
    forgetKey()
  }

  useTokens(getToken: GetToken): void {
    this.#getToken = getToken
  }

  /** A socket was refused before it opened: no reason reaches the page, so the next address asks for one. */
  dialFailed(): void {
    this.#dialFailed = true
  }

  /**
   * The address of a socket, with a ticket where one is needed. Use it once.
   * @throws CredentialNeeded where the person must be asked first
   * @throws Error where the gateway does not answer
   */
  async socketAddress(path: string, query: Record<string, string> = {}): Promise<string> {
    const url = socketUrl(path, this.#info.host)
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    if (this.#needed || this.#dialFailed) {
      const response = await this.fetch('/ticket', { method: 'POST' })
      this.#dialFailed = false
      const { ticket } = (await response.json()) as { ticket?: unknown }
      if (typeof ticket === 'string') url.searchParams.set('ticket', ticket)
    }
    return url.href
  }

  /**
   * Fetches from the gateway with the credential.
   * @throws CredentialNeeded, after the person was asked for one
   * @throws Refused with the gateway's own words for any other refusal
   * @throws Error in words for the person where the gateway does not answer
   */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const credential = await this.#headers()
    if (this.#needed && credential === undefined) this.#need('')
    const response = await answerTo(path, { ...init, headers: { ...init.headers, ...credential } })
    if (response.status === 401)
      this.#need(
        credential === undefined ? '' : say('This was not accepted. Check it, or ask who runs the gateway.'),
      )
    // It may be the page's origin that is not allowed: another credential would change nothing.
    if (response.status === 403) this.#need(await detailOf(response))
    if (!response.ok) throw new Refused(await detailOf(response), response.status)
    return response
  }

  async #headers(): Promise<Record<string, string> | undefined> {
    if (this.#key !== '') return { 'api-key': this.#key }
    const token = await this.#getToken?.()
    return token === undefined ? undefined : { Authorization: `Bearer ${token}` }
  }

  #need(fault: string): never {
    this.#needed = true
    this.#onNeeded(fault)
    throw new CredentialNeeded(fault === '' ? say('a credential is needed') : fault)
  }
}

/** @throws Error in words for the person where no answer comes, or not in time */
async function answerTo(path: string, init: RequestInit): Promise<Response> {
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(), answerTimeoutMs)
  try {
    return await fetch(path, { ...init, signal: deadline.signal })
  } catch (cause) {
    throw new Error(say('The gateway does not answer.'), { cause })
  } finally {
    clearTimeout(timer)
  }
}

/** The kept key; '' where there is none that can be sent. */
function keptKey(): string {
  const key = readKey()
  return isSendable(key) ? key : ''
}

/** The gateway's own words for a refusal. */
async function detailOf(response: Response): Promise<string> {
  const body = (await response.json().catch(() => ({}))) as { detail?: unknown }
  return typeof body.detail === 'string'
    ? body.detail
    : say('The gateway answered with status {status}.', { status: response.status })
}
