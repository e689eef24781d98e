/** Where faults are asked for and handed out. */
import type { IncomingHttpHeaders } from 'node:http'
import { type Fault, type FaultRequest, faultOf, modelAndFault } from './fault.ts'

const maxCounted = 1000
const modelNames = ['model', 'deployment'] as const

export class FaultInjector {
  /** Whether anybody may have a fault at all. */
  readonly allowed: boolean
  readonly #struck = new Map<string, number>()
  #ordered: FaultRequest | null = null
  #orderedLeft = 0
  #orderedPath: string | null = null

  constructor(allowed: boolean) {
    this.allowed = allowed
  }

  /**
   * The fault for one connection, or null. Takes the marks of faults off the query's model names.
   *
   * @param url of the request; the model names in its query are changed
   * @param plain whether it is no WebSocket: then only the faults that end it are for it
   */
  faultFor(url: URL, headers: IncomingHttpHeaders, plain = false): Fault | null {
    if (!this.allowed) return null
    const { searchParams: query, pathname } = url
    const header = headers['x-simulator-fault']
    const named = wordsInModels(query)
    const words = query.get('fault') ?? (typeof header === 'string' ? header : named)
    const requested = words === null ? null : faultOf(words)
    const fault = requested === null ? this.#next(pathname, plain) : this.#spend(requested)
    return plain && fault !== null && !endsRequest(fault) ? null : fault
  }

  /**
   * Puts a fault on the next connections, whoever they are; null takes it away.
   *
   * @param times how many; null is without end
   * @param path the only path that it strikes; null is any
   * @returns false when there is no such fault
   */
  order(words: string | null, times: number | null, path: string | null): boolean {
    this.#orderedPath = path
    this.#ordered = words === null ? null : faultOf(words)
    this.#orderedLeft = times ?? Number.POSITIVE_INFINITY
    return words === null || this.#ordered !== null
  }

  #next(path: string, plain: boolean): Fault | null {
    if (this.#ordered === null || this.#orderedLeft <= 0) return null
    if (this.#orderedPath !== null && this.#orderedPath !== path) return null
    if (plain && !endsRequest(this.#ordered.fault)) return null
    this.#orderedLeft--
    return this.#ordered.fault
  }

  #spend({ fault, times, words }: FaultRequest): Fault | null {
    if (times === null) return fault
    const count = (this.#struck.get(words) ?? 0) + 1
    this.#struck.set(words, count)
    const oldest = this.#struck.keys().next()
    if (this.#struck.size > maxCounted && oldest.done !== true) this.#struck.delete(oldest.value)
    return count <= times ? fault : null
  }
}

/** Whether a fault is the end of a request that has not been answered yet. */
function endsRequest({ name }: Fault): boolean {
  return name === 'refuse' || name === 'status'
}

function wordsInModels(query: URLSearchParams): string | null {
  let words: string | null = null
  for (const name of modelNames) {
    const given = query.get(name)
    if (given === null) continue
    const split = modelAndFault(given)
    query.set(name, split.model)
    words ??= split.words
  }
  return words
}
