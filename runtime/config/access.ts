/**
 * The settings of access: authentication, origins, proxies and limits. A part of `config.ts`.
 */
import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import type { Environment } from './environment.ts'
import { describeFault, isLoopback, readAddress, splitList } from './variable.ts'

export interface AccessConfig {
  /** What clients must show one of; empty lets everyone in. */
  readonly modes: readonly AuthMode[]
  readonly keys: readonly ApiKey[]
  /** null unless `modes` has `entra`. */
  readonly entra: InboundEntra | null
  /** Origins besides the gateway's own; `*` admits every page. */
  readonly allowedOrigins: readonly string[]
  /** The server listens on this machine only, so a page of any other name has no business here. */
  readonly loopback: boolean
  readonly trustedProxies: readonly Network[]
  readonly ticketTtlMs: number
  readonly limits: AccessLimits
  /** What an operator should know about these settings, at start. */
  readonly warnings: readonly string[]
}

export type AuthMode = 'key' | 'entra'

export interface ApiKey {
  readonly name: string
  /** SHA-256 of the secret; the secret itself is not kept. */
  readonly digest: Buffer
}

export interface InboundEntra {
  readonly tenantId: string
  readonly audiences: readonly string[]
  readonly scope: string | undefined
  readonly role: string | undefined
  /** The pages' own app registration; undefined where pages cannot sign in. */
  readonly pagesClientId: string | undefined
  readonly authority: URL
  readonly clockSkewSec: number
}

export interface Network {
  readonly address: string
  readonly prefix: number
  readonly family: 'ipv4' | 'ipv6'
}

/** Infinity where there is no limit. */
export interface AccessLimits {
  readonly credential: ShareLimits
  readonly address: ShareLimits
  /** Credentials refused in a minute, after which an address is not checked any more. */
  readonly refusalsPerMinute: number
  readonly stored: {
    readonly credential: StoredLimits | null
    /** For those of whom no credential is asked. */
    readonly address: StoredLimits | null
  }
  readonly sessionMs: number
  readonly wrapUpMs: number
}

/** What one owner has in the store at once. */
export interface StoredLimits {
  readonly entries: number
  readonly bytes: number
}

/** What all sessions of one credential, or of one address, have together. */
export interface ShareLimits {
  readonly sessions: number
  readonly upgradesPerMinute: number
  readonly requestsPerMinute: number
  readonly messagesPerSecond: number
  readonly tokensPerDay: number
  /** Estimated, in the unit of the price list's currency. */
  readonly costPerDay: number
}

/**
 * Reads the access settings.
 * @param given names of the variables that are set; the others have their defaults in `env`
 * @param faults takes a sentence for each fault
 */
export function readAccess(env: Environment, given: ReadonlySet<string>, faults: string[]): AccessConfig {
  const faultsBefore = faults.length
  const modes = readModes(env, faults)
  if (faults.length === faultsBefore) faults.push(...unusedSettings(env.GATEWAY_AUTH, modes, given))
  const loopback = isLoopback(env.HOST)
  const entra = modes.includes('entra') ? readEntra(env, faults) : null
  return {
    modes,
    keys: readKeys(env.GATEWAY_API_KEYS, modes, faults),
    entra,
    allowedOrigins: env.ALLOWED_ORIGINS.map(origin => readOrigin(origin, faults)),
    loopback,
    trustedProxies: env.TRUSTED_PROXIES.map(network => readNetwork(network, faults)),
    ticketTtlMs: env.TICKET_TTL_SEC * 1000,
    limits: readLimits(env, given, { isOpen: modes.length === 0, loopback }),
    warnings: warnings(env, modes, loopback, entra),
  }
}

/** Keys without a choice ask for keys: a gateway that has them was not meant to be open. */
function readModes({ GATEWAY_AUTH: text, GATEWAY_API_KEYS }: Environment, faults: string[]): AuthMode[] {
  const words = splitList(text ?? (GATEWAY_API_KEYS === undefined ? 'none' : 'key'))
  const modes = words.filter(word => word === 'key' || word === 'entra')
  const alone = words.length === 1 && words[0] === 'none'
  if (!alone && (modes.length === 0 || modes.length !== words.length))
    faults.push(describeFault('GATEWAY_AUTH', text ?? ''))
  return modes
}

/** A credential setting that is set and not used would leave a gateway more open than its operator thinks. */
function unusedSettings(
  text: string | undefined,
  modes: readonly AuthMode[],
  given: ReadonlySet<string>,
): string[] {
  const chosen = text === undefined ? 'GATEWAY_AUTH is unset' : `GATEWAY_AUTH=${modes.join(',') || 'none'}`
  const modeOf = (name: string): AuthMode | null =>
    name === 'GATEWAY_API_KEYS' ? 'key' : name.startsWith('ENTRA_') ? 'entra' : null
  return [...given].flatMap(name => {
    const mode = modeOf(name)
    if (mode === null || modes.includes(mode)) return []
    const wanted = [...modes, mode].toSorted((a, b) => b.localeCompare(a)).join(',')
    const unused = text === undefined ? chosen : `${chosen} does not use it`
    return [`${name}: is set, but ${unused}; set GATEWAY_AUTH=${wanted}, or unset ${name}`]
  })
}

const keyNamePattern = /^[A-Za-z0-9_.@-]{1,64}$/
const hashPattern = /^sha256:([0-9a-f]{64})$/i

/** A shorter secret can be guessed (characters). */
const minSecretChars = 8

/** Clients send it in a header, which carries no other characters. */
const isSecret = (text: string) => text.length >= minSecretChars && /^[\x21-\x7e]+$/.test(text)

function readKeys(text: string | undefined, modes: readonly AuthMode[], faults: string[]): ApiKey[] {
  if (!modes.includes('key')) return []
  const pairs = splitList(text ?? '')
  if (pairs.length === 0) faults.push('GATEWAY_API_KEYS: is unset; GATEWAY_AUTH=key needs it')
  const keys = pairs.flatMap((pair, index) => {
    const colon = pair.indexOf(':')
    const name = pair.slice(0, Math.max(0, colon))
    const secret = pair.slice(colon + 1)
    const hash = hashPattern.exec(secret)?.[1]
    if (!keyNamePattern.test(name) || !isSecret(secret) || (/^sha256:/i.test(secret) && !hash)) {
      faults.push(
        `GATEWAY_API_KEYS: pair ${index + 1} is not name:secret (${minSecretChars} visible ASCII characters or more) or name:sha256:64 hex digits`,
      )
      return []
    }
    const digest =
      hash === undefined ? createHash('sha256').update(secret).digest() : Buffer.from(hash, 'hex')
    return [{ name, digest }]
  })
  if (new Set(keys.map(key => key.name)).size < keys.length)
    faults.push('GATEWAY_API_KEYS: has one name twice')
  return keys
}

const guidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

function readEntra(env: Environment, faults: string[]): InboundEntra {
  const tenantId = env.ENTRA_TENANT_ID ?? ''
  if (!guidPattern.test(tenantId)) faults.push(describeFault('ENTRA_TENANT_ID', tenantId))
  if (env.ENTRA_AUDIENCE.length === 0)
    faults.push('ENTRA_AUDIENCE: is unset; GATEWAY_AUTH=entra needs the client id of the API')
  return {
    tenantId: tenantId.toLowerCase(),
    audiences: env.ENTRA_AUDIENCE,
    scope: env.ENTRA_REQUIRED_SCOPE,
    role: env.ENTRA_REQUIRED_ROLE,
    pagesClientId: env.ENTRA_PAGES_CLIENT_ID,
    authority: readAddress(env.ENTRA_AUTHORITY, 'ENTRA_AUTHORITY', faults),
    clockSkewSec: env.ENTRA_CLOCK_SKEW_SEC,
  }
}

function readOrigin(text: string, faults: string[]): string {
  if (text === '*') return text
  const url = URL.parse(text)
  if (url === null || url.origin === 'null' || url.pathname !== '/' || url.search !== '') {
    faults.push('ALLOWED_ORIGINS: holds something else than origins such as https://app.example.com, or *')
    return ''
  }
  return url.origin
}

function readNetwork(text: string, faults: string[]): Network {
  const [address = '', prefixText] = text.split('/')
  const version = isIP(address)
  const bits = version === 4 ? 32 : 128
  const prefix = prefixText === undefined ? bits : Number(prefixText)
  if (version === 0 || !/^\d{0,3}$/.test(prefixText ?? '') || prefixText === '' || prefix > bits)
    faults.push('TRUSTED_PROXIES: holds something else than addresses and networks such as 10.0.0.0/16')
  return { address, prefix, family: version === 6 ? 'ipv6' : 'ipv4' }
}

const mebibyte = 1024 * 1024

/**
 * Reads the limits. A limit that is set always holds. A default holds for a credential where one is asked
 * for: `anonymous` is everybody. It holds for an address where the gateway can be reached from elsewhere:
 * on loopback all clients are this machine's.
 */
function readLimits(
  env: Environment,
  given: ReadonlySet<string>,
  { isOpen, loopback }: { isOpen: boolean; loopback: boolean },
): AccessLimits {
  type Limit = Extract<keyof Environment, `LIMIT_${string}`>
  const read = (name: Limit, defaultHolds: boolean) =>
    env[name] === 0 || !(given.has(name) || defaultHolds) ? Number.POSITIVE_INFINITY : env[name]
  const share = (whose: 'CREDENTIAL' | 'ADDRESS', defaultHolds: boolean): ShareLimits => ({
    sessions: read(`LIMIT_SESSIONS_PER_${whose}`, defaultHolds),
    upgradesPerMinute: read(`LIMIT_UPGRADES_PER_MINUTE_PER_${whose}`, defaultHolds),
    requestsPerMinute: read(`LIMIT_REQUESTS_PER_MINUTE_PER_${whose}`, defaultHolds),
    messagesPerSecond: read(`LIMIT_MESSAGES_PER_SECOND_PER_${whose}`, defaultHolds),
    tokensPerDay: read(`LIMIT_TOKENS_PER_DAY_PER_${whose}`, defaultHolds),
    costPerDay: read(`LIMIT_COST_PER_DAY_PER_${whose}`, defaultHolds),
  })
  const stored = (defaultHolds: boolean): StoredLimits | null => {
    const entries = read('LIMIT_STORED_ENTRIES_PER_OWNER', defaultHolds)
    const bytes = read('LIMIT_STORED_MB_PER_OWNER', defaultHolds) * mebibyte
    if (Math.min(entries, bytes) === Number.POSITIVE_INFINITY) return null
    const finite = (limit: number) => Math.min(limit, Number.MAX_SAFE_INTEGER)
    return { entries: finite(entries), bytes: finite(bytes) }
  }
  return {
    credential: share('CREDENTIAL', !isOpen),
    address: share('ADDRESS', !loopback),
    refusalsPerMinute: read('LIMIT_REFUSALS_PER_MINUTE_PER_ADDRESS', !loopback),
    stored: { credential: stored(true), address: stored(!loopback) },
    sessionMs: read('LIMIT_SESSION_MINUTES', true) * 60_000,
    wrapUpMs: env.LIMIT_WRAP_UP_SEC * 1000,
  }
}

function warnings(
  env: Environment,
  modes: readonly AuthMode[],
  loopback: boolean,
  entra: InboundEntra | null,
): string[] {
  const all: string[] = []
  if (env.GATEWAY_AUTH === undefined && modes.length === 0 && !loopback)
    all.push(
      `ANYONE who reaches ${env.HOST}:${env.PORT} may use the model at your cost: set GATEWAY_AUTH to key or entra (or to none, to say that this is meant)`,
    )
  if (entra !== null && entra.scope === undefined && entra.role === undefined)
    all.push(
      'Every application of the tenant can get a token for the audience: set ENTRA_REQUIRED_SCOPE or ENTRA_REQUIRED_ROLE',
    )
  return all
}
