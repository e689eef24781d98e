/** Commands to a store on a machine that may be busy. */
import type { Store } from '../../runtime/store/store.ts'

export const minute = 60_000
/** A machine that is busy may take longer than the second that a command has; deadlines have tests of their own. */
export const patient = { commandTimeoutMs: 30_000 }
export const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined }

export async function ready(store: Store): Promise<Store> {
  while (store.unavailable() !== null) await new Promise(resolve => setTimeout(resolve, 5))
  return store
}

/** Runs a command until it succeeds: on a busy machine one may come too late. */
export async function insist<T>(store: Store, command: () => Promise<T>): Promise<T> {
  for (;;) {
    await ready(store)
    const [outcome] = await Promise.allSettled([command()])
    if (outcome.status === 'fulfilled') return outcome.value
  }
}
