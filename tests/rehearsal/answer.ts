/** The answer under way: what came of it, held against the script when it ends or breaks off. */
import { answerTo, type Kind, type NumberCall, type Voice, wordsOf } from './script.ts'
import { addTally, compare, emptyTally } from './tally.ts'
import type { ClientRecord } from './types.ts'

/** The question that is being answered. */
export interface Question {
  readonly kind: Kind
  readonly turn: number
  /** Of the kind `number`: numbers that were taken before. */
  readonly taken: number
}

export class Answer {
  readonly #record: ClientRecord
  readonly #voice: Voice | null
  #words = ''
  readonly #sounds: number[] = []
  /** The answer in one piece, as some addresses repeat it at its end. */
  #written: string | null = null

  /** @param voice the sounds of every answer; null where nobody knows them beforehand */
  constructor(record: ClientRecord, voice: Voice | null) {
    this.#record = record
    this.#voice = voice
  }

  get words(): string {
    return this.#words
  }

  /** Whether the words tell of a call that was interrupted. */
  get isInterrupted(): boolean {
    return this.#words.includes('interrupted')
  }

  say(words: string): void {
    this.#words += words
  }

  /** @param bytes its length */
  sound(bytes: number): void {
    this.#sounds.push(bytes)
  }

  write(text: string): void {
    this.#written = text
  }

  /** It has come to its end. */
  end({ kind, turn, taken }: Question): void {
    const scripted = answerTo(kind, this.#record.id, turn, this.#call(taken))
    // A model of flesh and blood has words of its own: there, what it wrote counts.
    const text = this.#voice === null ? (this.#written ?? scripted) : (scripted ?? this.#written)
    this.#count(turn, text, scripted, false)
    this.clear()
  }

  /** It ends before its end: it may lack its rest, and no more. @returns whether anything had come of it */
  breakOff({ kind, turn, taken }: Question): boolean {
    const anything = this.#words !== '' || this.#sounds.length > 0
    const before = this.#record.events.seen
    const scripted = answerTo(kind, this.#record.id, turn, this.#call(taken))
    if (anything) this.#count(turn, scripted, scripted, true)
    if (anything && scripted !== null) {
      const missing = wordsOf(scripted).length - this.#wholeWords.length
      this.#record.unheardWords += Math.max(0, missing)
    }
    this.#record.cutEvents += this.#record.events.seen - before
    this.clear()
    return anything
  }

  /** Nobody waits for it: all of it is more than was asked for. @param turn the last that was answered */
  refuse({ kind, turn }: Question): void {
    const doubled = wordsOf(this.#words).length + this.#sounds.length
    addTally(this.#record.events, { ...emptyTally(), seen: doubled, doubled })
    this.#record.faults.push(`turn ${turn} (${kind}): doubled: an answer that nobody waited for`)
    this.clear()
  }

  clear(): void {
    this.#words = ''
    this.#sounds.length = 0
    this.#written = null
  }

  /** Words that have come whole: the last one may have come in part. */
  get #wholeWords(): string[] {
    const words = wordsOf(this.#words)
    return /\W$/.test(this.#words) ? words : words.slice(0, -1)
  }

  #call(taken: number): NumberCall {
    return { isInterrupted: this.isInterrupted, taken }
  }

  /** @param text what was to come; null where nobody knows @param spoken the same as far as its sounds are known */
  #count(turn: number, text: string | null, spoken: string | null, brokenOff: boolean): void {
    const words = brokenOff ? this.#wholeWords : wordsOf(this.#words)
    const sounds = this.#sounds.map(bytes => `${bytes} bytes of sound`)
    const known = spoken === null ? null : (this.#voice?.(spoken) ?? null)
    const expectedSounds = known?.map(bytes => `${bytes} bytes of sound`) ?? null
    for (const [expected, got] of [
      [text === null ? null : wordsOf(text), words],
      [expectedSounds, sounds],
    ] as const) {
      const comparison = compare(expected ?? got, got, brokenOff)
      addTally(this.#record.events, comparison)
      for (const fault of comparison.faults) this.#record.faults.push(`turn ${turn}: ${fault}`)
    }
  }
}
