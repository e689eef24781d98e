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

/** The places of one session. They run out by themselves unless they are held. */
export interface Places {
  /** The session has begun: prolongs the places until they are released. */
  hold(): void
  /** Gives the places back. Safe to call twice; never throws. */
  release(): void
}

const leaseMs = 90_000
const prolongMs = 30_000

/** What a client that found no place is told to wait (ms). */
const retryAfterMs = 5000

/**
 * Takes a place in each share. A client may go away before its session begins, and nobody is told: so
 * a place that was only taken is kept for one lease.
 * @throws GatewayError `limit_reached` when one is full, holding none then; `store_unavailable`
 */
export async function takePlaces(shares: readonly Share[], options: LeasesOptions): Promise<Places> {
  const taken: Places[] = []
  const release = () => {
    for (const place of taken.splice(0)) place.release()
  }
  try {
    for (const share of shares) {
      if (share.limits.sessions !== Number.POSITIVE_INFINITY) taken.push(await takePlace(share, options))
    }
  } catch (fault) {
    release()
    throw fault
  }
  return {
    hold: () => {
      for (const place of taken) place.hold()
    },
    release,
  }
}

async function takePlace(share: Share, options: LeasesOptions): Promise<Places> {
  const { store, onReached, newId } = options
  const name = `limit:sessions:${share.id}`
  const id = newId()
  // Taken before it is counted: of two that come at once, at most both are refused, never both let in.
  await store.list(name, id, leaseMs)
  const place = leasedPlace(name, id, options)
  const { total } = await store.page(name, 0, 1)
  if (total <= share.limits.sessions) return place
  place.release()
  onReached(share, 'sessions')
  const message = `All ${share.limits.sessions} sessions of this ${share.whose} are in use; end one, or try again later`
  throw limitReached({ kind: 'sessions', message, retryAfterMs })
}

function leasedPlace(name: string, id: string, { store, after }: LeasesOptions): Places {
  let cancel = () => {}
  let over = false
  const prolongLater = () => {
    cancel = after(prolongMs, () => {
      store.list(name, id, leaseMs).catch(() => undefined)
      prolongLater()
    })
  }
  return {
    hold: () => {
      if (!over) prolongLater()
    },
    release: () => {
      over = true
      cancel()
      // A lease that cannot be given back runs out by itself.
      store.unlist(name, id).catch(() => undefined)
    },
  }
}
