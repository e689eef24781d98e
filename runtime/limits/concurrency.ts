/**
 * Sessions at once, for all replicas together. Each open session holds a lease that it prolongs; those of
 * a replica that died run out by themselves.
 */
import type { Clock, Tickable, WheelSlot } from '../core/clock.ts'
import { allOrFirstFault } from '../core/settled.ts'
import type { Store } from '../store/store.ts'
import { type LimitSubject, limitReached, type Reached } from './limit-subject.ts'

export interface ConcurrencyOptions extends Pick<Clock, 'every'> {
  readonly store: Pick<Store, 'enlist' | 'list' | 'unlist'>
  readonly onReached: (subject: LimitSubject, kind: Reached['kind']) => void
  readonly newId: () => string
}

const leaseMs = 90_000
const prolongMs = 30_000

/** What a client that got no slot is told to wait (ms). */
const retryAfterMs = 5000

/** The slots of one session, one in each subject that limits sessions. They run out by themselves unless held. */
export class SessionSlots implements Tickable {
  readonly #options: ConcurrencyOptions
  readonly #id: string
  /** Names of the lists that it stands in. */
  #taken: readonly string[] = []
  #state: 'taken' | 'held' | 'released' = 'taken'
  #mark: WheelSlot | null = null

  private constructor(options: ConcurrencyOptions) {
    this.#options = options
    this.#id = options.newId()
  }

  /**
   * Takes a slot in each subject, of all at once. A client may go away before its session begins, and nobody is told: so
   * a slot that was only taken is kept for one lease.
   * @throws GatewayError `limit_reached` when one is full, holding none then; `store_unavailable`
   */
  static async take(subjects: readonly LimitSubject[], options: ConcurrencyOptions): Promise<SessionSlots> {
    const slots = new SessionSlots(options)
    const limited = subjects.filter(({ limits }) => limits.sessions !== Number.POSITIVE_INFINITY)
    if (limited.length === 0) return slots
    try {
      await allOrFirstFault(limited.map(subject => slots.#takeOne(subject)))
    } catch (fault) {
      slots.release()
      throw fault
    }
    return slots
  }

  /** The session has begun: prolongs the slots until they are released. */
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
  tick(): void {
    for (const name of this.#taken) this.#options.store.list(name, this.#id, leaseMs).catch(() => undefined)
  }

  /** Gives the slots back. Safe to call twice; never throws. */
  release(): void {
    if (this.#state === 'released') return
    this.#state = 'released'
    this.#mark?.delete(this)
    // A lease that cannot be given back runs out by itself.
    for (const name of this.#taken) this.#options.store.unlist(name, this.#id).catch(() => undefined)
  }

  async #takeOne(subject: LimitSubject): Promise<void> {
    const { store, onReached } = this.#options
    const name = `limit:sessions:${subject.id}`
    // Before the store is asked: what it does not answer it may have done, and is given back too.
    this.#taken = this.#taken.concat(name)
    if (await store.enlist(name, this.#id, subject.limits.sessions, leaseMs)) return
    onReached(subject, 'sessions')
    const message = `All ${subject.limits.sessions} sessions of this ${subject.whose} are in use; end one, or try again later`
    throw limitReached({ kind: 'sessions', message, retryAfterMs })
  }
}
