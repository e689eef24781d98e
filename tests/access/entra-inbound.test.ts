/** Tokens of clients: every claim wrong in turn, forgeries, and what is told at the door. */
import { createHmac } from 'node:crypto'
import test from 'ava'
import { createTokenCheck, jwksUrl, type TokenVerdict } from '../../runtime/access/entra-tokens.ts'
import { createJwks } from '../../runtime/access/jwks.ts'
import { converse } from '../gateway/converse.ts'
import { gatewayFor } from '../gateway/start.ts'
import { type Authority, audience, otherTenantId, startAuthority, tenantId } from './authority.ts'
import { base64url, bench, refusal, skewSec } from './token-bench.ts'

const principal = { name: `entra:${tenantId}/the-object`, by: 'entra' }

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
    const given = claims(authority)
    const roles = 'roles' in given ? { roles: given.roles } : {}
    const named = { principal: { ...principal, ...roles } } as TokenVerdict
    t.deepEqual(await check(await authority.sign(given)), named)
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

test('whoever belongs to the tenant is taken where neither a scope nor a role is required', async t => {
  const { authority, check } = await bench(t, { scope: undefined, role: undefined })
  for (const claims of [{}, { scp: undefined }, { scp: 'profile', roles: [] }])
    t.deepEqual(await check(await authority.sign(claims)), { principal } as TokenVerdict)
})

test('where a scope alone is required no role stands for it, and the other way about', async t => {
  const scoped = await bench(t, { role: undefined })
  t.true('principal' in (await scoped.check(await scoped.authority.sign())))
  const roles = ['Realtime.Use', 'Realtime.App', undefined]
  t.is(
    refusal(await scoped.check(await scoped.authority.sign({ scp: undefined, roles })))?.refused,
    'forbidden',
  )
  const ranked = await bench(t, { scope: undefined })
  t.true('principal' in (await ranked.check(await ranked.authority.sign({ roles: ['Realtime.App'] }))))
  t.is(
    refusal(await ranked.check(await ranked.authority.sign({ scp: 'Realtime.App' })))?.refused,
    'forbidden',
  )
})

test('of the roles of a token 64 of at most 256 characters are kept, and nothing that is no text', async t => {
  const { authority, check } = await bench(t)
  const longest = 'x'.repeat(256)
  const many = Array.from({ length: 70 }, (_, index) => `role-${index}`)
  const verdict = await check(await authority.sign({ roles: [7, null, longest, `${longest}x`, ...many] }))
  t.deepEqual('principal' in verdict && verdict.principal.roles, [longest, ...many.slice(0, 63)])
})

const names: [what: string, claims: Record<string, unknown>, name: string | null][] = [
  ['the object before the subject', {}, 'the-object'],
  ['the subject where there is no object', { oid: undefined }, 'the-subject'],
  ['nobody by an object without a name', { oid: '' }, null],
  ['nobody by an object that is no text', { oid: 7 }, null],
]
for (const [what, claims, name] of names) {
  test(`a token names ${what}`, async t => {
    const { authority, check } = await bench(t)
    const verdict = await check(await authority.sign(claims))
    if (name === null) t.regex(refusal(verdict)?.reason ?? '', /^oid: missing$/)
    else t.is('principal' in verdict && verdict.principal.name, `entra:${tenantId}/${name}`)
  })
}

test('a token of a cloud of its own is taken from the issuers of that cloud alone', async t => {
  const own = new URL('https://login.partner.microsoftonline.cn')
  const authority = await startAuthority(t)
  const now = () => authority.now * 1000
  const settings = {
    ...{ tenantId, audiences: [audience], scope: undefined, role: undefined, pagesClientId: undefined },
    ...{ authority: own, clockSkewSec: skewSec },
  }
  t.is(jwksUrl(settings).href, `${own.origin}/${tenantId}/discovery/v2.0/keys`)
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
  const url = jwksUrl({ ...settings, authority: authority.url })
  const check = createTokenCheck({ settings, now, keys: createJwks({ url, now, log }) })
  const issuers: [iss: string, ver: string, isTaken: boolean][] = [
    [`https://sts.chinacloudapi.cn/${tenantId}/`, '1.0', true],
    [`${own.origin}/${tenantId}/v2.0`, '2.0', true],
    [`https://sts.windows.net/${tenantId}/`, '1.0', false],
    [`https://login.microsoftonline.com/${tenantId}/v2.0`, '2.0', false],
  ]
  for (const [iss, ver, isTaken] of issuers)
    t.is('principal' in (await check(await authority.sign({ iss, ver }))), isTaken, iss)
})

test('why a token is refused names its claim, and what is wrong with it in the words of the check', async t => {
  const { authority, check } = await bench(t)
  const reasonOf = async (token: string) => refusal(await check(token))?.reason
  t.is(await reasonOf(await authority.sign({ aud: 'other' })), 'aud: ERR_JWT_CLAIM_VALIDATION_FAILED')
  t.is(await reasonOf(await authority.sign({ exp: authority.now - 999 })), 'exp: ERR_JWT_EXPIRED')
  t.is(await reasonOf('abc'), 'ERR_JWS_INVALID')
})

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
