/** The settings that a client gave its session and that upstream confirmed, within a limit in bytes. */
import { mergeSession } from '../dialect/merge-session.ts'
import { type Fields, isFields } from '../events/fields.ts'

/** A change that is on its way to upstream. */
export interface AskedChange {
  readonly session: Fields
  readonly bytes: number
}

/** Of all settings that nobody has changed, and never changed itself. */
const noChanges = new Set<AskedChange>()

export class ConfirmedSettings {
  readonly #maxBytes: number
  /** All confirmed `session.update`s laid over each other; null before the first. */
  #fields: Fields | null = null
  /** On their way, in their order; together within the limit, too. Made with the first one: most sessions are idle. */
  #asked = noChanges
  /** A change could not be kept, for good. */
  #isBeyondLimits = false
  /** A change was lost with its upstream session before it was confirmed, or was refused by the next one. */
  #isLost = false

  /** @param maxBytes limit of the settings' JSON as UTF-8 */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get fields(): Fields | null {
    return this.#fields
  }

  /** False once a change could not be kept, and while one is on its way. */
  get isComplete(): boolean {
    return !this.#isBeyondLimits && !this.#isLost && this.#asked.size === 0
  }

  /** False once a change was too large, or could not be read. */
  get isWithinLimits(): boolean {
    return !this.#isBeyondLimits
  }

  /** As they stand in the store. */
  restore(fields: Fields | null, isComplete: boolean): void {
    this.#fields = fields
    this.#isBeyondLimits = !isComplete
  }

  /**
   * A change is on its way.
   * @param session of a `session.update`, as `parseFields` read it; anything else, or too much, is not kept
   * @returns null where it is not kept
   */
  ask(session: unknown): AskedChange | null {
    const bytes = isFields(session) ? Buffer.byteLength(JSON.stringify(session)) : 0
    let asked = bytes
    for (const change of this.#asked) asked += change.bytes
    if (!isFields(session) || asked > this.#maxBytes) {
      this.#isBeyondLimits = true
      return null
    }
    const change = { session, bytes }
    if (this.#asked === noChanges) this.#asked = new Set()
    this.#asked.add(change)
    return change
  }

  /** Upstream confirmed a change. */
  confirm(change: AskedChange): void {
    if (!this.#asked.delete(change)) return
    const merged = mergeSession(this.#fields ?? {}, change.session)
    if (Buffer.byteLength(JSON.stringify(merged)) > this.#maxBytes) this.#isBeyondLimits = true
    else this.#fields = merged
    this.#isLost = false
  }

  /** Upstream refused a change: nothing came of it. */
  refuse(change: AskedChange): void {
    this.#asked.delete(change)
  }

  /** The upstream session is gone, with the changes that it had not confirmed. */
  lose(): void {
    if (this.#asked.size > 0) this.#isLost = true
    this.#asked.clear()
  }

  /** Another upstream session refused them all. */
  drop(): void {
    this.#fields = null
    this.#isLost = true
  }
}
