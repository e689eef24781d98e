/** What the invariants say of the store: a ticket is spent once, and no older state of a conversation replaces a newer one. */
import { Violation } from './world.ts'

interface StoredItem {
  readonly done: boolean
  readonly unconfirmed?: boolean
}

export class StoreLedger {
  readonly #spent = new Set<string>()
  /** By key: how much was known of each conversation when it was last written, and which write that was. */
  readonly #written = new Map<string, { readonly known: number; readonly asked: number }>()
  readonly #onViolation: (violation: Violation) => void

  constructor(onViolation: (violation: Violation) => void) {
    this.#onViolation = onViolation
  }

  /** Takes in an operation as the store did it. @param asked counts what was asked of the store, by all */
  note(operation: string, given: readonly unknown[], outcome: unknown, asked: number): void {
    const key = String(given[0])
    if (operation === 'update' && outcome === true && isSpending(given[1])) this.#spend(key)
    if (operation === 'set' && key.startsWith('conversation:')) this.#write(key, String(given[1]), asked)
  }

  #spend(key: string): void {
    if (this.#spent.has(key)) this.#onViolation(new Violation(`A ticket was spent twice: ${key}`))
    this.#spent.add(key)
  }

  #write(key: string, text: string, asked: number): void {
    const { items, dropped = 0 } = JSON.parse(text) as { items: StoredItem[]; dropped?: number }
    const known = dropped + items.filter(({ done, unconfirmed = false }) => done && !unconfirmed).length
    const last = this.#written.get(key)
    if (last !== undefined && (known < last.known || asked < last.asked))
      this.#onViolation(new Violation(`An older state replaced a newer one: ${key}`))
    this.#written.set(key, { known, asked })
  }
}

function isSpending(change: unknown): boolean {
  return (change as { set?: { spent?: unknown } }).set?.spent === 1
}
