/** Deadlines for what tests wait for: a wait in vain fails by its own name, long before the runner gives up. */

/** Whatever a test waits for comes within this time (ms), on a busy machine too. */
export const patienceMs = 30_000

/** Of the system, also where a test puts timers of its own in their place. */
const { setTimeout, clearTimeout } = globalThis

/** How often `until` looks (ms). */
const pollMs = 10

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

/**
 * Looks every 10 ms until something holds.
 * @param look true when it does; what it throws ends the wait
 * @param otherwise what did not happen, for the error; as a function where it tells what there was at the end
 * @param ms how long it may take (default 30 s)
 * @throws Error when it takes longer, also where a look itself does not end
 */
export async function until(
  look: () => boolean | Promise<boolean>,
  otherwise: string | (() => string),
  ms: number = patienceMs,
): Promise<void> {
  let isLate = false
  const poll = async () => {
    while (!isLate && !(await look())) await new Promise(resolve => setTimeout(resolve, pollMs))
  }
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      isLate = true
      reject(new Error(`${typeof otherwise === 'string' ? otherwise : otherwise()} within ${ms} ms`))
    }, ms)
  })
  try {
    await Promise.race([poll(), late])
  } finally {
    clearTimeout(timer)
  }
}

/** Waits until a gateway is ready. @param url `http://HOST:PORT` */
export function untilReady(url: string): Promise<void> {
  return until(async () => (await fetch(`${url}/readyz`)).ok, `the gateway at ${url} is not ready`)
}
