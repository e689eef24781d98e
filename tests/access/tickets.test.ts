/** Tickets: how long they live, and how often they open. */
import test from 'ava'
import { Tickets } from '../../runtime/access/tickets.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { gatewayFor } from '../gateway/start.ts'
import { noQuota } from '../store/no-quota.ts'
import { createClock } from './clock.ts'
import { knockHttp, knockSocket } from './upgrade-attempts.ts'

const secret = 'the-secret-of-alice'

test('a ticket runs out', async t => {
  const clock = createClock()
  const tickets = new Tickets({ store: createMemoryStore({ now: clock.now }), quota: noQuota, ttlMs: 60_000 })
  const alice = { name: 'key:alice', by: 'key' } as const
  const [early, late] = [
    await tickets.issue(alice, 'credential:key:alice'),
    await tickets.issue(alice, 'credential:key:alice'),
  ]
  clock.advance(59_999)
  t.deepEqual(await tickets.spend(early), alice)
  clock.advance(1)
  t.is(await tickets.spend(late), null)
  t.is(await tickets.spend('x'.repeat(32)), null)
})

test('each ticket speaks for whom it was issued to, and no other opens by it', async t => {
  const store = createMemoryStore()
  t.teardown(() => store.close())
  const charged: unknown[][] = []
  const quota = { charge: async (...given: unknown[]) => void charged.push(given) }
  const tickets = new Tickets({ store, quota, ttlMs: 60_000 })
  const [alice, bob] = [
    { name: 'key:alice', by: 'key' },
    { name: 'entra:bob', by: 'entra' },
  ] as const
  const ofAlice = await tickets.issue(alice, 'credential:key:alice')
  const ofBob = await tickets.issue(bob, 'credential:entra:bob')
  t.not(ofAlice, ofBob)
  t.is(await tickets.spend('x'.repeat(32)), null, 'a ticket that was never issued')
  for (const odd of ['', 'x', `${ofAlice}x`, ` ${ofAlice}`, `${ofAlice.slice(1)}=`])
    t.is(await tickets.spend(odd), null, odd)
  t.deepEqual(await tickets.spend(ofAlice), alice)
  t.is(await tickets.spend(ofAlice), null)
  t.deepEqual(await tickets.spend(ofBob), bob)
  t.deepEqual(
    charged.map(([account, key, chars, ttlMs]) => [account, String(key).includes(ofAlice), chars, ttlMs]),
    [
      ['credential:key:alice', false, JSON.stringify(alice).length, 60_000],
      ['credential:entra:bob', false, JSON.stringify(bob).length, 60_000],
    ],
  )
  t.not(charged[0]?.[1], charged[1]?.[1], 'both are charged as one entry')
})

test('a ticket opens one socket, for the one who asked for it', async t => {
  const gateway = await gatewayFor(t, {
    GATEWAY_AUTH: 'key',
    GATEWAY_API_KEYS: `alice:${secret}`,
    TICKET_TTL_SEC: '600',
  })
  const answer = await knockHttp(gateway.url, {
    method: 'POST',
    path: '/ticket',
    headers: { Authorization: `Bearer ${secret}` },
  })
  const { ticket, expires_in } = JSON.parse(answer.body) as { ticket: string; expires_in: number }
  t.is(expires_in, 600)
  t.is(answer.headers['cache-control'], 'no-store')
  const both = await Promise.all(
    [1, 2].map(() => knockSocket(gateway.url, { path: `/chat?ticket=${ticket}` })),
  )
  t.deepEqual(both.map(({ status }) => status).sort(), [101, 401])
  t.is((await gateway.logged('client.connected')).fields.principal, 'key:alice')
})
