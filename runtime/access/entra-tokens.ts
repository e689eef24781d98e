/**
 * Entra ID access tokens of clients.
 * Source: "Secure applications and APIs by validating claims" and "Access tokens", learn.microsoft.com.
 */
import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import type { InboundEntra } from '../config/access.ts'
import type { Principal } from '../core/ports.ts'

export interface TokenCheckOptions {
  readonly settings: InboundEntra
  readonly keys: JWTVerifyGetKey
  /** Unix time (ms). */
  readonly now: () => number
}

/** What a check found. `reason` is for the log: a client is never told which claim was wrong. */
export type TokenVerdict =
  | { readonly principal: Principal }
  | { readonly refused: 'unauthorized' | 'forbidden'; readonly reason: string }

/** The issuer of version 1 tokens, for every cloud that has its own authority. */
const firstVersionIssuers: Readonly<Record<string, string>> = {
  'login.partner.microsoftonline.cn': 'https://sts.chinacloudapi.cn',
}
const firstVersionIssuer = 'https://sts.windows.net'

/** Where an authority publishes the keys of a tenant. */
export function jwksUrl({ authority, tenantId }: InboundEntra): URL {
  return new URL(`/${tenantId}/discovery/v2.0/keys`, authority)
}

/** Issuer → the version that its tokens say they have. */
function issuersOf({ authority, tenantId }: InboundEntra): ReadonlyMap<string, string> {
  const first = firstVersionIssuers[authority.host] ?? firstVersionIssuer
  return new Map([
    [`${first}/${tenantId}/`, '1.0'],
    [`${authority.origin}/${tenantId}/v2.0`, '2.0'],
  ])
}

/**
 * Makes the check of a token: signature (RS256 by a key of the tenant), issuer, audience, times, tenant,
 * version, then scope or role.
 * @throws GatewayError `access_unavailable` when there are no keys to check with
 */
export function createTokenCheck({
  settings,
  keys,
  now,
}: TokenCheckOptions): (token: string) => Promise<TokenVerdict> {
  const issuers = issuersOf(settings)
  return async token => {
    try {
      const { payload } = await jwtVerify(token, keys, {
        algorithms: ['RS256'],
        issuer: [...issuers.keys()],
        audience: [...settings.audiences],
        clockTolerance: settings.clockSkewSec,
        currentDate: new Date(now()),
        requiredClaims: ['exp', 'iss', 'aud', 'tid', 'ver'],
      })
      return judge(payload, settings, issuers)
    } catch (fault) {
      if (!(fault instanceof errors.JOSEError)) throw fault
      return { refused: 'unauthorized', reason: reasonOf(fault) }
    }
  }
}

function judge(
  payload: JWTPayload,
  { tenantId, scope, role }: InboundEntra,
  issuers: ReadonlyMap<string, string>,
): TokenVerdict {
  if (payload.tid !== tenantId) return { refused: 'unauthorized', reason: 'tid: another tenant' }
  if (payload.ver !== issuers.get(payload.iss ?? ''))
    return { refused: 'unauthorized', reason: 'ver: not the version of the issuer' }
  const who = payload.oid ?? payload.sub
  if (typeof who !== 'string' || who === '') return { refused: 'unauthorized', reason: 'oid: missing' }
  if (!isEntitled(payload, scope, role))
    return { refused: 'forbidden', reason: 'scp, roles: neither the scope nor the role that is required' }
  const roles = rolesOf(payload)
  return {
    principal: { name: `entra:${tenantId}/${who}`, by: 'entra', ...(roles.length > 0 && { roles }) },
  }
}

/** A principal is stored with each ticket and ephemeral key: so many roles, of so many characters, are kept. */
const maxRoles = 64
const maxRoleChars = 256

function rolesOf({ roles }: JWTPayload): string[] {
  if (!Array.isArray(roles)) return []
  return roles.filter(role => typeof role === 'string' && role.length <= maxRoleChars).slice(0, maxRoles)
}

/** `scp` is a list of words in delegated tokens, `roles` an array in those of applications. */
function isEntitled(
  { scp, roles }: JWTPayload,
  scope: string | undefined,
  role: string | undefined,
): boolean {
  if (scope === undefined && role === undefined) return true
  if (scope !== undefined && typeof scp === 'string' && scp.split(' ').includes(scope)) return true
  return role !== undefined && Array.isArray(roles) && roles.includes(role)
}

function reasonOf(fault: errors.JOSEError): string {
  const claim =
    fault instanceof errors.JWTClaimValidationFailed || fault instanceof errors.JWTExpired
      ? `${fault.claim}: `
      : ''
  return `${claim}${fault.code}`
}
