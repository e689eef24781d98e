/**
 * What addresses try, counted in this process before a credential is looked at: whoever shows none or a
 * wrong one costs neither a check nor a command to the store once it has tried too often.
 */
import type { GatewayError } from '../core/errors.ts'
import { type LimitSubject, limitReached, type Reached } from '../limits/limit-subject.ts'
import { type CountedByMinute, limitOf, minuteMs, tooManyAMinute } from '../limits/usage-quota.ts'

export interface AttemptsOptions {
  /** Unix time (ms). */
  readonly now: () => number
  /** Credentials refused in a minute, after which an address is not checked any more. */
  readonly refusalsPerMinute: number
  readonly onReached: (subject: LimitSubject, kind: Reached['kind']) => void
}

type Kind = CountedByMinute | 'refusals'

/** Addresses that are counted at once; the one that came first makes room. */
const maxAddresses = 50_000

export class Attempts {
  readonly #options: AttemptsOptions
  /** By subject and minute of the clock; the counts of the minutes before are of no use. */
  #counts = new Map<string, Record<Kind, number>>()
  #minute = 0

  constructor(options: AttemptsOptions) {
    this.#options = options
  }

  /** How many addresses are counted. */
  get size(): number {
    return this.#counts.size
  }

  /**
   * Counts a try. @param kind null for what only reads
   * @throws GatewayError `limit_reached` until the minute is over
   */
  count(kind: CountedByMinute | null, ofAddress: LimitSubject): void {
    const { refusalsPerMinute, onReached } = this.#options
    const counts = this.#countsOf(ofAddress.id)
    if (counts.refusals >= refusalsPerMinute) {
      onReached(ofAddress, 'refusals')
      throw this.#tooManyRefusals()
    }
    if (kind === null) return
    counts[kind] += 1
    if (counts[kind] <= limitOf(kind, ofAddress)) return
    onReached(ofAddress, kind)
    throw tooManyAMinute(kind, ofAddress, this.#restMs())
  }

  /** A credential of this address was refused. */
  refused(ofAddress: LimitSubject): void {
    this.#countsOf(ofAddress.id).refusals += 1
  }

  #tooManyRefusals(): GatewayError {
    const message = `More than ${this.#options.refusalsPerMinute} refused credentials a minute from this address; try again later`
    return limitReached({ kind: 'refusals', message, retryAfterMs: this.#restMs() })
  }

  #restMs(): number {
    return minuteMs - (this.#options.now() % minuteMs)
  }

  #countsOf(id: string): Record<Kind, number> {
    const minute = Math.floor(this.#options.now() / minuteMs)
    if (minute !== this.#minute) this.#counts = new Map()
    this.#minute = minute
    const known = this.#counts.get(id)
    if (known !== undefined) return known
    const [oldest] = this.#counts.size >= maxAddresses ? this.#counts.keys() : []
    if (oldest !== undefined) this.#counts.delete(oldest)
    const fresh = { upgrades: 0, requests: 0, refusals: 0 }
    this.#counts.set(id, fresh)
    return fresh
  }
}
