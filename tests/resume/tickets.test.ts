/** What a resume ticket is good for: one conversation, its owner, one connection, ten minutes. */
import test, { type ExecutionContext } from 'ava'
import {
  assistantOfTicket,
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

/** @throws Error where there is nothing to claim */
async function claimed(store: Store, ticket: string, owner: string) {
  const claim = await claimTicket(store, ticket, owner)
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
  t.is(await claimTicket(store, ticket, 'bob'), null)
  t.truthy(await spendTicket(store, claim))
})

for (const ticket of ['', 'x', 'x'.repeat(31), 'x'.repeat(33), `${'x'.repeat(31)}:`, 'x'.repeat(32)])
  test(`"${ticket}" is no ticket`, async t => t.is(await claimTicket(stage(t).store, ticket, 'alice'), null))

test('what is no ticket by its form is not looked up', async t => {
  const { store } = stage(t)
  const read = () => Promise.reject(new Error('looked up'))
  t.is(await claimTicket({ ...store, read } as Store, 'x', 'alice'), null)
})

test('the store holds no ticket, in no key', async t => {
  const { store } = stage(t)
  const keys: string[] = []
  const create: Store['create'] = async key => void keys.push(key)
  const ticket = await createTicket({ ...store, create } as Store, { conversation: 'a', owner: 'alice' })
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
  t.is(await claimTicket(store, ticket, 'alice'), null)
  t.false(await renewTicket(store, ticket))
})

test('a spent ticket stands for the next one, for the same owner and assistant, until its client has that', async t => {
  const { store } = stage(t)
  const entry = { conversation: 'a', owner: 'alice', assistant: 'reception' }
  const ticket = await createTicket(store, entry)
  const first = await claimed(store, ticket, 'alice')
  const next = await spendTicket(store, first)
  if (next === null) return t.fail()
  t.is(await assistantOfTicket(store, next, 'alice'), 'reception')
  t.is(await claimTicket(store, ticket, 'bob'), null)
  // The connection broke before its client was told the next one.
  const second = await claimed(store, ticket, 'alice')
  t.like(second, { ticket, ...entry })
  const last = await spendTicket(store, second)
  if (last === null) return t.fail()
  t.false(await holdTicket(store, first, next), 'somebody else goes on')
  t.true(await holdTicket(store, second, last))
  t.true(await holdTicket(store, second, last), 'once more, where the answer was lost')
  for (const spent of [ticket, next]) t.is(await claimTicket(store, spent, 'alice'), null)
  t.is((await claimed(store, last, 'alice')).conversation, 'a')
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
  t.is(await claimTicket(store, ticket, 'alice'), null)
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
  t.is(await claimTicket(store, old, 'bob'), null)
  t.false(await renewTicket(store, old))
})
