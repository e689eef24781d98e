/** Everything around the conversation: who serves, how the line and the sound are. */
import type { ConnectionState } from './connection.ts'
import { type PageInfo, providerName } from './gateway-info.ts'
import { part, showText } from './page.ts'
import type { Playing, SoundState } from './playback.ts'
import { bytesWords, lineWords, soundWords } from './words.ts'

const wideScreen = '(min-width: 62rem)'
/** Speech rarely passes this root mean square: the meter's full scale. */
const loudLevel = 0.35

/** Header, session details and status line. */
export class Panel {
  readonly #badge = part('#provider-badge', HTMLElement)
  readonly #line = part('#line', HTMLElement)
  readonly #lineWords = part('#line-words', HTMLElement)
  readonly #retry = part('#retry', HTMLButtonElement)
  readonly #audioBytes = part('#audio-bytes', HTMLDataElement)
  readonly #level = part('#level', HTMLMeterElement)
  readonly #underruns = part('#underruns', HTMLElement)
  readonly #soundWords = part('#sound-words', HTMLElement)
  readonly #soundNote = part('#sound-note', HTMLElement)
  readonly #status = part('#status', HTMLElement)
  #bytes = 0
  #countdown = 0

  constructor() {
    const panel = part('#panel', HTMLDetailsElement)
    const screen = matchMedia(wideScreen)
    const unfold = () => {
      panel.open = screen.matches
    }
    screen.addEventListener('change', unfold)
    unfold()
  }

  /** @param retryNow what the "Try now" button does while the line is down */
  onRetry(retryNow: () => void): void {
    this.#retry.onclick = retryNow
  }

  info({ provider, model, revision, replica }: PageInfo): void {
    if (provider) {
      const note = provider === 'simulator' ? ' — no account needed' : ''
      showText(this.#badge, `${providerName(provider)}${note}`)
      this.#badge.dataset.provider = provider
      part('#provider', HTMLElement).textContent = providerName(provider)
    }
    for (const [name, value] of Object.entries({ model, revision, replica }))
      if (value) part(`#${name}`, HTMLElement).textContent = value
  }

  line(state: ConnectionState): void {
    clearInterval(this.#countdown)
    this.#line.dataset.phase = state.phase
    this.#lineWords.textContent = lineWords(state)
    this.#line.title = state.phase === 'waiting' ? state.reason : ''
    this.#retry.hidden = state.phase !== 'waiting' || state.retryInMs < 2000
    if (state.phase === 'waiting') this.#countDown(state)
  }

  #countDown(state: ConnectionState & { phase: 'waiting' }): void {
    const end = performance.now() + state.retryInMs
    this.#countdown = window.setInterval(() => {
      const retryInMs = Math.max(0, end - performance.now())
      this.#lineWords.textContent = lineWords({ ...state, retryInMs })
    }, 500)
  }

  /** @param bytes one more chunk of decoded audio */
  audio(bytes: number): void {
    this.#bytes += bytes
    this.#audioBytes.value = String(this.#bytes)
    this.#audioBytes.textContent = bytesWords(this.#bytes)
  }

  playing({ level, underruns }: Playing): void {
    this.#level.value = Math.min(1, level / loudLevel)
    this.#underruns.textContent = underruns === 0 ? 'none' : String(underruns)
  }

  sound(state: SoundState, muted: boolean): void {
    this.#soundWords.textContent = soundWords(state, muted)
    this.#soundNote.hidden = state !== 'blocked' && state !== 'unavailable'
    part('#sound-unlock', HTMLButtonElement).hidden = state !== 'blocked'
    part('#sound-note-words', HTMLElement).textContent = soundNote(state)
  }

  status(message: string): void {
    this.#status.textContent = message
  }
}

function soundNote(state: SoundState): string {
  if (state === 'blocked') return 'Your browser holds the sound back.'
  return 'This browser gives no sound; the answers come in writing.'
}
