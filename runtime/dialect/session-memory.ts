/** What the translations of one session have to remember; translators themselves serve all sessions. */

/** Names and items that are remembered at most; the oldest are forgotten first. */
const maxRemembered = 1024

export class SessionMemory {
  /** Names of functions that are being called, by the item of the call. */
  readonly #callNames = new Map<string, string>()
  /** Items that upstream announced as a part of the conversation and that are not whole yet. */
  readonly #announced = new Map<string, true>()
  /** Paths of fields, in the client's dialect, that were moved for upstream. */
  readonly #moved = new Map<string, true>()

  nameCall(itemId: unknown, name: unknown): void {
    if (typeof itemId === 'string' && typeof name === 'string') remember(this.#callNames, itemId, name)
  }

  /** Gives the name of a call, once. */
  takeCallName(itemId: unknown): string | undefined {
    const name = this.#callNames.get(String(itemId))
    this.#callNames.delete(String(itemId))
    return name
  }

  announce(itemId: unknown): void {
    if (typeof itemId === 'string') remember(this.#announced, itemId, true)
  }

  /** Tells, once, whether an item was announced; those of an answer outside of the conversation are not. */
  takeAnnounced(itemId: unknown): boolean {
    return typeof itemId === 'string' && this.#announced.delete(itemId)
  }

  noteMoved(path: string): void {
    remember(this.#moved, path, true)
  }

  wasMoved(path: string): boolean {
    return this.#moved.has(path)
  }
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.set(key, value)
  const oldest = map.size > maxRemembered ? map.keys().next().value : undefined
  if (oldest !== undefined) map.delete(oldest)
}
