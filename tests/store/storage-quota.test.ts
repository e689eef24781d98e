/** What is charged to whom, and what happens to who has stored too much. */
import test from 'ava'
import { StorageQuota } from '../../runtime/store/storage-quota.ts'

const quota = { entries: 3, bytes: 2 * 1024 * 1024 }

function stage(hasRoom = true, isStoreAway = false) {
  const told: unknown[] = []
  const answer = async (...given: unknown[]) => {
    told.push(given)
    if (isStoreAway) throw new Error('away')
    return hasRoom
  }
  const storage = new StorageQuota({
    store: { charge: answer, discharge: answer as never },
    quotaOf: account => (account === 'free' ? null : quota),
    onReached: account => void told.push(`${account} has reached it`),
  })
  return { storage, told }
}

test('an entry is charged with its length and what the store keeps beside it', async t => {
  const { storage, told } = stage()
  await storage.charge('ada', 'key', 100, 10.2)
  t.deepEqual(told, [['ada', 'key', { bytes: 600, ttlMs: 11 }, quota]])
})

test('who has stored all that may be is refused, told when to try again, and noted', async t => {
  const { storage, told } = stage(false)
  const error = await t.throwsAsync(storage.charge('ada', 'key', 1, 1), { message: /3 tickets.* or 2 MiB/ })
  t.like(error, { code: 'limit_reached', retryAfterMs: 60_000 })
  t.is(told.at(-1), 'ada has reached it')
})

test('what is gone is discharged, whether the store hears it or not', async t => {
  const { storage, told } = stage()
  await storage.discharge('ada', 'key')
  t.deepEqual(told, [['ada', 'key']])
  await t.notThrowsAsync(stage(true, true).storage.discharge('ada', 'key'))
})

test('who has no quota is charged nothing', async t => {
  const { storage, told } = stage(false)
  await storage.charge('free', 'key', 1, 1)
  await storage.discharge('free', 'key')
  t.deepEqual(told, [])
})
