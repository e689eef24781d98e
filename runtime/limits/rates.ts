/** Messages a second, of one process: a bucket for each share that has a session open. */
import type { Share } from './shares.ts'

/** A burst may be as large as this many seconds' worth: clients that reconnect send what they held. */
const burstSec = 2

interface Bucket {
  readonly share: Share
  left: number
  filledAt: number
  users: number
}

export class Rates {
  readonly #buckets = new Map<string, Bucket>()
  readonly #now: () => number

  /** @param now Unix time (ms); a coarse one does */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Shares whose buckets are kept; there are no more than open sessions have. */
  get size(): number {
    return this.#buckets.size
  }

  /** Opens the buckets of a session. */
  use([one, other]: readonly [Share, Share?]): Rate {
    const [first = null, second = null] = [one, other].flatMap(share =>
      share === undefined || share.limits.messagesPerSecond === Number.POSITIVE_INFINITY
        ? []
        : [this.#open(share)],
    )
    return new Rate(this, first, second)
  }

  /** Counts one message in each bucket. @returns the share whose limit it passes; null while all is well */
  take(first: Bucket, second: Bucket | null): Share | null {
    const now = this.#now()
    if (!take(first, now)) return first.share
    return second === null || take(second, now) ? null : second.share
  }

  leave(bucket: Bucket): void {
    bucket.users -= 1
    if (bucket.users === 0) this.#buckets.delete(bucket.share.id)
  }

  #open(share: Share): Bucket {
    const known = this.#buckets.get(share.id)
    const left = share.limits.messagesPerSecond * burstSec
    const bucket = known ?? { share, left, filledAt: this.#now(), users: 0 }
    bucket.users += 1
    this.#buckets.set(share.id, bucket)
    return bucket
  }
}

/** One session's part in the buckets of its shares. */
export class Rate {
  readonly #rates: Rates
  /** Not a list: that would be two objects more for each message to touch. Without a first there is no second. */
  #first: Bucket | null
  readonly #second: Bucket | null

  constructor(rates: Rates, first: Bucket | null, second: Bucket | null) {
    this.#rates = rates
    this.#first = first
    this.#second = second
  }

  /** Counts one message. @returns the share whose limit it passes; null while all is well */
  take(): Share | null {
    return this.#first === null ? null : this.#rates.take(this.#first, this.#second)
  }

  /** Safe to call twice. */
  release(): void {
    if (this.#first === null) return
    this.#rates.leave(this.#first)
    if (this.#second !== null) this.#rates.leave(this.#second)
    this.#first = null
  }
}

function take(bucket: Bucket, now: number): boolean {
  if (now !== bucket.filledAt) fill(bucket, now)
  if (bucket.left < 1) return false
  bucket.left -= 1
  return true
}

function fill(bucket: Bucket, now: number): void {
  const { messagesPerSecond } = bucket.share.limits
  // A machine's time may be set back.
  const seconds = Math.max(0, now - bucket.filledAt) / 1000
  bucket.filledAt = now
  bucket.left = Math.min(bucket.left + seconds * messagesPerSecond, messagesPerSecond * burstSec)
}
