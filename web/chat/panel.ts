/** Everything around the conversation: who serves, how the line and the sound are. */

import { bytesWords } from '../page/figures.ts'
import { type PageInfo, providerName } from '../page/gateway-info.ts'
import { part } from '../page/page.ts'
import type { Playing, SoundState } from '../sound/playback.ts'
import { soundWords } from './words.ts'

const wideScreen = '(min-width: 62rem)'
/** Speech rarely passes this root mean square: the meter's full scale. */
const loudLevel = 0.35

/** Session details and status line. */
export class Panel {
  readonly #audioBytes = part('#audio-bytes', HTMLDataElement)
  readonly #level = part('#level', HTMLMeterElement)
  readonly #underruns = part('#underruns', HTMLElement)
  readonly #soundWords = part('#sound-words', HTMLElement)
  readonly #soundNote = part('#sound-note', HTMLElement)
  readonly #status = part('#status', HTMLElement)
  #bytes = 0

  constructor() {
    const panel = part('#panel', HTMLDetailsElement)
    const screen = matchMedia(wideScreen)
    const unfold = () => {
      panel.open = screen.matches
    }
    screen.addEventListener('change', unfold)
    unfold()
  }

  info({ provider, model, revision, replica }: PageInfo): void {
    if (provider) part('#provider', HTMLElement).textContent = providerName(provider)
    for (const [name, value] of Object.entries({ model, revision, replica }))
      if (value) part(`#${name}`, HTMLElement).textContent = value
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
