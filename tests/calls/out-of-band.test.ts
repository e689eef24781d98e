/** Responses beside the conversation of a call, which a browser may ask for with tools of any name: none of the server's runs. */
import test from 'ava'
import { CallJournal } from '../../runtime/calls/call-journal.ts'
import { CallTools } from '../../runtime/calls/call-tools.ts'
import { UpstreamLeg } from '../../runtime/session/upstream-leg.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import type { Stage } from '../gateway/start.ts'
import { quiet } from '../store/patience.ts'
import { scriptedRunner } from '../tools/scripted-runner.ts'

interface Event {
  readonly type: string
  readonly [field: string]: unknown
}

function stage(t: Stage) {
  const store = createMemoryStore()
  t.teardown(() => store.close())
  const runner = scriptedRunner({ stamp: {} })
  const leg = new UpstreamLeg({ maxHeldBytes: 100_000, isShared: true })
  const sent: Event[] = []
  const tools = new CallTools({
    runner,
    journal: new CallJournal({
      store,
      quota: { charge: async () => undefined },
      ...{ ttlMs: 60_000, sessionId: 's1', account: 'credential:me' },
      migration: { version: 1, migrate: async ({ state }) => ({ kind: 'migrated' as const, state }) },
    }),
    responses: leg.responses,
    ...{ caller: 'key:test', turnDetection: null, keepsTools: false, maxHeldBytes: 10_000 },
    send: (message, type, receipt = {}) => {
      leg.noteSent(type, receipt)
      sent.push(JSON.parse(message))
    },
    ...{ tellActivity: () => undefined, tellEvent: () => undefined, follow: () => undefined },
    owner: {
      onFault: fault => {
        throw fault
      },
    },
    ...{ log: quiet, sessionId: 's1' },
  })
  t.teardown(() => tools.end())
  const hear = (event: Event) => {
    const frame = Buffer.from(JSON.stringify(event))
    tools.event(frame, event.type, leg.noteEvent(frame, event.type))
  }
  return { tools, hear, runner, sent }
}

const created = (id: string, conversation_id: string | null) => ({
  type: 'response.created',
  response: { id, conversation_id, status: 'in_progress', output: [] },
})
const given = (id: string) => JSON.stringify({ id })
const called = (response_id: string, call_id: string) => ({
  type: 'response.output_item.done',
  response_id,
  item: {
    ...{ id: `item_${call_id}`, type: 'function_call', call_id, name: 'stamp', status: 'completed' },
    arguments: given(call_id),
  },
})
/** What a response of the conversation says before it ends an item, and one beside it does not. */
const shown = (call_id: string) => ({ type: 'conversation.item.done', item: called('', call_id).item })
const ended = (id: string, conversation_id: string | null) => ({
  type: 'response.done',
  response: { id, conversation_id, status: 'completed', output: [] },
})

const settled = async () => {
  for (let turns = 0; turns < 20; turns += 1) await new Promise(resolve => setImmediate(resolve))
}

test('a call that was heard while another replica spoke runs when it is one of the conversation alone', async t => {
  const { tools, hear, runner } = stage(t)
  hear(created('r1', 'conv'))
  hear(created('r2', null))
  hear(called('r2', 'beside'))
  hear(called('r1', 'c1'))
  hear(ended('r2', null))
  hear(ended('r1', 'conv'))
  tools.act()
  await settled()
  t.deepEqual(
    runner.runs.map(({ call }) => call.arguments),
    ['{"id":"c1"}'],
  )
})

test('a response that began while another replica spoke stays beside the conversation', async t => {
  const { tools, hear, runner, sent } = stage(t)
  hear(created('r2', null))
  tools.act()
  await settled()
  hear(called('r2', 'beside'))
  await settled()
  t.is(runner.runs.length, 0)
  hear(created('r1', 'conv'))
  hear(called('r1', 'c1'))
  await settled()
  // Its end is none of the response that runs.
  hear(ended('r2', null))
  await settled()
  t.deepEqual(
    sent.map(({ type }) => type),
    ['conversation.item.create'],
  )
  hear(ended('r1', 'conv'))
  t.deepEqual(
    sent.map(({ type }) => type),
    ['conversation.item.create', 'response.create'],
  )
  t.is(runner.runs.length, 1)
})

for (const role of ['acts', 'listens'] as const)
  test(`a replica that joins in the middle of two responses, and ${role}, runs the call of the conversation alone`, async t => {
    const { tools, hear, runner, sent } = stage(t)
    if (role === 'acts') tools.act()
    await settled()
    hear(called('r2', 'beside'))
    hear(shown('c1'))
    hear(called('r1', 'c1'))
    if (role === 'listens') tools.act()
    await settled()
    t.deepEqual(
      runner.runs.map(({ call }) => call.arguments),
      ['{"id":"c1"}'],
    )
    // Its end is none of the conversation's.
    hear(ended('r2', null))
    hear(ended('r1', 'conv'))
    await settled()
    t.is(runner.runs.length, 1)
    t.deepEqual(
      sent.map(({ type }) => type),
      ['conversation.item.create', 'response.create'],
    )
  })
