/** Ephemeral keys: who comes by one, how long it is remembered, and what the store is told of it. */
import test, { type ExecutionContext } from 'ava'
import {
  EphemeralKeys,
  isEphemeral,
  type MintedKey,
  principalOf,
} from '../../runtime/access/ephemeral-keys.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { createClock } from './clock.ts'

const alice = { name: 'key:alice', by: 'key' } as const
const minted: MintedKey = { owner: alice, model: 'voice', pinned: '{}' }
const account = 'credential:key:alice'
const nowSec = 1_800_000_000

function stage(t: ExecutionContext, quotaOf: () => Promise<void> = async () => undefined) {
  const clock = createClock(nowSec * 1000)
  const store = createMemoryStore({ now: clock.now })
  t.teardown(() => store.close())
  const charged: (readonly [account: string, key: string, chars: number, ttlMs: number])[] = []
  const asked: string[] = []
  const keys = new EphemeralKeys({
    store: {
      get: key => {
        asked.push(key)
        return store.get(key)
      },
      set: (...given) => store.set(...given),
    },
    quota: {
      charge: async (...given) => {
        charged.push(given as never)
        await quotaOf()
      },
    },
    now: clock.now,
  })
  return { clock, keys, charged, asked }
}

test('a key is remembered until it expires, and one key is not another', async t => {
  const { clock, keys, charged } = stage(t)
  await keys.remember('ek_one', minted, nowSec + 60, account)
  await keys.remember('ek_two', { ...minted, model: 'other' }, nowSec + 120, account)
  clock.advance(59_999)
  t.deepEqual(await keys.find('ek_one'), minted)
  t.is((await keys.find('ek_two'))?.model, 'other')
  clock.advance(1)
  t.is(await keys.find('ek_one'), null)
  t.is((await keys.find('ek_two'))?.model, 'other')
  t.deepEqual(
    charged.map(([whose, key, chars, ttlMs]) => [whose, /ek_|one|two/.test(key), chars, ttlMs]),
    [
      [account, false, JSON.stringify(minted).length, 60_000],
      [account, false, JSON.stringify({ ...minted, model: 'other' }).length, 120_000],
    ],
    'the key itself is not in the store',
  )
  t.not(charged[0]?.[1], charged[1]?.[1])
})

test('a key that is over by the clock here is remembered for ten seconds', async t => {
  for (const expiresAt of [nowSec - 100, nowSec, nowSec + 9]) {
    const { clock, keys } = stage(t)
    await keys.remember('ek_one', minted, expiresAt, account)
    clock.advance(9999)
    t.deepEqual(await keys.find('ek_one'), minted)
    clock.advance(1)
    t.is(await keys.find('ek_one'), null)
  }
})

test('a key that finds no room is not remembered', async t => {
  const { keys } = stage(t, async () => {
    throw new Error('no room')
  })
  await t.throwsAsync(keys.remember('ek_one', minted, nowSec + 60, account), { message: 'no room' })
  t.is(await keys.find('ek_one'), null)
})

test('what has not the form of a key is looked for nowhere', async t => {
  const { keys, asked } = stage(t)
  for (const odd of ['', 'ek_', 'ek_ one', 'ek_one two', 'Ek_one', 'xek_one', 'sk-one']) {
    t.false(isEphemeral(odd), odd)
    t.is(await keys.find(odd), null, odd)
  }
  t.deepEqual(asked, [])
  t.true(isEphemeral('ek_one'))
  t.is(await keys.find('ek_one'), null)
  t.is(asked.length, 1)
})

test('who comes by a key speaks for whoever had it minted, and of its assistant alone', t => {
  t.deepEqual(principalOf(minted), { name: 'key:alice', by: 'ephemeral' })
  t.deepEqual(principalOf({ ...minted, owner: { ...alice, roles: ['a'] }, assistant: 'guide' }), {
    name: 'key:alice',
    by: 'ephemeral',
    roles: ['a'],
    assistant: 'guide',
  })
})
