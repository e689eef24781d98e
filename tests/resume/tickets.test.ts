/** What a resume ticket is good for: one conversation, its owner, one connection, ten minutes. */
import test, { type ExecutionContext } from 'ava'
import {
  claimTicket,
  createTicket,
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
  t.true(await spendTicket(store, claim))
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
  t.false(await spendTicket(store, first))
  t.true(await spendTicket(store, second))
  t.false(await spendTicket(store, second))
  t.is(await claimTicket(store, ticket, 'alice'), null)
  t.false(await renewTicket(store, ticket))
})

test('a ticket lives ten minutes from when it was made, renewed or claimed', async t => {
  const { clock, store, make } = stage(t)
  const ticket = await make('a', 'alice')
  clock.advance(ticketLifeMs - 1)
  t.true(await renewTicket(store, ticket))
  clock.advance(ticketLifeMs - 1)
  const claim = await claimed(store, ticket, 'alice')
  clock.advance(ticketLifeMs - 1)
  t.true(await spendTicket(store, claim))
  const old = await make('b', 'bob')
  clock.advance(ticketLifeMs)
  t.is(await claimTicket(store, old, 'bob'), null)
  t.false(await renewTicket(store, old))
})
