/** One answer on the page: text, transcript and how much of its sound was heard. */
import { bytesWords, secondsWords } from '../page/figures.ts'
import { copyTemplate, part } from '../page/page.ts'
import { samplesToMs } from '../sound/pcm.ts'
import type { Playing } from '../sound/playback.ts'
import type { Outcome } from './talk-parts.ts'

const bytesPerSample = 2

const outcomeWords: Record<Outcome, string> = {
  complete: 'Answered',
  interrupted: 'Interrupted',
  lost: 'Cut short: the connection was lost',
  failed: 'Cut short by an error',
}

/** An answer's element and what it shows. It is made open; `end` closes it, its sound may go on. */
export class Answer {
  readonly element = copyTemplate('#answer-template')
  readonly #text = part('.text', HTMLElement, this.element)
  readonly #transcript = part('.transcript', HTMLElement, this.element)
  readonly #state = part('.state', HTMLElement, this.element)
  readonly #time = part('.time', HTMLElement, this.element)
  readonly #bytesShown = part('.bytes', HTMLElement, this.element)
  readonly #heard = part('.heard', HTMLElement, this.element)
  #outcome: Outcome | undefined
  #bytes = 0
  #playedMs = 0
  #playing = false

  text(value: string): void {
    append(this.#text, value)
  }

  transcript(value: string): void {
    append(this.#transcript, value)
  }

  /** @param bytes decoded length of one chunk of PCM16 */
  audio(bytes: number): void {
    this.#bytes += bytes
    this.#show()
  }

  playing({ playing, playedMs }: Playing): void {
    // The audio thread's last reports may come after the person cut it.
    if (this.#outcome === 'interrupted') return
    this.#playing = playing
    this.#playedMs = playedMs
    this.#show()
  }

  /** @param heardMs where the sound was cut (ms), if known */
  end(outcome: Outcome, heardMs?: number): void {
    this.#outcome = outcome
    if (outcome === 'interrupted') this.#playing = false
    if (heardMs !== undefined) this.#playedMs = heardMs
    this.#show()
  }

  /** What a screen reader is told once the answer is there. */
  words(): string {
    return this.#text.textContent || this.#transcript.textContent || ''
  }

  #show(): void {
    const { dataset } = this.element
    dataset.state = this.#playing ? 'speaking' : (this.#outcome ?? 'streaming')
    this.element.ariaBusy = String(this.#outcome === undefined)
    this.#state.textContent = this.#stateWords()
    if (this.#bytes === 0) return
    const lengthMs = samplesToMs(this.#bytes / bytesPerSample)
    this.#heard.style.setProperty('--heard', String(Math.min(1, this.#playedMs / lengthMs)))
    this.#time.textContent = `${secondsWords(this.#playedMs)} of ${secondsWords(lengthMs)} s heard`
    this.#bytesShown.textContent = bytesWords(this.#bytes)
  }

  #stateWords(): string {
    if (this.#playing) return 'Speaking'
    return this.#outcome ? outcomeWords[this.#outcome] : 'Answering'
  }
}

function append(element: HTMLElement, value: string): void {
  element.hidden = false
  element.append(value)
}
