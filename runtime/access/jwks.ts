/**
 * The public keys of the sign-in service: kept while they cannot be fetched, fetched again for a key id
 * that is not known, and never more often than is good for the service, whatever ids clients make up.
 */
import { createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose'
import { GatewayError } from '../core/errors.ts'
import type { Log } from '../observability/log.ts'

export interface JwksOptions {
  readonly url: URL
  /** Unix time (ms). */
  readonly now: () => number
  readonly log: Log
}

/** Least time between two fetches (ms), failed ones included. */
export const jwksCooldownMs = 30_000

/** Keys of this age are fetched anew in the background, so that a withdrawn one goes out of use (ms). */
export const jwksRefreshMs = 3_600_000

/** Keys of this age are not believed any more (ms). Entra announces its keys long before it uses them. */
export const jwksMaxAgeMs = 24 * 3_600_000

const fetchTimeoutMs = 5000

/** Makes the look-up that `jwtVerify` takes. @throws GatewayError `access_unavailable` when there are no keys to check with */
export function createJwks({ url, now, log }: JwksOptions): JWTVerifyGetKey {
  // The library's own ages run from the last success only, which would not bound fetches in an outage.
  const remote = createRemoteJWKSet(url, {
    timeoutDuration: fetchTimeoutMs,
    cooldownDuration: Number.POSITIVE_INFINITY,
    cacheMaxAge: Number.POSITIVE_INFINITY,
  })
  let loadedAt = Number.NEGATIVE_INFINITY
  let triedAt = Number.NEGATIVE_INFINITY
  let loading: Promise<boolean> | null = null
  /** A machine's time may be set back: what lies ahead is as old as that. */
  const timeSince = (at: number) => Math.abs(now() - at)

  /** All who wait subject one fetch. @returns false when it is too soon, or the keys cannot be had */
  function load(): Promise<boolean> {
    if (loading === null && timeSince(triedAt) < jwksCooldownMs) return Promise.resolve(false)
    loading ??= fetchKeys().finally(() => {
      loading = null
    })
    return loading
  }

  async function fetchKeys(): Promise<boolean> {
    triedAt = now()
    try {
      await remote.reload()
      loadedAt = now()
      return true
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : 'unknown'
      log.warn('access.warning', {
        message: `The token keys cannot be fetched from ${url.host}: ${reason}`,
      })
      return false
    }
  }

  return async (header, token) => {
    const age = timeSince(loadedAt)
    if (age > jwksMaxAgeMs && !(await load())) throw unavailable()
    if (age > jwksRefreshMs) void load()
    try {
      return await remote(header, token)
    } catch (fault) {
      if (!(fault instanceof errors.JWKSNoMatchingKey) || !(await load())) throw fault
      return remote(header, token)
    }
  }
}

function unavailable(): GatewayError {
  return new GatewayError('access_unavailable', 'Tokens cannot be checked now; try again', {
    retryAfterMs: jwksCooldownMs,
  })
}
