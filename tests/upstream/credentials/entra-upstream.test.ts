/**
 * The real @azure/identity against a local managed-identity endpoint.
 */
import test from 'ava'
import { GatewayError } from '../../../runtime/core/errors.ts'
import type { Log } from '../../../runtime/observability/log.ts'
import { type EntraCredential, startEntraCredential } from '../../../runtime/upstream/credentials/entra.ts'
import { type Clock, createClock } from '../../access/clock.ts'
import { converse } from '../../gateway/converse.ts'
import { fakeUpstream, gatewayFor } from '../../gateway/start.ts'
import { patienceMs, until, within } from '../../gateway/within.ts'
import { type Identity, startManagedIdentity, tokenBody } from './managed-identity.ts'

const newIdentity = await startManagedIdentity()

const scope = 'https://cognitiveservices.azure.com/.default'
const lifeMs = 200_000

interface Bench {
  readonly identity: Identity
  readonly clock: Clock
  readonly credential: EntraCredential
  readonly warnings: Record<string, unknown>[]
  /** Moves to the next renewal and waits until the endpoint was asked and the answer was digested. */
  renewal(): Promise<void>
}

function bench(answer: (clock: Clock) => Identity['answer']): Bench {
  const clock = createClock()
  const identity = newIdentity()
  identity.answer = answer(clock)
  const warnings: Record<string, unknown>[] = []
  let warned = () => {}
  const log: Log = {
    info: () => undefined,
    warn: (_event, fields) => {
      warnings.push({ ...fields })
      warned()
    },
    error: () => undefined,
  }
  const credential = startEntraCredential({
    scope,
    clientId: identity.clientId,
    identity: 'managed',
    log,
    now: clock.now,
    random: () => 0,
    after: clock.after,
  })
  const renewal = async () => {
    const before = await credential.headers().catch(() => null)
    let over = false
    const failed = new Promise<void>(resolve => {
      warned = resolve
    })
    clock.advance(clock.waits[0] ?? 0)
    const renewed = async () => {
      while (!over && JSON.stringify(await credential.headers().catch(() => null)) === JSON.stringify(before))
        await new Promise(resolve => setImmediate(resolve))
    }
    await within(
      Promise.race([failed, renewed()]),
      patienceMs,
      'the token is not renewed, and no failure is logged',
    )
    over = true
  }
  return { identity, clock, credential, warnings, renewal }
}

const numbered = (clock: Clock) => (count: number) => tokenBody(`token-${count}`, clock.now() + lifeMs)
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` })
const faultOf = async (credential: EntraCredential) =>
  credential.headers().then(
    () => null,
    fault => fault as GatewayError,
  )

test('the first token is asked of the identity for the scope, and all callers share one request', async t => {
  const { identity, credential } = bench(numbered)
  t.regex(credential.unready() ?? '', /first Entra token/)
  const all = await Promise.all([credential.headers(), credential.headers(), credential.headers()])
  t.deepEqual(all[2], bearer('token-1'))
  t.deepEqual(identity.asked, [
    { resource: 'https://cognitiveservices.azure.com', clientId: identity.clientId, header: 'right' },
  ])
  t.is(credential.unready(), null)
})

test('a token is renewed ahead of its end, and no caller waits for it', async t => {
  const { clock, credential, renewal } = bench(numbered)
  t.deepEqual(await credential.headers(), bearer('token-1'))
  const [wait = 0] = clock.waits
  t.true(wait > 0 && wait <= lifeMs / 2 + 1000)
  await renewal()
  t.deepEqual(await credential.headers(), bearer('token-2'))
})

for (const [what, answer, said] of [
  ['500', { status: 500, body: '{"error":"server_error"}' }, /server_error|500/],
  ['garbage', { status: 200, body: '<html>sk-MARKED-SECRET-1234567890' }, /./],
  ['half a token', { status: 200, body: '{"access_token":"eyMARKED.SECRET.123456789012345678901234' }, /./],
  ['an answer without a token', { status: 200, body: '{}' }, /./],
  ['a cut connection', 'cut', /./],
] as const) {
  test(`${what} for the first token is told with the credential's name and what it said, without secrets`, async t => {
    const { identity, credential, warnings } = bench(() => () => answer)
    const fault = await faultOf(credential)
    t.true(fault instanceof GatewayError)
    t.is(fault?.code, 'credential_unavailable')
    t.true(fault?.message.includes(`ManagedIdentityCredential (AZURE_CLIENT_ID ${identity.clientId}) said: `))
    t.regex(fault?.message ?? '', said)
    t.is(credential.unready(), fault?.message ?? '')
    t.is(warnings.length, 1)
    t.regex(fault?.message ?? '', /assigned to this app/)
    t.notRegex(JSON.stringify([fault?.message, warnings]), /MARKED/)
  })

  test(`${what} at a renewal leaves the last good token in use, with a warning`, async t => {
    const { clock, credential, warnings, renewal } = bench(
      clock => count => (count === 1 ? tokenBody('token-1', clock.now() + lifeMs) : answer),
    )
    await credential.headers()
    await renewal()
    t.deepEqual(await credential.headers(), bearer('token-1'))
    t.is(credential.unready(), null)
    t.is(warnings.length, 1)
    t.true(Number(warnings[0]?.tokenValidMs) > 0)
    t.true((clock.waits[0] ?? 0) <= 1000)
  })
}

test('when the token ends while the endpoint is down, dials fail with the cause; when it is back, they work', async t => {
  let down = false
  const { clock, credential, renewal } = bench(
    clock => count => (down ? 'cut' : tokenBody(`token-${count}`, clock.now() + lifeMs)),
  )
  await credential.headers()
  down = true
  await renewal()
  clock.advance(lifeMs)
  t.is((await faultOf(credential))?.code, 'credential_unavailable')
  t.regex(credential.unready() ?? '', /ManagedIdentityCredential/)
  down = false
  clock.advance(clock.waits[0] ?? 0)
  t.regex((await credential.headers()).Authorization ?? '', /^Bearer token-\d+$/)
  t.is(credential.unready(), null)
})

test('a first token that failed makes the gateway ready as soon as a renewal brings one, without any dial', async t => {
  const { identity, clock, credential } = bench(clock => count => (count === 1 ? 'cut' : numbered(clock)(2)))
  await faultOf(credential)
  t.regex(credential.unready() ?? '', /No Entra token for upstream/)
  clock.advance(clock.waits[0] ?? 0)
  // Nobody dials: an unready replica is sent nobody.
  await until(() => identity.asked.length >= 2 && clock.waits.length > 0, 'no second token is asked for')
  // The attempt's own deadline is the only wait until its answer is there; then the next renewal is.
  await until(() => (clock.waits.at(-1) ?? 0) > 30_000, 'the next renewal is not planned')
  t.is(credential.unready(), null)
})

test('an endpoint that never answers is given up on after a deadline', async t => {
  const { identity, clock, credential } = bench(() => () => 'hang')
  const fault = faultOf(credential)
  await until(() => identity.asked.length > 0, 'no token is asked for')
  clock.advance(30_000)
  t.regex((await fault)?.message ?? '', /no answer within 30000 ms/)
})

test('a token that has expired already is not taken', async t => {
  const { credential } = bench(clock => () => tokenBody('old', clock.now() - 60_000))
  t.is((await faultOf(credential))?.code, 'credential_unavailable')
})

const gatewayEnv = (identity: Identity, port: number) => ({
  AZURE_OPENAI_ENDPOINT: `http://127.0.0.1:${port}`,
  AZURE_CLIENT_ID: identity.clientId,
  IDENTITY_ENDPOINT: process.env.IDENTITY_ENDPOINT ?? '',
  REALTIME_ALLOWED_EVENT_TYPES: '*',
})

test('a gateway without a key dials with the token of its managed identity', async t => {
  const identity = newIdentity()
  identity.answer = () => tokenBody('the-token', Date.now() + lifeMs)
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, gatewayEnv(identity, upstream.port))
  await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  t.is(session.headers.authorization, 'Bearer the-token')
  t.is(session.headers['api-key'], undefined)
  t.is((await fetch(`${gateway.url}/readyz`)).status, 200)
})

test('a gateway that can have no token is unready, and says why to operators and to clients', async t => {
  const identity = newIdentity()
  identity.answer = () => ({ status: 500, body: '{"error":"identity_not_found"}' })
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, {
    ...gatewayEnv(identity, upstream.port),
    UPSTREAM_CONNECT_TIMEOUT_MS: '100',
  })
  await gateway.logged('credential.failed')
  const ready = await fetch(`${gateway.url}/readyz`)
  t.is(ready.status, 503)
  t.regex(((await ready.json()) as { reason: string }).reason, /ManagedIdentityCredential .* said/)
  t.is((await fetch(`${gateway.url}/healthz`)).status, 200)
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const fault = (await talk.next()) as { type: string; error?: { code: string } }
  t.is(fault.error?.code, 'credential_unavailable')
  t.is(upstream.dials, 0)
})
