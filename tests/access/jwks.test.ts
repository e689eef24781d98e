/** The keys that tokens are checked with: they rotate, are made up, and cannot be fetched. */
import test from 'ava'
import { jwksCooldownMs, jwksMaxAgeMs, jwksRefreshMs } from '../../runtime/access/jwks.ts'
import { until } from '../gateway/within.ts'
import { base64url, bench, refusal } from './token-bench.ts'

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

test('a key that is new is fetched also where the clock was set back', async t => {
  const { authority, check, advance } = await bench(t)
  await check(await authority.sign())
  await authority.rotate('key-2', true)
  advance(-jwksRefreshMs)
  const before = authority.now - jwksRefreshMs / 1000 - 10
  t.true('principal' in (await check(await authority.sign({ iat: before, nbf: before }))))
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
  t.regex(warnings.join(), /token keys cannot be fetched from 127\.0\.0\.1:\d+: (?!unknown)\S/)
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
  await until(() => authority.fetches >= 2, 'the authority is not asked twice')
  let verdict = await check(token)
  await until(async () => {
    verdict = await check(token)
    return !('principal' in verdict)
  }, 'the token is not refused')
  t.like(verdict, { refused: 'unauthorized' })
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

const second = 1000
const hour = 3600 * second

test('keys are fetched thirty seconds after the last try at the earliest, which is when who finds none may try again', async t => {
  const { authority, check, advance } = await bench(t)
  authority.mode = 'down'
  const token = await authority.sign()
  t.like(await t.throwsAsync(check(token)), { code: 'access_unavailable', retryAfterMs: 30 * second })
  authority.mode = 'serve'
  advance(30 * second - 1)
  await t.throwsAsync(check(token), { code: 'access_unavailable' })
  t.is(authority.fetches, 1)
  advance(1)
  t.true('principal' in (await check(token)))
  t.is(authority.fetches, 2)
  // A key that was not known is no reason to ask sooner.
  await authority.rotate('key-2', true)
  advance(30 * second - 1)
  const fresh = await authority.sign()
  t.is(refusal(await check(fresh))?.refused, 'unauthorized')
  t.is(authority.fetches, 2)
  advance(1)
  t.true('principal' in (await check(fresh)))
  t.is(authority.fetches, 3)
})

test('keys of an hour are fetched anew, and keys of a day are believed while they cannot be', async t => {
  const { authority, check, advance, warnings } = await bench(t)
  const token = await authority.sign({ exp: authority.now + 999_999 })
  await check(token)
  advance(hour - second)
  t.true('principal' in (await check(token)))
  advance(second + 1)
  // In the background: a fetch that fails is told, and the token is taken nevertheless.
  authority.mode = 'down'
  t.true('principal' in (await check(token)))
  await until(() => warnings.length >= 1, 'no warning is logged')
  t.is(authority.fetches, 2, 'nothing is fetched before the hour is over')
  advance(23 * hour - 1)
  t.true('principal' in (await check(token)), 'a day')
  await until(() => warnings.length >= 2, 'no second warning is logged')
  advance(30 * second)
  await t.throwsAsync(check(token), { code: 'access_unavailable' })
})
