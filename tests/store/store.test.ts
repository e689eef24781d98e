/**
 * One suite for all stores: what one promises the others keep.
 */
import test, { type ExecutionContext } from 'ava'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { createRedisStore } from '../../runtime/store/redis.ts'
import { revisedText } from '../../runtime/store/revision.ts'
import type { Store } from '../../runtime/store/store.ts'
import { responseMs } from '../../runtime/workers/rpc-peer.ts'
import { until } from '../gateway/within.ts'
import { insist, minute, patient, quiet, ready } from './patience.ts'
import { redisServer } from './redis-server.ts'
import { storeOwner } from './store-owner.ts'

/** So far apart that no machine takes as long for what lies in between. */
const hour = 60 * minute

const kinds: Record<string, (t: ExecutionContext) => Promise<Store>> = {
  memory: async () => createMemoryStore(),
  redis: async t => {
    const { url } = await redisServer(t)
    return ready(createRedisStore({ url, log: quiet, ...patient }))
  },
  supervised: async t => storeOwner(t).store,
}

for (const [kind, make] of Object.entries(kinds)) {
  const suite = (title: string, run: (t: ExecutionContext, store: Store) => Promise<void>) =>
    test(`${kind}: ${title}`, async t => {
      const store = await make(t)
      t.teardown(() => store.close())
      await run(t, store)
    })

  suite('a value is read until it is deleted', async (t, store) => {
    t.is(await store.get('a'), null)
    await store.set('a', 'one', minute)
    t.is(await store.get('a'), 'one')
    await store.set('a', 'two', minute)
    t.is(await store.get('a'), 'two')
    await store.delete('a')
    t.is(await store.get('a'), null)
  })

  suite('a revised text is replaced only by a writer who knows its revision', async (t, store) => {
    const text = (revision: number, words: string) => revisedText(revision, { words })
    t.false(await store.compareAndSet('a', 1, text(2, 'late'), minute))
    t.is(await store.get('a'), null)
    t.true(await store.compareAndSet('a', 0, text(1, 'first'), minute))
    t.false(await store.compareAndSet('a', 0, text(1, 'again'), minute))
    t.true(await store.compareAndSet('a', 1, text(2, 'second'), minute))
    t.false(await store.compareAndSet('a', 1, text(2, 'late'), minute))
    t.is(await store.get('a'), text(2, 'second'))
    const writers = Array.from({ length: 20 }, (_, number) =>
      store.compareAndSet('a', 2, text(3, `writer ${number}`), minute),
    )
    const outcomes = await Promise.all(writers)
    t.is(outcomes.filter(Boolean).length, 1)
    t.is(await store.get('a'), text(3, `writer ${outcomes.indexOf(true)}`))
    const last = Number.MAX_SAFE_INTEGER
    await store.set('long', text(last, 'long'), minute)
    t.false(await store.compareAndSet('long', last - 1, text(1, 'short'), minute))
    t.true(await store.compareAndSet('long', last, text(1, 'short'), minute))
  })

  suite('a text that says no revision counts as the oldest', async (t, store) => {
    for (const old of ['{"words":"old"}', '', '{"words":"x","revision":7}', '{"revision":"7","words":"x"}']) {
      await store.set('old', old, minute)
      t.false(await store.compareAndSet('old', 7, revisedText(8, {}), minute), old)
      t.true(await store.compareAndSet('old', 0, revisedText(1, {}), minute), old)
      t.true(await store.compareAndSet('old', 1, revisedText(2, {}), minute), old)
    }
  })

  suite('of many who take a value one gets it', async (t, store) => {
    await store.set('ticket', 'mine', minute)
    const taken = await Promise.all(Array.from({ length: 20 }, () => store.take('ticket')))
    t.deepEqual(
      taken.filter(value => value !== null),
      ['mine'],
    )
  })

  suite('of many who claim a name one gets it, and only its holder prolongs it', async (t, store) => {
    const claims = await Promise.all(
      Array.from({ length: 20 }, (_, number) => store.claim('lease', `replica ${number}`, minute)),
    )
    t.is(claims.filter(Boolean).length, 1)
    const holder = `replica ${claims.indexOf(true)}`
    t.true(await store.renew('lease', holder, minute))
    t.false(await store.renew('lease', 'somebody else', minute))
    t.false(await store.renew('nothing', holder, minute))
    t.true(await store.renew('lease', holder, 0))
    t.is(await store.get('lease'), null, 'it is over at once')
  })

  suite('everything expires', async (t, store) => {
    await store.set('value', 'x', 1)
    await store.compareAndSet('revised', 0, revisedText(1, {}), 1)
    await store.claim('claim', 'x', 1)
    await store.increment('counter', 5, 1)
    await store.create('record', { a: 1 }, 1)
    await store.list('names', 'a', 1)
    await new Promise(resolve => setTimeout(resolve, 20))
    t.is(await store.get('value'), null)
    t.true(await store.compareAndSet('revised', 0, revisedText(1, {}), minute))
    t.true(await store.claim('claim', 'y', minute))
    t.is(await store.increment('counter', 1, minute), 1)
    t.is(await store.read('record'), null)
    t.deepEqual(await store.page('names', 0, 10), { members: [], total: 0 })
  })

  suite('additions at the same time all count, and the first starts the life of the counter', async (t, store) => {
    const sums = await Promise.all(Array.from({ length: 100 }, () => store.increment('counter', 2, minute)))
    t.is(Math.max(...sums), 200)
    t.is(new Set(sums).size, 100)
    t.is(await store.increment('counter', -50, minute), 150)
  })

  suite('a record is changed only while it exists', async (t, store) => {
    t.false(await store.update('record', { set: { a: 1 } }, minute))
    t.is(await store.read('record'), null)
    await store.create('record', { a: 1, b: 'two' }, minute)
    t.true(await store.update('record', { set: { b: 'three' }, add: { a: 4, c: 2 } }, minute))
    t.deepEqual(await store.read('record'), { a: '5', b: 'three', c: '2' })
    await store.create('record', { fresh: '' }, minute)
    t.deepEqual(await store.read('record'), { fresh: '' })
  })

  suite('of many who create a record unless it is there, one does, and it stays as it is', async (t, store) => {
    const created = await Promise.all(
      Array.from({ length: 20 }, (_, at) => store.createUnlessThere('record', { a: at }, minute)),
    )
    t.is(created.filter(Boolean).length, 1)
    t.deepEqual(await store.read('record'), { a: String(created.indexOf(true)) })
    t.true(await store.createUnlessThere('short', { a: 1, b: '' }, 1))
    await new Promise(resolve => setTimeout(resolve, 20))
    t.is(await store.read('short'), null)
    t.true(await store.createUnlessThere('short', { c: 2 }, minute))
    t.deepEqual(await store.read('short'), { c: '2' })
  })

  suite('a record is read as it is after its change, or as it stands where it was not changed', async (t, store) => {
    const change = { set: { b: 'x' }, add: { a: 2 }, unless: 'c', when: [{ field: 'owner', is: 'ada' }] }
    t.is(await store.updateAndRead('record', change, minute), null)
    await store.create('record', { owner: 'ada', a: 1, c: '' }, minute)
    const changed = { owner: 'ada', a: '3', c: '', b: 'x' }
    t.deepEqual(await store.updateAndRead('record', change, minute), { isChanged: true, fields: changed })
    const two = [...change.when, { field: 'b', is: 'y' }]
    for (const refused of [
      { ...change, unless: 'b' },
      { ...change, when: two },
      { ...change, when: two.toReversed() },
    ])
      t.deepEqual(await store.updateAndRead('record', refused, minute), { isChanged: false, fields: changed })
    t.false(await store.update('record', { ...change, when: two }, minute))
    t.true(await store.update('record', { when: [...change.when, { field: 'b', is: 'x' }] }, minute))
    await store.updateAndRead('record', { set: { d: 1 } }, 1)
    await new Promise(resolve => setTimeout(resolve, 20))
    t.is(await store.read('record'), null)
  })

  suite('what many add to a record at once is added up, whoever makes it', async (t, store) => {
    await Promise.all(
      Array.from({ length: 20 }, (_, at) => store.accumulate('sums', { a: 1, [`b${at % 2}`]: 2 }, minute)),
    )
    t.deepEqual(await store.read('sums'), { a: '20', b0: '20', b1: '20' })
    await store.accumulate('sums', { a: 9_000_000_000_000 }, minute)
    t.is((await store.read('sums'))?.a, '9000000000020')
  })

  suite('a numbered addition counts once, however often and late it is repeated', async (t, store) => {
    const write = (field: string, number: number) =>
      store.accumulate('sums', { a: 1 }, minute, { field, number })
    await write('one', 1)
    await Promise.all([write('one', 1), write('one', 2), write('one', 2), write('other', 1)])
    await write('one', 1)
    t.deepEqual(await store.read('sums'), { a: '3', one: '2', other: '1' })
    await store.accumulate('sums', { a: 1 }, minute)
    t.is((await store.read('sums'))?.a, '4')
  })

  suite('a numbered change is made once, however often and late it is repeated', async (t, store) => {
    const once = (number: number, field = 'one') => ({ field, number })
    const change = (set: object, number: number, field?: string) =>
      store.update('record', { set: { ...set }, add: { a: 1 }, once: once(number, field) }, minute)
    t.false(await change({ last: 'none' }, 1))
    t.is(await store.read('record'), null)
    await store.create('record', { a: 0 }, minute)
    t.true(await change({ last: 'first' }, 1))
    t.true(await change({ last: 'second' }, 2))
    t.true(await change({ last: 'late' }, 1))
    t.deepEqual(await store.read('record'), { a: '2', last: 'second', one: '2' })
    const again = await store.updateAndRead('record', { add: { a: 1 }, once: once(2) }, minute)
    t.deepEqual(again, { isChanged: true, fields: { a: '2', last: 'second', one: '2' } })
    t.true(await change({ last: 'third' }, 1, 'other'))
    t.deepEqual(await store.read('record'), { a: '3', last: 'third', one: '2', other: '1' })
    t.false(await store.update('record', { set: { a: 9 }, unless: 'last', once: once(3) }, minute))
    t.true(await change({}, 3), 'what was refused has used no number')
    t.is((await store.read('record'))?.a, '4')
  })

  suite('of many who fill an empty field one does', async (t, store) => {
    await store.create('record', { call: '' }, minute)
    const filled = await Promise.all(
      Array.from({ length: 20 }, (_, number) =>
        store.update('record', { set: { call: `c${number}` }, unless: 'call' }, minute),
      ),
    )
    t.is(filled.filter(Boolean).length, 1)
    t.is((await store.read('record'))?.call, `c${filled.indexOf(true)}`)
  })

  suite('a record is changed only while a field holds what its writer last knew', async (t, store) => {
    t.false(await store.update('record', { set: { spent: 1 }, when: [{ field: 'claim', is: 'a' }] }, minute))
    await store.create('record', { claim: '', spent: '' }, minute)
    t.true(await store.update('record', { set: { claim: 'a' }, unless: 'spent' }, minute))
    t.true(await store.update('record', { set: { claim: 'b' }, unless: 'spent' }, minute))
    const spend = (claim: string) =>
      store.update(
        'record',
        { set: { spent: 1 }, when: [{ field: 'claim', is: claim }], unless: 'spent' },
        minute,
      )
    t.false(await spend('a'))
    t.is((await store.read('record'))?.spent, '')
    t.false(await store.update('record', { set: { spent: 1 }, when: [{ field: 'none', is: 'a' }] }, minute))
    const spent = await Promise.all(Array.from({ length: 20 }, () => spend('b')))
    t.is(spent.filter(Boolean).length, 1)
    t.false(await store.update('record', { set: { claim: 'c' }, unless: 'spent' }, minute))
  })

  suite('counters in a record are right under concurrency', async (t, store) => {
    await store.create('record', { events: 0 }, minute)
    await Promise.all(
      Array.from({ length: 200 }, () => store.update('record', { add: { events: 1 } }, minute)),
    )
    t.is((await store.read('record'))?.events, '200')
  })

  suite('members are read in pages, soonest to expire first', async (t, store) => {
    for (const [place, member] of ['a', 'b', 'c', 'd'].entries())
      await store.list('names', member, (2 + place) * hour)
    await store.list('names', 'a', 9 * hour)
    await store.list('names', 'e', hour)
    await store.unlist('names', 'c')
    t.deepEqual(await store.page('names', 0, 2), { members: ['e', 'b'], total: 4 })
    t.deepEqual(await store.page('names', 2, 2), { members: ['d', 'a'], total: 4 })
    t.deepEqual(await store.page('other', 0, 2), { members: [], total: 0 })
  })

  suite('a member that has expired is gone from a list whose others live', async (t, store) => {
    await store.list('names', 'long', hour)
    await store.list('names', 'short', 1)
    await store.list('names', 'prolonged', 1)
    await store.list('names', 'prolonged', 2 * hour)
    await new Promise(resolve => setTimeout(resolve, 20))
    t.deepEqual(await store.page('names', 0, 10), { members: ['long', 'prolonged'], total: 2 })
  })

  suite('of many who come to a list at once, as many are listed as may be', async (t, store) => {
    const listed = await Promise.all(
      Array.from({ length: 20 }, (_, at) => store.enlist('names', `m${at}`, 3, hour)),
    )
    t.is(listed.filter(Boolean).length, 3)
    t.is((await store.page('names', 0, 10)).total, 3)
    const member = `m${listed.indexOf(true)}`
    t.true(await store.enlist('names', member, 3, 2 * hour), 'it is listed already')
    t.false(await store.enlist('other', 'a', 0, hour))
    await store.unlist('names', member)
    t.true(await store.enlist('names', 'short', 3, 1))
    await new Promise(resolve => setTimeout(resolve, 20))
    t.true(await store.enlist('names', 'next', 3, hour), 'the one before has expired')
    t.false(await store.enlist('names', 'last', 3, hour))
    t.is((await store.page('names', 0, 10)).total, 3)
  })

  suite('a list lives as long as its longest member, in whatever order they come', async (t, store) => {
    // Long enough for the next command to come before it is over.
    const shortMs = 300
    await store.list('names', 'short', shortMs)
    await store.list('names', 'long', hour)
    await store.list('other', 'long', hour)
    await store.list('other', 'short', 1)
    await new Promise(resolve => setTimeout(resolve, shortMs + 20))
    for (const name of ['names', 'other'])
      t.deepEqual(await store.page(name, 0, 10), { members: ['long'], total: 1 })
  })

  const quota = { entries: 3, bytes: 100 }

  suite('an account is charged up to its quota of entries, and another account goes on', async (t, store) => {
    for (const entry of ['a', 'b', 'c'])
      t.true(await store.charge('ada', entry, { bytes: 1, ttlMs: minute }, quota))
    t.false(await store.charge('ada', 'd', { bytes: 1, ttlMs: minute }, quota))
    t.true(await store.charge('bob', 'd', { bytes: 1, ttlMs: minute }, quota))
    await store.discharge('ada', 'b')
    await store.discharge('ada', 'b')
    await store.discharge('nobody', 'b')
    t.true(await store.charge('ada', 'd', { bytes: 1, ttlMs: minute }, quota))
    t.false(await store.charge('ada', 'e', { bytes: 1, ttlMs: minute }, quota))
  })

  suite('an account is charged up to its quota of bytes; charging an entry again replaces its size', async (t, store) => {
    t.true(await store.charge('ada', 'a', { bytes: 60, ttlMs: minute }, quota))
    t.false(await store.charge('ada', 'b', { bytes: 41, ttlMs: minute }, quota))
    t.true(await store.charge('ada', 'b', { bytes: 40, ttlMs: minute }, quota))
    t.false(await store.charge('ada', 'a', { bytes: 61, ttlMs: minute }, quota))
    t.true(await store.charge('ada', 'a', { bytes: 10, ttlMs: minute }, quota))
    t.true(await store.charge('ada', 'c', { bytes: 50, ttlMs: minute }, quota))
    await store.discharge('ada', 'b')
    t.true(await store.charge('ada', 'c', { bytes: 90, ttlMs: minute }, quota))
  })

  suite('of many charges at once no more are taken than the quota allows', async (t, store) => {
    const taken = await Promise.all(
      Array.from({ length: 50 }, (_, number) =>
        store.charge('ada', `entry ${number}`, { bytes: 1, ttlMs: minute }, { entries: 20, bytes: 1000 }),
      ),
    )
    t.is(taken.filter(Boolean).length, 20)
  })

  suite('what expires is charged no more', async (t, store) => {
    t.true(await store.charge('ada', 'long', { bytes: 10, ttlMs: hour }, quota))
    for (const entry of ['a', 'b']) t.true(await store.charge('ada', entry, { bytes: 45, ttlMs: 1 }, quota))
    await new Promise(resolve => setTimeout(resolve, 20))
    t.true(await store.charge('ada', 'c', { bytes: 90, ttlMs: minute }, quota))
    t.false(await store.charge('ada', 'd', { bytes: 1, ttlMs: minute }, quota))
  })

  suite('closing twice is safe', async (t, store) => {
    await store.close()
    await t.notThrowsAsync(store.close())
  })
}

test('supervised: when its owner dies commands fail at once, and it says so', async t => {
  const { store, child } = storeOwner(t)
  await store.set('a', 'one', minute)
  t.is(store.unavailable(), null)
  child.kill('SIGSTOP')
  const waiting = store.get('a')
  child.kill('SIGKILL')
  t.like(await t.throwsAsync(waiting), { code: 'store_unavailable', status: 503 })
  t.is(store.unavailable(), 'The supervisor is gone')
  t.like(await t.throwsAsync(store.get('a')), { code: 'store_unavailable', retryAfterMs: 1000 })
})

test('supervised: when its owner does not answer commands fail in time, and go on when it does', async t => {
  const owner = storeOwner(t)
  await owner.store.set('a', 'one', minute)
  const store = owner.within(responseMs)
  owner.child.kill('SIGSTOP')
  t.like(await t.throwsAsync(store.get('a')), { code: 'store_unavailable' })
  owner.child.kill('SIGCONT')
  t.is(await insist(store, () => store.get('a')), 'one')
})

test('supervised: no more than 16 MiB wait for an owner that takes nothing', async t => {
  const owner = storeOwner(t)
  await owner.store.set('a', 'one', minute)
  const store = owner.within(responseMs)
  owner.child.kill('SIGSTOP')
  const large = 'x'.repeat(4 * 1024 * 1024)
  const reasons = await Promise.all(
    Array.from({ length: 6 }, () => store.set('b', large, minute).catch(({ cause }) => String(cause))),
  )
  t.true(reasons.filter(reason => /Too much waits/.test(String(reason))).length >= 2, reasons.join())
  owner.child.kill('SIGCONT')
})

test('supervised: the owner keeps its bounds, and nothing but a store can be asked of it', async t => {
  const { store, link } = storeOwner(t, { maxEntries: 1 })
  await store.set('a', 'x', minute)
  t.like(await t.throwsAsync(store.set('b', 'x', minute)), {
    code: 'store_unavailable',
    message: 'This replica remembers as many sessions as it can; try again later',
  })
  for (const operation of ['close', 'constructor'])
    await t.throwsAsync(link.call('store', [operation], minute), { message: /A store has no/ })
  await t.throwsAsync(link.call('files', [], minute), { message: /Nobody answers "files"/ })
})

test('memory: it holds a bounded number of entries, and expired ones make room', async t => {
  let now = 0
  const store = createMemoryStore({ maxEntries: 3, now: () => now })
  t.teardown(() => store.close())
  for (const key of ['a', 'b', 'c']) await store.set(key, 'x', 10)
  await t.throwsAsync(store.set('d', 'x', 10), { message: /as many sessions as it can/ })
  await store.set('a', 'y', 10)
  now = 11
  await store.set('d', 'x', 10)
  t.is(await store.get('d'), 'x')
})

test('memory: it holds a bounded number of bytes, whatever they are part of', async t => {
  let now = 0
  const store = createMemoryStore({ maxBytes: 100_000, now: () => now })
  t.teardown(() => store.close())
  const large = 'x'.repeat(10_000)
  const full = { message: /as many sessions as it can/ }
  await store.set('a', large, 10)
  await store.create('record', { text: large }, 10)
  await store.list('names', large, 10)
  await store.claim('b', large, 10)
  await t.throwsAsync(store.set('c', large, 10), full)
  await t.throwsAsync(store.update('record', { set: { other: large } }, 10), full)
  await t.throwsAsync(store.list('names', `${large} again`, 10), full)
  await t.throwsAsync(store.charge('ada', large, { bytes: 1, ttlMs: 10 }, { entries: 9, bytes: 9 }), full)
  t.deepEqual(await store.read('record'), { text: large })
  t.is((await store.page('names', 0, 9)).total, 1)
  // What takes no more room than before is always written.
  await store.set('a', large, 10)
  await store.list('names', large, 10)
  t.true(await store.update('record', { set: { text: 'short' } }, 10))
  await store.set('c', 'y'.repeat(5000), 10)
  await store.take('a')
  await store.set('c', large, 10)
  now = 11
  for (const key of ['d', 'e', 'f', 'g']) await store.set(key, large, 10)
})

test('memory: what grows takes room, and what shrinks gives it back', async t => {
  const store = createMemoryStore({ maxBytes: 30_000, now: () => 0 })
  t.teardown(() => store.close())
  const text = 'x'.repeat(10_000)
  await store.create('record', { text: '' }, 10)
  t.true(await store.update('record', { set: { text } }, 10))
  await t.throwsAsync(store.set('a', text, 10), { message: /as many sessions as it can/ })
  t.true(await store.update('record', { set: { text: '' } }, 10))
  await store.set('a', text, 10)
  t.is(await store.get('a'), text)
})

test('memory: an entry whose life is shortened makes room when it is over', async t => {
  let now = 0
  const store = createMemoryStore({ maxEntries: 1, now: () => now })
  t.teardown(() => store.close())
  await store.set('a', 'x', 1000)
  t.true(await store.renew('a', 'x', 10))
  now = 11
  await store.set('b', 'y', 10)
  t.is(await store.get('b'), 'y')
})

test('memory: it is unready while it is nearly full, and says of what', async t => {
  let now = 0
  const store = createMemoryStore({ maxEntries: 100, maxBytes: 100_000, now: () => now })
  t.teardown(() => store.close())
  for (let n = 0; n < 94; n += 1) await store.set(`key ${n}`, 'x', 10)
  t.is(store.unavailable(), null)
  await store.set('one more', 'x', 20)
  t.is(store.unavailable(), 'The store is nearly full: 95 of 100 entries')
  now = 11
  t.is(store.unavailable(), null)
  await store.set('large', 'x'.repeat(49_000), 10)
  t.regex(String(store.unavailable()), /^The store is nearly full: 9\d% of 100000 bytes$/)
  await store.delete('large')
  t.is(store.unavailable(), null)
})

test('supervised: when the store of its owner is nearly full, it says so, and when it is not any more', async t => {
  const { store } = storeOwner(t, { maxEntries: 1 })
  const untilSaid = (reason: string | null) =>
    until(() => store.unavailable() === reason, `the store does not say ${reason}`)
  await store.set('a', 'x', minute)
  await untilSaid('The store is nearly full: 1 of 1 entries')
  await store.delete('a')
  await untilSaid(null)
  t.is(store.unavailable(), null)
})
