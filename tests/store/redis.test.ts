/** The store in Redis, when Redis or the line to it is away. */
import { execFileSync } from 'node:child_process'
import test from 'ava'
import { createRedisStore } from '../../runtime/store/redis.ts'
import { disturbedLine } from './disturbed-line.ts'
import { insist, minute, patient, quiet, ready } from './patience.ts'
import { redisServer } from './redis-server.ts'

const longerThanACommandMs = 1200

test('redis: while it is away commands fail at once with the reason, and it heals by itself', async t => {
  const server = await redisServer(t)
  const store = await ready(createRedisStore({ url: server.url, log: quiet, ...patient }))
  t.teardown(() => store.close())
  await store.set('a', 'one', minute)
  await server.kill()
  while (store.unavailable() === null) await new Promise(resolve => setTimeout(resolve, 5))
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
  while (store.unavailable() === null)
    await t.throwsAsync(store.get('a'), { message: 'Redis did not answer' })
  t.is(await insist(store, () => store.get('a')), 'one')
})

test('redis: likewise a connection on which nonsense was heard', async t => {
  const line = await disturbedLine(t, (await redisServer(t)).url)
  const store = await ready(createRedisStore({ url: line.url, log: quiet }))
  t.teardown(() => store.close())
  await insist(store, () => store.set('a', 'one', minute))
  line.garble()
  while (store.unavailable() === null) await new Promise(resolve => setImmediate(resolve))
  t.is(await insist(store, () => store.get('a')), 'one')
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
