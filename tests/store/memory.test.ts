/** What the store in memory counts for what it holds, to the byte, and how full it says it is. */
import test from 'ava'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import type { Store } from '../../runtime/store/store.ts'

const ttlMs = 10
const full = { code: 'store_unavailable', retryAfterMs: 10_000 }

const maxBytes = 2000

/** An entry whose key is one character and whose value is none. */
const emptyBytes = 202
const quota = { entries: 10, bytes: 1000 }

/** What is done, and the bytes that are held after it. */
const rows: readonly (readonly [
  what: string,
  fill: (store: Store, advance: (ms: number) => void) => Promise<unknown>,
  bytes: number,
])[] = [
  ['nothing', async () => undefined, 0],
  ['a value', store => store.set('a', 'xyz', ttlMs), 208],
  ['a claim', store => store.claim('a', 'xyz', ttlMs), 208],
  ['a counter', store => store.increment('a', 5, ttlMs), 204],
  [
    'two values',
    async store => {
      await store.set('a', 'x', ttlMs)
      await store.set('b', 'y', ttlMs)
    },
    408,
  ],
  [
    'a value in place of a longer one',
    async store => {
      await store.set('a', 'xyz', ttlMs)
      await store.set('a', 'x', ttlMs)
    },
    204,
  ],
  [
    'a value that was deleted',
    async store => {
      await store.set('a', 'xyz', ttlMs)
      await store.delete('a')
      await store.delete('a')
    },
    0,
  ],
  [
    'a value that was taken',
    async store => {
      await store.set('a', 'xyz', ttlMs)
      await store.take('a')
    },
    0,
  ],
  [
    'a value that has expired, and was asked for',
    async (store, advance) => {
      await store.set('a', 'xyz', ttlMs)
      advance(ttlMs)
      await store.get('a')
    },
    0,
  ],
  ['a record', store => store.create('r', { a: 1, b: 'two' }, ttlMs), 314],
  [
    'a record that grew',
    async store => {
      await store.create('r', { a: 1 }, ttlMs)
      await store.update('r', { set: { b: 'two' }, add: { a: 1 } }, ttlMs)
    },
    314,
  ],
  [
    'a list of two',
    async store => {
      await store.list('l', 'one', ttlMs)
      await store.list('l', 'three', ttlMs)
    },
    202 + 106 + 110,
  ],
  [
    'a member that is listed twice',
    async store => {
      await store.list('l', 'one', ttlMs)
      await store.list('l', 'one', ttlMs)
    },
    202 + 106,
  ],
  [
    'a list of which one was taken off',
    async store => {
      await store.list('l', 'one', ttlMs)
      await store.list('l', 'three', ttlMs)
      await store.unlist('l', 'one')
    },
    202 + 110,
  ],
  [
    'a list of which one has expired, and was read',
    async (store, advance) => {
      await store.list('l', 'one', ttlMs)
      advance(ttlMs - 1)
      await store.list('l', 'three', ttlMs)
      advance(1)
      await store.page('l', 0, 1)
    },
    202 + 110,
  ],
  ['a charge', store => store.charge('ada', 'a', { bytes: 5, ttlMs }, quota), 222 + 102],
  [
    'a charge that was discharged',
    async store => {
      await store.charge('ada', 'a', { bytes: 5, ttlMs }, quota)
      await store.discharge('ada', 'a')
    },
    222,
  ],
  [
    'a store that was closed',
    async store => {
      await store.set('a', 'xyz', ttlMs)
      await store.close()
    },
    0,
  ],
]

for (const [what, fill, bytes] of rows) {
  test(`${what}: ${bytes} bytes`, async t => {
    let now = 0
    const store = createMemoryStore({ maxBytes, now: () => now })
    t.teardown(() => store.close())
    await fill(store, ms => {
      now += ms
    })
    const rest = 'x'.repeat((maxBytes - bytes - emptyBytes) / 2)
    t.like(await t.throwsAsync(store.set('p', `${rest}x`, ttlMs)), full)
    await t.notThrowsAsync(store.set('p', rest, ttlMs))
  })
}

test('what takes no more room than before is written though the store is full', async t => {
  const store = createMemoryStore({ maxEntries: 1, maxBytes: emptyBytes + 2, now: () => 0 })
  t.teardown(() => store.close())
  await store.set('a', 'x', ttlMs)
  await store.set('a', 'y', ttlMs)
  t.is(await store.get('a'), 'y')
  t.like(await t.throwsAsync(store.set('a', 'xy', ttlMs)), full)
  t.like(await t.throwsAsync(store.set('b', '', ttlMs)), full)
  await store.set('a', '', ttlMs)
  t.is(await store.get('a'), '')
})

test('an entry lives until its time, and a counter as long as its first addition says', async t => {
  let now = 0
  const store = createMemoryStore({ now: () => now })
  t.teardown(() => store.close())
  await store.set('a', 'x', ttlMs)
  t.is(await store.increment('n', 1, ttlMs), 1)
  now = ttlMs - 1
  t.is(await store.get('a'), 'x')
  t.is(await store.increment('n', 1, 5 * ttlMs), 2)
  now = ttlMs
  t.is(await store.get('a'), null)
  t.is(await store.increment('n', 1, ttlMs), 1)
})

test('each kind of entry is read as what it is, and changes no other kind', async t => {
  const store = createMemoryStore({ now: () => 0 })
  t.teardown(() => store.close())
  await store.set('value', 'x', ttlMs)
  await store.create('record', { a: 1 }, ttlMs)
  await store.list('list', 'one', ttlMs)
  t.is(await store.get('record'), null)
  t.is(await store.read('value'), null)
  t.false(await store.update('value', { set: { a: 2 } }, ttlMs))
  t.deepEqual(await store.page('value', 0, 1), { members: [], total: 0 })
  await store.unlist('value', 'one')
  t.is(await store.get('value'), 'x')
  t.is(await store.take('record'), null)
  t.is(await store.read('record'), null)
})

test('a member lives as long as it was last listed for, whatever the others do', async t => {
  let now = 0
  const store = createMemoryStore({ now: () => now })
  t.teardown(() => store.close())
  await store.list('names', 'long', 100)
  await store.list('names', 'short', 10)
  now = 9
  t.deepEqual(await store.page('names', 0, 9), { members: ['short', 'long'], total: 2 })
  now = 10
  t.deepEqual(await store.page('names', 0, 9), { members: ['long'], total: 1 })
  now = 99
  t.is((await store.page('names', 0, 9)).total, 1)
  now = 100
  t.is((await store.page('names', 0, 9)).total, 0)
})

test('of a full store what expired first makes room, also behind what lives longer', async t => {
  let now = 0
  const store = createMemoryStore({ maxEntries: 2, now: () => now })
  t.teardown(() => store.close())
  await store.set('long', 'x', 100)
  await store.set('short', 'x', 10)
  now = 9
  t.like(await t.throwsAsync(store.set('next', 'x', 100)), full)
  now = 10
  await store.set('next', 'x', 50)
  t.is(await store.get('long'), 'x')
  now = 49
  t.like(await t.throwsAsync(store.set('last', 'x', 1)), full)
  now = 60
  await store.set('last', 'x', 1)
  t.is(await store.get('long'), 'x')
})

/** What is said while 94 entries of 206 bytes each are held. */
const fullnesses: readonly (readonly [
  what: string,
  options: { readonly maxEntries?: number; readonly maxBytes?: number },
  reason: string | null,
])[] = [
  ['94 of 100 entries', { maxEntries: 100 }, null],
  ['94 of 98 entries', { maxEntries: 98 }, 'The store is nearly full: 94 of 98 entries'],
  ['94 of 99 entries', { maxEntries: 99 }, null],
  ['95 percent of the bytes', { maxBytes: 20_383 }, 'The store is nearly full: 95% of 20383 bytes'],
  ['a byte less than 95 percent', { maxBytes: 20_384 }, null],
]

for (const [what, options, reason] of fullnesses) {
  test(`with ${what} it says: ${reason ?? 'nothing'}`, async t => {
    let now = 0
    const store = createMemoryStore({ ...options, now: () => now })
    t.teardown(() => store.close())
    for (let n = 100; n < 194; n += 1) await store.set(String(n), '', 10)
    t.is(store.unavailable(), reason)
    now = 10
    t.is(store.unavailable(), null)
  })
}
