/** One answer on the page: text, transcript, how much of its sound was heard, and what its assistant shows beside it. */
import { say, type Words } from '../language/language.ts'
import { secondsWords } from '../page/figures.ts'
import { copyTemplate, part } from '../page/page.ts'
import { bytesPerSample, samplesToMs } from '../sound/pcm.ts'
import type { Playing } from '../sound/playback.ts'
import { createPanel } from './panel-view.ts'
import { heardChars, wordCut } from './spoken-words.ts'
import type { Outcome } from './talk-parts.ts'
import type { AnswerRecord } from './turn-record.ts'

/** A whole answer needs no words: it is there. */
const outcomeWords: Record<Outcome, Words | undefined> = {
  complete: undefined,
  interrupted: 'Interrupted',
  lost: 'Cut short: the connection was lost',
  restarted: 'Cut short: the answer starts again',
  failed: 'Cut short by an error',
}

/** An answer's element and what it shows. It is made open; `end` closes it, its sound may go on. */
export class Answer {
  readonly element = copyTemplate('#answer-template')
  readonly record: AnswerRecord
  readonly #text = part('.text', HTMLElement, this.element)
  readonly #transcript = part('.transcript', HTMLElement, this.element)
  readonly #spoken = part('.spoken', HTMLElement, this.element)
  readonly #ahead = part('.ahead', HTMLElement, this.element)
  readonly #state = part('.state', HTMLElement, this.element)
  readonly #time = part('.time', HTMLElement, this.element)
  readonly #first = part('.first', HTMLElement, this.element)
  readonly #heard = part('.heard', HTMLElement, this.element)
  /** Its sound reaches the person: the transcript runs with it. */
  readonly #isAudible: () => boolean
  readonly #askedAt: number | undefined
  /** Words of another item follow. */
  readonly #breaks = new Set<'text' | 'transcript'>()
  #cut = 0
  #playing = false
  /** All of its sound has come: its length is known. */
  #isWhole = false
  /** Heard on the page before this one (ms): the sound of this one begins there. */
  #heardBeforeMs = 0
  /** Sound that had come to the page before and was not heard: it comes again (ms). */
  #comesAgainMs = 0

  /**
   * @param isAudible whether sound is on and reaches the person
   * @param askedAt when the question ended (ms, `performance.now()`); undefined where nobody asked
   * @param record a kept answer, shown as it ended
   */
  constructor(isAudible: () => boolean, askedAt: number | undefined, record?: AnswerRecord) {
    this.#isAudible = isAudible
    this.#askedAt = askedAt
    this.record = record ?? {
      role: 'assistant',
      text: '',
      transcript: '',
      playedMs: 0,
      lengthMs: 0,
      at: Date.now(),
    }
    if (!record) return
    this.#heardBeforeMs = this.record.playedMs
    this.#comesAgainMs = Math.max(0, this.record.lengthMs - this.record.playedMs)
    this.record.outcome ??= 'lost'
    this.#text.hidden = record.text === ''
    this.#text.textContent = record.text
    this.#transcript.hidden = record.transcript === ''
    for (const { name, data } of record.panels ?? []) this.#showPanel(name, data)
    this.#show()
  }

  text(value: string): void {
    this.#begin()
    const words = this.#breaks.delete('text') ? `\n${value}` : value
    this.record.text += words
    this.#text.hidden = false
    this.#text.append(words)
  }

  transcript(value: string): void {
    this.#begin()
    const words = this.#breaks.delete('transcript') ? `\n${value}` : value
    this.record.transcript += words
    this.#transcript.hidden = false
    if (this.#runsWithSound()) this.#ahead.append(words)
    else this.#spoken.append(words)
  }

  /** One item of the answer is whole: what follows begins on a line of its own. */
  partEnds(): void {
    for (const kind of ['text', 'transcript'] as const) if (this.record[kind] !== '') this.#breaks.add(kind)
  }

  /** @param bytes decoded length of one chunk of PCM16 */
  audio(bytes: number): void {
    const ms = samplesToMs(bytes / bytesPerSample)
    const againMs = Math.min(ms, this.#comesAgainMs)
    this.#comesAgainMs -= againMs
    this.record.lengthMs += ms - againMs
    this.#show()
  }

  playing({ playing, playedMs }: Playing): void {
    // The audio thread's last reports may come after the person cut it.
    if (this.record.outcome === 'interrupted') return
    if (playing) this.#begin()
    this.#playing = playing
    this.record.playedMs = this.#heardBeforeMs + playedMs
    this.#show()
  }

  /** @param heardMs where the sound was cut (ms), if known */
  end(outcome: Outcome, heardMs?: number): void {
    this.record.outcome = outcome
    if (outcome === 'complete') this.#isWhole = true
    if (outcome === 'interrupted' || outcome === 'restarted') this.#playing = false
    if (heardMs !== undefined) this.record.playedMs = heardMs
    this.#show()
  }

  /** It was broken off, and goes on. */
  goOn(): void {
    delete this.record.outcome
    this.#show()
  }

  /** Nothing of it came: there is nothing to show. */
  get isEmpty(): boolean {
    const { text, transcript, lengthMs } = this.record
    return text === '' && transcript === '' && lengthMs === 0 && !this.record.panels?.length
  }

  /** Whether the person hears its words. */
  get isHeard(): boolean {
    return this.record.lengthMs > 0 && this.#isAudible()
  }

  /** Shows what the assistant made. */
  panel(name: string, data: unknown): void {
    this.record.panels = [...(this.record.panels ?? []), { name, data }]
    this.#showPanel(name, data)
  }

  #showPanel(name: string, data: unknown): void {
    const { text, transcript, outcome } = this.record
    const isAlone = text === '' && transcript === '' && outcome !== undefined
    this.element.classList.toggle('only-panels', isAlone)
    part('.panels', HTMLElement, this.element).append(createPanel(name, data))
  }

  /** The first word or sound is there. */
  #begin(): void {
    if (this.record.firstMs !== undefined || this.#askedAt === undefined) return
    this.record.firstMs = performance.now() - this.#askedAt
    this.#first.textContent = say('first word after {seconds} s', {
      seconds: secondsWords(this.record.firstMs),
    })
  }

  #runsWithSound(): boolean {
    return isBrokenOff(this.record.outcome) || this.#isAudible()
  }

  #show(): void {
    const { dataset } = this.element
    const { outcome, lengthMs, playedMs, firstMs } = this.record
    dataset.state = this.#playing ? 'speaking' : (outcome ?? 'streaming')
    this.element.ariaBusy = String(outcome === undefined)
    const words = this.#playing || outcome === undefined ? undefined : outcomeWords[outcome]
    this.#state.textContent = words ? say(words) : ''
    if (firstMs !== undefined && this.#first.textContent === '')
      this.#first.textContent = say('first word after {seconds} s', { seconds: secondsWords(firstMs) })
    this.#showWords()
    if (lengthMs === 0) return
    this.#heard.style.setProperty('--heard', String(Math.min(1, playedMs / lengthMs)))
    this.#time.textContent = say('{played} of {length} s heard', {
      played: secondsWords(playedMs),
      length: secondsWords(lengthMs),
    })
  }

  /** Parts the transcript where the sound is: before it heard, behind it not yet, or never. */
  #showWords(): void {
    const { transcript, outcome, lengthMs, playedMs } = this.record
    const chars = transcript.length
    // What ended whole and does not sound any more was heard, or was to be read only.
    const isOver = outcome !== undefined && !isBrokenOff(outcome) && !this.#playing
    const isRead = isOver || !this.#runsWithSound() || lengthMs === 0
    const heard = heardChars({ chars, lengthMs, playedMs, isComplete: this.#isWhole })
    const cut = isRead ? chars : wordCut(transcript, heard)
    if (cut === this.#cut && this.#spoken.textContent !== '') return
    this.#cut = cut
    this.#spoken.textContent = transcript.slice(0, cut)
    this.#ahead.textContent = transcript.slice(cut)
  }
}

/** Whether its last words may not have been heard. */
function isBrokenOff(outcome: Outcome | undefined): boolean {
  return outcome === 'interrupted' || outcome === 'lost' || outcome === 'restarted'
}
