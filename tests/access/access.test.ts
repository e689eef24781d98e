/** Access as a whole: tickets for whoever asks, what is stored for whom, and what the operator is told. */
import test, { type ExecutionContext } from 'ava'
import { type AccessOptions, createAccess } from '../../runtime/access/access.ts'
import { readConfig } from '../../runtime/config/config.ts'
import { GatewayError } from '../../runtime/core/errors.ts'
import type { Principal } from '../../runtime/core/ports.ts'
import { createMetrics } from '../../runtime/observability/metrics.ts'
import type { HttpRequest } from '../../runtime/server/http.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { silentAccounts } from '../usage/accounts.ts'
import { createClock } from './clock.ts'

const alice: Principal = { name: 'key:alice', by: 'key' }
const keys = { GATEWAY_AUTH: 'key', GATEWAY_API_KEYS: 'alice:the-secret-of-alice' }

function stage(
  t: ExecutionContext,
  env: Record<string, string> = keys,
  more: Pick<AccessOptions, 'checkAssistant'> = {},
) {
  const clock = createClock(0)
  const store = createMemoryStore({ now: clock.now })
  t.teardown(() => store.close())
  const lines: unknown[] = []
  const metrics = createMetrics({ revision: 'r', replica: 'r' })
  const access = createAccess({
    ...{ now: clock.now, coarseNow: clock.now, after: clock.after, every: clock.every },
    ...{ config: readConfig(env).access, store, metrics, accounts: silentAccounts() },
    log: {
      info: () => undefined,
      warn: (event, fields) => void lines.push({ event, ...fields }),
      error: () => undefined,
    },
    ...more,
  })
  const askTicket = async (
    body: unknown,
    who: Pick<HttpRequest, 'principal'> = { principal: alice },
    address = '192.0.2.1',
  ) => {
    const answer = await access.ticket({
      ...{ method: 'POST', path: '/ticket', id: '', query: new URLSearchParams(), address, ...who },
      headers: new Map([['content-type', 'application/json']]),
      body: Buffer.from(JSON.stringify(body)),
    })
    t.is(answer.status, 200)
    return JSON.parse(String(answer.body)) as { ticket: string; expires_in: number }
  }
  /** @returns who comes by a credential to a path, or the code of the refusal */
  const come = async (path: string, credential: { ticket: string } | { key: string }) => {
    const isTicket = 'ticket' in credential
    const asked = {
      ...{ path, subprotocols: [], address: '192.0.2.1' },
      query: new URLSearchParams(isTicket ? { ticket: credential.ticket } : {}),
      headers: new Map(isTicket ? [] : [['authorization', `Bearer ${credential.key}`]]),
    }
    let who: Principal | undefined
    const admit = access.admission.admit(async ({ principal }) => {
      who = principal
      throw new GatewayError('draining', 'as told')
    })
    const { code } = (await t.throwsAsync(Promise.resolve(admit(asked)))) as GatewayError
    return code === 'draining' ? who : code
  }
  return { access, askTicket, come, clock, lines, metrics }
}

test('a ticket speaks for who asked for it, for as long as is said', async t => {
  const { askTicket, come, clock } = stage(t, { ...keys, TICKET_TTL_SEC: '90' })
  const [first, second] = [await askTicket({}), await askTicket({})]
  t.is(first.expires_in, 90)
  t.deepEqual(await come('/chat', first), alice)
  t.is(await come('/chat', first), 'unauthorized')
  clock.advance(90_000)
  t.is(await come('/chat', second), 'unauthorized')
})

test('a ticket for an assistant is of that one, and one for none is of none', async t => {
  const checked: unknown[][] = []
  const { askTicket, come } = stage(t, keys, { checkAssistant: (...given) => void checked.push(given) })
  t.deepEqual(await come('/chat', await askTicket({ assistant: 'cafe' })), { ...alice, assistant: 'cafe' })
  t.deepEqual(checked, [['cafe', alice]])
  t.deepEqual(await come('/chat', await askTicket({})), alice)
  t.is(checked.length, 1)
})

test('a ticket for an assistant that may not be used, or is none, is not issued', async t => {
  const { askTicket } = stage(t)
  await t.throwsAsync(askTicket({ assistant: 'cafe' }), {
    code: 'not_found',
    message: 'There is no assistant "cafe"',
  })
  for (const assistant of ['', 7, 'x'.repeat(1000)])
    await t.throwsAsync(askTicket({ assistant }), { code: 'bad_request' })
  const { askTicket: askElsewhere } = stage(t, keys, {
    checkAssistant: () => {
      throw new GatewayError('forbidden', 'no')
    },
  })
  await t.throwsAsync(askElsewhere({ assistant: 'cafe' }), { code: 'forbidden' })
})

/** A bound that is reached is told by whose it is, in the log and in the metrics. */
const stores: [
  env: Record<string, string>,
  who: Pick<HttpRequest, 'principal'>,
  share: string,
  whose: string,
][] = [
  [keys, { principal: alice }, 'credential:key:alice', 'credential'],
  [{}, {}, 'address:192.0.2.1', 'address'],
]
for (const [env, who, share, whose] of stores) {
  test(`what one ${whose} has stored is bounded, and told as the ${whose}'s`, async t => {
    const { askTicket, lines, metrics } = stage(t, { ...env, LIMIT_STORED_ENTRIES_PER_OWNER: '20' })
    for (let n = 0; n < 20; n += 1) await askTicket({}, who)
    await t.throwsAsync(askTicket({}, who), { code: 'limit_reached' })
    const other = { principal: { name: 'key:bob', by: 'key' } } as const
    await t.notThrowsAsync(askTicket({}, whose === 'credential' ? other : {}, '192.0.2.2'))
    t.deepEqual(
      lines.filter(line => (line as { event: string }).event === 'limit.reached'),
      [{ event: 'limit.reached', limit: 'stored', share }],
    )
    const told = new RegExp(`gateway_limits_reached_total\\{limit="stored_per_${whose}".*\\} 1\\n`)
    t.regex(await metrics.render(), told)
  })
}

test('a limit that is reached is told by its kind and whose it is', async t => {
  const { come, lines, metrics } = stage(t, { ...keys, LIMIT_UPGRADES_PER_MINUTE_PER_CREDENTIAL: '1' })
  t.deepEqual(await come('/chat', { key: 'the-secret-of-alice' }), alice)
  t.is(await come('/chat', { key: 'the-secret-of-alice' }), 'limit_reached')
  t.deepEqual(lines.at(-1), { event: 'limit.reached', limit: 'upgrades', share: 'credential:key:alice' })
  t.regex(await metrics.render(), /gateway_limits_reached_total\{limit="upgrades_per_credential".*\} 1\n/)
})

test('an ephemeral key opens the addresses of the SDKs alone, sockets and calls, for who had it minted', async t => {
  const { access, come } = stage(t)
  const minted = { owner: alice, model: 'voice', pinned: '{}', assistant: 'cafe' }
  await access.ephemeralKeys.remember('ek_one', minted, 600, 'credential:key:alice')
  const whom = { ...alice, by: 'ephemeral', assistant: 'cafe' }
  for (const path of [
    ...['/v1/realtime', '/openai/v1/realtime', '/openai/realtime', '/v1/realtime/calls'],
    ...['/openai/v1/realtime/calls', '/v1/realtime/translations', '/v1/realtime/translations/calls'],
  ])
    t.deepEqual(await come(path, { key: 'ek_one' }), whom as Principal, path)
  for (const path of ['/chat', '/realtime', '/sideband/session', '/ticket'])
    t.is(await come(path, { key: 'ek_one' }), 'unauthorized', path)
  t.is(await come('/v1/realtime', { key: 'ek_two' }), 'unauthorized')
})

test('a token is refused where no tokens are taken', async t => {
  const { come, lines } = stage(t)
  t.is(await come('/chat', { key: 'a.b.c' }), 'unauthorized')
  t.like(lines.at(-1), { event: 'access.refused', reason: 'key: unknown' })
})

test('what an operator should know is told at the start', t => {
  const { lines } = stage(t, { HOST: '0.0.0.0' })
  t.true(lines.length > 0)
  for (const line of lines) t.like(line, { event: 'access.warning' })
})
