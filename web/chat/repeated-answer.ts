/**
 * Compares an answer that is asked for again with the part of it that has come before. The server asks for it from its
 * first word: it cannot know how much of the part before has arrived. A model that says the same again is heard once.
 */
import type { PageMessage } from './messages.ts'

/** A part of an answer. */
export type AnswerPart = Extract<PageMessage, { type: 'text-delta' | 'transcript-delta' | 'audio-chunk' }>

/** Sound that is held beyond the sound that has come before (decoded bytes, 10 s): words that take longer are others. */
const maxAheadBytes = 480_000

/** What has come of an item of an answer. */
export interface ReceivedItem {
  text: string
  transcript: string
  /** Of sound, decoded. */
  bytes: number
}

export function emptyItem(): ReceivedItem {
  return { text: '', transcript: '', bytes: 0 }
}

/** Adds a part to what has come of an item. */
export function addPart(item: ReceivedItem, part: AnswerPart): void {
  if (part.type === 'text-delta') item.text += part.value
  else if (part.type === 'transcript-delta') item.transcript += part.value
  else item.bytes += part.bytes
}

/** `open`: too little has come to tell. `same`: all words before were said again. `other`: other words are said. */
export type Likeness = 'open' | 'same' | 'other'

/** The answer that comes again. Its parts are held until it is known to be the same or another one. */
export class RepeatedAnswer {
  readonly #before: ReceivedItem
  readonly #again = emptyItem()
  #held: AnswerPart[] = []
  #likeness: Likeness = 'open'
  /** What is still to be left out of it. */
  readonly #repeated: ReceivedItem

  /** @param before what has come of it */
  constructor(before: ReceivedItem) {
    this.#before = { ...before }
    this.#repeated = { ...before }
  }

  get likeness(): Likeness {
    return this.#likeness
  }

  /** Takes a part. @returns what is to be shown now: of the same answer what is new, of another one everything */
  take(part: AnswerPart): AnswerPart[] {
    if (this.#likeness === 'open') {
      addPart(this.#again, part)
      this.#likeness = this.#compare()
    }
    this.#held.push(part)
    return this.#likeness === 'open' ? [] : this.#release()
  }

  /** It ended before it was known to be the same: it is another one. @returns what is to be shown of it */
  end(): AnswerPart[] {
    if (this.#likeness === 'open') this.#likeness = 'other'
    return this.#release()
  }

  #compare(): Likeness {
    const { text, transcript, bytes } = this.#again
    const before = this.#before
    const isAlike = beginsAlike(before.text, text) && beginsAlike(before.transcript, transcript)
    if (!isAlike || bytes > before.bytes + maxAheadBytes) return 'other'
    return text.length >= before.text.length && transcript.length >= before.transcript.length
      ? 'same'
      : 'open'
  }

  #release(): AnswerPart[] {
    const held = this.#held
    this.#held = []
    return this.#likeness === 'same' ? held.flatMap(part => this.#fresh(part)) : held
  }

  /** Leaves out what has come before. */
  #fresh(part: AnswerPart): AnswerPart[] {
    if (part.type === 'audio-chunk') return this.#freshSound(part)
    const kind = part.type === 'text-delta' ? 'text' : 'transcript'
    const value = part.value.slice(this.#repeated[kind].length)
    this.#repeated[kind] = this.#repeated[kind].slice(part.value.length)
    return value === '' ? [] : [{ ...part, value }]
  }

  #freshSound(part: AnswerPart & { type: 'audio-chunk' }): AnswerPart[] {
    const skipped = Math.min(part.bytes, this.#repeated.bytes)
    this.#repeated.bytes -= skipped
    if (skipped === 0) return [part]
    if (skipped === part.bytes) return []
    return [{ ...part, value: btoa(atob(part.value).slice(skipped)), bytes: part.bytes - skipped }]
  }
}

function beginsAlike(before: string, again: string): boolean {
  return before.startsWith(again) || again.startsWith(before)
}
