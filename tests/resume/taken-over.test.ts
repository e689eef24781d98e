/** Who may write a conversation in the store, and what of two sessions' writes stays there. */
import test from 'ava'
import { GatewayError } from '../../runtime/core/errors.ts'
import { Conversation, readStored, type StoredConversation } from '../../runtime/resume/conversation.ts'
import {
  conversationKey,
  migrateStored,
  PersistedConversation,
  type StoredEntry,
  takeOver,
} from '../../runtime/resume/stored-conversation.ts'
import { claimTicket } from '../../runtime/resume/tickets.ts'
import {
  addToolCall,
  findCall,
  finishToolCall,
  startToolCall,
  type ToolJournal,
} from '../../runtime/resume/tool-journal.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import type { Store } from '../../runtime/store/store.ts'
import type { Stage } from '../gateway/start.ts'
import { until } from '../gateway/within.ts'

const minute = 60_000

/** A store whose next operations of a name go wrong as they are told to. */
function faultyStore(t: Stage) {
  const memory = createMemoryStore()
  t.teardown(() => memory.close())
  const faults: ((write: () => Promise<boolean>) => Promise<boolean>)[] = []
  const compareAndSet: Store['compareAndSet'] = (...given) => {
    const write = () => memory.compareAndSet(...given)
    return faults.shift()?.(write) ?? write()
  }
  const store = new Proxy(memory, {
    get: (_, name) => {
      if (name === 'compareAndSet') return compareAndSet
      const value = Reflect.get(memory, name)
      return typeof value === 'function' ? value.bind(memory) : value
    },
  })
  return { store, memory, faults }
}

function keep(t: Stage, store: Store, conversation = new Conversation(), entry?: StoredEntry) {
  const seen: string[] = []
  const kept = new PersistedConversation(
    { store },
    {
      ...{ conversation, entry, owner: 'anonymous', onTicket: () => seen.push('ticket') },
      ...{ onFault: () => seen.push('fault'), onTakenOver: () => seen.push('taken over') },
    },
  )
  t.teardown(() => kept.stop())
  const say = (text: string) => {
    conversation.expect({ type: 'message', role: 'user', content: [{ text }] })
    kept.changed()
    return kept.flush()
  }
  return { kept, conversation, seen, say }
}

async function storedIn(store: Store, id: string): Promise<StoredConversation> {
  const { conversation } = readStored((await store.get(conversationKey(id))) ?? '')
  if (conversation === null) throw new Error('it cannot be read')
  return conversation
}

async function textsIn(store: Store, id: string): Promise<string[]> {
  return (await storedIn(store, id)).items.map(({ text }) => text)
}

/** Another session takes the conversation over. */
async function succeed(t: Stage, store: Store, id: string) {
  const taken = await takeOver(store, id)
  if (taken === null) throw new Error('there is no such conversation')
  return keep(t, store, Conversation.restore(taken.text), taken.entry)
}

const call = { id: 'c1', name: 'add', arguments: '{}', status: 'pending', runs: 0 } as const
const turn = { rounds: 1, request: null }
const added = (journal: ToolJournal) => addToolCall(journal, call, turn)
const started = (owner: string) => (journal: ToolJournal) =>
  startToolCall(added(journal), 'c1', { owner, leaseUntil: 1 })
const away = async () => {
  throw new GatewayError('store_unavailable', 'away')
}

test('once another session has taken a conversation over, the one before writes nothing of it, and is told', async t => {
  const { store } = faultyStore(t)
  const first = keep(t, store)
  await first.kept.issue()
  await first.say('one')
  const second = await succeed(t, store, first.kept.id)
  await second.say('two')
  await first.say('late')
  t.deepEqual(first.seen, ['taken over'])
  t.deepEqual(await textsIn(store, first.kept.id), ['one', 'two'])
  await t.throwsAsync(first.kept.issue(), { code: 'resumed_elsewhere' })
  await second.say('three')
  t.deepEqual(await textsIn(store, first.kept.id), ['one', 'two', 'three'])
  t.deepEqual(second.seen, [])
})

test('what is taken over is the newest, also where the session before writes at that very moment', async t => {
  const { store, faults } = faultyStore(t)
  const first = keep(t, store)
  await first.kept.issue()
  // Between the reading and the taking.
  faults.push(async write => {
    faults.push(inner => inner())
    await first.say('at the last moment')
    return write()
  })
  const second = await succeed(t, store, first.kept.id)
  t.deepEqual(await textsIn(store, first.kept.id), ['at the last moment'])
  await second.say('two')
  t.deepEqual(await textsIn(store, first.kept.id), ['at the last moment', 'two'])
})

test('what was read before the taking is read again where the session before has written since', async t => {
  const { store } = faultyStore(t)
  const first = keep(t, store)
  await first.kept.issue()
  const key = conversationKey(first.kept.id)
  const stale = await store.get(key)
  await first.say('since then')
  const taken = await takeOver(store, first.kept.id, stale)
  t.is(taken?.text, (await store.get(key)) ?? undefined)
  t.deepEqual(await textsIn(store, first.kept.id), ['since then'])
  const gone = await store.get(key)
  await store.delete(key)
  t.is(await takeOver(store, first.kept.id, gone), null, 'it has expired since')
  t.is(await takeOver(store, first.kept.id, null), null)
})

test('a write that was done without an answer does not keep its session from the next one', async t => {
  const { store, faults } = faultyStore(t)
  const { kept, say, seen } = keep(t, store)
  await kept.issue()
  faults.push(async write => {
    await write()
    return away()
  })
  await say('one')
  await say('two')
  t.deepEqual(await textsIn(store, kept.id), ['one', 'two'])
  t.deepEqual(seen, [])
})

test('a ticket is given out when the conversation is in the store, also where a write before had no answer', async t => {
  const { store, faults } = faultyStore(t)
  const { kept, say, conversation } = keep(t, store)
  await kept.issue()
  faults.push(async write => {
    await write()
    return away()
  })
  await say('one')
  conversation.expect({ type: 'message', role: 'user', content: [{ text: 'two' }] })
  faults.push(
    write => write(),
    async write => {
      await new Promise(resolve => setImmediate(resolve))
      return write()
    },
  )
  await kept.issue()
  t.deepEqual(await textsIn(store, kept.id), ['one', 'two'])
})

test('a write that arrives late replaces nothing newer', async t => {
  const { store, memory, faults } = faultyStore(t)
  const { kept, say } = keep(t, store)
  await kept.issue()
  let late: () => Promise<boolean> = async () => true
  faults.push(write => {
    late = write
    return away()
  })
  await say('one')
  await say('two')
  t.false(await late())
  t.deepEqual(await textsIn(memory, kept.id), ['one', 'two'])
})

test('a conversation of a revision that knows no revisions is read, taken over and written on', async t => {
  const { store } = faultyStore(t)
  const item = { id: 'a', kind: 'message', role: 'user', text: 'old', done: true }
  const text = JSON.stringify({ items: [item], settings: null, owed: false })
  await store.set(conversationKey('old'), text, minute)
  const second = await succeed(t, store, 'old')
  await second.say('new')
  t.deepEqual(await textsIn(store, 'old'), ['old', 'new'])
  // Such a revision may still write over it.
  await store.set(conversationKey('old'), text, minute)
  await second.say('newer')
  t.deepEqual(await textsIn(store, 'old'), ['old', 'new', 'newer'])
  t.deepEqual(second.seen, [])
})

test('what the store has lost is written again', async t => {
  const { store } = faultyStore(t)
  const { kept, say, seen } = keep(t, store)
  await kept.issue()
  await say('one')
  await kept.commit(added)
  await store.delete(conversationKey(kept.id))
  await say('two')
  t.deepEqual(await textsIn(store, kept.id), ['one', 'two'])
  const conversation = await storedIn(store, kept.id)
  t.is(conversation.tools?.calls[0]?.id, 'c1')
  t.deepEqual(seen, [])
})

test('a text that nobody can read is written over, unless a later session wrote it', async t => {
  const { store } = faultyStore(t)
  const { kept, say, seen } = keep(t, store)
  await kept.issue()
  for (const text of ['', 'null', '{"items":7}', '{"revision":9,"epoch":1,"items":7}']) {
    await store.set(conversationKey(kept.id), text, minute)
    await say(text)
    t.is((await textsIn(store, kept.id)).at(-1), text)
  }
  await store.set(conversationKey(kept.id), '{"revision":9,"epoch":2,"items":7}', minute)
  await say('late')
  t.deepEqual(seen, ['taken over'])
  t.is(await kept.commit(added), null)
})

test('of two changes of the journal at once nothing is lost, and the later is made of the newest', async t => {
  const { store } = faultyStore(t)
  const { kept, conversation } = keep(t, store)
  await kept.issue()
  let made = 0
  const count = async (journal: ToolJournal) => {
    made += 1
    await new Promise(resolve => setImmediate(resolve))
    return { ...journal, state: { count: Number(journal.state.count ?? 0) + 1 } }
  }
  await Promise.all(Array.from({ length: 10 }, () => kept.commit(count)))
  t.is(conversation.journal.state.count, 10)
  t.true(made > 10)
  t.is((await storedIn(store, kept.id)).tools?.state.count, 10)
})

test('a journal is committed together with what was said', async t => {
  const { store } = faultyStore(t)
  const { kept, conversation } = keep(t, store)
  await kept.issue()
  conversation.expect({ type: 'message', role: 'user', content: [{ text: 'one' }] })
  await kept.commit(started('me'))
  t.deepEqual(await textsIn(store, kept.id), ['one'])
  t.like(findCall(conversation.journal, 'c1'), { status: 'running', owner: 'me', runs: 1 })
})

test('what is said while a journal is committed is written after it', async t => {
  const { store, faults } = faultyStore(t)
  const { kept, conversation } = keep(t, store)
  await kept.issue()
  faults.push(async write => {
    await new Promise(resolve => setImmediate(resolve))
    conversation.expect({ type: 'message', role: 'user', content: [{ text: 'meanwhile' }] })
    kept.changed()
    return write()
  })
  await kept.commit(added)
  t.is(faults.length, 0)
  const deadline = performance.now() + 10_000
  while ((await textsIn(store, kept.id)).length === 0) {
    if (performance.now() > deadline) return t.fail('it was not written within 10 s')
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  t.deepEqual(await textsIn(store, kept.id), ['meanwhile'])
})

/** Brings the state of a journal from version 1 to version 2. */
const migration = {
  version: 2,
  migrate: async ({ state }: { state: object }) => ({
    kind: 'migrated' as const,
    state: { ...state, is: 2 },
  }),
}

/** A conversation whose tools have stored something, taken over by another session. */
async function takenWithState(t: Stage) {
  const { store, faults } = faultyStore(t)
  const first = keep(t, store)
  await first.kept.issue()
  await first.kept.commit(journal => ({ ...journal, state: { by: 'first' } }))
  const { id } = first.kept
  const taken = await takeOver(store, id)
  if (taken === null) throw new Error('there is no such conversation')
  return { store, faults, first, id, taken, key: conversationKey(id) }
}

test('state is migrated in the store, with what a session before commits meanwhile', async t => {
  const { store, faults, first, id, taken } = await takenWithState(t)
  faults.push(async write => {
    await first.kept.commit(journal => ({ ...journal, state: { by: 'first, late' } }))
    return write()
  })
  const { entry, text, refused } = await migrateStored(store, taken, migration)
  t.is(refused, null)
  t.deepEqual(entry, { ...taken.entry, revision: taken.entry.revision + 2 })
  t.deepEqual(readStored(text).conversation?.tools?.state, { by: 'first, late', is: 2 })
  t.deepEqual((await storedIn(store, id)).tools?.state, { by: 'first, late', is: 2 })
})

/** What happens while a session migrates what it took over, and how that ends. */
const disturbances: readonly [
  what: string,
  happen: (staged: Awaited<ReturnType<typeof takenWithState>>) => Promise<unknown>,
  error: object,
][] = [
  ['another session takes it over', ({ store, id }) => takeOver(store, id), { code: 'resumed_elsewhere' }],
  ['the store loses it', ({ store, key }) => store.delete(key), { code: 'resumed_elsewhere' }],
  [
    'another revision writes it',
    ({ store, key, taken: { entry } }) =>
      store.set(key, `{"revision":${entry.revision + 7},"epoch":${entry.epoch},"items":7}`, minute),
    { instanceOf: SyntaxError },
  ],
]

for (const [what, happen, error] of disturbances) {
  test(`what was taken over is not migrated where ${what} meanwhile`, async t => {
    const staged = await takenWithState(t)
    const { store, faults, key, taken } = staged
    let after: string | null = null
    faults.push(async write => {
      await happen(staged)
      after = await store.get(key)
      return write()
    })
    await t.throwsAsync(migrateStored(store, taken, migration), error)
    t.is(await store.get(key), after)
  })
}

test('a migration that others come before each time is given up', async t => {
  const { store, faults, taken } = await takenWithState(t)
  let tries = 0
  const refuse = async () => {
    tries += 1
    return false
  }
  for (let conflict = 0; conflict < 100; conflict += 1) faults.push(refuse)
  await t.throwsAsync(migrateStored(store, taken, migration), { code: 'store_unavailable' })
  t.is(tries, 5)
})

test('a commit whose answer was lost is not made twice', async t => {
  const { store, faults } = faultyStore(t)
  const { kept, conversation } = keep(t, store)
  await kept.issue()
  await kept.commit(started('me'))
  let runs = 0
  const finish = (journal: ToolJournal) => {
    if (findCall(journal, 'c1')?.status === 'done') return journal
    runs += 1
    return finishToolCall({ ...journal, state: { count: Number(journal.state.count ?? 0) + 1 } }, 'c1', '{}')
  }
  faults.push(async write => {
    await write()
    return away()
  })
  await t.throwsAsync(kept.commit(finish), { code: 'store_unavailable' })
  await kept.commit(finish)
  t.is(conversation.journal.state.count, 1)
  t.is(runs, 2)
})

test('a session that was succeeded says what came of its tool to the one after it, which hears of it', async t => {
  const { store } = faultyStore(t)
  const first = keep(t, store)
  await first.kept.issue()
  await first.say('one')
  await first.kept.commit(started('first'))
  const second = await succeed(t, store, first.kept.id)
  await second.say('two')
  await first.kept.commit(journal => finishToolCall({ ...journal, state: { by: 'first' } }, 'c1', '"done"'))
  t.deepEqual(first.seen, ['taken over'])
  await second.kept.refresh()
  t.like(findCall(second.conversation.journal, 'c1'), { status: 'done', output: '"done"' })
  t.deepEqual(second.conversation.journal.state, { by: 'first' })
  await second.say('three')
  t.deepEqual(await textsIn(store, first.kept.id), ['one', 'two', 'three'])
  // Also without having looked.
  await first.kept.commit(journal => ({ ...journal, state: { by: 'first, again' } }))
  await second.say('four')
  t.deepEqual(second.conversation.journal.state, { by: 'first, again' })
})

test('what a tool was answered is committed after its session has ended', async t => {
  const { store } = faultyStore(t)
  const first = keep(t, store)
  await first.kept.issue()
  await first.kept.commit(started('first'))
  first.kept.stop()
  await first.kept.commit(journal => finishToolCall(journal, 'c1', '"done"'))
  const second = await succeed(t, store, first.kept.id)
  t.like(findCall(second.conversation.journal, 'c1'), { status: 'done', output: '"done"' })
})

test('what a session commits after it was taken over is made again where somebody else wrote at that moment', async t => {
  const { store, faults } = faultyStore(t)
  const first = keep(t, store)
  await first.kept.issue()
  await first.kept.commit(started('first'))
  const second = await succeed(t, store, first.kept.id)
  await first.say('late')
  faults.push(async write => {
    await second.kept.commit(journal => ({ ...journal, state: { by: 'second' } }))
    return write()
  })
  const committed = await first.kept.commit(journal => finishToolCall(journal, 'c1', '"done"'))
  const stored = (await storedIn(store, first.kept.id)).tools
  t.deepEqual(stored, committed ?? undefined)
  t.like(stored, { state: { by: 'second' }, calls: [{ status: 'done' }] })
})

test('a change is told of calls without an output, and whether another session goes on', async t => {
  const { store } = faultyStore(t)
  const first = keep(t, store)
  await first.kept.issue()
  const told = async () => {
    const seen: unknown[] = []
    await first.kept.commit((journal, { isUnanswered, isTakenOver }) => {
      seen.push(isTakenOver, isUnanswered('c1'), isUnanswered('c2'))
      return journal
    })
    return seen
  }
  first.conversation.expect({ type: 'function_call', call_id: 'c1', name: 'f', arguments: '{}' })
  t.deepEqual(await told(), [false, true, false])
  first.kept.changed()
  await first.kept.flush()
  await succeed(t, store, first.kept.id)
  first.conversation.expect({ type: 'function_call_output', call_id: 'c1', output: '1' })
  await first.say('late')
  t.deepEqual(await told(), [true, true, false])
})

test('a change that gives up changes nothing; of a conversation that is gone nothing is committed', async t => {
  const { store } = faultyStore(t)
  const first = keep(t, store)
  await first.kept.issue()
  t.is(await first.kept.commit(() => null), null)
  t.deepEqual(first.conversation.journal.calls, [])
  await succeed(t, store, first.kept.id)
  await first.say('late')
  await store.delete(conversationKey(first.kept.id))
  t.is(await first.kept.commit(added), null)
  t.is(await store.get(conversationKey(first.kept.id)), null)
})

test('without tools a session that lives on beside its successor has a conversation and a ticket of its own', async t => {
  const { store } = faultyStore(t)
  const tickets: string[] = []
  const conversation = new Conversation()
  const onTicket = (ticket: string) => tickets.push(ticket)
  const kept = new PersistedConversation(
    { store },
    { conversation, owner: 'anonymous', onTicket, onFault: () => t.fail() },
  )
  t.teardown(() => kept.stop())
  const say = (text: string) => {
    conversation.expect({ type: 'message', role: 'user', content: [{ text }] })
    kept.changed()
    return kept.flush()
  }
  await kept.issue()
  await say('one')
  const { id } = kept
  const second = await succeed(t, store, id)
  await say('two')
  t.not(kept.id, id)
  t.deepEqual(await textsIn(store, kept.id), ['one', 'two'])
  t.deepEqual(await textsIn(store, id), ['one'])
  await until(() => tickets.length > 0, 'there is no ticket')
  const found = await claimTicket(store, tickets[0] ?? '', { owner: 'anonymous' })
  t.is(found?.claim?.conversation, kept.id)
  await second.say('three')
  t.deepEqual(await textsIn(store, id), ['one', 'three'])
})
