/** The endpoints that the configuration names, each with what proves the gateway to it. */
import { systemClock } from '../core/clock.ts'
import type { Log } from '../observability/log.ts'
import { keyCredential } from './credentials/credentials.ts'
import { startEntraCredential } from './credentials/entra.ts'
import type { Endpoint } from './endpoint-pool.ts'
import type { Target } from './target.ts'

/** Where upstream is, and how the gateway authenticates there. */
export interface UpstreamConfig {
  /** null: the embedded simulator, whose address is known only once it listens. */
  readonly target: Target | null
  /** Further endpoints with the same deployments, which take over when the first cannot serve. */
  readonly fallbackTargets: readonly Target[]
  /** Sent to upstream; never logged. That of the first endpoint; '' with Entra. */
  readonly apiKey: string
  /** Those of the fallback endpoints, in their order. */
  readonly fallbackKeys: readonly string[]
  /** null: keys are used. */
  readonly entra: EntraSettings | null
}

export interface EntraSettings {
  readonly scope: string
  readonly clientId: string | undefined
  readonly identity: 'managed' | 'workload' | 'default'
}

export interface Endpoints {
  /** The first serves what is not dialled by place: ephemeral keys, calls. */
  readonly list: readonly [Endpoint, ...Endpoint[]]
  /** Why no dial could prove itself now; null when it could. */
  unready(): string | null
  /** Ends the renewals of a token. Safe to call twice. */
  stop(): void
}

/** A key that the embedded simulator takes; it is no secret. */
const simulatorKey = 'simulator'

/** @param target the first endpoint: the configuration's, or the embedded simulator */
export function createEndpoints(config: UpstreamConfig, target: Target, log: Log): Endpoints {
  const { entra, apiKey, fallbackTargets, fallbackKeys } = config
  if (entra === null) {
    const key = config.target === null ? simulatorKey : apiKey
    const first = { target, credential: keyCredential(target, key) }
    const others = fallbackTargets.map((other, index) => ({
      target: other,
      credential: keyCredential(other, fallbackKeys[index] ?? ''),
    }))
    return { list: [first, ...others], unready: () => null, stop: () => undefined }
  }
  const credential = startEntraCredential({ ...entra, log, ...systemClock })
  const others = fallbackTargets.map(other => ({ target: other, credential }))
  return { list: [{ target, credential }, ...others], unready: credential.unready, stop: credential.stop }
}
