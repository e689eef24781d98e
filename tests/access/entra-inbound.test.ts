/** Tokens of clients: every claim wrong in turn, keys that rotate, a sign-in service that is away. */
import { createHmac } from 'node:crypto'
import test, { type ExecutionContext } from 'ava'
import { createTokenCheck, jwksUrl, type TokenVerdict } from '../../runtime/access/entra-tokens.ts'
import { createJwks, jwksCooldownMs, jwksMaxAgeMs, jwksRefreshMs } from '../../runtime/access/jwks.ts'
import type { InboundEntra } from '../../runtime/settings/access.ts'
import { converse } from '../gateway/converse.ts'
import { gatewayFor } from '../gateway/start.ts'
import { type Authority, audience, otherTenantId, startAuthority, tenantId } from './authority.ts'

const skewSec = 60

interface Bench {
  readonly authority: Authority
  readonly warnings: string[]
  /** Moves the gateway's clock (ms). */
  advance(ms: number): void
  check(token: string): Promise<TokenVerdict>
}

async function bench(t: ExecutionContext, settings: Partial<InboundEntra> = {}): Promise<Bench> {
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

const principal = { name: `entra:${tenantId}/the-object`, by: 'entra' }
const refusal = (verdict: TokenVerdict) => ('refused' in verdict ? verdict : null)

type Claims = (authority: Authority) => Record<string, unknown>

const taken: [what: string, claims: Claims][] = [
  ['as version 2 has it', () => ({})],
  [
    'as version 1 has it',
    () => ({ iss: `https://sts.windows.net/${tenantId}/`, ver: '1.0', aud: `api://${audience}` }),
  ],
  ['of an application with the role', () => ({ scp: undefined, roles: ['Realtime.App'] })],
  ['that ended within the skew', ({ now }) => ({ exp: now - skewSec + 1 })],
  ['that begins within the skew', ({ now }) => ({ nbf: now + skewSec })],
  ['with one of several audiences', () => ({ aud: ['other', audience] })],
]

for (const [what, claims] of taken) {
  test(`a token ${what} is taken, and names its principal by tenant and object`, async t => {
    const { authority, check } = await bench(t)
    t.deepEqual(await check(await authority.sign(claims(authority))), { principal } as TokenVerdict)
  })
}

const refused: [what: string, claims: Claims, reason: RegExp, code?: 'forbidden'][] = [
  ['another audience', () => ({ aud: 'other' }), /^aud: /],
  ['no audience', () => ({ aud: undefined }), /^aud: /],
  [
    'an issuer that is another tenant',
    ({ url }) => ({ iss: `${url.origin}/${otherTenantId}/v2.0` }),
    /^iss: /,
  ],
  [
    'an issuer without its slash',
    () => ({ iss: `https://sts.windows.net/${tenantId}`, ver: '1.0' }),
    /^iss: /,
  ],
  ['no issuer', () => ({ iss: undefined }), /^iss: /],
  ['another tenant', () => ({ tid: otherTenantId }), /^tid: /],
  ['no tenant', () => ({ tid: undefined }), /^tid: /],
  ['version 1 from the issuer of version 2', () => ({ ver: '1.0' }), /^ver: /],
  [
    'version 2 from the issuer of version 1',
    () => ({ iss: `https://sts.windows.net/${tenantId}/` }),
    /^ver: /,
  ],
  ['a version that does not exist', () => ({ ver: '3.0' }), /^ver: /],
  ['no version', () => ({ ver: undefined }), /^ver: /],
  ['an end a second beyond the skew', ({ now }) => ({ exp: now - skewSec - 1 }), /^exp: /],
  ['no end', () => ({ exp: undefined }), /^exp: /],
  ['an end that is no number', () => ({ exp: 'tomorrow' }), /^exp: /],
  ['a beginning a second beyond the skew', ({ now }) => ({ nbf: now + skewSec + 1 }), /^nbf: /],
  ['nobody', () => ({ oid: undefined, sub: undefined }), /^oid: /],
  ['another scope', () => ({ scp: 'Realtime.Used profile' }), /^scp, roles: /, 'forbidden'],
  ['the scope as a role', () => ({ scp: undefined, roles: ['Realtime.Use'] }), /^scp, roles: /, 'forbidden'],
  ['neither scope nor role', () => ({ scp: undefined }), /^scp, roles: /, 'forbidden'],
  ['a role that is no list', () => ({ scp: undefined, roles: 'Realtime.App' }), /^scp, roles: /, 'forbidden'],
]

for (const [what, claims, reason, code = 'unauthorized'] of refused) {
  test(`a token with ${what} is refused as ${code}`, async t => {
    const { authority, check } = await bench(t)
    const verdict = refusal(await check(await authority.sign(claims(authority))))
    t.is(verdict?.refused, code)
    t.regex(verdict?.reason ?? '', reason)
  })
}

const base64url = (value: object | string) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

const forgeries: [what: string, forge: (good: string, authority: Authority) => string | Promise<string>][] = [
  ['signed by nobody (alg none)', good => `${base64url({ alg: 'none' })}.${good.split('.')[1]}.`],
  [
    'signed with the public key as a secret (HS256)',
    (good, authority) => {
      const head = `${base64url({ alg: 'HS256', kid: 'key-1' })}.${good.split('.')[1]}`
      const secret = JSON.stringify(authority.published('key-1'))
      return `${head}.${createHmac('sha256', secret).update(head).digest('base64url')}`
    },
  ],
  ['whose claims were changed', good => good.replace(/\.[^.]+\./, `.${base64url({ aud: audience })}.`)],
  ['whose signature was cut off', good => good.replace(/[^.]+$/, '')],
  [
    'with the key id of another tenant',
    async (_good, authority) => {
      await authority.rotate('other-tenant-key', true)
      const token = await authority.sign({}, { kid: 'other-tenant-key' })
      // Published elsewhere: this tenant's page has the first key alone.
      await authority.rotate('key-1')
      return token
    },
  ],
  [
    'signed by another key under a known key id',
    async (_good, authority) => {
      const other = await startAuthorityLike(authority)
      return other
    },
  ],
  ['that is no token', () => 'abc'],
  ['that is empty', () => ''],
  ['of 100,000 dots', () => '.'.repeat(100_000)],
]

/** A token with the right claims and key id, signed by a key that is not published. */
async function startAuthorityLike(authority: Authority): Promise<string> {
  const published = authority.published('key-1')
  await authority.rotate('key-1')
  const token = await authority.sign()
  Object.assign(authority.published('key-1'), published)
  return token
}

for (const [what, forge] of forgeries) {
  test(`a token ${what} is refused`, async t => {
    const { authority, check } = await bench(t)
    const forged = await forge(await authority.sign(), authority)
    t.is(refusal(await check(forged))?.refused, 'unauthorized')
  })
}

test('a key that is new since the keys were fetched is fetched, and the old one goes on while it is published', async t => {
  const { authority, check, advance } = await bench(t)
  const old = await authority.sign()
  t.true('principal' in (await check(old)))
  await authority.rotate('key-2', true)
  advance(jwksCooldownMs)
  t.true('principal' in (await check(await authority.sign())))
  t.true('principal' in (await check(old)))
  t.is(authority.fetches, 2)
})

test('made-up key ids cause one fetch per cooldown, also while the service is away', async t => {
  const { authority, check, advance } = await bench(t)
  await check(await authority.sign())
  const [, claims, signature] = (await authority.sign()).split('.')
  const madeUp = (kid: string) => `${base64url({ alg: 'RS256', kid })}.${claims}.${signature}`
  for (const mode of ['serve', 'down'] as const) {
    authority.mode = mode
    const before = authority.fetches
    advance(jwksCooldownMs)
    for (let n = 0; n < 20; n += 1) t.truthy(refusal(await check(madeUp(`kid-${n}`))))
    t.is(authority.fetches, before + 1, mode)
  }
})

test('tokens are checked with the keys at hand while the service is away, for a day', async t => {
  const { authority, check, advance, warnings } = await bench(t)
  await check(await authority.sign())
  for (const mode of ['down', 'garbage'] as const) {
    authority.mode = mode
    advance(jwksRefreshMs + 1)
    t.true('principal' in (await check(await authority.sign({ exp: authority.now + 999_999 }))), mode)
  }
  advance(jwksMaxAgeMs)
  const token = await authority.sign({ exp: authority.now + 999_999 })
  t.like(await t.throwsAsync(check(token)), { code: 'access_unavailable', status: 503 })
  t.regex(warnings.join(), /token keys cannot be fetched/)
  authority.mode = 'serve'
  advance(jwksCooldownMs)
  t.true('principal' in (await check(token)))
})

test('a withdrawn key goes out of use when the keys are fetched anew', async t => {
  const { authority, check, advance } = await bench(t)
  const token = await authority.sign({ exp: authority.now + 999_999 })
  await check(token)
  await authority.rotate('key-2')
  advance(jwksRefreshMs + 1)
  await check(token)
  while (authority.fetches < 2) await new Promise(resolve => setImmediate(resolve))
  let verdict = await check(token)
  while ('principal' in verdict) verdict = await check(token)
  t.is(verdict.refused, 'unauthorized')
})

test('without keys nothing can be told, and the next try is one cooldown away', async t => {
  const { authority, check } = await bench(t)
  authority.mode = 'down'
  const token = await authority.sign()
  t.like(await t.throwsAsync(check(token)), { code: 'access_unavailable' })
  t.like(await t.throwsAsync(check(token)), { code: 'access_unavailable' })
  t.is(authority.fetches, 1)
})

test('many who wait for one fetch that fails are one line in the log', async t => {
  const { authority, check, warnings } = await bench(t)
  authority.mode = 'down'
  const token = await authority.sign()
  await Promise.allSettled(Array.from({ length: 20 }, () => check(token)))
  t.is(authority.fetches, 1)
  t.is(warnings.length, 1)
})

test('at the door: a good token opens a socket, a bad one is 401 or 403; the log says why, the answer does not', async t => {
  const authority = await startAuthority(t)
  const gateway = await gatewayFor(t, {
    GATEWAY_AUTH: 'entra',
    ENTRA_TENANT_ID: tenantId,
    ENTRA_AUDIENCE: audience,
    ENTRA_REQUIRED_SCOPE: 'Realtime.Use',
    ENTRA_AUTHORITY: authority.url.origin,
  })
  const dial = async (token: string) =>
    converse(t, `${gateway.socketUrl}/chat`, { headers: { Authorization: `Bearer ${token}` } })
  const talk = await dial(await authority.sign())
  talk.send({ type: 'heartbeat' })
  t.is((await talk.next()).type, 'heartbeat-ack')
  t.is((await gateway.logged('client.connected')).fields.principal, principal.name)
  for (const [claims, status, reason] of [
    [{ aud: 'other' }, 401, /^aud: /],
    [{ scp: 'Other' }, 403, /^scp/],
  ] as const) {
    const fault = (await t.throwsAsync(dial(await authority.sign(claims)))) as Error & {
      status: number
      body: string
    }
    t.is(fault.status, status)
    t.notRegex(fault.body, /aud|scp|role|claim/i)
    await gateway.logged('access.refused', fields => reason.test(String(fields.reason)))
  }
})
