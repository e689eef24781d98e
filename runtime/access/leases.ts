/**
 * Sessions at once, for all replicas together. Each open session holds a lease that it prolongs; those of
 * a replica that died run out by themselves.
 */
import type { Store } from '../store/store.ts'
import { limitReached, type Reached, type Share } from './shares.ts'

export interface LeasesOptions {
  readonly store: Pick<Store, 'list' | 'unlist' | 'page'>
  /** Runs something once, later (ms). @returns cancels it */
  readonly after: (ms: number, run: () => void) => () => void
  readonly onReached: (share: Share, kind: Reached['kind']) => void
  readonly newId: () => string
}

/** Gives the session's place back. Safe to call twice; never throws. */
export type Release = () => void

const leaseMs = 90_000
const prolongMs = 30_000

/** What a client that found no place is told to wait (ms). */
const retryAfterMs = 5000

/**
 * Takes a place in each share.
 * @throws GatewayError `limit_reached` when one is full, holding none then; `store_unavailable`
 */
export async function takePlaces(shares: readonly Share[], options: LeasesOptions): Promise<Release> {
  const held: Release[] = []
  const release = () => {
    for (const giveBack of held.splice(0)) giveBack()
  }
  try {
    for (const share of shares) {
      if (share.limits.sessions !== Number.POSITIVE_INFINITY) held.push(await takePlace(share, options))
    }
  } catch (fault) {
    release()
    throw fault
  }
  return release
}

async function takePlace(share: Share, { store, after, onReached, newId }: LeasesOptions): Promise<Release> {
  const name = `limit:sessions:${share.id}`
  const id = newId()
  let cancel = () => {}
  const release = () => {
    cancel()
    // A lease that cannot be given back runs out by itself.
    store.unlist(name, id).catch(() => undefined)
  }
  const prolong = () => {
    store.list(name, id, leaseMs).catch(() => undefined)
    cancel = after(prolongMs, prolong)
  }
  // Taken before it is counted: of two that come at once, at most both are refused, never both let in.
  await store.list(name, id, leaseMs)
  const { total } = await store.page(name, 0, 1)
  if (total <= share.limits.sessions) {
    cancel = after(prolongMs, prolong)
    return release
  }
  release()
  onReached(share, 'sessions')
  const message = `All ${share.limits.sessions} sessions of this ${share.whose} are in use; end one, or try again later`
  throw limitReached({ kind: 'sessions', message, retryAfterMs })
}
