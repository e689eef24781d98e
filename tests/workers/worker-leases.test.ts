import test from 'ava'
import { serveStore } from '../../runtime/store/ipc.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { WorkerLeases } from '../../runtime/workers/worker-leases.ts'

const ttlMs = 60_000

test('the session slots of a worker that was killed are free at once; what it stored for others stays', async t => {
  const store = createMemoryStore()
  t.teardown(() => store.close())
  const [first, second] = [new WorkerLeases(store), new WorkerLeases(store)]
  const list = 'limit:sessions:credential:alice'
  const totalOf = async (name: string) => (await store.page(name, 0, 10)).total
  await serveStore(first.store)('list', list, 'one', ttlMs)
  await serveStore(first.store)('list', list, 'two', ttlMs)
  await serveStore(first.store)('unlist', list, 'two')
  await serveStore(second.store)('list', list, 'three', ttlMs)
  await serveStore(first.store)('list', 'sessions:alice', 'sideband_1', ttlMs)
  await serveStore(first.store)('set', 'key', 'value', ttlMs)
  t.is(await totalOf(list), 2)
  await first.release()
  t.deepEqual((await store.page(list, 0, 10)).members, ['three'])
  t.is(await totalOf('sessions:alice'), 1)
  t.is(await store.get('key'), 'value')
})

test('a session slot counts as held from the moment at which it was taken; one that was refused never does', async t => {
  const store = createMemoryStore()
  t.teardown(() => store.close())
  const [first, second] = [new WorkerLeases(store), new WorkerLeases(store)]
  const list = 'limit:sessions:credential:alice'
  t.true(await serveStore(first.store)('enlist', list, 'one', 1, ttlMs))
  t.false(await serveStore(second.store)('enlist', list, 'two', 1, ttlMs))
  await second.release()
  t.deepEqual((await store.page(list, 0, 10)).members, ['one'])
  await first.release()
  t.true(await serveStore(second.store)('enlist', list, 'two', 1, ttlMs), 'the slot is free at once')
})
