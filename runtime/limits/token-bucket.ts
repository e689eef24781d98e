/** Messages a second, of one process: a bucket for each subject that has a session open. */
import type { LimitSubject } from './limit-subject.ts'

/** A burst may be as large as this many seconds' worth: clients that reconnect send what they held. */
const burstSec = 2

interface Bucket {
  readonly subject: LimitSubject
  left: number
  filledAt: number
  users: number
}

export class TokenBuckets {
  readonly #buckets = new Map<string, Bucket>()
  readonly #now: () => number

  /** @param now Unix time (ms); a coarse one does */
  constructor(now: () => number) {
    this.#now = now
  }

  /** LimitSubjects whose buckets are kept; there are no more than open sessions have. */
  get size(): number {
    return this.#buckets.size
  }

  /** Opens the buckets of a session. */
  use([one, other]: readonly [LimitSubject, LimitSubject?]): SessionBuckets {
    const [first = null, second = null] = [one, other].flatMap(subject =>
      subject === undefined || subject.limits.messagesPerSecond === Number.POSITIVE_INFINITY
        ? []
        : [this.#open(subject)],
    )
    return new SessionBuckets(this, first, second)
  }

  /** Counts one message in each bucket. @returns the subject whose limit it passes; null while all is well */
  take(first: Bucket, second: Bucket | null): LimitSubject | null {
    const now = this.#now()
    if (!take(first, now)) return first.subject
    return second === null || take(second, now) ? null : second.subject
  }

  leave(bucket: Bucket): void {
    bucket.users -= 1
    if (bucket.users === 0) this.#buckets.delete(bucket.subject.id)
  }

  #open(subject: LimitSubject): Bucket {
    const known = this.#buckets.get(subject.id)
    const left = subject.limits.messagesPerSecond * burstSec
    const bucket = known ?? { subject, left, filledAt: this.#now(), users: 0 }
    bucket.users += 1
    this.#buckets.set(subject.id, bucket)
    return bucket
  }
}

/** One session's part in the buckets of its subjects. */
export class SessionBuckets {
  readonly #buckets: TokenBuckets
  /** Not a list: that would be two objects more for each message to touch. Without a first there is no second. */
  #first: Bucket | null
  readonly #second: Bucket | null

  constructor(buckets: TokenBuckets, first: Bucket | null, second: Bucket | null) {
    this.#buckets = buckets
    this.#first = first
    this.#second = second
  }

  /** Counts one message. @returns the subject whose limit it passes; null while all is well */
  take(): LimitSubject | null {
    return this.#first === null ? null : this.#buckets.take(this.#first, this.#second)
  }

  /** Safe to call twice. */
  release(): void {
    if (this.#first === null) return
    this.#buckets.leave(this.#first)
    if (this.#second !== null) this.#buckets.leave(this.#second)
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
  const { messagesPerSecond } = bucket.subject.limits
  // A machine's time may be set back.
  const seconds = Math.max(0, now - bucket.filledAt) / 1000
  bucket.filledAt = now
  bucket.left = Math.min(bucket.left + seconds * messagesPerSecond, messagesPerSecond * burstSec)
}
