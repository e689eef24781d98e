/** The items of one conversation, in order. */
import type { SeenItem } from '../model/model-turn.ts'
import { type AudioFormat, type Item, Refusal } from '../protocol/types.ts'

const maxItems = 4000
const maxAudioBytes = 32 * 1024 * 1024
/** Of all items as JSON, without audio (characters). */
const maxItemCharacters = 64 * 1024 * 1024

/** How the audio of an assistant item sounds: enough to make it again. */
export interface Spoken {
  voice: string
  speed: number
  format: AudioFormat
  /** Audio sent so far, or kept after a truncation (ms). */
  ms: number
  /** It was truncated: what is still sent of it is not kept. */
  isCut?: true
}

export interface Entry {
  item: Item
  memory: SeenItem | null
  /** Audio that the user sent, in the session's input format. */
  audio?: Buffer
  spoken?: Spoken
}

/** At most 4,000 items, 64 M characters of what clients put into them, and 32 MB of user audio; the oldest goes first. */
export class Conversation {
  readonly #entries: Entry[] = []
  /** Characters of each item as it was put in. */
  readonly #sizes = new WeakMap<Entry, number>()
  #characters = 0

  /** Items in order. */
  entries(): readonly Entry[] {
    return this.#entries
  }

  has(id: string): boolean {
    return this.#indexOf(id) >= 0
  }

  /** @throws Refusal when there is no such item; `action` names the request ("deleting item"). */
  find(id: string, action: string, code: string): Entry {
    const entry = this.#entries[this.#indexOf(id)]
    if (entry !== undefined) return entry
    throw new Refusal({
      code,
      message: `Error ${action}: the item with id '${id}' does not exist.`,
      param: 'item_id',
    })
  }

  /**
   * Puts an item in: at the end by default, first after `root`, else behind the item named.
   *
   * @returns the id of the item before it, or null
   * @throws Refusal when `after` is not known, or the item's id is taken
   */
  insert(entry: Entry, after?: string | null): string | null {
    if (this.has(entry.item.id)) throw idTaken(entry.item.id)
    const index = this.#placeAfter(after)
    this.#entries.splice(index, 0, entry)
    const previous = this.#entries[index - 1]?.item.id ?? null
    const characters = JSON.stringify(entry.item).length
    this.#sizes.set(entry, characters)
    this.#characters += characters
    if (entry.audio !== undefined) this.#boundAudio()
    this.#bound()
    return previous
  }

  remove(id: string): void {
    const index = this.#indexOf(id)
    if (index >= 0) this.#drop(index)
  }

  lastId(): string | null {
    return this.#entries.at(-1)?.item.id ?? null
  }

  previousId(id: string): string | null {
    return this.#entries[this.#indexOf(id) - 1]?.item.id ?? null
  }

  /** Whether it holds audio of the assistant. */
  hasSpoken(): boolean {
    return this.#entries.some(entry => entry.spoken !== undefined)
  }

  #indexOf(id: string): number {
    return this.#entries.findIndex(entry => entry.item.id === id)
  }

  #placeAfter(after: string | null | undefined): number {
    if (after === undefined || after === null) return this.#entries.length
    if (after === 'root') return 0
    const index = this.#indexOf(after)
    if (index >= 0) return index + 1
    const message = `Error adding item: the previous item with id '${after}' does not exist.`
    throw new Refusal({ code: 'item_create_invalid_previous_item_id', message, param: 'previous_item_id' })
  }

  /** The newest item stays: it was accepted, and no item is larger than a message. */
  #bound(): void {
    while (
      this.#entries.length > maxItems ||
      (this.#characters > maxItemCharacters && this.#entries.length > 1)
    )
      this.#drop(0)
  }

  #drop(index: number): void {
    const [dropped] = this.#entries.splice(index, 1)
    if (dropped !== undefined) this.#characters -= this.#sizes.get(dropped) ?? 0
  }

  #boundAudio(): void {
    let bytes = 0
    for (const entry of this.#entries.toReversed()) {
      bytes += entry.audio?.length ?? 0
      if (bytes > maxAudioBytes) delete entry.audio
    }
  }
}

function idTaken(id: string): Refusal {
  const message = `Error adding item: an item with id '${id}' already exists.`
  return new Refusal({ code: 'item_create_invalid_item_id', message, param: 'item.id' })
}
