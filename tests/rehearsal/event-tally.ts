/** Counts the Realtime API's own events of one socket by their ids: every one once, and every beginning with its end. */
import type { Message } from './endpoints.ts'

/** Deltas are held against the script; here they would be counted twice. */
const isDelta = ({ type }: Message) => type.endsWith('.delta')

export class EventTally {
  readonly #ids = new Set<string>()
  /** Begun and not ended: `response ID`, `item ID`. */
  readonly #open = new Set<string>()
  readonly faults: string[] = []
  seen = 0
  lost = 0
  doubled = 0

  note(message: Message): void {
    const { type, event_id: id } = message
    if (typeof id !== 'string' || isDelta(message)) return
    this.seen += 1
    if (this.#ids.has(id)) {
      this.doubled += 1
      this.faults.push(`doubled: ${type}`)
    }
    this.#ids.add(id)
    if (type === 'response.created') this.#open.add(`response ${idOf(message.response)}`)
    if (type === 'conversation.item.added') this.#open.add(`item ${idOf(message.item)}`)
    if (type === 'conversation.item.done') this.#open.delete(`item ${idOf(message.item)}`)
    if (type === 'response.done') this.#open.delete(`response ${idOf(message.response)}`)
  }

  /** The socket is closed. @param cut an answer was under way, which is asked again */
  end(cut: boolean): void {
    if (!cut)
      for (const what of this.#open) {
        this.lost += 1
        this.faults.push(`lost: the end of ${what}`)
      }
    this.#open.clear()
  }
}

function idOf(thing: unknown): string {
  return String((thing as { id?: unknown } | undefined)?.id)
}
