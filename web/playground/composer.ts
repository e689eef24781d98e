/** Where events are written, checked and sent. */
import { part } from '../page/page.ts'
import { check } from './event-check.ts'
import { templates, titleOf, turnOf } from './templates.ts'

/** The editor with its templates. */
export class Composer {
  readonly #event = part('#event', HTMLTextAreaElement)
  readonly #check = part('#check', HTMLElement)
  readonly #send = part('#send', HTMLButtonElement)
  readonly #onSend: (frames: string[]) => void
  #takesText = true

  /** @param onSend the frames to send, one by one */
  constructor(onSend: (frames: string[]) => void) {
    this.#onSend = onSend
    const choice = part('#template', HTMLSelectElement)
    choice.replaceChildren(...Object.keys(templates).map(name => new Option(titleOf(name), name)))
    choice.onchange = () => this.put(templates[choice.value] ?? {})
    this.#event.oninput = () => this.#show()
    this.#event.onkeydown = event => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) this.#submit()
    }
    part('#compose-form', HTMLFormElement).onsubmit = event => {
      event.preventDefault()
      this.#submit()
    }
    part('#tidy', HTMLButtonElement).onclick = () => this.#tidy()
    this.put(templates[choice.value] ?? {})
  }

  /** Puts an event into the editor. */
  put(event: object): void {
    this.#event.value = JSON.stringify(event, null, 2)
    this.#show()
  }

  /** What would go out now. */
  get frames(): string[] {
    const checked = check(this.#event.value, this.#takesText)
    return 'events' in checked ? checked.events.map(event => JSON.stringify(event)) : [this.#event.value]
  }

  /** @param on whether the endpoint takes plain text */
  takeText(on: boolean): void {
    this.#takesText = on
    this.#show()
  }

  /** A frame as events, for an endpoint that takes no plain text: words become a turn. */
  asEvents(frame: string): readonly object[] {
    const checked = check(frame, false)
    return 'events' in checked ? checked.events : turnOf(frame)
  }

  #show(): void {
    const { kind, words } = check(this.#event.value, this.#takesText)
    this.#check.dataset.kind = kind
    this.#check.textContent = words
    this.#send.disabled = kind === 'faulty'
  }

  #submit(): void {
    const checked = check(this.#event.value, this.#takesText)
    if (checked.kind === 'text') this.#onSend([this.#event.value])
    if ('events' in checked) this.#onSend(checked.events.map(event => JSON.stringify(event)))
  }

  #tidy(): void {
    const checked = check(this.#event.value, this.#takesText)
    if (!('events' in checked)) return
    this.put(checked.events.length === 1 ? (checked.events[0] ?? {}) : checked.events)
  }
}
