/** Sessions of calls in the store: who finds which, one call each, leases, and calls that must be heard. */
import test, { type ExecutionContext } from 'ava'
import { CallRecords, leaseMs } from '../../runtime/calls/records.ts'
import { GatewayError } from '../../runtime/core/errors.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'

const ttlMs = 60_000
const activity = { eventsFrom: 2, eventsTo: 3, inputTokens: 4, outputTokens: 5, lastEventType: 'x' }

function stage(t: ExecutionContext) {
  const clock = { now: Date.parse('2026-01-01T00:00:00Z') }
  const now = () => clock.now
  const store = createMemoryStore({ now })
  t.teardown(() => store.close())
  /** What fails. */
  const broken = new Set<'list' | 'renew' | 'charge'>()
  const charges: unknown[][] = []
  const check = (operation: 'list' | 'renew' | 'charge') => {
    if (broken.has(operation)) throw new GatewayError('store_unavailable', operation)
  }
  const { list, renew } = store
  store.list = async (...given) => {
    check('list')
    await list.apply(store, given)
  }
  store.renew = async (...given) => {
    check('renew')
    return renew.apply(store, given)
  }
  const quota = {
    charge: async (...given: unknown[]) => {
      check('charge')
      charges.push(given)
    },
  }
  const records = new CallRecords({ store, quota, provider: 'p', ttlMs, now })
  const made = async (owner = 'ada') =>
    records.find(await records.create(owner, `credential:${owner}`), owner)
  const connected = async (callId = 'rtc_1', owner = 'ada') => {
    const record = await made(owner)
    await records.connect(record, { callId, model: 'm', pinned: '{"a":1}', address: '192.0.2.1' })
    return records.find(record.sessionId, owner)
  }
  return { clock, store, records, charges: () => charges.splice(0), made, connected, broken }
}

test('a session is made with its owner, account and time, and found by its owners alone', async t => {
  const { records, charges } = stage(t)
  const id = await records.create('ada', 'account')
  t.regex(id, /^sideband_[0-9a-f]{16}$/)
  t.deepEqual(charges(), [['account', `session:${id}`, 0, ttlMs]])
  const record = await records.find(id, 'bob', 'ada')
  t.like(record, {
    ...{ sessionId: id, owner: 'ada', account: 'account', provider: 'p', callId: '', endedAt: '' },
    ...{ createdAt: '2026-01-01T00:00:00.000Z', lastActivity: '2026-01-01T00:00:00.000Z' },
    ...{ assistant: '', isPinned: false },
  })
  const pinned = await records.create('ada', 'account', { assistant: 'sales', isPinned: true })
  t.like(await records.lookUp(pinned), { assistant: 'sales', isPinned: true })
  for (const owners of [[], ['bob'], ['']])
    await t.throwsAsync(records.find(id, ...owners), { code: 'not_found' })
  for (const odd of ['', `${id}0`, `x${id}`, 'sideband_0000000000000000'])
    await t.throwsAsync(records.find(odd, 'ada', ''), { code: 'not_found' })
  t.is((await records.lookUp(id))?.owner, 'ada')
  t.is(await records.lookUp('sideband_0000000000000000'), null)
})

test('a call is found by its id, by its owners alone', async t => {
  const { records, connected } = stage(t)
  const { sessionId } = await connected()
  t.is((await records.findCall('rtc_1', 'bob', 'ada')).sessionId, sessionId)
  t.is((await records.lookUpCall('rtc_1'))?.sessionId, sessionId)
  await t.throwsAsync(records.findCall('rtc_1', 'bob'), { code: 'call_not_found' })
  await t.throwsAsync(records.findCall('rtc_2', 'ada'), { code: 'call_not_found' })
  for (const odd of ['', 'rtc_', 'xrtc_1', 'rtc_1/', `rtc_${'x'.repeat(129)}`])
    t.is(await records.lookUpCall(odd), null)
})

test('a session has one call: of two reservations one is refused until the first is given back', async t => {
  const { records, made } = stage(t)
  const { sessionId } = await made()
  await records.reserveCall(sessionId)
  await t.throwsAsync(records.reserveCall(sessionId), { code: 'conflict' })
  await records.releaseCall(sessionId)
  await t.notThrowsAsync(records.reserveCall(sessionId))
})

test('a call is connected with its session, charged by what is pinned, and never with one that has ended', async t => {
  const { records, made, charges, clock } = stage(t)
  const record = await made()
  charges()
  clock.now += 1000
  const call = { callId: 'rtc_1', model: 'm', pinned: '{"a":1}', address: '192.0.2.1' }
  t.true(await records.connect(record, call))
  t.deepEqual(charges(), [['credential:ada', `session:${record.sessionId}`, 7, ttlMs]])
  t.like(await records.find(record.sessionId, 'ada'), {
    ...call,
    ...{ connectedAt: '2026-01-01T00:00:01.000Z', lastActivity: '2026-01-01T00:00:01.000Z' },
  })
  const other = await made()
  t.true(await records.end(other, 'over'))
  t.false(await records.connect(other, { ...call, callId: 'rtc_2' }))
  t.like(await records.find(other.sessionId, 'ada'), { callId: '', model: '', connectedAt: '' })
})

test('what happens is added up, and a session that the store has lost is not made by it', async t => {
  const { records, connected, store, clock } = stage(t)
  const record = await connected()
  clock.now += 1000
  t.true(await records.note(record, activity))
  t.true(await records.note(record, { ...activity, lastEventType: 'y' }))
  t.like(await records.find(record.sessionId, 'ada'), {
    ...{ eventsFrom: 4, eventsTo: 6, inputTokens: 8, outputTokens: 10, lastEventType: 'y' },
    lastActivity: '2026-01-01T00:00:01.000Z',
  })
  await store.delete(`session:${record.sessionId}`)
  t.false(await records.note(record, activity))
  t.is(await records.lookUp(record.sessionId), null)
})

test('what a call has used is kept until it is told anew', async t => {
  const { records, connected } = stage(t)
  const record = await connected()
  const usage = async () => (await records.lookUp(record.sessionId))?.usage
  t.is(await usage(), '')
  await records.note(record, activity, '{"total":1}')
  t.is(await usage(), '{"total":1}')
  await records.note(record, activity)
  t.is(await usage(), '{"total":1}')
  await records.note(record, activity, '')
  t.is(await usage(), '')
})

test('what happens counts once under its number, also where the session was lost and written anew', async t => {
  const { records, connected, store } = stage(t)
  const record = await connected()
  const [one, two] = [records.numberWrite('a'), records.numberWrite('a')]
  t.true(await records.note(record, activity, 'new', one))
  t.true(await records.note(record, activity, 'late', one))
  t.like(await records.lookUp(record.sessionId), { eventsFrom: 2, usage: 'new' })
  t.true(await records.note(record, activity, null, records.numberWrite('b')))
  await store.delete(`session:${record.sessionId}`)
  t.false(await records.note(record, activity, null, two))
  await records.restore({ ...record, usage: 'restored' }, activity, two)
  t.true(await records.note(record, activity, null, two))
  t.like(await records.lookUp(record.sessionId), { eventsFrom: 2, usage: 'restored' })
})

test('what was counted stands where nothing can be prolonged', async t => {
  const { records, connected, store, broken } = stage(t)
  const record = await connected()
  for (const operation of ['list', 'renew', 'charge'] as const) {
    broken.add(operation)
    t.true(await records.note(record, activity), operation)
  }
  t.is((await records.lookUp(record.sessionId))?.eventsFrom, 6)
  await store.delete(`session:${record.sessionId}`)
  await t.throwsAsync(records.restore(record, activity))
  t.is(await records.lookUp(record.sessionId), null, 'it is whole or not there')
})

test('a session that was lost is written anew, whole, with its call and in its list', async t => {
  const { records, connected, store, clock, charges } = stage(t)
  const record = await connected()
  clock.now += ttlMs
  t.is(await records.lookUp(record.sessionId), null)
  charges()
  await records.restore(record, activity)
  t.deepEqual(charges(), [['credential:ada', `session:${record.sessionId}`, 7, ttlMs]])
  t.deepEqual(await records.find(record.sessionId, 'ada'), {
    ...record,
    ...activity,
    lastActivity: '2026-01-01T00:01:00.000Z',
  })
  t.is((await records.findCall('rtc_1', 'ada')).sessionId, record.sessionId)
  t.is((await records.page(['ada'], 0, 9)).total, 1)
  await t.throwsAsync(records.reserveCall(record.sessionId), { code: 'conflict' })
  t.is(await store.get('call:rtc_1'), record.sessionId)
})

test('a charge is prolonged four times in the life of a session, not with each note', async t => {
  const { records, connected, charges, clock } = stage(t)
  const record = await connected()
  charges()
  await records.note(record, activity)
  t.is(charges().length, 1)
  clock.now += ttlMs / 4 - 1
  await records.note(record, activity)
  t.is(charges().length, 0)
  clock.now += 1
  await records.note(record, activity)
  t.deepEqual(charges(), [['credential:ada', `session:${record.sessionId}`, 7, ttlMs]])
})

test('what is pinned changes with its charge', async t => {
  const { records, connected, charges } = stage(t)
  const record = await connected()
  charges()
  await records.pin(record, '{"b":22}')
  t.deepEqual(charges(), [['credential:ada', `session:${record.sessionId}`, 8, ttlMs]])
  t.is((await records.find(record.sessionId, 'ada')).pinned, '{"b":22}')
})

test('a session ends once, with its reason, is known for ten minutes more, and is heard no more', async t => {
  const { records, connected, clock, charges } = stage(t)
  const record = await connected()
  await records.listHeard(record.sessionId)
  charges()
  t.true(await records.end(record, 'over'))
  t.deepEqual(charges(), [['credential:ada', `session:${record.sessionId}`, 7, 600_000]])
  t.like(await records.find(record.sessionId, 'ada'), {
    endedReason: 'over',
    endedAt: '2026-01-01T00:00:00.000Z',
  })
  t.deepEqual(await records.unheard(9), [])
  clock.now += 599_999
  t.is((await records.page(['ada'], 0, 9)).records.length, 1)
  t.false(await records.end(record, 'again'))
  t.is((await records.lookUp(record.sessionId))?.endedReason, 'over')
  clock.now += 1
  t.is(await records.lookUp(record.sessionId), null)
  t.is((await records.page(['ada'], 0, 9)).total, 0)
})

test('a page shows sessions that there are, and counts those that are listed', async t => {
  const { records, made, store } = stage(t)
  const [first, second] = [await made(), await made()]
  await store.delete(`session:${first.sessionId}`)
  const page = await records.page(['ada', 'bob'], 0, 5)
  t.is(page.total, 2)
  t.deepEqual(
    page.records.map(({ sessionId }) => sessionId),
    [second.sessionId],
  )
  t.deepEqual(await records.page(['ada'], 0, 0), { records: [], total: 2 })
  t.is((await records.page(['ada'], 1, 1)).records.length, 1)
})

test('one replica speaks for a call, as long as it says so; given back, the next one does', async t => {
  const { records, clock } = stage(t)
  t.is(leaseMs, 15_000)
  t.false(await records.isControlled('a'))
  t.true(await records.holdLease('a', 'one'))
  t.true(await records.isControlled('a'))
  t.false(await records.isHeardElsewhere('a', 'one'))
  t.true(await records.isHeardElsewhere('a', 'two'))
  t.false(await records.isHeardElsewhere('b', 'two'), 'nobody hears it')
  t.false(await records.holdLease('a', 'two'))
  clock.now += leaseMs - 1
  t.true(await records.holdLease('a', 'one'))
  clock.now += leaseMs - 1
  t.false(await records.holdLease('a', 'two'))
  await records.releaseLease('a', 'two')
  clock.now += 1
  t.true(await records.holdLease('a', 'two'), 'it has run out')
  await records.releaseLease('a', 'two')
  clock.now += 1
  t.true(await records.holdLease('a', 'one'))
})

test('an offered call goes to the first other replica that asks, and to one alone', async t => {
  const { records } = stage(t)
  await records.holdLease('a', 'one')
  await records.offerCall('a', 'one')
  t.true(await records.holdLease('a', 'one'), 'it speaks until another one does')
  t.true(await records.holdLease('a', 'two'))
  t.false(await records.holdLease('a', 'three'))
  t.true(await records.isHeardElsewhere('a', 'one'))
  t.false(await records.holdLease('a', 'one'))
})

test('a lease that is free takes an offer of somebody else with it, and leaves one’s own', async t => {
  const { records, clock } = stage(t)
  await records.offerCall('a', 'one')
  t.true(await records.holdLease('a', 'one'))
  t.true(await records.holdLease('a', 'two'), 'its own offer stood')
  await records.offerCall('b', 'one')
  t.true(await records.holdLease('b', 'two'))
  t.false(await records.holdLease('b', 'three'), 'the offer is taken')
  clock.now += leaseMs
  t.true(await records.holdLease('b', 'three'))
})

test('unheard are listed calls that nobody speaks for, and those that are offered', async t => {
  const { records, clock } = stage(t)
  for (const id of ['free', 'held', 'offered']) await records.listHeard(id)
  await records.holdLease('held', 'one')
  await records.holdLease('offered', 'one')
  clock.now += 1
  await records.offerCall('offered', 'one')
  // What is offered comes first: it is looked at before what was confirmed later.
  t.deepEqual(await records.unheard(9), ['offered', 'free'])
  t.deepEqual(await records.unheard(1), ['offered'])
  await records.unlistHeard('offered')
  t.deepEqual(await records.unheard(9), ['free'])
  t.false(await records.holdLease('offered', 'two'), 'what is not to be heard is not offered any more')
  clock.now += ttlMs
  t.deepEqual(await records.unheard(9), [])
})

test('calls that must be heard are listed where replicas of other revisions look, an offered one for half its time', async t => {
  const { records, store, clock } = stage(t)
  const listed = async () => (await store.page('calls:heard', 0, 9)).members
  await records.listHeard('a')
  await records.offerCall('b', 'one')
  t.deepEqual(await listed(), ['b', 'a'])
  clock.now += ttlMs / 2 - 1
  t.deepEqual(await listed(), ['b', 'a'])
  clock.now += 1
  t.deepEqual(await listed(), ['a'])
})

test('of several replicas one takes an unheard call, for some time; an offer lets the next one', async t => {
  const { records, clock } = stage(t)
  t.true(await records.claimTakeover('a', 'one', 100))
  t.false(await records.claimTakeover('a', 'two', 100))
  clock.now += 100
  t.true(await records.claimTakeover('a', 'two', 100))
  await records.offerCall('a', 'two')
  t.true(await records.claimTakeover('a', 'three', 100))
  await records.releaseTakeover('a')
  t.true(await records.claimTakeover('a', 'one', 100), 'and so does one that does not take it after all')
})

/** What is written of a session, by a store that takes its time: whoever waits for it finds it done. */
type Slow = ReturnType<typeof slowStage>
function slowStage(t: ExecutionContext) {
  const staged = stage(t)
  let underWay = 0
  /** Of the next operation; each takes longer than all that follow it together. */
  let turns = 64
  const slow = <Given extends unknown[], Value>(act: (...given: Given) => Promise<Value>) => {
    return async (...given: Given): Promise<Value> => {
      underWay += 1
      turns /= 2
      for (let left = turns; left > 0; left -= 1) await new Promise(resolve => setImmediate(resolve))
      try {
        return await act(...given)
      } finally {
        underWay -= 1
      }
    }
  }
  const store = new Proxy(staged.store, {
    get: (_, name) => slow(Reflect.get(staged.store, name).bind(staged.store)),
  })
  const quota = { charge: slow(async () => undefined) }
  const records = new CallRecords({ store, quota, provider: 'p', ttlMs, now: () => staged.clock.now })
  return { ...staged, slow: records, underWay: () => underWay }
}

const writes: readonly (readonly [
  what: string,
  write: (staged: Slow, record: Awaited<ReturnType<Slow['connected']>>) => Promise<unknown>,
])[] = [
  ['create', ({ slow }) => slow.create('ada', 'credential:ada')],
  ['reserveCall', ({ slow }, { sessionId }) => slow.reserveCall(sessionId)],
  ['releaseCall', ({ slow }, { sessionId }) => slow.releaseCall(sessionId)],
  [
    'connect',
    ({ slow }, record) =>
      slow.connect(record, { callId: 'rtc_2', model: 'm', pinned: '{}', address: '192.0.2.1' }),
  ],
  ['pin', ({ slow }, record) => slow.pin(record, '{}')],
  ['note', ({ slow }, record) => slow.note(record, activity)],
  ['restore', ({ slow }, record) => slow.restore(record, activity)],
  ['end', ({ slow }, record) => slow.end(record, 'over')],
  ['holdLease of a free call', ({ slow }, { sessionId }) => slow.holdLease(sessionId, 'a')],
  [
    'holdLease of one that is offered',
    async ({ slow, records }, { sessionId }) => {
      await records.holdLease(sessionId, 'a')
      await records.offerCall(sessionId, 'a')
      return slow.holdLease(sessionId, 'b')
    },
  ],
  ['releaseLease', ({ slow }, { sessionId }) => slow.releaseLease(sessionId, 'a')],
  ['offerCall', ({ slow }, { sessionId }) => slow.offerCall(sessionId, 'a')],
  [
    'releaseTakeover',
    async ({ slow, records }, { sessionId }) => {
      await records.claimTakeover(sessionId, 'a', 100)
      return slow.releaseTakeover(sessionId)
    },
  ],
  ['listHeard', ({ slow }, { sessionId }) => slow.listHeard(sessionId)],
  ['unlistHeard', ({ slow }, { sessionId }) => slow.unlistHeard(sessionId)],
]
for (const [what, write] of writes)
  test(`what is written of a session is in the store when it is over: ${what}`, async t => {
    const staged = slowStage(t)
    const record = await staged.connected()
    const written = write(staged, record)
    await written
    t.is(staged.underWay(), 0)
  })

test('a session is found under its owner as long as something happens to it, and its call is', async t => {
  const { clock, records, connected, made } = stage(t)
  const [record, before] = [await connected(), await made()]
  clock.now += ttlMs - 1
  await records.connect(before, { callId: 'rtc_2', model: 'm', pinned: '{}', address: '192.0.2.1' })
  t.true(await records.note(record, activity))
  clock.now += ttlMs - 1
  const { records: found } = await records.page(['ada'], 0, 10)
  t.deepEqual(
    found.map(({ sessionId }) => sessionId).toSorted(),
    [record.sessionId, before.sessionId].toSorted(),
  )
  t.is((await records.lookUpCall('rtc_1'))?.sessionId, record.sessionId)
})

test('how a session finds turns is kept where the call says it', async t => {
  const { records, made } = stage(t)
  const record = await made()
  const turnDetection = '{"type":"server_vad"}'
  await records.connect(record, { callId: 'rtc_1', model: 'm', pinned: '{}', address: 'x', turnDetection })
  t.is((await records.lookUpCall('rtc_1'))?.turnDetection, turnDetection)
})

test('a session that was ended before is not charged, and stays listed as it was', async t => {
  const { records, connected, charges } = stage(t)
  const record = await connected()
  await records.listHeard(record.sessionId)
  t.true(await records.end(record, 'over'))
  t.deepEqual(await records.unheard(10), [])
  charges()
  await records.listHeard(record.sessionId)
  t.false(await records.end(record, 'again'))
  t.deepEqual(charges(), [])
  t.deepEqual(await records.unheard(10), [record.sessionId])
})
