/** What the translations of one session have to remember; translators themselves serve all sessions. */

/** Names and items that are remembered at most; the oldest are forgotten first. */
const maxRemembered = 1024

/** Its maps are made when there is something to remember: most sessions are not translated. */
export class SessionMemory {
  /** Names of functions that are being called, by the item of the call. */
  #callNames: Map<string, string> | null = null
  /** Items that upstream announced as a part of the conversation and that are not whole yet. */
  #announced: Map<string, true> | null = null
  /** Paths of fields, in the client's dialect, that were moved for upstream. */
  #moved: Map<string, true> | null = null

  nameCall(itemId: unknown, name: unknown): void {
    if (typeof itemId !== 'string' || typeof name !== 'string') return
    this.#callNames ??= new Map()
    remember(this.#callNames, itemId, name)
  }

  /** Gives the name of a call, once. */
  takeCallName(itemId: unknown): string | undefined {
    const name = this.#callNames?.get(String(itemId))
    this.#callNames?.delete(String(itemId))
    return name
  }

  announce(itemId: unknown): void {
    if (typeof itemId !== 'string') return
    this.#announced ??= new Map()
    remember(this.#announced, itemId, true)
  }

  /** Tells, once, whether an item was announced; those of an answer outside of the conversation are not. */
  takeAnnounced(itemId: unknown): boolean {
    return typeof itemId === 'string' && this.#announced?.delete(itemId) === true
  }

  noteMoved(path: string): void {
    this.#moved ??= new Map()
    remember(this.#moved, path, true)
  }

  wasMoved(path: string): boolean {
    return this.#moved?.has(path) === true
  }
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.set(key, value)
  const oldest = map.size > maxRemembered ? map.keys().next().value : undefined
  if (oldest !== undefined) map.delete(oldest)
}
