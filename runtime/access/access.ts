/** Access as a whole, put together from its parts. */
import { z } from 'zod'
import type { AccessConfig } from '../config/access.ts'
import type { Clock } from '../core/clock.ts'
import { callPaths, maxAssistantChars, sdkPaths, translationPaths } from '../core/contract.ts'
import { GatewayError } from '../core/errors.ts'
import { newIdentifier } from '../core/identifier.ts'
import type { Principal } from '../core/ports.ts'
import { CallBudgets } from '../limits/call-budgets.ts'
import { CutClients } from '../limits/cut-clients.ts'
import { accountOf, type LimitSubject, type Reached } from '../limits/limit-subject.ts'
import { TokenBuckets } from '../limits/token-bucket.ts'
import { UsageQuota } from '../limits/usage-quota.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import { type HttpHandler, jsonAnswer } from '../server/http.ts'
import { readJsonBody } from '../server/json-body.ts'
import { StorageQuota } from '../store/storage-quota.ts'
import type { Store } from '../store/store.ts'
import type { AccountParts } from '../usage/session-account.ts'
import { createAddressReader } from './address.ts'
import { Admission } from './admission.ts'
import { createKeyCheck } from './api-keys.ts'
import { Attempts } from './attempts.ts'
import { Authenticator, anonymous } from './authenticator.ts'
import type { TokenVerdict } from './entra-tokens.ts'
import { EphemeralKeys, principalOf } from './ephemeral-keys.ts'
import { Tickets } from './tickets.ts'

export interface AccessOptions extends Pick<Clock, 'now' | 'coarseNow' | 'after' | 'every'> {
  readonly config: AccessConfig
  readonly store: Store
  readonly log: Log
  readonly metrics: Metrics
  /** Checks that a caller may use an assistant that it names. Default: there is none. @throws GatewayError `not_found`, `forbidden` */
  readonly checkAssistant?: (name: string, principal: Principal) => void
  readonly accounts: AccountParts
}

export interface Access {
  readonly admission: Admission
  /** `POST /ticket`: `{assistant?}` → `{ticket, expires_in}` (seconds), for whoever shows a credential. */
  readonly ticket: HttpHandler
  readonly ephemeralKeys: EphemeralKeys
  readonly callBudgets: CallBudgets
  /** Bounds what one owner may have stored. */
  readonly quota: StorageQuota
}

/** The sockets and the calls of the SDK addresses: what a browser with an ephemeral key opens at the API itself. */
const ephemeralPaths = [
  ...sdkPaths,
  ...translationPaths,
  ...[...callPaths, ...translationPaths].map(path => `${path}/calls`),
]

/** A ticket for an assistant opens that one only. */
const ticketBody = z.looseObject({ assistant: z.string().min(1).max(maxAssistantChars).optional() })

export function createAccess(options: AccessOptions): Access {
  const {
    config,
    store,
    log,
    metrics,
    accounts,
    checkAssistant = refuseAssistant,
    now,
    coarseNow,
    after,
    every,
  } = options
  for (const message of config.warnings) log.warn('access.warning', { message })
  const { stored } = config.limits
  const storageQuota = new StorageQuota({
    store,
    quotaOf: account => (account.startsWith('address:') ? stored.address : stored.credential),
    onReached: account => {
      metrics.countLimited(`stored_per_${account.startsWith('address:') ? 'address' : 'credential'}`)
      log.warn('limit.reached', { limit: 'stored', share: account })
    },
  })
  const tickets = new Tickets({ store, quota: storageQuota, ttlMs: config.ticketTtlMs })
  const ephemeralKeys = new EphemeralKeys({ store, quota: storageQuota, now })
  const onReached = (subject: LimitSubject, kind: Reached['kind']) => {
    metrics.countLimited(`${kind}_per_${subject.whose}`)
    log.warn('limit.reached', { limit: kind, share: subject.id })
  }
  const authenticator = new Authenticator({
    config,
    checkKey: createKeyCheck(config.keys),
    checkToken: tokenCheck(config, now, log),
    spendTicket: ticket => tickets.spend(ticket),
    principalOfEphemeral: async key => {
      const minted = await ephemeralKeys.find(key)
      return minted === null ? null : principalOf(minted)
    },
    ephemeralPaths,
    log,
  })
  const quota = new UsageQuota({ store, now, onReached })
  const { refusalsPerMinute } = config.limits
  const admission = new Admission({
    authenticator,
    attempts: new Attempts({ now, refusalsPerMinute, onReached }),
    quota,
    concurrency: { store, every, onReached, newId: newIdentifier },
    after,
    buckets: new TokenBuckets(coarseNow),
    cutClients: new CutClients(coarseNow),
    limits: config.limits,
    addressOf: createAddressReader(config.trustedProxies),
    onReached,
    log,
    accounts,
  })
  const ticket: HttpHandler = async request => {
    const { principal = anonymous, address } = request
    const { assistant } = readJsonBody(request, ticketBody)
    if (assistant !== undefined) checkAssistant(assistant, principal)
    const bound = { ...principal, ...(assistant !== undefined && { assistant }) }
    const issued = await tickets.issue(bound, accountOf(principal, address))
    return jsonAnswer(200, { ticket: issued, expires_in: config.ticketTtlMs / 1000 })
  }
  return {
    admission,
    ticket,
    ephemeralKeys,
    callBudgets: new CallBudgets(quota, config.limits),
    quota: storageQuota,
  }
}

function refuseAssistant(name: string): never {
  throw new GatewayError('not_found', `There is no assistant "${name}"`)
}

function tokenCheck(
  { entra }: AccessConfig,
  now: () => number,
  log: Log,
): (token: string) => Promise<TokenVerdict> {
  if (entra === null)
    return () => Promise.resolve({ refused: 'unauthorized', reason: 'token: GATEWAY_AUTH has no entra' })
  // Only a gateway that checks tokens loads what checks them.
  const loading = Promise.all([import('./entra-tokens.ts'), import('./jwks.ts')]).then(
    ([{ createTokenCheck, jwksUrl }, { createJwks }]) =>
      createTokenCheck({ settings: entra, now, keys: createJwks({ url: jwksUrl(entra), now, log }) }),
  )
  return async token => (await loading)(token)
}
