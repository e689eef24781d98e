/**
 * What the invariants say of the store: a ticket is spent once, and no older state of a conversation replaces a newer one,
 * whoever wrote either: each write has the next revision, no session that was succeeded writes what was said, and nothing that
 * was known is forgotten.
 */
import { readStored } from '../../runtime/resume/conversation.ts'
import { Violation } from './world.ts'

/** A conversation as it was last written. */
interface Written {
  /** Items that upstream had finished, and those that were dropped. */
  readonly known: number
  readonly revision: number
  readonly epoch: number
  /** What was said, which no session but the last may change. */
  readonly said: string
}

export class StoreLedger {
  readonly #spent = new Set<string>()
  /** By key. */
  readonly #written = new Map<string, Written>()
  readonly #onViolation: (violation: Violation) => void

  constructor(onViolation: (violation: Violation) => void) {
    this.#onViolation = onViolation
  }

  /** Takes in an operation as the store did it. */
  note(operation: string, given: readonly unknown[], outcome: unknown): void {
    const key = String(given[0])
    if (operation === 'update' && outcome === true && isSpending(given[1])) this.#spend(key)
    if (operation === 'set' && key.startsWith('conversation:'))
      this.#onViolation(new Violation(`A conversation was written without its revision: ${key}`))
    if (operation === 'compareAndSet' && outcome === true) this.#write(key, String(given[2]))
  }

  #spend(key: string): void {
    if (this.#spent.has(key)) this.#onViolation(new Violation(`A ticket was spent twice: ${key}`))
    this.#spent.add(key)
  }

  #write(key: string, text: string): void {
    const { revision, epoch, conversation } = readStored(text)
    if (conversation === null) throw new Violation(`A conversation was written that cannot be read: ${key}`)
    const { items, dropped = 0, tools: _, ...rest } = conversation
    const known = dropped + items.filter(({ done, unconfirmed = false }) => done && !unconfirmed).length
    const last = this.#written.get(key)
    const said = JSON.stringify({ items, dropped, ...rest })
    this.#written.set(key, { known, revision, epoch, said })
    if (last === undefined) return
    const isOlder = known < last.known || revision !== last.revision + 1 || epoch < last.epoch
    if (isOlder) this.#onViolation(new Violation(`An older state replaced a newer one: ${key}`))
    if (epoch > last.epoch && said !== last.said)
      this.#onViolation(new Violation(`A session has taken over something else than what was there: ${key}`))
  }
}

function isSpending(change: unknown): boolean {
  return (change as { set?: { spent?: unknown } }).set?.spent === 1
}
