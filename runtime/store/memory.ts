/**
 * The store of a replica that is alone: bounded, expiring, gone with the process.
 */
import { GatewayError } from '../core/errors.ts'
import { Listing } from './listing.ts'
import { revisionOf } from './revision.ts'
import type { Change, Charge, Fields, NumberedWrite, Quota, Store, UpdatedRecord } from './store.ts'

export interface MemoryStoreOptions {
  /** More entries than this are refused with `store_unavailable`; default 100,000. */
  readonly maxEntries?: number
  /** What would take more memory than this is refused likewise (bytes); default 256 MiB. */
  readonly maxBytes?: number
  /** Milliseconds that only go forward. */
  readonly now?: () => number
}

interface Entry {
  value: string | Map<string, string> | Listing
  expiresAt: number
  /** What it takes with its key, at most (bytes). */
  bytes: number
}

const defaultMaxEntries = 100_000
const defaultMaxBytes = 256 * 1024 * 1024

/** From this share of its bounds on the store is not ready for new work. */
const nearlyFull = 0.95

/** What an entry takes besides its key and its value (bytes). */
const entryOverheadBytes = 200

/** What a character takes, at most (bytes). */
const charBytes = 2

/** How often expired entries that nobody asks for are thrown away (ms). */
const sweepIntervalMs = 30_000

export function createMemoryStore(options: MemoryStoreOptions = {}): Store {
  return new MemoryStore(options)
}

class MemoryStore implements Store {
  readonly #entries = new Map<string, Entry>()
  readonly #maxEntries: number
  readonly #maxBytes: number
  readonly #now: () => number
  readonly #sweeper: NodeJS.Timeout
  #bytes = 0
  /** No entry expires before this, so that a full store is not searched again for each refusal. */
  #firstExpiry = Number.POSITIVE_INFINITY

  constructor({
    maxEntries = defaultMaxEntries,
    maxBytes = defaultMaxBytes,
    now = () => performance.now(),
  }: MemoryStoreOptions) {
    this.#maxEntries = maxEntries
    this.#maxBytes = maxBytes
    this.#now = now
    this.#sweeper = setInterval(() => this.#sweep(), sweepIntervalMs).unref()
  }

  unavailable(): string | null {
    const reason = this.#fullness()
    if (reason === null) return null
    this.#sweep()
    return this.#fullness()
  }

  async get(key: string): Promise<string | null> {
    const value = this.#live(key)?.value
    return typeof value === 'string' ? value : null
  }

  async set(key: string, value: string, ttlMs: number): Promise<void> {
    this.#put(key, value, ttlMs)
  }

  async compareAndSet(key: string, was: number, text: string, ttlMs: number): Promise<boolean> {
    const held = this.#live(key)?.value
    if (revisionOf(typeof held === 'string' ? held : '') !== was) return false
    this.#put(key, text, ttlMs)
    return true
  }

  async claim(key: string, value: string, ttlMs: number): Promise<boolean> {
    if (this.#live(key) !== undefined) return false
    this.#put(key, value, ttlMs)
    return true
  }

  async renew(key: string, value: string, ttlMs: number): Promise<boolean> {
    const entry = this.#live(key)
    if (entry?.value !== value) return false
    this.#prolong(entry, this.#now() + ttlMs)
    return true
  }

  async take(key: string): Promise<string | null> {
    // Nothing may be awaited between reading and deleting, or several callers would get the value.
    const value = this.#live(key)?.value
    this.#drop(key)
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
    this.#drop(key)
  }

  async create(key: string, fields: Fields, ttlMs: number): Promise<void> {
    this.#put(key, new Map(Object.entries(fields).map(([name, value]) => [name, String(value)])), ttlMs)
  }

  async createUnlessThere(key: string, fields: Fields, ttlMs: number): Promise<boolean> {
    if (this.#live(key) !== undefined) return false
    await this.create(key, fields, ttlMs)
    return true
  }

  async read(key: string): Promise<Record<string, string> | null> {
    return this.#read(key)
  }

  async update(key: string, change: Change, ttlMs: number): Promise<boolean> {
    return this.#update(key, change, ttlMs)
  }

  async updateAndRead(key: string, change: Change, ttlMs: number): Promise<UpdatedRecord | null> {
    const isChanged = this.#update(key, change, ttlMs)
    const fields = this.#read(key)
    return fields === null ? null : { isChanged, fields }
  }

  #read(key: string): Record<string, string> | null {
    const value = this.#live(key)?.value
    return value instanceof Map ? Object.fromEntries(value) : null
  }

  #update(key: string, { set = {}, add = {}, unless, when = [], once }: Change, ttlMs: number): boolean {
    const entry = this.#live(key)
    if (!(entry?.value instanceof Map)) return false
    const held = entry.value
    if (once !== undefined && Number(held.get(once.field) ?? 0) >= once.number) return true
    if (unless !== undefined && held.get(unless)) return false
    if (when.some(({ field, is }) => held.get(field) !== is)) return false
    const fields = new Map(held)
    for (const [name, value] of Object.entries(set)) fields.set(name, String(value))
    for (const [name, by] of Object.entries(add)) fields.set(name, String(Number(fields.get(name) ?? 0) + by))
    if (once !== undefined) fields.set(once.field, String(once.number))
    this.#put(key, fields, ttlMs)
    return true
  }

  async accumulate(
    key: string,
    add: Readonly<Record<string, number>>,
    ttlMs: number,
    once?: NumberedWrite,
  ): Promise<void> {
    const value = this.#live(key)?.value
    const fields = new Map(value instanceof Map ? value : [])
    if (once !== undefined) {
      if (Number(fields.get(once.field) ?? 0) >= once.number) return
      fields.set(once.field, String(once.number))
    }
    for (const [name, by] of Object.entries(add)) fields.set(name, String(Number(fields.get(name) ?? 0) + by))
    this.#put(key, fields, ttlMs)
  }

  async list(name: string, member: string, ttlMs: number): Promise<void> {
    this.#addTo(name, member, ttlMs)
  }

  async enlist(name: string, member: string, most: number, ttlMs: number): Promise<boolean> {
    const listing = this.#listing(name)
    if ((listing?.size ?? 0) >= most && listing?.has(member) !== true) return false
    this.#addTo(name, member, ttlMs)
    return true
  }

  async unlist(name: string, member: string): Promise<void> {
    const entry = this.#live(name)
    if (!(entry?.value instanceof Listing)) return
    entry.value.delete(member)
    this.#measure(name, entry)
  }

  async page(name: string, offset: number, count: number): Promise<{ members: string[]; total: number }> {
    return this.#listing(name)?.page(offset, count) ?? { members: [], total: 0 }
  }

  async charge(account: string, entry: string, { bytes, ttlMs }: Charge, quota: Quota): Promise<boolean> {
    const name = accountKey(account)
    const listing = this.#listing(name)
    const held = listing?.chargeOf(entry) ?? null
    const entries = (listing?.size ?? 0) + (held === null ? 1 : 0)
    const charged = (listing?.charged ?? 0) - (held ?? 0) + bytes
    if (entries > quota.entries || charged > quota.bytes) return false
    this.#addTo(name, entry, ttlMs, bytes)
    return true
  }

  discharge(account: string, entry: string): Promise<void> {
    return this.unlist(accountKey(account), entry)
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper)
    this.#entries.clear()
    this.#bytes = 0
  }

  /** @returns a list without its expired members */
  #listing(name: string): Listing | null {
    const entry = this.#live(name)
    if (!(entry?.value instanceof Listing)) return null
    entry.value.expire(this.#now())
    this.#measure(name, entry)
    return entry.value
  }

  #addTo(name: string, member: string, ttlMs: number, bytes = 0): void {
    const expiresAt = this.#now() + ttlMs
    const listing = this.#listing(name) ?? new Listing()
    const listExpiresAt = Math.max(expiresAt, this.#live(name)?.expiresAt ?? 0)
    this.#hold(name, listing, listExpiresAt, sizeOf(name, listing) + listing.growthBy(member))
    listing.add(member, expiresAt, bytes)
  }

  #live(key: string): Entry | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined || entry.expiresAt > this.#now()) return entry
    this.#drop(key)
    return undefined
  }

  #put(key: string, value: Entry['value'], ttlMs: number): void {
    this.#hold(key, value, this.#now() + ttlMs, sizeOf(key, value))
  }

  #hold(key: string, value: Entry['value'], expiresAt: number, bytes: number): void {
    if (!this.#hasRoomFor(key, bytes)) this.#sweep()
    if (!this.#hasRoomFor(key, bytes)) {
      throw new GatewayError(
        'store_unavailable',
        'This replica remembers as many sessions as it can; try again later',
        { retryAfterMs },
      )
    }
    this.#bytes += bytes - (this.#entries.get(key)?.bytes ?? 0)
    this.#entries.set(key, { value, expiresAt, bytes })
    this.#firstExpiry = Math.min(this.#firstExpiry, expiresAt)
  }

  /** What takes no more room than before always has it. */
  #hasRoomFor(key: string, bytes: number): boolean {
    const held = this.#live(key)
    if (held === undefined && this.#entries.size >= this.#maxEntries) return false
    const growth = bytes - (held?.bytes ?? 0)
    return growth <= 0 || this.#bytes + growth <= this.#maxBytes
  }

  #fullness(): string | null {
    const { size } = this.#entries
    if (size >= nearlyFull * this.#maxEntries)
      return `The store is nearly full: ${size} of ${this.#maxEntries} entries`
    if (this.#bytes < nearlyFull * this.#maxBytes) return null
    return `The store is nearly full: ${Math.floor((100 * this.#bytes) / this.#maxBytes)}% of ${this.#maxBytes} bytes`
  }

  #measure(key: string, entry: Entry): void {
    const bytes = sizeOf(key, entry.value)
    this.#bytes += bytes - entry.bytes
    entry.bytes = bytes
  }

  #prolong(entry: Entry, expiresAt: number): void {
    entry.expiresAt = expiresAt
    this.#firstExpiry = Math.min(this.#firstExpiry, expiresAt)
  }

  #drop(key: string): void {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0
    this.#entries.delete(key)
  }

  #sweep(): void {
    const now = this.#now()
    if (now < this.#firstExpiry) return
    this.#firstExpiry = Number.POSITIVE_INFINITY
    for (const [key, { expiresAt }] of this.#entries) {
      if (expiresAt <= now) this.#drop(key)
      else this.#firstExpiry = Math.min(this.#firstExpiry, expiresAt)
    }
  }
}

/** When a full store may have room again (ms). */
const retryAfterMs = 10_000

const accountKey = (account: string) => `account:${account}`

function sizeOf(key: string, value: Entry['value']): number {
  const fixed = entryOverheadBytes + charBytes * key.length
  if (typeof value === 'string') return fixed + charBytes * value.length
  if (value instanceof Listing) return fixed + value.memoryBytes
  let chars = 0
  for (const [name, text] of value) chars += name.length + text.length
  return fixed + charBytes * chars + fieldOverheadBytes * value.size
}

/** What a field of a record takes besides its texts (bytes). */
const fieldOverheadBytes = 50
