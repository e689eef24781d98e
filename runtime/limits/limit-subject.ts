/** What a request counts towards: its credential, and its address. */

import { isIPv6 } from 'node:net'
import type { AccessLimits, ShareLimits } from '../config/access.ts'
import { GatewayError } from '../core/errors.ts'
import type { Principal } from '../core/ports.ts'

export interface LimitSubject {
  /** Unique among all subjects; a part of keys in the store. */
  readonly id: string
  /** As a person reads it. */
  readonly whose: 'credential' | 'address'
  readonly limits: ShareLimits
}

export function credentialSubject(principal: Principal, limits: AccessLimits): LimitSubject {
  return { id: `credential:${principal.name}`, whose: 'credential', limits: limits.credential }
}

export function addressSubject(address: string, limits: AccessLimits): LimitSubject {
  return { id: `address:${addressKey(address)}`, whose: 'address', limits: limits.address }
}

/** Whose account what a request stores is charged to: its credential's; its address's where no credential is asked for. */
export function accountOf({ name, by }: Principal, address: string): string {
  return by === 'none' ? `address:${addressKey(address)}` : `credential:${name}`
}

/** Names a limit that was reached; `kind` is the metric's label. */
export interface Reached {
  readonly kind:
    | 'sessions'
    | 'upgrades'
    | 'requests'
    | 'refusals'
    | 'messages'
    | 'tokens'
    | 'cost'
    | 'minutes'
  readonly message: string
  readonly retryAfterMs?: number
}

export function limitReached({ message, retryAfterMs }: Reached): GatewayError {
  return new GatewayError('limit_reached', message, retryAfterMs === undefined ? {} : { retryAfterMs })
}

/** What limits are counted by: an IPv4 address, or an IPv6 network of 64 bits, which one household or machine has whole. */
export function addressKey(address: string): string {
  if (!isIPv6(address)) return address
  const [head = '', tail = ''] = address.split('::')
  const first = head === '' ? [] : head.split(':')
  const last = tail === '' ? [] : tail.split(':')
  const zeros = address.includes('::') ? new Array(Math.max(0, 8 - first.length - last.length)).fill('0') : []
  return `${[...first, ...zeros, ...last].slice(0, 4).join(':')}::/64`
}
