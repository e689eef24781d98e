/** The settings that a client gave its session, within a limit in bytes. */
import { type Fields, isFields } from '../events/fields.ts'

export class KeptSettings {
  readonly #maxBytes: number
  /** All `session.update`s laid over each other; null before the first. */
  #fields: Fields | null = null
  #isComplete = true

  /** @param maxBytes limit of the settings' JSON as UTF-8 */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get fields(): Fields | null {
    return this.#fields
  }

  /** False once a change could not be kept. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  /** As they stand in the store. */
  restore(fields: Fields | null, isComplete: boolean): void {
    this.#fields = fields
    this.#isComplete = isComplete
  }

  /** @param session of a `session.update`, as `parseFields` read it; anything else, or too much, is not kept */
  change(session: unknown): void {
    const merged = isFields(session) ? merge(this.#fields ?? {}, session) : null
    const fits = merged !== null && Buffer.byteLength(JSON.stringify(merged)) <= this.#maxBytes
    if (fits) this.#fields = merged
    else this.#isComplete = false
  }
}

/** Lays one object over another, level by level; lists are replaced. As deep as what `parseFields` reads. */
function merge(under: Fields, over: Fields): Fields {
  const merged = new Map(Object.entries(under))
  for (const [name, value] of Object.entries(over)) {
    const below = merged.get(name)
    merged.set(name, isFields(below) && isFields(value) ? merge(below, value) : value)
  }
  return Object.fromEntries(merged)
}
