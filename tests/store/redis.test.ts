/** The store in Redis, when Redis or the line to it is away. */
import { execFileSync } from 'node:child_process'
import test from 'ava'
import { createClient } from 'redis'
import { createRedisStore } from '../../runtime/store/redis.ts'
import type { Store } from '../../runtime/store/store.ts'
import { gatewayFor } from '../gateway/start.ts'
import { until } from '../gateway/within.ts'
import { disturbedLine } from './disturbed-line.ts'
import { insist, minute, patient, quiet, ready } from './patience.ts'
import { type RedisServer, redisServer } from './redis-server.ts'

const longerThanACommandMs = 1200

test('redis: while it is away commands fail at once with the reason, and it heals by itself', async t => {
  const server = await redisServer(t)
  const store = await ready(createRedisStore({ url: server.url, log: quiet, ...patient }))
  t.teardown(() => store.close())
  await store.set('a', 'one', minute)
  await server.kill()
  await until(() => store.unavailable() !== null, 'the store does not find that Redis is away')
  const fault = await t.throwsAsync(store.get('a'))
  t.like(fault, { code: 'store_unavailable', status: 503 })
  await server.restart()
  await ready(store)
  await store.set('a', 'two', minute)
  t.is(await store.get('a'), 'two')
})

test('redis: a gateway starts while Redis is not there, and finds it later', async t => {
  const server = await redisServer(t)
  await server.kill()
  const store = createRedisStore({ url: server.url, log: quiet })
  t.teardown(() => store.close())
  t.is(store.unavailable(), 'Redis cannot be reached')
  await server.restart()
  await ready(store)
  t.is(store.unavailable(), null)
})

test('redis: an answer that came while this process itself was held up counts', async t => {
  const { url } = await redisServer(t)
  const store = await ready(createRedisStore({ url, log: quiet }))
  t.teardown(() => store.close())
  await insist(store, () => store.set('ticket', 'mine', minute))
  const taken = store.take('ticket')
  await new Promise(resolve => setImmediate(resolve))
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, longerThanACommandMs)
  // Once Redis answers somebody who came later, its answer to the one before is there.
  execFileSync('redis-cli', ['-u', url, 'PING'])
  t.is(await taken, 'mine')
})

test('redis: a connection whose peer has gone without a word is given up for another', async t => {
  const line = await disturbedLine(t, (await redisServer(t)).url)
  const patience = { commandTimeoutMs: 100, silentMs: 1000 }
  const store = createRedisStore({ url: line.url, ...patience, log: quiet })
  t.teardown(() => store.close())
  await insist(store, () => store.set('a', 'one', minute))
  line.silence()
  await until(async () => {
    await t.throwsAsync(store.get('a'), { message: /^Redis (does not answer|cannot be reached)$/ })
    return store.unavailable() !== null
  }, 'the store does not find that Redis is silent')
  t.is(await insist(store, () => store.get('a')), 'one')
})

test('redis: likewise a connection on which nonsense was heard', async t => {
  const line = await disturbedLine(t, (await redisServer(t)).url)
  const store = await ready(createRedisStore({ url: line.url, log: quiet }))
  t.teardown(() => store.close())
  await insist(store, () => store.set('a', 'one', minute))
  line.garble()
  await until(() => store.unavailable() !== null, 'the store does not find that Redis is away')
  t.is(await insist(store, () => store.get('a')), 'one')
})

const quota = { entries: 1, bytes: 1 }
/** Everything that is asked of a store. */
const commands: readonly (readonly [name: string, run: (store: Store) => Promise<unknown> | undefined])[] = [
  ['get', store => store.get('a')],
  ['set', store => store.set('a', 'x', minute)],
  ['compareAndSet', store => store.compareAndSet('a', 0, 'x', minute)],
  ['claim', store => store.claim('a', 'x', minute)],
  ['renew', store => store.renew('a', 'x', minute)],
  ['take', store => store.take('a')],
  ['increment', store => store.increment('a', 1, minute)],
  ['delete', store => store.delete('a')],
  ['create', store => store.create('a', { b: 1 }, minute)],
  ['createUnlessThere', store => store.createUnlessThere('a', { b: 1 }, minute)],
  ['read', store => store.read('a')],
  ['update', store => store.update('a', { set: { b: 1 } }, minute)],
  ['updateAndRead', store => store.updateAndRead('a', { set: { b: 1 } }, minute)],
  ['accumulate', store => store.accumulate('a', { b: 1 }, minute)],
  ['list', store => store.list('a', 'x', minute)],
  ['enlist', store => store.enlist('a', 'x', 1, minute)],
  ['unlist', store => store.unlist('a', 'x')],
  ['page', store => store.page('a', 0, 1)],
  ['charge', store => store.charge('a', 'x', { bytes: 1, ttlMs: minute }, quota)],
  ['discharge', store => store.discharge('a', 'x')],
  ['publishUnits', store => store.publishUnits?.('a', 'x', 1, minute)],
]

for (const [name, run] of commands) {
  test(`redis: ${name} fails by name where Redis cannot be reached`, async t => {
    const store = createRedisStore({ url: 'redis://127.0.0.1:9', log: quiet })
    t.teardown(() => store.close())
    t.like(await t.throwsAsync(Promise.resolve(run(store))), {
      code: 'store_unavailable',
      message: 'Redis cannot be reached',
    })
  })
}

test.serial('redis: a replica whose clock is ahead takes nothing from the others', async t => {
  const { url } = await redisServer(t)
  const store = await ready(createRedisStore({ url, log: quiet, ...patient }))
  t.teardown(() => store.close())
  t.true(await insist(store, () => store.enlist('slots', 'first', 1, minute)))
  await store.list('calls', 'first', minute)
  const { now } = Date
  t.teardown(() => {
    Date.now = now
  })
  Date.now = () => now() + 2 * minute
  t.false(await store.enlist('slots', 'second', 1, minute))
  t.deepEqual(await store.page('calls', 0, 10), { members: ['first'], total: 1 })
  // Those of one millisecond come in the order of their names.
  await store.list('calls', 'second', minute)
  Date.now = () => now() - 2 * minute
  await store.list('calls', 'third', minute)
  Date.now = now
  t.deepEqual(await store.page('calls', 0, 10), { members: ['first', 'second', 'third'], total: 3 })
})

test('redis: two stores see the same entries', async t => {
  const { url } = await redisServer(t)
  const [one, two] = [
    await ready(createRedisStore({ url, log: quiet, ...patient })),
    await ready(createRedisStore({ url, log: quiet, ...patient })),
  ]
  t.teardown(() => Promise.all([one.close(), two.close()]).then(() => undefined))
  await one.set('a', 'shared', minute)
  t.is(await two.take('a'), 'shared')
})

test('redis: nothing that is written stays for ever', async t => {
  const { url } = await redisServer(t)
  const store = await ready(createRedisStore({ url, log: quiet, ...patient }))
  t.teardown(() => store.close())
  const quota = { entries: 9, bytes: 99 }
  await store.set('value', 'x', minute)
  await store.claim('claim', 'x', minute)
  await store.renew('claim', 'x', 2 * minute)
  await store.increment('counter', 1, minute)
  await store.increment('counter', 1, minute)
  await store.create('record', { a: 1 }, minute)
  await store.update('record', { set: { b: 1 } }, minute)
  await store.createUnlessThere('new record', { a: 1 }, minute)
  await store.enlist('new names', 'a', 1, minute)
  await store.list('names', 'a', minute)
  await store.list('names', 'b', minute)
  await store.charge('ada', 'a', { bytes: 1, ttlMs: minute }, quota)
  await store.publishUnits?.('revision', 'replica', 1.5, minute)
  const client = createClient({ url })
  await client.connect()
  t.teardown(() => client.destroy())
  const keys = await client.keys('*')
  t.true(keys.length >= 12, keys.join())
  for (const key of keys) {
    const leftMs = Number(await client.pTTL(key))
    t.true(leftMs > 0 && leftMs <= 2 * minute, `${key} lives for ${leftMs} ms`)
  }
})

/** How Redis fails while the connection to it stands, and what undoes that. */
const failures: [what: string, reason: string, fail: Act, heal: Act][] = [
  [
    'is out of memory',
    'Redis refuses writes: it is out of memory',
    server => server.command('CONFIG', 'SET', 'maxmemory', '1'),
    server => server.command('CONFIG', 'SET', 'maxmemory', '0'),
  ],
  [
    'is a read-only replica',
    'Redis refuses writes: it is read-only',
    server => server.command('REPLICAOF', '127.0.0.1', '1'),
    server => server.command('REPLICAOF', 'NO', 'ONE'),
  ],
  ['does not answer', 'Redis does not answer', server => server.suspend(), server => server.resume()],
]
type Act = (server: RedisServer) => void

const soon = { commandTimeoutMs: 1000, probeMs: 100 }

for (const [what, reason, fail, heal] of failures) {
  test(`redis: when it ${what} the store is unavailable and says so, also while nobody asks anything of it`, async t => {
    const server = await redisServer(t)
    t.teardown(() => server.resume())
    const store = await ready(createRedisStore({ url: server.url, log: quiet, ...soon }))
    t.teardown(() => store.close())
    await insist(store, () => store.set('a', 'one', minute))
    const untilSaid = (expected: string | null) =>
      until(() => store.unavailable() === expected, `the store does not say ${expected}`)
    fail(server)
    await untilSaid(reason)
    t.like(await t.throwsAsync(store.set('a', 'two', minute)), {
      code: 'store_unavailable',
      status: 503,
      message: reason,
    })
    heal(server)
    await untilSaid(null)
    await insist(store, () => store.set('a', 'three', minute))
    t.is(await insist(store, () => store.get('a')), 'three')
  })
}

for (const [what, reason, fail, heal] of failures)
  test(`redis: /readyz is 503 with the reason while Redis ${what}, and 200 when it does not any more`, async t => {
    const server = await redisServer(t)
    t.teardown(() => server.resume())
    const gateway = await gatewayFor(t, { REDIS_URL: server.url })
    const untilAnswered = async (status: number) => {
      let said: string | undefined
      await until(async () => {
        const answer = await fetch(`${gateway.url}/readyz`)
        said = ((await answer.json()) as { reason?: string }).reason
        return answer.status === status
      }, `/readyz is not ${status}`)
      return said
    }
    await untilAnswered(200)
    fail(server)
    t.is(await untilAnswered(503), reason)
    t.is((await fetch(`${gateway.url}/healthz`)).status, 200)
    heal(server)
    await untilAnswered(200)
  })

test('redis: a command that Redis refuses for what it says is a fault of ours, and Redis stays available', async t => {
  const server = await redisServer(t)
  const store = await ready(createRedisStore({ url: server.url, log: quiet, ...soon, ...patient }))
  t.teardown(() => store.close())
  await insist(store, () => store.set('text', 'no number', minute))
  t.like(await t.throwsAsync(store.increment('text', 1, minute)), { message: 'Redis refused a command' })
  t.is(store.unavailable(), null)
})
