/** A local sign-in service: signs tokens with keys that rotate, and publishes them where Entra ID does. */
import type { ExecutionContext } from 'ava'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { serveHttp } from '../gateway/http-server.ts'

export const tenantId = '11111111-2222-4333-8444-555555555555'
export const otherTenantId = '99999999-8888-4777-8666-555555555555'
export const audience = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee'

export interface Authority {
  readonly url: URL
  /** How often the keys were fetched. */
  readonly fetches: number
  /** What the key page does from now on. */
  mode: 'serve' | 'down' | 'garbage'
  /** Adds a key, or puts it in place of all others. */
  rotate(kid: string, keepOthers?: boolean): Promise<void>
  /** Signs claims over the usual ones (version 2, valid at `now`). A claim of undefined is left out. */
  sign(claims?: Record<string, unknown>, header?: { kid?: string }): Promise<string>
  /** The published form of a key. */
  published(kid: string): JWK
  /** Seconds since 1970. */
  now: number
}

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>

/** Making one takes long, and many at once hold up all that has a deadline: each authority's first key is the same, and so on. */
const keyPairs: Promise<KeyPair>[] = []

function keyPair(place: number): Promise<KeyPair> {
  keyPairs[place] ??= generateKeyPair('RS256', { extractable: true })
  return keyPairs[place]
}

export async function startAuthority(t: ExecutionContext): Promise<Authority> {
  const keys = new Map<string, { privateKey: CryptoKey; jwk: JWK }>()
  let served: string[] = []
  let fetches = 0
  let made = 0
  const url = await serveHttp(t, (request, response) => {
    fetches += 1
    if (authority.mode === 'down') return void request.socket.destroy()
    if (request.url !== `/${tenantId}/discovery/v2.0/keys`) return void response.writeHead(404).end()
    const body = JSON.stringify({ keys: served.map(kid => keys.get(kid)?.jwk) })
    response.writeHead(200).end(authority.mode === 'garbage' ? '<html>' : body)
  })
  const authority: Authority = {
    url: new URL(url),
    get fetches() {
      return fetches
    },
    mode: 'serve',
    now: Math.floor(Date.now() / 1000),
    rotate: async (kid, keepOthers = false) => {
      const { privateKey, publicKey } = await keyPair(made++)
      keys.set(kid, { privateKey, jwk: { ...(await exportJWK(publicKey)), kid, use: 'sig' } })
      served = keepOthers ? [...served, kid] : [kid]
    },
    published: kid => keys.get(kid)?.jwk ?? {},
    sign: async (claims = {}, { kid = served.at(-1) ?? '' } = {}) => {
      const key = keys.get(kid)
      if (key === undefined) throw new Error(`no key ${kid}`)
      return new SignJWT({ ...usualClaims(authority), ...claims })
        .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid })
        .sign(key.privateKey)
    },
  }
  await authority.rotate('key-1')
  return authority
}

/** An access token's claims as version 2 has them. */
function usualClaims({ url, now }: Authority): Record<string, unknown> {
  return {
    iss: `${url.origin}/${tenantId}/v2.0`,
    aud: audience,
    tid: tenantId,
    oid: 'the-object',
    sub: 'the-subject',
    ver: '2.0',
    scp: 'Realtime.Use profile',
    iat: now - 10,
    nbf: now - 10,
    exp: now + 3600,
  }
}
