/** How long to wait before the next try to connect. */

const baseDelayMs = 500
const maxDelayMs = 15_000

/**
 * Time before the next try (ms); half of it is jitter.
 * @param attempt tries since the last good connection
 * @param atOnce the server asked for a move: the first try does not wait
 * @param random from 0 to 1
 */
export function retryDelay(attempt: number, atOnce: boolean, random: () => number): number {
  if (atOnce && attempt === 0) return 0
  const ceiling = Math.min(maxDelayMs, baseDelayMs * 2 ** attempt)
  return Math.round(ceiling / 2 + (ceiling / 2) * random())
}
