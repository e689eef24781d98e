/** Deadlines for what tests wait for: a wait in vain fails by its own name, long before the runner gives up. */

/** Whatever a test waits for comes within this time (ms), on a busy machine too. */
export const patienceMs = 30_000

/**
 * Waits with a deadline.
 * @param otherwise what did not happen, for the error: `the gateway does not answer`
 * @throws Error when it takes longer
 */
export async function within<T>(promise: PromiseLike<T>, ms: number, otherwise: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${otherwise} within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
