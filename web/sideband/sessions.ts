/** The sessions that the gateway keeps for whoever looks at this page. */

import { CredentialNeeded } from '../access/access.ts'
import { say } from '../language/language.ts'
import { countWords } from '../page/figures.ts'
import { copyTemplate, part } from '../page/page.ts'
import { type SessionInfo, type SidebandApi, wordsOf } from './api.ts'

const refreshMs = 5000
const maxShown = 20

/** What the list tells. */
export interface SessionsListeners {
  /** A session could not be hung up. */
  onFault(words: string): void
  /** The person wants to control a call that came by telephone. */
  onControl(sessionId: string): void
}

/** The list of sessions. */
export class Sessions {
  readonly #api: SidebandApi
  readonly #listeners: SessionsListeners
  readonly #list = part('#sessions', HTMLUListElement)
  readonly #words = part('#sessions-words', HTMLElement)
  #timer = 0
  #shown = ''

  constructor(api: SidebandApi, listeners: SessionsListeners) {
    this.#api = api
    this.#listeners = listeners
    part('#refresh', HTMLButtonElement).onclick = () => this.refresh()
  }

  /** Asks again now, and from then on by and by while the page is looked at. */
  refresh(): void {
    clearTimeout(this.#timer)
    const again = () => {
      this.#timer = window.setTimeout(() => (document.hidden ? again() : this.refresh()), refreshMs)
    }
    this.#api.sessions().then(
      sessions => {
        this.#show(sessions)
        again()
      },
      (cause: unknown) => {
        // Asked again by and by, the person could never close the dialog.
        if (cause instanceof CredentialNeeded) return
        this.#words.textContent = say('The list cannot be read: {cause}', { cause: wordsOf(cause) })
        again()
      },
    )
  }

  #show(sessions: readonly SessionInfo[]): void {
    const running = sessions.filter(session => session.webrtc_connected).length
    this.#words.textContent =
      sessions.length === 0
        ? say('None yet')
        : say('{sessions}, {running} with a running call', {
            sessions: countWords(sessions.length, 'session'),
            running,
          })
    const state = JSON.stringify(sessions)
    // What has not changed is left alone, so that the focus stays where it is.
    if (state === this.#shown) return
    this.#shown = state
    const focused = document.activeElement?.closest<HTMLElement>('.session')?.dataset.id
    this.#list.replaceChildren(...sessions.slice(0, maxShown).map(session => this.#row(session)))
    if (focused === undefined) return
    this.#list.querySelector<HTMLElement>(`[data-id="${focused}"] button:not([hidden])`)?.focus()
  }

  #row(session: SessionInfo): HTMLElement {
    const row = copyTemplate('#session-template')
    row.dataset.id = session.session_id
    part('.session-id', HTMLElement, row).textContent = session.session_id
    part('.session-words', HTMLElement, row).textContent = sessionWords(session)
    const join = part('.join', HTMLButtonElement, row)
    join.hidden = !isTelephone(session) || session.webrtc_connected === false
    join.ariaLabel = say('Control {id}', { id: session.session_id })
    join.onclick = () => this.#listeners.onControl(session.session_id)
    const button = part('.hang-up', HTMLButtonElement, row)
    button.hidden = session.webrtc_connected === false
    button.ariaLabel = say('Hang up {id}', { id: session.session_id })
    button.onclick = () => {
      button.disabled = true
      this.#api.hangUp(session.session_id).then(
        () => this.refresh(),
        (cause: unknown) => {
          button.disabled = false
          this.#listeners.onFault(
            say('{id} could not be hung up: {cause}', { id: session.session_id, cause: wordsOf(cause) }),
          )
        },
      )
    }
    return row
  }
}

function isTelephone({ origin }: SessionInfo): boolean {
  return origin === 'telephone'
}

function callWords({ webrtc_connected, ended_at }: SessionInfo): string {
  if (webrtc_connected === null) return say('call not heard of')
  return webrtc_connected ? say('call running') : say(ended_at ? 'ended' : 'no call yet')
}

function sessionWords(session: SessionInfo): string {
  const events = session.events_from_openai + session.events_to_openai
  return [
    isTelephone(session) ? say('by telephone') : '',
    callWords(session),
    session.websocket_connected ? say('under control') : say('not controlled'),
    countWords(events, 'event'),
    session.last_event_type ?? '',
  ]
    .filter(words => words !== '')
    .join(' · ')
}
