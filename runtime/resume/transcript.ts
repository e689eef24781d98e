/** The items of a conversation, in their order and within a limit in bytes: images are forgotten first, then the oldest. */
import type { TranscriptItem } from './transcript-item.ts'

/** Of every transcript that is empty, and never changed. */
const noItems = new Map<TranscriptItem, number>()

export class Transcript implements Iterable<TranscriptItem> {
  readonly #maxBytes: number
  /**
   * In their order, each with the bytes of its JSON as UTF-8, which is what the store is given. Made with the first item:
   * most sessions are idle.
   */
  #items = noItems
  #bytes = 0
  #dropped = 0

  /** @param maxBytes limit of all items together, each measured as its JSON in UTF-8 */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Items that were forgotten for the limit. */
  get dropped(): number {
    return this.#dropped
  }

  /** Adds to the items that were forgotten for the limit. */
  noteDropped(count: number): void {
    this.#dropped += count
  }

  [Symbol.iterator](): Iterator<TranscriptItem> {
    return this.#items.keys()
  }

  /** Appends an item. One that is larger than the limit by itself is not kept, nor the call that it is the output of. */
  add(item: TranscriptItem): void {
    if (this.#items === noItems) this.#items = new Map()
    this.#measure(item)
  }

  find(fits: (item: TranscriptItem) => boolean): TranscriptItem | undefined {
    for (const item of this.#items.keys()) if (fits(item)) return item
    return undefined
  }

  /** Changes an item of this list; it keeps its place. */
  change(item: TranscriptItem, fields: Partial<TranscriptItem>): void {
    if (!this.#items.has(item)) return
    Object.assign(item, fields)
    this.#measure(item)
  }

  /** Forgets all items but those that fit. */
  keep(fits: (item: TranscriptItem) => boolean): void {
    for (const item of this.#items.keys()) if (!fits(item)) this.#forget(item)
  }

  #measure(item: TranscriptItem): void {
    if (this.#weigh(item) > this.#maxBytes && this.#loseImages(item) > this.#maxBytes) this.#refuse(item)
    // Words tell more in the same room.
    for (const oldest of this.#items.keys()) {
      if (this.#bytes <= this.#maxBytes) return
      this.#loseImages(oldest)
    }
    for (const oldest of this.#items.keys()) {
      if (this.#bytes <= this.#maxBytes) return
      this.#forget(oldest)
      this.#dropped += 1
    }
  }

  /** @returns the item's bytes */
  #weigh(item: TranscriptItem): number {
    const bytes = Buffer.byteLength(JSON.stringify(item))
    this.#bytes += bytes - (this.#items.get(item) ?? 0)
    this.#items.set(item, bytes)
    return bytes
  }

  /** What is left of an item's images says that they were there. @returns the item's bytes */
  #loseImages(item: TranscriptItem): number {
    if (item.images?.some(({ url }) => url !== null) !== true) return this.#items.get(item) ?? 0
    item.images = item.images.map(image => ({ ...image, url: null }))
    return this.#weigh(item)
  }

  /** A call whose output is not kept would wait for it for ever. */
  #refuse(item: TranscriptItem): void {
    const before = this.#items.size
    this.#forget(item)
    if (item.kind === 'function_call_output')
      this.keep(({ kind, callId }) => kind !== 'function_call' || callId !== item.callId)
    this.#dropped += before - this.#items.size
  }

  #forget(item: TranscriptItem): void {
    this.#bytes -= this.#items.get(item) ?? 0
    this.#items.delete(item)
  }
}
