/** Waits between tries that fail: exponential backoff with jitter. */

/** Bounds of the waits (ms). */
export interface BackoffBounds {
  /** The longest wait after the first failure; doubled by each further one. */
  readonly firstMs: number
  /** No wait is longer. */
  readonly lastMs: number
}

/**
 * Says how long to wait before another try: at most twice as long as after the failure before, and at random
 * down to half of that, so that many who failed together do not come back together ("equal jitter": Marc Brooker,
 * "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
 * @param failures how many tries have failed in a row, from 1
 * @param random from 0 to 1
 * @returns milliseconds, from half of the longest wait up to that
 */
export function backoffMs(
  { firstMs, lastMs }: BackoffBounds,
  failures: number,
  random: () => number = Math.random,
): number {
  const longest = Math.min(lastMs, firstMs * 2 ** (failures - 1))
  return longest * (0.5 + random() / 2)
}
