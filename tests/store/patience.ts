/** Commands to a store on a machine that may be busy. */
import type { Store } from '../../runtime/store/store.ts'
import { patienceMs, until } from '../gateway/within.ts'

export const minute = 60_000
/** A machine that is busy may take longer than the second that a command has; deadlines have tests of their own. */
export const patient = { commandTimeoutMs: 30_000 }
export const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined }

export async function ready(store: Store): Promise<Store> {
  await until(() => store.unavailable() === null, 'the store is not there')
  return store
}

/**
 * Runs a command until it succeeds: on a busy machine one may come too late.
 * @throws what the last one failed of, after 60 s
 */
export async function insist<T>(store: Store, command: () => Promise<T>): Promise<T> {
  const endsAt = performance.now() + 2 * patienceMs
  for (;;) {
    await ready(store)
    const [outcome] = await Promise.allSettled([command()])
    if (outcome.status === 'fulfilled') return outcome.value
    if (performance.now() > endsAt) throw outcome.reason
  }
}
