/** The journal of a call in the store: what several replicas commit to it, and what is made of what cannot be read. */
import test from 'ava'
import { CallJournal } from '../../runtime/calls/call-journal.ts'
import { addToolCall, findCall, finishToolCall, type ToolJournal } from '../../runtime/resume/tool-journal.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import type { Stage } from '../gateway/start.ts'

const migration = {
  version: 2,
  migrate: async ({ state }: { state: object }) => ({
    kind: 'migrated' as const,
    state: { ...state, is: 2 },
  }),
}
const call = { id: 'c1', name: 'add', arguments: '{}', status: 'pending', runs: 0 } as const
const added = (journal: ToolJournal) => addToolCall(journal, call, { rounds: 1, request: null })

function stage(t: Stage) {
  const store = createMemoryStore()
  t.teardown(() => store.close())
  const charged: unknown[][] = []
  const keep = (compareAndSet = store.compareAndSet.bind(store)) =>
    new CallJournal({
      store: { get: key => store.get(key), compareAndSet },
      quota: { charge: async (...given) => void charged.push(given) },
      ...{ ttlMs: 60_000, sessionId: 's1', account: 'credential:me', migration },
    })
  return { store, charged, keep }
}

test('what one replica commits, the next one goes on with', async t => {
  const { keep, charged } = stage(t)
  const [first, second] = [keep(), keep()]
  t.is(first.conversationId, 's1')
  await first.commit(added)
  await second.commit(journal => finishToolCall(journal, 'c1', '"3"'))
  t.like(findCall(second.journal, 'c1'), { status: 'done', output: '"3"' })
  t.is(findCall(first.journal, 'c1')?.status, 'pending')
  await first.refresh()
  t.is(findCall(first.journal, 'c1')?.status, 'done')
  t.deepEqual(charged[0]?.slice(0, 2), ['credential:me', 'call-tools:s1'])
  t.true(Number(charged[0]?.[2]) > 50)
})

test('a change that gives up, or changes nothing, writes nothing', async t => {
  const { keep, charged } = stage(t)
  const journal = keep()
  t.is(await journal.commit(() => null), null)
  t.is(await journal.commit(newest => newest), journal.journal)
  t.deepEqual(charged, [])
})

test('a change that others come before each time is given up as a store that does not answer', async t => {
  const { keep } = stage(t)
  let tries = 0
  const journal = keep(async () => {
    tries += 1
    return false
  })
  await t.throwsAsync(journal.commit(added), { code: 'store_unavailable' })
  t.is(tries, 65)
})

test('a journal that is taken over has the state of the assistant that goes on with it', async t => {
  const { store, keep } = stage(t)
  const stored = { revision: 3, calls: [], state: { by: 'before' }, turn: null }
  await store.set('call-tools:s1', JSON.stringify(stored), 60_000)
  const journal = keep()
  t.is(await journal.take(), null)
  t.deepEqual(journal.journal.state, { by: 'before', is: 2 })
  t.is(journal.journal.stateVersion, 2)
})

test('a journal in a shape that is not understood is passed over, and written over', async t => {
  const { store, keep } = stage(t)
  await store.set('call-tools:s1', '{"revision":3,"calls":7}', 60_000)
  const journal = keep()
  await journal.refresh()
  t.deepEqual(journal.journal.calls, [])
  await journal.commit(added)
  const next = keep()
  await next.refresh()
  t.is(findCall(next.journal, 'c1')?.id, 'c1')
})
