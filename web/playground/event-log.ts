/** All that travelled, newest last, and the part of it that the person wants to see. */
import { compileGlobs } from './globs.ts'

/** `note`: not an event, but something about the connection. */
export type Direction = 'in' | 'out' | 'note'

/** One line of the log. */
export interface Entry {
  readonly id: number
  /** ms since the log began. */
  readonly at: number
  readonly direction: Direction
  readonly type: string
  readonly summary: string
  /** The frame as it travelled; of audio that was sent, the first chunk only. */
  readonly text: string
  /** Characters, all chunks together. */
  size: number
  /** Chunks of audio that share this line. */
  count: number
}

/** Entries that are kept; past it the oldest tenth goes. */
export const maxEntries = 20_000
/** Characters that are kept of all frames together; past it the oldest entries go, a tenth or more. */
export const maxChars = 50_000_000

/** What is entered. */
export type NewEntry = Pick<Entry, 'direction' | 'type' | 'summary' | 'text'>

/** The log. */
export class EventLog {
  readonly #onChange: () => void
  readonly #start = performance.now()
  #entries: Entry[] = []
  #shown: Entry[] = []
  #chars = 0
  #made = 0
  #dropped = 0
  #isWanted: (entry: Entry) => boolean = () => true
  #frozenAt: number | undefined

  /** @param onChange the shown entries are others now */
  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  get shown(): readonly Entry[] {
    return this.#shown
  }

  get total(): number {
    return this.#entries.length
  }

  /** Entries that were let go because there were too many. */
  get dropped(): number {
    return this.#dropped
  }

  /** Entries that came since the list was paused. */
  get unseen(): number {
    return this.#frozenAt === undefined ? 0 : this.#made - this.#frozenAt
  }

  add(entry: NewEntry): void {
    this.#made++
    const made: Entry = {
      ...entry,
      id: this.#made,
      at: performance.now() - this.#start,
      size: entry.text.length,
      count: 1,
    }
    this.#entries.push(made)
    this.#chars += made.text.length
    if (this.#entries.length > maxEntries || this.#chars > maxChars) this.#trim()
    else if (this.#frozenAt === undefined && this.#isWanted(made)) this.#shown.push(made)
    this.#onChange()
  }

  /** One more chunk of audio: it shares a line with the one right before it. */
  addChunk(entry: NewEntry): void {
    const last = this.#entries.at(-1)
    if (last?.type !== entry.type || last.direction !== entry.direction) return this.add(entry)
    last.count++
    last.size += entry.text.length
    this.#onChange()
  }

  /**
   * Chooses what is shown.
   * @param globs over types, separated by commas; '' is all
   * @param words searched for in the frames, whatever their case; '' is all
   */
  choose(globs: string, words: string): void {
    const matches = compileGlobs(globs)
    const sought = words.trim().toLowerCase()
    this.#isWanted = ({ type, text }) =>
      (!matches || matches(type)) && (sought === '' || text.toLowerCase().includes(sought))
    this.#select()
  }

  /** Paused, the list stands still; what comes is kept and shown later. */
  pause(on: boolean): void {
    this.#frozenAt = on ? this.#made : undefined
    this.#select()
  }

  clear(): void {
    this.#entries = []
    this.#chars = 0
    this.#dropped = 0
    if (this.#frozenAt !== undefined) this.#frozenAt = this.#made
    this.#select()
  }

  /** What is shown as JSON lines: one object a line, with time and direction. */
  toJsonLines(): string {
    return this.#shown
      .map(({ at, direction, type, text }) =>
        JSON.stringify({ at_ms: Math.round(at), direction, type, event: parsed(text) }),
      )
      .join('\n')
  }

  /** Lets the oldest go; the newest stays, however large. */
  #trim(): void {
    const keeps = (count: number, chars: number) => count <= maxEntries * 0.9 && chars <= maxChars * 0.9
    let gone = 0
    while (gone < this.#entries.length - 1 && !keeps(this.#entries.length - gone, this.#chars))
      this.#chars -= this.#entries[gone++]?.text.length ?? 0
    this.#dropped += gone
    this.#entries.splice(0, gone)
    this.#select()
  }

  #select(): void {
    const last = this.#frozenAt ?? Number.POSITIVE_INFINITY
    this.#shown = this.#entries.filter(entry => entry.id <= last && this.#isWanted(entry))
    this.#onChange()
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
