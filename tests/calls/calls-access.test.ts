/** Who may mint keys and make calls at the SDK addresses, and what everybody else is told. */
import test from 'ava'
import { EphemeralKeys } from '../../runtime/access/ephemeral-keys.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { createClock } from '../access/clock.ts'
import { type Knock, knockSocket } from '../access/upgrade-attempts.ts'
import { converse } from '../gateway/converse.ts'
import { gatewayFor } from '../gateway/start.ts'
import { noQuota } from '../store/no-quota.ts'
import { someOffer } from './caller.ts'
import { ada, bob, by, env, json, mint, offerTo, refusalIn, sdpType, secrets } from './offers.ts'

test('an ephemeral key makes calls when it was minted here, and none when it was not', async t => {
  const gateway = await gatewayFor(t, env)
  const body = await someOffer(t)
  const key = await mint(gateway)
  for (const path of ['/v1/realtime/calls', '/openai/v1/realtime/calls']) {
    t.is((await offerTo(gateway, { path, headers: { ...by(key), ...sdpType }, body })).status, 201)
    const refused = await offerTo(gateway, { path, headers: { ...by('ek_foreign'), ...sdpType }, body })
    t.is(refused.status, 401)
    t.is(refusalIn(refused).error.code, 'unauthorized')
    t.is((await offerTo(gateway, { path, headers: sdpType, body })).status, 401)
  }
  const { fields } = await gateway.logged('access.refused')
  t.is(fields.reason, 'ephemeral key: not minted here, or expired')
  t.false(JSON.stringify(gateway.lines).includes(key))
})

test('an ephemeral key opens nothing but calls and sessions', async t => {
  const gateway = await gatewayFor(t, env)
  const headers = by(await mint(gateway))
  const call = await offerTo(gateway, { headers: { ...headers, ...sdpType }, body: await someOffer(t) })
  const callId = String(call.headers.location).split('/').pop()
  for (const path of [
    '/v1/realtime/client_secrets',
    `/v1/realtime/calls/${callId}/hangup`,
    '/ticket',
    '/sideband/session',
  ])
    t.is((await offerTo(gateway, { path, headers })).status, 401, path)
  for (const path of ['/chat', '/realtime'])
    t.is((await knockSocket(gateway.url, { path, headers })).status, 401, path)
  t.is((await knockSocket(gateway.url, { path: '/v1/realtime', headers })).status, 101)
  const joining = await knockSocket(gateway.url, { path: `/v1/realtime?call_id=${callId}`, headers })
  t.is(joining.status, 403)
})

test("somebody else's call is as good as none", async t => {
  const gateway = await gatewayFor(t, env)
  const call = await offerTo(gateway, { headers: { ...by(ada), ...sdpType }, body: await someOffer(t) })
  const hangup = `${call.headers.location}/hangup`
  const path = `/v1/realtime?call_id=${String(call.headers.location).split('/').pop()}`
  t.is((await offerTo(gateway, { path: hangup, headers: by(bob) })).status, 404)
  t.is((await knockSocket(gateway.url, { path, headers: by(bob) })).status, 404)
  t.is(
    (await knockSocket(gateway.url, { path: '/v1/realtime?call_id=rtc_none', headers: by(ada) })).status,
    404,
  )
  t.is((await knockSocket(gateway.url, { path, headers: by(ada) })).status, 101)
  t.is((await offerTo(gateway, { path: hangup, headers: by(ada) })).status, 200)
})

test('a key is remembered until it expires', async t => {
  const clock = createClock()
  const keys = new EphemeralKeys({
    store: createMemoryStore({ now: clock.now }),
    quota: noQuota,
    now: clock.now,
  })
  const owner = { name: 'key:ada', by: 'key' } as const
  const minted = { owner, model: 'gpt-realtime', pinned: '{}' }
  await keys.remember('ek_1', minted, (clock.now() + 60_000) / 1000, 'credential:key:ada')
  clock.advance(59_999)
  t.deepEqual(await keys.find('ek_1'), minted)
  clock.advance(1)
  t.is(await keys.find('ek_1'), null)
})

const form = (session: string) => {
  const part = (name: string, type: string, text: string) =>
    `--cut\r\nContent-Disposition: form-data; name="${name}"\r\nContent-Type: ${type}\r\n\r\n${text}\r\n`
  return {
    headers: { 'Content-Type': 'multipart/form-data; boundary=cut' },
    body: `${part('sdp', 'application/sdp', 'v=0\r\n')}${part('session', 'application/json', session)}--cut--\r\n`,
  }
}

const badRequests: [what: string, knock: Partial<Knock>, status: number, detail: RegExp][] = [
  [
    'a key for a model that is not configured',
    { path: secrets, headers: json, body: '{"session":{"model":"gpt-99"}}' },
    404,
    /"gpt-99" is not configured here; use "gpt-realtime-2.1"/,
  ],
  [
    'a form with a model that is not configured',
    form('{"model":"gpt-99"}'),
    404,
    /"gpt-99" is not configured/,
  ],
  [
    'an offer for a model that is not configured',
    { path: '/v1/realtime/calls?model=gpt-99', headers: sdpType, body: 'v=0\r\n' },
    404,
    /"gpt-99" is not configured/,
  ],
  [
    'a key for a session of no known type',
    { path: secrets, headers: json, body: '{"session":{"type":"translation"}}' },
    400,
    /"session.type": must be "realtime" or "transcription"/,
  ],
  ['a key request that is not JSON', { path: secrets, headers: json, body: '{' }, 400, /not JSON/],
  ['a form whose session is not JSON', form('{'), 400, /"session": is not JSON/],
  ['a form whose session is a list', form('[]'), 400, /"body"/],
  [
    'a form that is none',
    { headers: { 'Content-Type': 'multipart/form-data; boundary=x' }, body: 'hello' },
    400,
    /not the form/,
  ],
  ['an offer without a type', { body: 'v=0\r\n' }, 415, /application\/sdp/],
  ['an offer that is none', { headers: sdpType, body: 'hello' }, 400, /"sdp": is not an SDP offer/],
  ['an offer of 300 kB', { headers: sdpType, body: `v=0\r\n${'a'.repeat(300_000)}` }, 413, /larger than/],
  ['a call to hang up that never was', { path: '/v1/realtime/calls/rtc_x/hangup' }, 404, /no such call/],
  ['a telephone call of nobody', { path: '/v1/realtime/calls/rtc_x/accept' }, 404, /no such call of yours/],
  ['an action that is none', { path: '/v1/realtime/calls/rtc_x/pickup' }, 404, /nothing at/],
]

test('what cannot be served is refused by name, in the form that SDKs read', async t => {
  const gateway = await gatewayFor(t, env)
  for (const [what, knock, status, detail] of badRequests) {
    const answer = await offerTo(gateway, { ...knock, headers: { ...by(ada), ...knock.headers } })
    t.is(answer.status, status, what)
    const { detail: said, error } = refusalIn(answer)
    t.regex(said, detail, what)
    t.like(error, { type: 'gateway_error', message: said }, what)
  }
  const key = await mint(gateway)
  const answer = await offerTo(gateway, { ...form('{}'), headers: { ...form('').headers, ...by(key) } })
  t.is(answer.status, 400)
  t.regex(refusalIn(answer).detail, /an ephemeral key has a session already/)
})

test('a page of an allowed origin may ask, read the Location and the refusals; another may not', async t => {
  const gateway = await gatewayFor(t, env)
  const origin = { Origin: 'https://allowed.example' }
  const asked = { 'Access-Control-Request-Method': 'POST' }
  const preflight = await offerTo(gateway, { method: 'OPTIONS', headers: { ...origin, ...asked } })
  t.is(preflight.status, 204)
  t.is(preflight.headers['access-control-allow-origin'], origin.Origin)
  // The agents SDK adds X-OpenAI-Agents-SDK.
  t.regex(String(preflight.headers['access-control-allow-headers']), /Authorization,.*\*/)
  const headers = { ...origin, ...sdpType, ...by(await mint(gateway)) }
  const call = await offerTo(gateway, { headers, body: await someOffer(t) })
  t.is(call.status, 201)
  t.is(call.headers['access-control-allow-origin'], origin.Origin)
  t.regex(String(call.headers['access-control-expose-headers']), /\bLocation\b/)
  const refused = await offerTo(gateway, { headers: { ...headers, ...by('ek_foreign') }, body: 'v=0\r\n' })
  t.is(refused.status, 401)
  t.is(refused.headers['access-control-allow-origin'], origin.Origin)
  for (const method of ['OPTIONS', 'POST']) {
    const stranger = await offerTo(gateway, {
      method,
      headers: { ...headers, Origin: 'https://evil.example' },
    })
    t.is(stranger.status, 403)
    t.is(stranger.headers['access-control-allow-origin'], undefined)
  }
})

test('a replica that drains makes no more keys and calls, and still hangs up', async t => {
  const gateway = await gatewayFor(t, { ...env, DRAIN_LAME_DUCK_MS: '60000' })
  const headers = { ...by(ada), ...sdpType }
  const call = await offerTo(gateway, { headers, body: await someOffer(t) })
  const talk = await converse(t, `${gateway.socketUrl}/chat`, { headers: by(ada) })
  void gateway.drain()
  await talk.until('server.draining')
  for (const path of ['/v1/realtime/calls', secrets]) {
    const refused = await offerTo(gateway, { path, headers })
    t.is(refused.status, 503)
    t.is(refused.headers['retry-after'], '1')
    t.is(refusalIn(refused).error.code, 'draining')
  }
  t.is((await offerTo(gateway, { path: `${call.headers.location}/hangup`, headers })).status, 200)
})
