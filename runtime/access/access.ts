/** Access as a whole, put together from its parts. */
import { randomBytes } from 'node:crypto'
import type { AccessConfig } from '../config/access.ts'
import type { Clock } from '../core/clock.ts'
import { callPaths, sdkPaths, translationPaths } from '../core/contract.ts'
import { CallTokens } from '../limits/call-tokens.ts'
import { Counts } from '../limits/counts.ts'
import { CutClients } from '../limits/cut-clients.ts'
import { Rates } from '../limits/rates.ts'
import { accountOf, type Reached, type Share } from '../limits/shares.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import { type HttpHandler, jsonAnswer } from '../server/http.ts'
import { StorageQuota } from '../store/storage-quota.ts'
import type { Store } from '../store/store.ts'
import { createAddressReader } from './address.ts'
import { createKeyCheck } from './api-keys.ts'
import { createTokenCheck, jwksUrl, type TokenVerdict } from './entra-tokens.ts'
import { EphemeralKeys } from './ephemeral-keys.ts'
import { anonymous, Gate } from './gate.ts'
import { Guard } from './guard.ts'
import { createJwks } from './jwks.ts'
import { Tickets } from './tickets.ts'
import { Tries } from './tries.ts'

export interface AccessOptions extends Pick<Clock, 'now' | 'coarseNow' | 'after' | 'every'> {
  readonly config: AccessConfig
  readonly store: Store
  readonly log: Log
  readonly metrics: Metrics
}

export interface Access {
  readonly guard: Guard
  /** `POST /ticket`: → `{ticket, expires_in}` (seconds), for whoever shows a credential. */
  readonly ticket: HttpHandler
  readonly ephemeralKeys: EphemeralKeys
  readonly callTokens: CallTokens
  /** Bounds what one owner may have stored. */
  readonly quota: StorageQuota
}

/** The sockets and the calls of the SDK addresses: what a browser with an ephemeral key opens at the API itself. */
const ephemeralPaths = [
  ...sdkPaths,
  ...translationPaths,
  ...[...callPaths, ...translationPaths].map(path => `${path}/calls`),
]

const leaseIdBytes = 12

export function createAccess(options: AccessOptions): Access {
  const { config, store, log, metrics, now, coarseNow, after, every } = options
  for (const message of config.warnings) log.warn('access.warning', { message })
  const { stored } = config.limits
  const quota = new StorageQuota({
    store,
    quotaOf: account => (account.startsWith('address:') ? stored.address : stored.credential),
    onReached: account => {
      metrics.countLimited(`stored_per_${account.startsWith('address:') ? 'address' : 'credential'}`)
      log.warn('limit.reached', { limit: 'stored', share: account })
    },
  })
  const tickets = new Tickets({ store, quota, ttlMs: config.ticketTtlMs })
  const ephemeralKeys = new EphemeralKeys({ store, quota, now })
  const onReached = (share: Share, kind: Reached['kind']) => {
    metrics.countLimited(`${kind}_per_${share.whose}`)
    log.warn('limit.reached', { limit: kind, share: share.id })
  }
  const gate = new Gate({
    config,
    checkKey: createKeyCheck(config.keys),
    checkToken: tokenCheck(config, now, log),
    spendTicket: ticket => tickets.spend(ticket),
    ownerOfEphemeral: async key => (await ephemeralKeys.find(key))?.owner ?? null,
    ephemeralPaths,
    log,
  })
  const counts = new Counts({ store, now, onReached })
  const { refusalsPerMinute } = config.limits
  const guard = new Guard({
    gate,
    tries: new Tries({ now, refusalsPerMinute, onReached }),
    counts,
    leases: { store, every, onReached, newId: () => randomBytes(leaseIdBytes).toString('base64url') },
    after,
    rates: new Rates(coarseNow),
    cutClients: new CutClients(coarseNow),
    limits: config.limits,
    addressOf: createAddressReader(config.trustedProxies),
    onReached,
    log,
  })
  const ticket: HttpHandler = async ({ principal = anonymous, address }) => {
    const issued = await tickets.issue(principal, accountOf(principal, address))
    return jsonAnswer(200, { ticket: issued, expires_in: config.ticketTtlMs / 1000 })
  }
  return { guard, ticket, ephemeralKeys, callTokens: new CallTokens(counts, config.limits), quota }
}

function tokenCheck(
  { entra }: AccessConfig,
  now: () => number,
  log: Log,
): (token: string) => Promise<TokenVerdict> {
  if (entra === null)
    return () => Promise.resolve({ refused: 'unauthorized', reason: 'token: GATEWAY_AUTH has no entra' })
  return createTokenCheck({ settings: entra, now, keys: createJwks({ url: jwksUrl(entra), now, log }) })
}
