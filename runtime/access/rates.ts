/** Messages a second, of one process: a bucket for each share that has a session open. */
import type { Share } from './shares.ts'

export interface Rate {
  /** Counts one message. @returns the share whose limit it passes; null while all is well */
  take(): Share | null
  /** Safe to call twice. */
  release(): void
}

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

  /** @param now milliseconds that only go forward */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Shares whose buckets are kept; there are no more than open sessions have. */
  get size(): number {
    return this.#buckets.size
  }

  /** Opens the buckets of a session. */
  use(shares: readonly Share[]): Rate {
    const buckets = shares
      .filter(share => share.limits.messagesPerSecond !== Number.POSITIVE_INFINITY)
      .map(share => this.#bucket(share))
    let released = false
    return {
      take: () => {
        const now = this.#now()
        for (const bucket of buckets) if (!take(bucket, now)) return bucket.share
        return null
      },
      release: () => {
        if (released) return
        released = true
        for (const bucket of buckets) this.#leave(bucket)
      },
    }
  }

  #bucket(share: Share): Bucket {
    const known = this.#buckets.get(share.id)
    const left = share.limits.messagesPerSecond * burstSec
    const bucket = known ?? { share, left, filledAt: this.#now(), users: 0 }
    bucket.users += 1
    this.#buckets.set(share.id, bucket)
    return bucket
  }

  #leave(bucket: Bucket): void {
    bucket.users -= 1
    if (bucket.users === 0) this.#buckets.delete(bucket.share.id)
  }
}

function take(bucket: Bucket, now: number): boolean {
  const { messagesPerSecond } = bucket.share.limits
  const filled = bucket.left + ((now - bucket.filledAt) / 1000) * messagesPerSecond
  bucket.filledAt = now
  bucket.left = Math.min(filled, messagesPerSecond * burstSec)
  if (bucket.left < 1) return false
  bucket.left -= 1
  return true
}
