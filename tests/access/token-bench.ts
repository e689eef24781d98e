/** A token check with a sign-in service and a clock of the test's own. */
import type { ExecutionContext } from 'ava'
import { createTokenCheck, jwksUrl, type TokenVerdict } from '../../runtime/access/entra-tokens.ts'
import { createJwks } from '../../runtime/access/jwks.ts'
import type { InboundEntra } from '../../runtime/config/access.ts'
import { type Authority, audience, startAuthority, tenantId } from './authority.ts'

export const skewSec = 60

interface Bench {
  readonly authority: Authority
  readonly warnings: string[]
  /** Moves the gateway's clock (ms). */
  advance(ms: number): void
  check(token: string): Promise<TokenVerdict>
}

export async function bench(t: ExecutionContext, settings: Partial<InboundEntra> = {}): Promise<Bench> {
  const authority = await startAuthority(t)
  const warnings: string[] = []
  let now = authority.now * 1000
  const all: InboundEntra = {
    tenantId,
    audiences: [audience, `api://${audience}`],
    scope: 'Realtime.Use',
    role: 'Realtime.App',
    pagesClientId: undefined,
    authority: authority.url,
    clockSkewSec: skewSec,
    ...settings,
  }
  const log = {
    info: () => undefined,
    warn: (_event: string, fields: object = {}) => void warnings.push(JSON.stringify(fields)),
    error: () => undefined,
  }
  const keys = createJwks({ url: jwksUrl(all), now: () => now, log })
  return {
    authority,
    warnings,
    advance: ms => {
      now += ms
    },
    check: createTokenCheck({ settings: all, keys, now: () => now }),
  }
}

export const refusal = (verdict: TokenVerdict) => ('refused' in verdict ? verdict : null)

export const base64url = (value: object | string) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
