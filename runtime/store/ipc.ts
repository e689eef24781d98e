/** The store of a worker without Redis: the supervisor's memory, asked over the line between them. */
import { GatewayError } from '../core/errors.ts'
import type { Change, Charge, Fields, NumberedWrite, Quota, Store, UpdatedRecord } from './store.ts'

/** What can be asked of a store over a line; all that it does but its own end. */
export type Operation = Exclude<keyof Store, 'close'>

export const operations: readonly Operation[] = [
  'unavailable',
  'get',
  'set',
  'compareAndSet',
  'claim',
  'renew',
  'take',
  'increment',
  'delete',
  'create',
  'createUnlessThere',
  'read',
  'update',
  'updateAndRead',
  'accumulate',
  'list',
  'enlist',
  'unlist',
  'page',
  'charge',
  'discharge',
]

export interface IpcStoreOptions {
  /** Asks the supervisor's store. */
  readonly ask: (operation: Operation, given: readonly unknown[]) => Promise<unknown>
  readonly isConnected: () => boolean
}

const known: ReadonlySet<string> = new Set(operations)

/** How often the owner's store is asked whether it is available (ms). */
const watchIntervalMs = 1000

/** How long to wait before another try (ms). */
const retryAfterMs = 1000

/** Answers a worker out of the supervisor's store. @throws TypeError for what is no operation of a store */
export function serveStore(store: Store): (operation: Operation, ...given: unknown[]) => Promise<unknown> {
  return (operation, ...given) => {
    if (!known.has(operation)) throw new TypeError(`A store has no "${operation}"`)
    const act = store[operation] as (...given: unknown[]) => unknown
    return Promise.resolve(act.apply(store, given))
  }
}

export function createIpcStore(options: IpcStoreOptions): Store {
  return new SupervisedStore(options)
}

class SupervisedStore implements Store {
  readonly #options: IpcStoreOptions
  readonly #watch: NodeJS.Timeout
  /** Why the owner's store is not available, as the owner last said. */
  #reason: string | null = null
  #state: 'idle' | 'asking' = 'idle'

  constructor(options: IpcStoreOptions) {
    this.#options = options
    this.#watch = setInterval(() => void this.#askReason(), watchIntervalMs).unref()
  }

  unavailable(): string | null {
    return this.#options.isConnected() ? this.#reason : 'The supervisor is gone'
  }

  get(key: string) {
    return this.#ask<string | null>('get', key)
  }

  set(key: string, value: string, ttlMs: number) {
    return this.#ask<void>('set', key, value, ttlMs)
  }

  compareAndSet(key: string, was: number, text: string, ttlMs: number) {
    return this.#ask<boolean>('compareAndSet', key, was, text, ttlMs)
  }

  claim(key: string, value: string, ttlMs: number) {
    return this.#ask<boolean>('claim', key, value, ttlMs)
  }

  renew(key: string, value: string, ttlMs: number) {
    return this.#ask<boolean>('renew', key, value, ttlMs)
  }

  take(key: string) {
    return this.#ask<string | null>('take', key)
  }

  increment(key: string, by: number, ttlMs: number) {
    return this.#ask<number>('increment', key, by, ttlMs)
  }

  delete(key: string) {
    return this.#ask<void>('delete', key)
  }

  create(key: string, fields: Fields, ttlMs: number) {
    return this.#ask<void>('create', key, fields, ttlMs)
  }

  createUnlessThere(key: string, fields: Fields, ttlMs: number) {
    return this.#ask<boolean>('createUnlessThere', key, fields, ttlMs)
  }

  read(key: string) {
    return this.#ask<Record<string, string> | null>('read', key)
  }

  update(key: string, change: Change, ttlMs: number) {
    return this.#ask<boolean>('update', key, change, ttlMs)
  }

  updateAndRead(key: string, change: Change, ttlMs: number) {
    return this.#ask<UpdatedRecord | null>('updateAndRead', key, change, ttlMs)
  }

  accumulate(key: string, add: Readonly<Record<string, number>>, ttlMs: number, once?: NumberedWrite) {
    return this.#ask<void>('accumulate', key, add, ttlMs, ...(once === undefined ? [] : [once]))
  }

  list(name: string, member: string, ttlMs: number) {
    return this.#ask<void>('list', name, member, ttlMs)
  }

  enlist(name: string, member: string, most: number, ttlMs: number) {
    return this.#ask<boolean>('enlist', name, member, most, ttlMs)
  }

  unlist(name: string, member: string) {
    return this.#ask<void>('unlist', name, member)
  }

  page(name: string, offset: number, count: number) {
    return this.#ask<{ members: string[]; total: number }>('page', name, offset, count)
  }

  charge(account: string, entry: string, charge: Charge, quota: Quota) {
    return this.#ask<boolean>('charge', account, entry, charge, quota)
  }

  discharge(account: string, entry: string) {
    return this.#ask<void>('discharge', account, entry)
  }

  /** The store is the supervisor's, and goes on. */
  async close(): Promise<void> {
    clearInterval(this.#watch)
  }

  /** Never rejects. */
  async #askReason(): Promise<void> {
    if (this.#state === 'asking') return
    this.#state = 'asking'
    try {
      this.#reason = await this.#ask<string | null>('unavailable')
    } catch (fault) {
      this.#reason = (fault as GatewayError).message
    }
    this.#state = 'idle'
  }

  async #ask<T>(operation: Operation, ...given: unknown[]): Promise<T> {
    try {
      return (await this.#options.ask(operation, given)) as T
    } catch (cause) {
      if (cause instanceof GatewayError) throw cause
      throw new GatewayError('store_unavailable', 'The supervisor did not answer', { cause, retryAfterMs })
    }
  }
}
