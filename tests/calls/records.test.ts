/** What is kept of calls, for how long, and who counts. */
import test from 'ava'
import { createCallActivity } from '../../runtime/calls/activity.ts'
import { CallRecords } from '../../runtime/calls/records.ts'
import { createMetrics } from '../../runtime/observability/metrics.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { openStore } from '../../runtime/store/open.ts'
import { StorageQuota } from '../../runtime/store/storage-quota.ts'
import type { Store } from '../../runtime/store/store.ts'
import { until } from '../gateway/within.ts'
import { noQuota } from '../store/no-quota.ts'
import { redisServer } from '../store/redis-server.ts'
import { silentAccounts } from '../usage/accounts.ts'

const nothing = { eventsFrom: 0, eventsTo: 0, inputTokens: 0, outputTokens: 0, lastEventType: '' }
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }

async function madeCall(store: Store) {
  const records = new CallRecords({ store, quota: noQuota, provider: 'simulator', ttlMs: 1000 })
  const session = await records.find(await records.create('ada', 'credential:ada'), 'ada')
  await records.connect(session, { callId: 'rtc_1', model: 'm', pinned: '{}', address: '127.0.0.1' })
  return { records, record: await records.find(session.sessionId, 'ada') }
}

test('a call that something happens in can be found by its id for as long as its session is known', async t => {
  let now = 0
  const store = createMemoryStore({ now: () => now })
  t.teardown(() => store.close())
  const { records, record } = await madeCall(store)
  for (let part = 0; part < 5; part += 1) {
    now += 600
    t.true(await records.note(record, nothing))
  }
  t.is((await records.findCall('rtc_1', 'ada')).sessionId, record.sessionId)
  now += 1001
  await t.throwsAsync(records.findCall('rtc_1', 'ada'), { code: 'call_not_found' })
})

test('a session counts for its account for as long as it is known, and ten minutes after its end', async t => {
  let now = 0
  const clock = () => now
  const store = createMemoryStore({ now: clock })
  t.teardown(() => store.close())
  const quota = new StorageQuota({
    store,
    quotaOf: () => ({ entries: 1, bytes: 100_000 }),
    onReached: () => undefined,
  })
  const records = new CallRecords({ store, quota, provider: 'simulator', ttlMs: 1000, now: clock })
  const create = () => records.create('ada', 'credential:ada')
  const session = await records.find(await create(), 'ada')
  await records.connect(session, { callId: 'rtc_1', model: 'm', pinned: '{}', address: '127.0.0.1' })
  const record = await records.find(session.sessionId, 'ada')
  for (let part = 0; part < 5; part += 1) {
    now += 600
    await records.note(record, nothing)
    await t.throwsAsync(create(), { code: 'limit_reached' })
  }
  await t.throwsAsync(records.pin(record, 'x'.repeat(100_000)), { code: 'limit_reached' })
  await records.end(record, 'over')
  now += 599_999
  await t.throwsAsync(create(), { code: 'limit_reached' })
  now += 1
  await t.notThrowsAsync(create())
})

test('what comes while a lost session is written anew is counted once', async t => {
  const store = createMemoryStore({ now: () => 0 })
  t.teardown(() => store.close())
  const { records, record } = await madeCall(store)
  const parts = {
    records,
    holder: 'h',
    log: silent,
    metrics: createMetrics({ revision: 'r', replica: 'r' }),
    spend: async () => null,
    accounts: silentAccounts(),
  }
  const activity = createCallActivity(parts, record, { onSpent: () => undefined })
  const hear = () => activity.noteEvent('x', Buffer.from('{"type":"x"}'))
  activity.start()
  await store.delete(`session:${record.sessionId}`)
  hear()
  const restored = records.restore.bind(records)
  records.restore = (...given) => {
    hear()
    return restored(...given)
  }
  await activity.stop()
  await activity.stop()
  t.is((await records.find(record.sessionId, 'ada')).eventsFrom, 2)
})

for (const kind of ['memory', 'Redis'] as const) {
  test(`the sessions of several owners come page by page, each once: ${kind}`, async t => {
    const store = await openStore(
      kind === 'memory' ? null : { url: (await redisServer(t)).url, auth: 'url' },
      silent,
    )
    t.teardown(() => store.close())
    await until(() => store.unavailable() === null, 'the store is not there')
    const records = new CallRecords({ store, quota: noQuota, provider: 'simulator', ttlMs: 60_000 })
    const made: string[] = []
    for (const owner of ['ada', 'ada', 'telephone', 'telephone', 'telephone', 'bob'])
      made.push(await records.create(owner, `credential:${owner}`))
    const seen: string[][] = []
    for (const offset of [0, 2, 4, 6]) {
      const { records: page, total } = await records.page(['ada', 'telephone'], offset, 2)
      t.is(total, 5)
      seen.push(page.map(({ sessionId }) => sessionId))
    }
    t.deepEqual(
      seen.map(page => page.length),
      [2, 2, 1, 0],
    )
    t.deepEqual(seen.flat().sort(), made.slice(0, 5).sort())
  })
}
