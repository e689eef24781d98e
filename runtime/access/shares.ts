/** What a request counts towards: its credential's share, and its address's. */

import { GatewayError } from '../errors.ts'
import type { AccessLimits, ShareLimits } from '../settings/access.ts'
import type { Principal } from '../types.ts'
import { addressShare } from './address.ts'

export interface Share {
  /** Unique among all shares; a part of keys in the store. */
  readonly id: string
  /** As a person reads it. */
  readonly whose: 'credential' | 'address'
  readonly limits: ShareLimits
}

export function credentialShare(principal: Principal, limits: AccessLimits): Share {
  return { id: `credential:${principal.name}`, whose: 'credential', limits: limits.credential }
}

export function shareOfAddress(address: string, limits: AccessLimits): Share {
  return { id: `address:${addressShare(address)}`, whose: 'address', limits: limits.address }
}

/** Whose account what a request stores is charged to: its credential's; its address's where no credential is asked for. */
export function accountOf({ name, by }: Principal, address: string): string {
  return by === 'none' ? `address:${addressShare(address)}` : `credential:${name}`
}

/** Names a limit that was reached; `kind` is the metric's label. */
export interface Reached {
  readonly kind: 'sessions' | 'upgrades' | 'requests' | 'refusals' | 'messages' | 'tokens' | 'minutes'
  readonly message: string
  readonly retryAfterMs?: number
}

export function limitReached({ message, retryAfterMs }: Reached): GatewayError {
  return new GatewayError('limit_reached', message, retryAfterMs === undefined ? {} : { retryAfterMs })
}
