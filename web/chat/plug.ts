/**
 * Pull the plug: ends the server process of this conversation in mid-sentence and shows which process goes on with it.
 * Only before the embedded simulator, with several workers.
 */
import type { Access } from '../access/access.ts'
import { say } from '../language/language.ts'
import { part } from '../page/page.ts'

const address = '/simulator/process'
/** Asked at once, the next process may not have noted the connection yet (ms); so often it is asked again. */
const askAgainMs = 200
const maxAsks = 20

/** What the plug needs and tells. */
export interface PlugListeners {
  access: Access
  /** The process was ended. @param pid its number */
  onKilled(pid: number): void
  /** Another process has the conversation now. */
  onMoved(pid: number): void
}

/** The button, and the number of the process that serves. */
export class Plug {
  readonly #listeners: PlugListeners
  readonly #button = part('#pull-plug', HTMLButtonElement)
  readonly #shown = part('#process', HTMLElement)
  #connection = ''
  #pid: number | undefined

  /**
   * @param isThere whether the gateway has the address
   * @param isSimulator the embedded simulator answers: it could have it
   */
  constructor(isThere: boolean, isSimulator: boolean, listeners: PlugListeners) {
    this.#listeners = listeners
    part('#plug', HTMLElement).hidden = !isThere
    part('#plug-words', HTMLElement).hidden = isThere || !isSimulator
    this.#button.onclick = () => void this.#pull()
  }

  /** What the next dial carries: a name by which this connection is found again. */
  query(): Record<string, string> {
    if (part('#plug', HTMLElement).hidden) return {}
    this.#connection = Array.from(crypto.getRandomValues(new Uint8Array(16)), byte =>
      byte.toString(16).padStart(2, '0'),
    ).join('')
    return { connection: this.#connection }
  }

  /** A connection is there: asks which process has it. */
  async opened(): Promise<void> {
    if (part('#plug', HTMLElement).hidden) return
    const connection = this.#connection
    const before = this.#pid
    for (let asks = 0; asks < maxAsks && connection === this.#connection; asks++) {
      const pid = await this.#ask('GET')
      if (pid !== undefined && connection === this.#connection) {
        this.#show(pid)
        if (before !== undefined && before !== pid) this.#listeners.onMoved(pid)
        return
      }
      await new Promise(resolve => setTimeout(resolve, askAgainMs))
    }
  }

  async #pull(): Promise<void> {
    this.#button.disabled = true
    const pid = await this.#ask('POST')
    this.#button.disabled = false
    if (pid !== undefined) this.#listeners.onKilled(pid)
  }

  #show(pid: number): void {
    this.#pid = pid
    this.#shown.textContent = say('process {pid}', { pid: String(pid) })
  }

  async #ask(method: 'GET' | 'POST'): Promise<number | undefined> {
    try {
      const response = await this.#listeners.access.fetch(`${address}?connection=${this.#connection}`, {
        method,
      })
      const { pid } = (await response.json()) as { pid?: unknown }
      return typeof pid === 'number' ? pid : undefined
    } catch {
      return undefined
    }
  }
}
