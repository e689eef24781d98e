/** What an autoscaler reads of a revision's replicas: the length of a Redis list. */
import { execFileSync } from 'node:child_process'
import test, { type ExecutionContext } from 'ava'
import { unitsKey } from '../../runtime/core/contract.ts'
import { publishLoad, unitsOf } from '../../runtime/gateway/published-load.ts'
import type { Log } from '../../runtime/observability/log.ts'
import { createRedisStore } from '../../runtime/store/redis.ts'
import type { Store } from '../../runtime/store/store.ts'
import { minute, patient, quiet, ready } from '../store/patience.ts'
import { redisServer } from '../store/redis-server.ts'
import { until } from './within.ts'

/** As KEDA's redis scaler reads it. */
const lengthOf = (url: string, group: string) =>
  Number(execFileSync('redis-cli', ['-u', url, 'LLEN', unitsKey(group)], { encoding: 'utf8' }))

async function untilLength(url: string, group: string, length: number): Promise<void> {
  const deadline = performance.now() + minute
  while (lengthOf(url, group) !== length) {
    if (performance.now() > deadline)
      throw new Error(`the list has ${lengthOf(url, group)} entries, not ${length}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

async function open(t: ExecutionContext): Promise<{ url: string; store: Store }> {
  const { url } = await redisServer(t)
  const store = await ready(createRedisStore({ url, log: quiet, ...patient }))
  t.teardown(() => store.close())
  return { url, store }
}

test('a full replica has ten units, by its sessions or by its event loop, shared by its processes', t => {
  const of = (sessions: number, loopDelayP99Ms: number, processes = 1) =>
    unitsOf({ sessions, loopDelayP99Ms }, { sessionsPerReplica: 500, processes })
  t.is(of(500, 0), 10)
  t.is(of(250, 10), 5)
  t.is(of(10, 100), 10, 'a late event loop fills a replica with few sessions')
  t.is(of(10, 60_000), 30, 'but asks for three at the most')
  t.is(of(0, 60_000), 0, 'and nobody needs a replica without sessions')
  t.is(of(250, 0, 2) + of(250, 0, 2), 10, 'two processes of a full replica')
  t.is(of(0, 0, 2) + of(500, 0, 2), 10, 'however the kernel spread them')
})

test('the list has as many entries as all members have units, rounded up once', async t => {
  const { url, store } = await open(t)
  await store.publishUnits?.('blue', 'a', 2.4, minute)
  await store.publishUnits?.('blue', 'b', 0.3, minute)
  await store.publishUnits?.('green', 'a', 7, minute)
  t.is(lengthOf(url, 'blue'), 3)
  t.is(lengthOf(url, 'green'), 7, 'another revision has a list of its own')
  await store.publishUnits?.('blue', 'a', 12, minute)
  t.is(lengthOf(url, 'blue'), 13)
  await store.publishUnits?.('blue', 'a', 1, minute)
  t.is(lengthOf(url, 'blue'), 2)
  await store.publishUnits?.('blue', 'a', 0, minute)
  await store.publishUnits?.('blue', 'b', 0, minute)
  t.is(lengthOf(url, 'blue'), 0)
})

test('a member that was killed counts no more once its time is over', async t => {
  const { url, store } = await open(t)
  await store.publishUnits?.('blue', 'dead', 9, 50)
  await store.publishUnits?.('blue', 'alive', 1, minute)
  await new Promise(resolve => setTimeout(resolve, 60))
  await store.publishUnits?.('blue', 'alive', 1, minute)
  t.is(lengthOf(url, 'blue'), 1)
})

test('a process publishes its sessions at an interval, and goes off the list when it drains', async t => {
  const { url, store } = await open(t)
  const traffic = { sessionsOpen: 0 }
  const published = { store, traffic, log: quiet, sessionsPerReplica: 10, processes: 1, intervalMs: 20 }
  const [stopOne, stopTwo] = ['one', 'two'].map(member =>
    publishLoad({ ...published, group: 'blue', member }),
  )
  const running = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(running))
  // A late event loop of this busy process would add units: so many sessions are above what it may ask for.
  traffic.sessionsOpen = 40
  await untilLength(url, 'blue', 80)
  stopOne?.()
  stopOne?.()
  await untilLength(url, 'blue', 40)
  stopTwo?.()
  await t.notThrowsAsync(untilLength(url, 'blue', 0))
})

test('a store that is away is told to the log, and harms nobody', async t => {
  const told: string[] = []
  const log: Log = { ...quiet, warn: event => told.push(event) }
  const store = { publishUnits: () => Promise.reject(new Error('away')) }
  const traffic = { sessionsOpen: 1 }
  const stop = publishLoad({
    store,
    traffic,
    log,
    sessionsPerReplica: 1,
    processes: 1,
    group: 'a',
    member: 'b',
    intervalMs: 5,
  })
  t.teardown(stop)
  await until(() => told.length >= 2, 'the load is not told twice')
  t.is(told[0], 'load.unpublished')
})
