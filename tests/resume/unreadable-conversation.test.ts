/** A conversation in the store that this revision cannot read: another one, older or newer, has written it. */
import test from 'ava'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import type { Store } from '../../runtime/store/store.ts'
import { ask, converse } from '../gateway/converse.ts'
import { gatewayOn } from '../gateway/start.ts'

const item = { id: 'item_1', kind: 'message', role: 'user', text: 'hello', done: true }

for (const stored of [
  '',
  '{}',
  'null',
  { items: [null], settings: null, owed: false },
  { items: [{ ...item, text: 7 }], settings: null, owed: false },
  { items: [{ ...item, kind: 'image' }], settings: null, owed: false },
  { items: [], settings: [], owed: false },
  { items: [], settings: null, owed: 'yes' },
  { items: [], settings: null, owed: false, tools: { calls: [{}], state: {}, turn: null } },
]) {
  const text = typeof stored === 'string' ? stored : JSON.stringify(stored)
  test(`a ticket for ${text || 'an empty text'} gives a fresh session, and the log names no failure`, async t => {
    const memory = createMemoryStore()
    t.teardown(() => memory.close())
    const store = new Proxy(memory, {
      get: (_memory, operation: keyof Store) =>
        operation === 'get' ? async () => text : memory[operation]?.bind(memory),
    })
    const gateway = await gatewayOn(t, store)
    const first = await converse(t, `${gateway.socketUrl}/chat?resume=`)
    const ticket = (await first.until('session.ticket')).at(-1)?.resume
    first.socket.terminate()
    const talk = await converse(t, `${gateway.socketUrl}/chat?resume=${ticket}`)
    t.deepEqual(await talk.next(), { type: 'session.resume_failed', reason: 'unknown' })
    t.is((await ask(talk, 'hello')).transcript, 'You said: hello')
    t.false(gateway.lines.some(({ event }) => event === 'connection.failed'))
  })
}
