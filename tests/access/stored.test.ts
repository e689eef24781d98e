/** What one owner may have stored at once: over it that owner is refused, and the others go on. */
import test, { type ExecutionContext } from 'ava'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { someOffer } from '../calls/caller.ts'
import { converse } from '../gateway/converse.ts'
import { gatewayFor, gatewayOn } from '../gateway/start.ts'
import { untilReady } from '../gateway/within.ts'
import { redisServer } from '../store/redis-server.ts'
import { type Answer, knockHttp } from './upgrade-attempts.ts'

const twoKeys = { GATEWAY_API_KEYS: 'alice:the-secret-of-alice,bob:the-secret-of-bob' }
const as = (name: string) => ({ 'api-key': `the-secret-of-${name}` })
const few = { LIMIT_STORED_ENTRIES_PER_OWNER: '20' }

/** Every request by which a caller has something stored. */
const creations: [path: string, body: object][] = [
  ['/sideband/session', {}],
  ['/ticket', {}],
  ['/sideband/ephemeral-key', {}],
  ['/v1/realtime/client_secrets', {}],
]

function post(
  url: string,
  path: string,
  headers: Record<string, string>,
  body: object = {},
): Promise<Answer> {
  const type = { 'Content-Type': 'application/json' }
  return knockHttp(url, {
    method: 'POST',
    path,
    headers: { ...type, ...headers },
    body: JSON.stringify(body),
  })
}

async function manyTimes(times: number, ask: () => Promise<Answer>): Promise<Answer[]> {
  return Promise.all(Array.from({ length: times }, ask))
}

function checkBounded(t: ExecutionContext, answers: readonly Answer[], bound: number) {
  const refused = answers.filter(({ status }) => status !== 200)
  t.is(answers.length - refused.length, bound)
  for (const { status, headers, body } of refused) {
    t.is(status, 429)
    t.is(headers['retry-after'], '60')
    t.regex(JSON.parse(body).detail, /^All that you may have stored here at once is stored \(20 /)
  }
}

for (const [path, body] of creations) {
  test(`POST ${path}: a credential that has stored its part is refused, and another one is not`, async t => {
    const { url, lines } = await gatewayFor(t, { ...twoKeys, ...few })
    checkBounded(t, await manyTimes(50, () => post(url, path, as('alice'), body)), 20)
    for (const [other] of creations) t.is((await post(url, other, as('alice'))).status, 429, other)
    t.is((await post(url, path, as('bob'), body)).status, 200)
    t.is((await knockHttp(url, { path: '/readyz' })).status, 200)
    t.deepEqual(lines.find(({ event }) => event === 'limit.reached')?.fields, {
      limit: 'stored',
      share: 'credential:key:alice',
    })
  })
}

test('with Redis the part of one owner is bounded likewise, over all replicas', async t => {
  const { url: REDIS_URL } = await redisServer(t)
  const replicas = [
    await gatewayFor(t, { ...twoKeys, ...few, REDIS_URL }),
    await gatewayFor(t, { ...twoKeys, ...few, REDIS_URL }),
  ]
  for (const { url } of replicas) await untilReady(url)
  const rounds = replicas.map(({ url }) => manyTimes(25, () => post(url, '/sideband/session', as('alice'))))
  checkBounded(t, (await Promise.all(rounds)).flat(), 20)
  for (const { url } of replicas) t.is((await post(url, '/sideband/session', as('bob'))).status, 200)
})

test('where no credential is asked for, each address has its own part', async t => {
  const { url } = await gatewayFor(t, { ...few, TRUSTED_PROXIES: '127.0.0.0/8' })
  const from = (address: string) => ({ 'X-Forwarded-For': address })
  checkBounded(t, await manyTimes(50, () => post(url, '/sideband/session', from('2001:db8::1'))), 20)
  t.is((await post(url, '/sideband/session', from('2001:db8::2'))).status, 429)
  t.is((await post(url, '/sideband/session', from('203.0.113.8'))).status, 200)
})

test('a call that finds no room for its session is ended, and its maker is told why', async t => {
  const { url, logged } = await gatewayFor(t, { ...twoKeys, LIMIT_STORED_ENTRIES_PER_OWNER: '1' })
  const headers = { ...as('alice'), 'Content-Type': 'application/sdp' }
  const answer = await knockHttp(url, {
    method: 'POST',
    path: '/v1/realtime/calls',
    headers,
    body: await someOffer(t),
  })
  t.is(answer.status, 429)
  t.regex(JSON.parse(answer.body).detail, /^All that you may have stored/)
  await logged('limit.reached', ({ limit }) => limit === 'stored')
})

test('keys are counted by their size, too', async t => {
  const { url } = await gatewayFor(t, { ...twoKeys, LIMIT_STORED_MB_PER_OWNER: '1' })
  const body = { session: { type: 'realtime', instructions: 'x'.repeat(200_000) } }
  const statuses = []
  for (let n = 0; n < 8; n += 1)
    statuses.push((await post(url, '/v1/realtime/client_secrets', as('alice'), body)).status)
  t.deepEqual(statuses, [200, 200, 200, 200, 200, 429, 429, 429])
  t.is((await post(url, '/v1/realtime/client_secrets', as('bob'), body)).status, 200)
})

test('a conversation that finds no room is not kept: its client gets no ticket, and goes on', async t => {
  const { url, socketUrl } = await gatewayFor(t, { ...twoKeys, ...few })
  const talk = async (name: string) => {
    const client = await converse(t, `${socketUrl}/chat?resume=`, { headers: as(name) })
    client.send({ type: 'heartbeat' })
    return client
  }
  const first = await talk('alice')
  await first.until('session.ticket')
  await manyTimes(19, () => post(url, '/ticket', as('alice')))
  const late = await talk('alice')
  t.is((await late.next()).type, 'heartbeat-ack')
  late.send({ text: 'hello' })
  const heard = await late.until('transcript-delta')
  t.false(heard.some(({ type }) => type === 'session.ticket'))
  const bob = await talk('bob')
  await t.notThrowsAsync(bob.until('session.ticket'))
})

test('/readyz says when the store is nearly full, and is 200 again when it is not', async t => {
  const store = createMemoryStore({ maxEntries: 10 })
  const gateway = await gatewayOn(t, store)
  for (let n = 0; n < 10; n += 1) await store.set(`key ${n}`, 'x', 60_000)
  const full = await knockHttp(gateway.url, { path: '/readyz' })
  t.is(full.status, 503)
  t.is(JSON.parse(full.body).reason, 'The store is nearly full: 10 of 10 entries')
  t.is((await post(gateway.url, '/sideband/session', {})).status, 503)
  await store.delete('key 1')
  t.is((await knockHttp(gateway.url, { path: '/readyz' })).status, 200)
})
