/** The store of a replica that is alone: bounded, expiring, gone with the process. */
import { GatewayError } from '../errors.ts'
import { Listing } from './listing.ts'
import type { Change, Fields, Store } from './store.ts'

export interface MemoryStoreOptions {
  /** More entries than this are refused with `store_unavailable`; default 100,000. */
  readonly maxEntries?: number
  /** Milliseconds that only go forward. */
  readonly now?: () => number
}

interface Entry {
  value: string | Map<string, string> | Listing
  expiresAt: number
}

const defaultMaxEntries = 100_000

/** How often expired entries that nobody asks for are thrown away (ms). */
const sweepIntervalMs = 30_000

export function createMemoryStore(options: MemoryStoreOptions = {}): Store {
  return new MemoryStore(options)
}

class MemoryStore implements Store {
  readonly #entries = new Map<string, Entry>()
  readonly #maxEntries: number
  readonly #now: () => number
  readonly #sweeper: NodeJS.Timeout

  constructor({ maxEntries = defaultMaxEntries, now = () => performance.now() }: MemoryStoreOptions) {
    this.#maxEntries = maxEntries
    this.#now = now
    this.#sweeper = setInterval(() => this.#sweep(), sweepIntervalMs).unref()
  }

  unavailable(): null {
    return null
  }

  async get(key: string): Promise<string | null> {
    const value = this.#live(key)?.value
    return typeof value === 'string' ? value : null
  }

  async set(key: string, value: string, ttlMs: number): Promise<void> {
    this.#put(key, value, ttlMs)
  }

  async claim(key: string, value: string, ttlMs: number): Promise<boolean> {
    if (this.#live(key) !== undefined) return false
    this.#put(key, value, ttlMs)
    return true
  }

  async renew(key: string, value: string, ttlMs: number): Promise<boolean> {
    const entry = this.#live(key)
    if (entry?.value !== value) return false
    entry.expiresAt = this.#now() + ttlMs
    return true
  }

  async take(key: string): Promise<string | null> {
    // Nothing may be awaited between reading and deleting, or several callers would get the value.
    const value = this.#live(key)?.value
    this.#entries.delete(key)
    return typeof value === 'string' ? value : null
  }

  async increment(key: string, by: number, ttlMs: number): Promise<number> {
    const entry = this.#live(key)
    const sum = Number(entry?.value ?? 0) + by
    if (entry === undefined) this.#put(key, String(sum), ttlMs)
    else entry.value = String(sum)
    return sum
  }

  async delete(key: string): Promise<void> {
    this.#entries.delete(key)
  }

  async create(key: string, fields: Fields, ttlMs: number): Promise<void> {
    this.#put(key, new Map(Object.entries(fields).map(([name, value]) => [name, String(value)])), ttlMs)
  }

  async read(key: string): Promise<Record<string, string> | null> {
    const value = this.#live(key)?.value
    return value instanceof Map ? Object.fromEntries(value) : null
  }

  async update(key: string, { set = {}, add = {}, unless, when }: Change, ttlMs: number): Promise<boolean> {
    const entry = this.#live(key)
    if (!(entry?.value instanceof Map)) return false
    const fields = entry.value
    if (unless !== undefined && fields.get(unless)) return false
    if (when !== undefined && fields.get(when.field) !== when.is) return false
    for (const [name, value] of Object.entries(set)) fields.set(name, String(value))
    for (const [name, by] of Object.entries(add)) fields.set(name, String(Number(fields.get(name) ?? 0) + by))
    entry.expiresAt = this.#now() + ttlMs
    return true
  }

  async list(name: string, member: string, ttlMs: number): Promise<void> {
    const now = this.#now()
    const entry = this.#live(name)
    const listing = this.#listing(name) ?? new Listing()
    listing.add(member, now + ttlMs)
    this.#put(name, listing, Math.max(ttlMs, (entry?.expiresAt ?? 0) - now))
  }

  async unlist(name: string, member: string): Promise<void> {
    this.#listing(name)?.delete(member)
  }

  async page(name: string, offset: number, count: number): Promise<{ members: string[]; total: number }> {
    return this.#listing(name)?.page(this.#now(), offset, count) ?? { members: [], total: 0 }
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper)
    this.#entries.clear()
  }

  #listing(name: string): Listing | null {
    const value = this.#live(name)?.value
    return value instanceof Listing ? value : null
  }

  #live(key: string): Entry | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined || entry.expiresAt > this.#now()) return entry
    this.#entries.delete(key)
    return undefined
  }

  #put(key: string, value: Entry['value'], ttlMs: number): void {
    if (!this.#entries.has(key) && this.#entries.size >= this.#maxEntries) this.#sweep()
    if (!this.#entries.has(key) && this.#entries.size >= this.#maxEntries) {
      throw new GatewayError(
        'store_unavailable',
        'This replica remembers as many sessions as it can; try again later',
      )
    }
    this.#entries.set(key, { value, expiresAt: this.#now() + ttlMs })
  }

  #sweep(): void {
    const now = this.#now()
    for (const [key, { expiresAt }] of this.#entries) if (expiresAt <= now) this.#entries.delete(key)
  }
}
