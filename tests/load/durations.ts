/** Durations of one kind, and what is said of them. */

/** In milliseconds. */
export interface Summary {
  readonly count: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

export class Durations {
  readonly #taken: number[] = []

  /** @param ms a duration, in milliseconds */
  add(ms: number): void {
    this.#taken.push(ms)
  }

  /** Runs something and takes its duration. */
  async of<T>(run: () => Promise<T>): Promise<T> {
    const startedAt = performance.now()
    const result = await run()
    this.add(performance.now() - startedAt)
    return result
  }

  summary(): Summary {
    const sorted = this.#taken.toSorted((a, b) => a - b)
    const at = (share: number) =>
      Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) * 10) / 10
    return { count: sorted.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) }
  }
}

/** One line a kind, for people. */
export function tableOf(kinds: Readonly<Record<string, Durations>>): string {
  const rows = Object.entries(kinds).map(([kind, durations]) => {
    const { count, p50, p90, p99, max } = durations.summary()
    return `${kind.padEnd(16)} ${String(count).padStart(6)}  p50 ${p50} ms  p90 ${p90} ms  p99 ${p99} ms  max ${max} ms`
  })
  return rows.join('\n')
}
