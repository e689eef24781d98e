/** Puts the deltas of an answer together where nothing but deltas is extracted from. */
import { doneOf, type EventIds, type ExtractOutcome, type Extractor } from './extract.ts'

/** Bytes of deltas that one session keeps: several times the longest answer of a Realtime model. */
export const maxAssembledBytes = 1024 * 1024

/** A text that has come to its end, or was too long to be kept. */
export interface Assembled {
  readonly outcome: ExtractOutcome
  /** Its deltas, for the outcome that forwards them. */
  readonly frames: readonly Buffer[]
  /** Upstream's name of their type. */
  readonly type: string
}

interface Growing extends EventIds {
  readonly type: string
  readonly source: string
  readonly frames: Buffer[]
  text: string
}

/** The deltas of one session. */
export class DeltaAssembly {
  readonly #extractor: Extractor
  readonly #growing = new Map<string, Growing>()
  #bytes = 0
  /** Over the limit: deltas pass by until their response is over. */
  #isFull = false

  constructor(extractor: Extractor) {
    this.#extractor = extractor
  }

  /** Whether an event may end something: asked for each event. */
  get isGrowing(): boolean {
    return this.#growing.size > 0 || this.#isFull
  }

  /**
   * Takes a delta that the extractor assembles.
   * @param source what the record names as its source
   * @returns null while the text grows
   */
  take(frame: Buffer, type: string, source: string): Assembled | null {
    const delta = this.#extractor.readDelta(frame, type)
    if (delta === null || delta.text === null)
      return { outcome: this.#extractor.extract(frame, source), frames: [frame], type }
    if (this.#isFull || this.#bytes + frame.length > maxAssembledBytes)
      return this.#overflow(frame, type, source)
    const { responseId, itemId, contentIndex, text } = delta
    const key = keyOf(type, itemId, contentIndex)
    const known = this.#growing.get(key)
    const growing = known ?? { responseId, itemId, type, source, frames: [], text: '' }
    growing.text += text
    growing.frames.push(Buffer.from(frame))
    this.#bytes += frame.length
    this.#growing.set(key, growing)
    return null
  }

  /** Ends what an event ends: the text that it is the `.done` of, or with `response.done` all of the response. */
  end(frame: Buffer, type: string): Assembled[] {
    if (!this.isGrowing) return []
    if (type === 'response.done') {
      this.#isFull = false
      const ended = this.#extractor.readDelta(frame, type)?.responseId ?? null
      return [...this.#growing].flatMap(([key, { responseId }]) =>
        ended === null || responseId === null || responseId === ended ? this.#end(key) : [],
      )
    }
    const deltaTypes = new Set([...this.#growing.values()].map(({ type }) => type))
    const ending = [...deltaTypes].find(deltaType => doneOf(deltaType) === type)
    const delta = ending === undefined ? null : this.#extractor.readDelta(frame, type)
    if (ending === undefined || delta === null) return []
    return this.#end(keyOf(ending, delta.itemId, delta.contentIndex))
  }

  #end(key: string): Assembled[] {
    const growing = this.#growing.get(key)
    if (growing === undefined) return []
    this.#growing.delete(key)
    const { text, frames, type, source } = growing
    this.#bytes -= frames.reduce((sum, frame) => sum + frame.length, 0)
    return [{ outcome: this.#extractor.extractText(text, growing, source), frames, type }]
  }

  #overflow(frame: Buffer, type: string, source: string): Assembled {
    const frames = [...this.#growing.values()].flatMap(({ frames }) => frames)
    const outcome = this.#extractor.tooLong(source)
    const isFirst = !this.#isFull
    this.#growing.clear()
    this.#bytes = 0
    this.#isFull = true
    // It is said once.
    if (!isFirst && outcome.kind === 'error') return { outcome: { kind: 'drop' }, frames: [frame], type }
    return { outcome, frames: [...frames, frame], type }
  }
}

function keyOf(type: string, itemId: string | null, contentIndex: number): string {
  return `${type} ${itemId} ${contentIndex}`
}
