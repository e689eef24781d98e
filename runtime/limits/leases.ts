/**
 * Sessions at once, for all replicas together. Each open session holds a lease that it prolongs; those of
 * a replica that died run out by themselves.
 */
import type { Beating, Clock, Mark } from '../core/clock.ts'
import type { Store } from '../store/store.ts'
import { limitReached, type Reached, type Share } from './shares.ts'

export interface LeasesOptions extends Pick<Clock, 'every'> {
  readonly store: Pick<Store, 'list' | 'unlist' | 'page'>
  readonly onReached: (share: Share, kind: Reached['kind']) => void
  readonly newId: () => string
}

const leaseMs = 90_000
const prolongMs = 30_000

/** What a client that found no place is told to wait (ms). */
const retryAfterMs = 5000

/** The places of one session, one in each share that limits sessions. They run out by themselves unless held. */
export class Places implements Beating {
  readonly #options: LeasesOptions
  readonly #id: string
  /** Names of the lists that it stands in. */
  #taken: readonly string[] = []
  #state: 'taken' | 'held' | 'released' = 'taken'
  #mark: Mark | null = null

  private constructor(options: LeasesOptions) {
    this.#options = options
    this.#id = options.newId()
  }

  /**
   * Takes a place in each share. A client may go away before its session begins, and nobody is told: so
   * a place that was only taken is kept for one lease.
   * @throws GatewayError `limit_reached` when one is full, holding none then; `store_unavailable`
   */
  static async take(shares: readonly Share[], options: LeasesOptions): Promise<Places> {
    const places = new Places(options)
    try {
      for (const share of shares) {
        if (share.limits.sessions !== Number.POSITIVE_INFINITY) await places.#takeOne(share)
      }
    } catch (fault) {
      places.release()
      throw fault
    }
    return places
  }

  /** The session has begun: prolongs the places until they are released. */
  hold(): void {
    if (this.#state !== 'taken' || this.#taken.length === 0) return
    this.#state = 'held'
    this.#mark = this.#options.every(prolongMs, this)
  }

  /** What cannot be prolonged runs out. */
  onFault(): void {
    this.release()
  }

  /** A third of the lease is over. */
  beat(): void {
    for (const name of this.#taken) this.#options.store.list(name, this.#id, leaseMs).catch(() => undefined)
  }

  /** Gives the places back. Safe to call twice; never throws. */
  release(): void {
    if (this.#state === 'released') return
    this.#state = 'released'
    this.#mark?.delete(this)
    // A lease that cannot be given back runs out by itself.
    for (const name of this.#taken) this.#options.store.unlist(name, this.#id).catch(() => undefined)
  }

  async #takeOne(share: Share): Promise<void> {
    const { store, onReached } = this.#options
    const name = `limit:sessions:${share.id}`
    // Before the store is asked: what it does not answer it may have done, and is given back too.
    this.#taken = [...this.#taken, name]
    // Taken before it is counted: of two that come at once, at most both are refused, never both let in.
    await store.list(name, this.#id, leaseMs)
    const { total } = await store.page(name, 0, 1)
    if (total <= share.limits.sessions) return
    onReached(share, 'sessions')
    const message = `All ${share.limits.sessions} sessions of this ${share.whose} are in use; end one, or try again later`
    throw limitReached({ kind: 'sessions', message, retryAfterMs })
  }
}
