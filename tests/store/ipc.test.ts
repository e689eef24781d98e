/** A worker's store: what is asked of the supervisor's, word for word, and how it fails. */
import { mock } from 'node:test'
import test from 'ava'
import { GatewayError } from '../../runtime/core/errors.ts'
import { createIpcStore, type Operation, operations, serveStore } from '../../runtime/store/ipc.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import type { Store } from '../../runtime/store/store.ts'

/** What is asked where nobody minds which. */
const given: Readonly<Record<Exclude<Operation, 'unavailable' | 'publishUnits'>, readonly unknown[]>> = {
  get: ['key'],
  set: ['key', 'value', 1],
  compareAndSet: ['key', 2, 'text', 1],
  claim: ['key', 'value', 1],
  renew: ['key', 'value', 1],
  take: ['key'],
  increment: ['key', 2, 1],
  delete: ['key'],
  create: ['key', { a: 1 }, 1],
  createUnlessThere: ['key', { a: 1 }, 1],
  read: ['key'],
  update: ['key', { set: { a: 1 }, unless: 'b' }, 1],
  updateAndRead: ['key', { set: { a: 1 }, unless: 'b' }, 1],
  accumulate: ['key', { a: 1 }, 1],
  list: ['name', 'member', 1],
  enlist: ['name', 'member', 2, 1],
  unlist: ['name', 'member'],
  page: ['name', 3, 4],
  charge: ['account', 'entry', { bytes: 5, ttlMs: 1 }, { entries: 6, bytes: 7 }],
  discharge: ['account', 'entry'],
}
const rows = Object.entries(given) as [Operation, readonly unknown[]][]

function ask(store: Store, operation: Operation, words: readonly unknown[]): Promise<unknown> {
  return (store[operation] as (...words: readonly unknown[]) => Promise<unknown>).apply(store, [...words])
}

test('every operation of a store but its end can be asked, and no other', async t => {
  t.deepEqual([...operations].sort(), ['unavailable', ...Object.keys(given)].sort())
  const store = createMemoryStore({ now: () => 0 })
  t.teardown(() => store.close())
  const serve = serveStore(store)
  t.is(await serve('unavailable'), null)
  await serve('set', 'a', 'x', 1)
  t.is(await serve('get', 'a'), 'x')
  for (const operation of ['close', 'constructor', 'toString', 'publishUnits'])
    t.throws(() => serve(operation as Operation), { instanceOf: TypeError, message: /A store has no/ })
})

for (const [operation, words] of rows) {
  test(`${operation} asks the supervisor's store the same, and tells its answer`, async t => {
    const asked: unknown[] = []
    const store = createIpcStore({
      ask: async (...question) => {
        asked.push(question)
        return 'the answer'
      },
      isConnected: () => true,
    })
    t.teardown(() => store.close())
    t.is(await ask(store, operation, words), 'the answer')
    t.deepEqual(asked, [[operation, [...words]]])
  })

  test(`${operation} fails as the supervisor's store fails, or by name where there is no answer`, async t => {
    const full = new GatewayError('store_unavailable', 'full', { retryAfterMs: 7 })
    const cut = new Error('cut')
    for (const cause of [full, cut]) {
      const store = createIpcStore({
        ask: async () => {
          throw cause
        },
        isConnected: () => true,
      })
      t.teardown(() => store.close())
      const error = await t.throwsAsync(ask(store, operation, words), { instanceOf: GatewayError })
      if (cause === full) t.is(error, full)
      else {
        t.is(error?.message, 'The supervisor did not answer')
        t.like(error, { code: 'store_unavailable', retryAfterMs: 1000, cause: cut })
      }
    }
  })
}

const settle = () => new Promise(resolve => setImmediate(resolve))

test.serial('each second it is asked whether the store is available, one question at a time', async t => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  const asked: string[] = []
  let isConnected = true
  let answer = Promise.withResolvers<unknown>()
  const store = createIpcStore({
    ask: operation => {
      asked.push(operation)
      return answer.promise
    },
    isConnected: () => isConnected,
  })
  const tell = async (act: () => void) => {
    mock.timers.tick(1000)
    act()
    await settle()
    answer = Promise.withResolvers()
  }
  mock.timers.tick(999)
  t.deepEqual(asked, [])
  mock.timers.tick(1)
  t.deepEqual(asked, ['unavailable'])
  mock.timers.tick(3000)
  t.deepEqual(asked, ['unavailable'], 'while an answer is waited for nothing is asked')
  t.is(store.unavailable(), null)
  await tell(() => answer.resolve('The store is nearly full'))
  t.is(store.unavailable(), 'The store is nearly full')
  await tell(() => answer.reject(new Error('cut')))
  t.is(store.unavailable(), 'The supervisor did not answer')
  isConnected = false
  t.is(store.unavailable(), 'The supervisor is gone')
  isConnected = true
  await tell(() => answer.resolve(null))
  t.is(store.unavailable(), null)
  t.is(asked.length, 3)
  await store.close()
  await store.close()
  mock.timers.tick(5000)
  t.is(asked.length, 3, 'a store that was closed asks nothing')
})
