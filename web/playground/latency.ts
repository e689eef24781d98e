/** How long answers take: from the question to the first delta, and from delta to delta. */

const maxAnswers = 200
const maxGaps = 2000

/** Times of one session of measuring (ms). */
export class Latency {
  /** Time to the first delta, one for each answer. */
  readonly first: number[] = []
  /** Time before each delta of the last answer but its first. */
  readonly gaps: number[] = []
  #askedAt: number | undefined
  #lastAt: number | undefined

  /** A question is complete: it was sent, or the server heard its end. @param now ms */
  asked(now: number): void {
    this.#askedAt = now
  }

  /** A delta of the answer came. @param now ms */
  delta(now: number): void {
    if (this.#askedAt !== undefined) {
      this.first.push(now - this.#askedAt)
      if (this.first.length > maxAnswers) this.first.shift()
      this.gaps.length = 0
    } else if (this.#lastAt !== undefined && this.gaps.length < maxGaps) this.gaps.push(now - this.#lastAt)
    this.#askedAt = undefined
    this.#lastAt = now
  }
}

/** The middle of some values; undefined of none. */
export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle]
  if (upper === undefined) return undefined
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2
}
