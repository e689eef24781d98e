/** What a resume ticket is good for: one conversation, its owner, one connection, ten minutes. */
import test, { type ExecutionContext } from 'ava'
import { GatewayError } from '../../runtime/core/errors.ts'
import {
  claimTicket,
  createTicket,
  holdTicket,
  renewTicket,
  spendTicket,
  ticketLifeMs,
} from '../../runtime/resume/tickets.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import type { Store } from '../../runtime/store/store.ts'
import { createClock } from '../access/clock.ts'

function stage(t: ExecutionContext) {
  const clock = createClock()
  const store = createMemoryStore({ now: clock.now })
  t.teardown(() => store.close())
  const make = (conversation: string, owner: string) => createTicket(store, { conversation, owner })
  return { clock, store, make }
}

async function claimOf(store: Store, ticket: string, owner: string) {
  return (await claimTicket(store, ticket, { owner }))?.claim ?? null
}

/** @throws Error where there is nothing to claim */
async function claimed(store: Store, ticket: string, owner: string) {
  const claim = await claimOf(store, ticket, owner)
  if (claim === null) throw new Error('there is nothing to claim')
  return claim
}

test('each ticket gives its own conversation back, to its own owner', async t => {
  const { store, make } = stage(t)
  const tickets = [await make('a', 'alice'), await make('b', 'bob')]
  t.not(tickets[0], tickets[1])
  t.is((await claimed(store, tickets[0] as string, 'alice')).conversation, 'a')
  t.is((await claimed(store, tickets[1] as string, 'bob')).conversation, 'b')
})

test('somebody else gets nothing, and takes nothing from its owner', async t => {
  const { store, make } = stage(t)
  const ticket = await make('a', 'alice')
  const claim = await claimed(store, ticket, 'alice')
  t.is(await claimOf(store, ticket, 'bob'), null)
  t.truthy(await spendTicket(store, claim))
})

for (const ticket of ['', 'x', 'x'.repeat(31), 'x'.repeat(33), `${'x'.repeat(31)}:`, 'x'.repeat(32)])
  test(`"${ticket}" is no ticket`, async t => t.is(await claimOf(stage(t).store, ticket, 'alice'), null))

test('what is no ticket by its form is not looked up', async t => {
  const { store } = stage(t)
  const updateAndRead = () => Promise.reject(new Error('looked up'))
  t.is(await claimOf({ ...store, updateAndRead } as Store, 'x', 'alice'), null)
})

test('the store holds no ticket, in no key', async t => {
  const { store } = stage(t)
  const keys: string[] = []
  const createUnlessThere: Store['createUnlessThere'] = async key => keys.push(key) > 0
  const entry = { conversation: 'a', owner: 'alice' }
  const ticket = await createTicket({ ...store, createUnlessThere } as Store, entry)
  t.is(keys.length, 1)
  t.regex(keys[0] ?? '', /^resume:[0-9a-f]{64}$/)
  t.false(keys[0]?.includes(ticket))
})

test('a ticket is spent once, by the connection that claimed it last', async t => {
  const { store, make } = stage(t)
  const ticket = await make('a', 'alice')
  const [first, second] = [await claimed(store, ticket, 'alice'), await claimed(store, ticket, 'alice')]
  t.is(await spendTicket(store, first), null)
  const next = await spendTicket(store, second)
  if (next === null) return t.fail()
  t.is(await spendTicket(store, second), null)
  t.true(await holdTicket(store, second, next))
  t.is(await claimOf(store, ticket, 'alice'), null)
  t.false(await renewTicket(store, ticket))
})

test('a spent ticket stands for the next one, for the same owner and assistant, until its client has that', async t => {
  const { store } = stage(t)
  const entry = { conversation: 'a', owner: 'alice', assistant: 'reception' }
  const ticket = await createTicket(store, entry)
  const first = await claimed(store, ticket, 'alice')
  const next = await spendTicket(store, first)
  if (next === null) return t.fail()
  t.deepEqual(await claimTicket(store, next, { owner: 'alice', assistant: 'another' }), {
    assistant: 'reception',
    claim: null,
  })
  t.is(await claimOf(store, ticket, 'bob'), null)
  // The connection broke before its client was told the next one.
  const second = await claimed(store, ticket, 'alice')
  t.like(second, { ticket, ...entry })
  const last = await spendTicket(store, second)
  if (last === null) return t.fail()
  t.false(await holdTicket(store, first, next), 'somebody else goes on')
  t.true(await holdTicket(store, second, last))
  t.true(await holdTicket(store, second, last), 'once more, where the answer was lost')
  for (const spent of [ticket, next]) t.is(await claimOf(store, spent, 'alice'), null)
  t.is((await claimed(store, last, 'alice')).conversation, 'a')
})

test('a ticket of another assistant than its client asks for is not claimed, and takes nothing from who has claimed it', async t => {
  const { store } = stage(t)
  const ticket = await createTicket(store, { conversation: 'a', owner: 'alice', assistant: 'reception' })
  const claim = await claimed(store, ticket, 'alice')
  const ofAnother = await claimTicket(store, ticket, { owner: 'alice', assistant: 'sales' })
  t.deepEqual(ofAnother, { assistant: 'reception', claim: null })
  t.truthy(await spendTicket(store, claim))
  const ofItsOwn = await claimTicket(store, ticket, { owner: 'alice', assistant: 'reception' })
  t.truthy(ofItsOwn?.claim)
})

/** The store that a connection is left with whose line breaks while it spends a ticket. */
function withoutNextRecord(store: Store, arrives: Promise<void>): Store {
  const createUnlessThere: Store['createUnlessThere'] = async (...given) => {
    void arrives.then(() => store.createUnlessThere(...given))
    throw new GatewayError('store_unavailable', 'no answer in time')
  }
  const update: Store['update'] = (...given) => store.update(...given)
  return { ...store, update, createUnlessThere } as Store
}

test('where the next record could not be made while a ticket was spent, its client comes again, and once', async t => {
  const { store, make } = stage(t)
  const ticket = await make('a', 'alice')
  const { promise: arrives, resolve: arrive } = Promise.withResolvers<void>()
  const lost = await claimed(store, ticket, 'alice')
  await t.throwsAsync(spendTicket(withoutNextRecord(store, arrives), lost), { code: 'store_unavailable' })
  const [first, second] = [await claimed(store, ticket, 'alice'), await claimed(store, ticket, 'alice')]
  t.is(second.conversation, 'a')
  t.is(await spendTicket(store, first), null)
  const next = await spendTicket(store, second)
  if (next === null) return t.fail()
  // What was under way replaces nothing: the record would be good again.
  arrive()
  await new Promise(resolve => setImmediate(resolve))
  t.is(await spendTicket(store, second), null)
  t.true(await holdTicket(store, second, next))
  t.is(await claimOf(store, ticket, 'alice'), null)
})

test('a store that has lost its entries has given no conversation to another client', async t => {
  const { store, make } = stage(t)
  const claim = await claimed(store, await make('a', 'alice'), 'alice')
  const next = await spendTicket(store, claim)
  if (next === null) return t.fail()
  const empty = createMemoryStore()
  t.teardown(() => empty.close())
  t.true(await holdTicket(empty, claim, next))
})

test('each of many connections in a row that broke before its client had a ticket can come again, up to a bound', async t => {
  const { store, make } = stage(t)
  const ticket = await make('a', 'alice')
  for (let lost = 0; lost <= 16; lost += 1)
    t.truthy(await spendTicket(store, await claimed(store, ticket, 'alice')))
  t.is(await claimOf(store, ticket, 'alice'), null)
})

test('a ticket lives ten minutes from when it was made, renewed or claimed', async t => {
  const { clock, store, make } = stage(t)
  const ticket = await make('a', 'alice')
  clock.advance(ticketLifeMs - 1)
  t.true(await renewTicket(store, ticket))
  clock.advance(ticketLifeMs - 1)
  const claim = await claimed(store, ticket, 'alice')
  clock.advance(ticketLifeMs - 1)
  t.truthy(await spendTicket(store, claim))
  const old = await make('b', 'bob')
  clock.advance(ticketLifeMs)
  t.is(await claimOf(store, old, 'bob'), null)
  t.false(await renewTicket(store, old))
})
