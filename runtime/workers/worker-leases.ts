/** What workers hold in lists of the supervisor's store, so that it is given back when one of them is killed. */
import type { Store } from '../store/store.ts'

/** Session slots: leases that their holder prolongs. Other lists are of things that outlive a worker. */
const leasePrefix = 'limit:sessions:'

export class WorkerLeases {
  readonly #store: Store
  /** By list and member. */
  readonly #held = new Map<string, readonly [name: string, member: string]>()

  constructor(store: Store) {
    this.#store = store
  }

  /** The store as one worker has it: what that holds is remembered. */
  get store(): Store {
    const store = this.#store
    const held = this.#held
    const hold = (name: string, member: string) => {
      if (name.startsWith(leasePrefix)) held.set(`${name} ${member}`, [name, member])
    }
    return new Proxy(store, {
      get: (_, property) => {
        if (property === 'enlist')
          return async (name: string, member: string, most: number, ttlMs: number) => {
            const isListed = await store.enlist(name, member, most, ttlMs)
            if (isListed) hold(name, member)
            return isListed
          }
        if (property === 'list')
          return (name: string, member: string, ttlMs: number) => {
            hold(name, member)
            return store.list(name, member, ttlMs)
          }
        if (property === 'unlist')
          return (name: string, member: string) => {
            held.delete(`${name} ${member}`)
            return store.unlist(name, member)
          }
        const value = store[property as keyof Store]
        return typeof value === 'function' ? value.bind(store) : value
      },
    })
  }

  /** The worker is gone: gives back what it held. */
  async release(): Promise<void> {
    const leases = [...this.#held.values()]
    this.#held.clear()
    await Promise.all(leases.map(([name, member]) => this.#store.unlist(name, member)))
  }
}
