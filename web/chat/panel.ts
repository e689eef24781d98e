/** Everything around the conversation: who serves, how the sound is, what it costs. */
import { say } from '../language/language.ts'
import { bytesWords } from '../page/figures.ts'
import { type PageInfo, providerName } from '../page/gateway-info.ts'
import { part, showText } from '../page/page.ts'
import type { Playing, SoundState } from '../sound/playback.ts'
import type { Usage } from './usage.ts'
import { soundWords } from './words.ts'

const wideScreen = '(min-width: 62rem)'
/** Speech rarely passes this root mean square: the meter's full scale. */
const loudLevel = 0.35

/** Session details. */
export class Panel {
  readonly #audioBytes = part('#audio-bytes', HTMLDataElement)
  readonly #level = part('#level', HTMLMeterElement)
  readonly #underruns = part('#underruns', HTMLElement)
  readonly #soundWords = part('#sound-words', HTMLElement)
  readonly #soundNote = part('#sound-note', HTMLElement)
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
    this.#underruns.textContent = underruns === 0 ? say('none') : String(underruns)
  }

  sound(state: SoundState, muted: boolean): void {
    this.#soundWords.textContent = soundWords(state, muted)
    this.#soundNote.hidden = state !== 'blocked' && state !== 'unavailable'
    part('#sound-unlock', HTMLButtonElement).hidden = state !== 'blocked'
    part('#sound-note-words', HTMLElement).textContent = soundNote(state)
  }

  /** Tokens and estimated cost of the caller; what the gateway does not tell is not shown. */
  usage({ tokens, cost }: Usage): void {
    part('#usage', HTMLElement).hidden = tokens === undefined && cost === undefined
    showRow('#tokens', tokens)
    showRow('#cost', cost)
  }
}

function showRow(selector: string, words: string | undefined): void {
  const value = part(selector, HTMLElement)
  showText(value, words ?? '')
  if (value.parentElement) value.parentElement.hidden = words === undefined
}

function soundNote(state: SoundState): string {
  return state === 'blocked'
    ? say('Your browser holds the sound back.')
    : say('This browser gives no sound; the answers come in writing.')
}
