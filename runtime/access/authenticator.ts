/** Who asks: decided by the one credential that a request shows, before anything is done for it. */

import type { AccessConfig } from '../config/access.ts'
import { GatewayError } from '../core/errors.ts'
import type { Principal } from '../core/ports.ts'
import type { Log } from '../observability/log.ts'
import {
  type CredentialSources,
  findCredential,
  findTicket,
  type SentCredential,
} from './credential-sources.ts'
import type { TokenVerdict } from './entra-tokens.ts'
import { isEphemeral } from './ephemeral-keys.ts'
import { isOriginAllowed } from './origin.ts'

export interface AuthenticatorOptions {
  readonly config: Pick<AccessConfig, 'modes' | 'allowedOrigins' | 'loopback'>
  readonly checkKey: (secret: string) => Principal | null
  readonly checkToken: (token: string) => Promise<TokenVerdict>
  /** @returns null for a ticket that speaks for nobody */
  readonly spendTicket: (ticket: string) => Promise<Principal | null>
  /** Who comes by an ephemeral key. @returns null for a key that was not minted here */
  readonly principalOfEphemeral: (key: string) => Promise<Principal | null>
  /** The only paths at which an ephemeral key is taken. */
  readonly ephemeralPaths: readonly string[]
  readonly log: Log
}

export interface AuthenticatedRequest extends CredentialSources {
  readonly path: string
  readonly query: URLSearchParams
  readonly address: string
}

/** Everyone, where no credential is asked for. */
export const anonymous: Principal = { name: 'anonymous', by: 'none' }

export class Authenticator {
  readonly #options: AuthenticatorOptions

  constructor(options: AuthenticatorOptions) {
    this.#options = options
  }

  /** @throws GatewayError `forbidden` for a page that may not connect */
  checkOrigin(request: AuthenticatedRequest): void {
    const { allowedOrigins, loopback } = this.#options.config
    if (isOriginAllowed(request.headers, { allowed: allowedOrigins, loopback })) return
    const origin = request.headers.get('origin')?.slice(0, 128)
    this.#log(request, null, `origin ${origin} is not in ALLOWED_ORIGINS`)
    throw new GatewayError('forbidden', 'This origin may not connect')
  }

  /**
   * Identifies who asks.
   * @param kind tickets open upgrades alone: over HTTP they are no credential, and are not spent
   * @throws GatewayError `unauthorized` or `forbidden`, which do not say what was wrong (the log does);
   *   `access_unavailable` or `store_unavailable` when it cannot be told now
   */
  async identify(request: AuthenticatedRequest, kind: 'upgrade' | 'http'): Promise<Principal> {
    if (this.#options.config.modes.length === 0) return anonymous
    const presented = findCredential(request) ?? (kind === 'upgrade' ? findTicket(request.query) : null)
    if (presented === null) throw this.#refuse(request, null, 'unauthorized', 'no credential')
    const verdict = await this.#judge(presented, request.path)
    if ('principal' in verdict) return verdict.principal
    throw this.#refuse(request, presented.source, verdict.refused, verdict.reason)
  }

  async #judge({ source, value }: SentCredential, path: string): Promise<TokenVerdict> {
    const { config, checkKey, checkToken, spendTicket, ephemeralPaths } = this.#options
    if (source === 'ticket') {
      const principal = await spendTicket(value)
      return principal === null
        ? { refused: 'unauthorized', reason: 'ticket: unknown, spent or too old' }
        : { principal }
    }
    const principal = config.modes.includes('key') ? checkKey(value) : null
    if (principal !== null) return { principal }
    if (isEphemeral(value) && ephemeralPaths.includes(path)) return this.#judgeEphemeral(value)
    if (config.modes.includes('entra')) return checkToken(value)
    return { refused: 'unauthorized', reason: 'key: unknown' }
  }

  async #judgeEphemeral(key: string): Promise<TokenVerdict> {
    const principal = await this.#options.principalOfEphemeral(key)
    if (principal === null)
      return { refused: 'unauthorized', reason: 'ephemeral key: not minted here, or expired' }
    return { principal }
  }

  #refuse(
    request: AuthenticatedRequest,
    source: SentCredential['source'] | null,
    code: 'unauthorized' | 'forbidden',
    reason: string,
  ): GatewayError {
    this.#log(request, source, reason)
    const message =
      code === 'unauthorized' ? 'A valid credential is required' : 'This credential does not give access'
    return new GatewayError(code, message)
  }

  #log(
    { path, address }: AuthenticatedRequest,
    source: SentCredential['source'] | null,
    reason: string,
  ): void {
    this.#options.log.warn('access.refused', { route: path, address, place: source, reason })
  }
}
