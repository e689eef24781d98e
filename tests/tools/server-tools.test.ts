/** Turns whose calls run on the server, event by event: what is committed, run, told to the model and shown to the client. */
import test from 'ava'
import { GatewayError } from '../../runtime/core/errors.ts'
import { Conversation, readStored } from '../../runtime/resume/conversation.ts'
import { conversationKey, PersistedConversation, takeOver } from '../../runtime/resume/stored-conversation.ts'
import type { JournaledToolCall, JournalKeeper, ToolJournal } from '../../runtime/resume/tool-journal.ts'
import { LocalJournal, maxCalls } from '../../runtime/resume/tool-journal.ts'
import type { Receipt } from '../../runtime/session/sent-messages.ts'
import { UpstreamLeg } from '../../runtime/session/upstream-leg.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { clockSkewMs, ServerTools } from '../../runtime/tools/server-tools.ts'
import type { RefusedMessage } from '../../runtime/tools/tool-settings.ts'
import { until } from '../gateway/within.ts'
import { quiet } from '../store/patience.ts'
import { done, type ScriptedTool, scriptedRunner } from './scripted-runner.ts'

interface Event {
  readonly type: string
  readonly [field: string]: unknown
}

interface Options {
  readonly journal?: JournalKeeper
  readonly rounds?: number
  readonly callsPerMinute?: number
  readonly maxHeldBytes?: number
  readonly clientHasTools?: boolean
  readonly expect?: (item: object) => Receipt
}

/** One connection's tools between an upstream and a client that the test plays. */
function stage(
  tools: Readonly<Record<string, ScriptedTool>>,
  {
    journal,
    rounds = 8,
    callsPerMinute = 30,
    maxHeldBytes = 10_000,
    clientHasTools = true,
    expect = () => ({}),
  }: Options = {},
) {
  const leg = new UpstreamLeg({ maxHeldBytes: 100_000 })
  const runner = scriptedRunner(tools)
  /** Types and outputs of what upstream was sent, in order. */
  const sent: Event[] = []
  const client: Event[] = []
  const refused: RefusedMessage[] = []
  const faults: unknown[] = []
  const kept = journal ?? new LocalJournal()
  const show = (frame: Buffer) => void client.push(JSON.parse(frame.toString()))
  const send = (message: string | Uint8Array, type: string, receipt: Receipt = {}) => {
    leg.noteSent(type, receipt)
    sent.push(JSON.parse(Buffer.from(message as string).toString()))
  }
  const server = new ServerTools({
    runner,
    limits: { rounds, callsPerMinute },
    journal: kept,
    responses: leg.responses,
    caller: 'key:test',
    maxHeldBytes,
    clientHasTools,
    send,
    expect,
    isAway: () => false,
    add: () => undefined,
    forward: (message, type) => pass(message, type),
    show: events => {
      for (const { frame } of events) show(frame)
    },
    tellActivity: () => undefined,
    tellEvent: () => undefined,
    follow: () => undefined,
    settled: () => undefined,
    owner: { onFault: fault => faults.push(fault) },
    log: quiet,
    connection: 'c1',
  })
  const pass = (message: string | Uint8Array, type: string) => {
    const passed = server.outgoing(message, type)
    if (typeof passed === 'string' || passed instanceof Uint8Array) send(passed, type)
    else if (passed !== null) refused.push(passed)
  }
  return {
    ...{ runner, sent, client, refused, server, faults, journal: kept, responses: leg.responses },
    /** The client says something. */
    say: (event: Event) => pass(JSON.stringify(event), event.type),
    /** Upstream says something. */
    hear: (event: Event) => {
      const frame = Buffer.from(JSON.stringify(event))
      const answered = leg.noteEvent(frame, event.type)
      const seen = server.see(frame, event.type, answered)
      for (const each of seen ?? [{ frame }]) show(each.frame)
    },
    types: () => sent.map(({ type }) => type),
    outputs: () =>
      sent.flatMap(({ item }) => {
        const { call_id, output } = (item ?? {}) as { call_id?: string; output?: string }
        return output === undefined ? [] : [[call_id, JSON.parse(output)]]
      }),
    seen: () => client.map(({ type }) => type),
  }
}

const created = (id: string, more: object = {}) => ({
  type: 'response.created',
  response: { id, status: 'in_progress', output: [], ...more },
})
const callItem = (id: string, name: string, status = 'completed') => ({
  ...{ id: `item_${id}`, type: 'function_call', call_id: id, name, arguments: '{}', status },
})
const called = (response: string, id: string, name: string, status?: string) => ({
  ...{ type: 'response.output_item.done', response_id: response, item: callItem(id, name, status) },
})
const ended = (id: string, status = 'completed', output: object[] = []) => ({
  type: 'response.done',
  response: { id, status, output },
})
const message = { id: 'item_m', type: 'message', role: 'assistant', content: [] }
const said = (response: string) => ({
  ...{ type: 'response.output_item.added', response_id: response, item: message },
})
const create = { type: 'response.create' }
const cancel = { type: 'response.cancel' }
const output = (id: string, text = 'mine') => ({
  type: 'conversation.item.create',
  item: { type: 'function_call_output', call_id: id, output: JSON.stringify(text) },
})
const active = (eventId: unknown) => ({
  type: 'error',
  error: { code: 'conversation_already_has_active_response', message: 'x', event_id: eventId },
})

const settled = async () => {
  for (let turns = 0; turns < 10; turns += 1) await new Promise(resolve => setImmediate(resolve))
}

/** A tool that ends when the test says so. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { open: resolve, run: () => promise.then(() => done('ok')) }
}

test('calls of one response run side by side; one request follows when all are answered and the response is over', async t => {
  const [a, b] = [gate(), gate()]
  const { say, hear, types, outputs, runner, responses, seen } = stage({ a, b })
  say(create)
  hear(created('r1'))
  hear(called('r1', 'c1', 'a'))
  hear(called('r1', 'c2', 'b'))
  await settled()
  t.is(runner.runs.length, 2)
  b.open()
  await settled()
  t.deepEqual(outputs(), [['c2', 'ok']])
  hear(ended('r1', 'completed', [callItem('c1', 'a'), callItem('c2', 'b')]))
  t.true(responses.isPending)
  t.deepEqual(types(), ['response.create', 'conversation.item.create'])
  a.open()
  await settled()
  t.deepEqual(types().slice(2), ['conversation.item.create', 'response.create'])
  t.deepEqual(seen(), [])
  hear(created('r2'))
  hear(said('r2'))
  hear(ended('r2', 'completed', [message]))
  t.deepEqual(seen(), ['response.created', 'response.output_item.added', 'response.done'])
  t.false(responses.isPending)
  t.false(responses.isBusy)
})

test('a call that is answered before its response is over waits for the end', async t => {
  const { say, hear, types } = stage({ a: {} })
  say(create)
  hear(created('r1'))
  hear(called('r1', 'c1', 'a'))
  await settled()
  t.deepEqual(types(), ['response.create', 'conversation.item.create'])
  hear(ended('r1'))
  t.deepEqual(types().slice(2), ['response.create'])
})

test('a call is answered once, however often it is heard of', async t => {
  const { hear, runner, outputs } = stage({ a: {} })
  hear(created('r1'))
  hear(called('r1', 'c1', 'a'))
  hear(called('r1', 'c1', 'a'))
  await settled()
  hear(called('r1', 'c1', 'a'))
  await settled()
  t.is(runner.runs.length, 1)
  t.is(outputs().length, 1)
})

for (const status of ['cancelled', 'failed'])
  test(`a response that was ${status}: its calls are answered, nothing follows, and the client sees its end`, async t => {
    const a = gate()
    const { say, hear, types, outputs, seen, responses } = stage({ a })
    say(create)
    hear(created('r1'))
    hear(called('r1', 'c1', 'a'))
    hear(called('r1', 'c2', 'a', 'incomplete'))
    hear(ended('r1', status, [callItem('c1', 'a')]))
    t.deepEqual(seen(), ['response.created', 'response.done'])
    t.false(responses.isPending)
    t.true(responses.isBusy)
    a.open()
    await settled()
    t.like(outputs()[0]?.[1], { error: 'incomplete' })
    t.deepEqual(outputs()[1], ['c1', 'ok'])
    t.false(types().slice(1).includes('response.create'))
    t.false(responses.isBusy)
  })

test('while another response runs the request waits; refused for that, it comes again behind it', async t => {
  const a = gate()
  const { hear, types, seen, sent, responses } = stage({ a })
  hear(created('r1'))
  hear(called('r1', 'c1', 'a'))
  hear(ended('r1'))
  // Upstream answers speech meanwhile.
  hear(created('r2'))
  a.open()
  await settled()
  t.deepEqual(types(), ['conversation.item.create'])
  hear(said('r2'))
  hear(ended('r2', 'completed', [message]))
  t.deepEqual(types(), ['conversation.item.create', 'response.create'])
  hear(active(sent.at(-1)?.event_id))
  hear(created('r3'))
  hear(said('r3'))
  t.is(types().length, 2)
  hear(ended('r3', 'completed', [message]))
  // That one knew the output.
  t.is(types().length, 2)
  t.false(seen().includes('error'))
  t.false(responses.isPending)
})

test('a response that begins when all outputs were sent knows them: none is asked for', async t => {
  const { hear, types, responses } = stage({ a: {} })
  hear(created('r1'))
  hear(called('r1', 'c1', 'a'))
  await settled()
  hear({ type: 'input_audio_buffer.speech_started' })
  hear(ended('r1'))
  t.deepEqual(types(), ['conversation.item.create'])
  hear({ type: 'input_audio_buffer.committed' })
  hear(created('r2'))
  hear(said('r2'))
  hear(ended('r2', 'completed', [message]))
  t.deepEqual(types(), ['conversation.item.create'])
  t.false(responses.isPending)
})

test('a request that is refused for another reason ends the turn: the client sees the response cancelled, and why', async t => {
  const { say, hear, seen, sent, responses } = stage({ a: {} })
  say(create)
  hear(created('r1'))
  hear(called('r1', 'c1', 'a'))
  await settled()
  hear(ended('r1'))
  hear({
    type: 'error',
    error: { code: 'insufficient_quota', message: 'x', event_id: sent.at(-1)?.event_id },
  })
  t.deepEqual(seen(), ['response.created', 'response.done', 'error'])
  t.false(responses.isPending)
})

test('rounds of one turn are bounded: then the model is told so, and must answer in words', async t => {
  const { say, hear, outputs, sent, runner } = stage({ a: {} }, { rounds: 2 })
  say(create)
  for (let round = 1; round <= 3; round += 1) {
    hear(created(`r${round}`))
    hear(called(`r${round}`, `c${round}`, 'a'))
    await settled()
    hear(ended(`r${round}`))
  }
  t.is(runner.runs.length, 2)
  t.like(outputs()[2]?.[1], { error: 'tool_rounds' })
  t.like(sent.at(-1), { type: 'response.create', response: { tool_choice: 'none' } })
  hear(created('r4'))
  hear(ended('r4'))
  // The next turn has its own.
  say(create)
  hear(created('r5'))
  hear(called('r5', 'c5', 'a'))
  await settled()
  t.is(runner.runs.length, 3)
})

test('calls of one response beyond those that may be open are refused at once', async t => {
  const a = gate()
  const { hear, outputs, runner } = stage({ a }, { callsPerMinute: 1000 })
  hear(created('r1'))
  for (let at = 0; at < maxCalls + 100; at += 1) hear(called('r1', `c${at}`, 'a'))
  t.is(outputs().length, 100)
  t.like(outputs()[0], [`c${maxCalls}`, { error: 'too_many_calls' }])
  await settled()
  t.is(runner.runs.length, maxCalls)
  a.open()
  await settled()
  t.is(outputs().length, maxCalls + 100)
})

test('calls of one minute are bounded for a conversation, however many sessions it is taken up by', async t => {
  const journal = new LocalJournal()
  const callIn = async (response: string, id: string) => {
    const { hear, outputs, runner, server } = stage({ a: {} }, { journal, callsPerMinute: 2 })
    server.resume([], false, false)
    hear(created(response))
    hear(called(response, id, 'a'))
    await settled()
    server.end()
    return { runs: runner.runs.length, output: outputs()[0]?.[1] }
  }
  t.is((await callIn('r1', 'c1')).runs, 1)
  t.is((await callIn('r2', 'c2')).runs, 1)
  const third = await callIn('r3', 'c3')
  t.is(third.runs, 0)
  t.like(third.output, { error: 'tool_calls_per_minute' })
  const begun = journal.journal.begun ?? []
  const minuteAgo = begun.map(({ second, runs }) => ({ second: second - 60, runs }))
  journal.journal = { ...journal.journal, begun: minuteAgo }
  t.is((await callIn('r4', 'c4')).runs, 1)
  // A clock that was ahead keeps nobody waiting.
  journal.journal = { ...journal.journal, begun: [{ second: Date.now() / 1000 + 3600, runs: 2 }] }
  t.is((await callIn('r5', 'c5')).runs, 1)
  t.is(journal.journal.begun?.length, 1)
})

test('a call that moved on unstarted and is refused by its successor runs nowhere later', async t => {
  const journal = new LocalJournal()
  journal.journal = { calls: [found('pending')], state: {}, turn: { rounds: 1, request: null } }
  const takeUp = async (callsPerMinute: number) => {
    const { server, runner, outputs } = stage({ a: {} }, { journal, callsPerMinute })
    server.resume([found('pending')], true, true)
    await settled()
    server.end()
    return { runs: runner.runs.length, output: outputs()[0]?.[1] }
  }
  const expected = { runs: 0, output: { error: 'tool_calls_per_minute' } }
  t.like(await takeUp(0), expected)
  t.is(journal.journal.calls[0]?.status, 'done')
  t.like(await takeUp(30), expected)
})

test('a pending call of a tool that is not there any more is forgotten once it is answered', async t => {
  const journal = new LocalJournal()
  journal.journal = {
    calls: [{ ...found('pending'), name: 'gone' }],
    ...{ state: {}, turn: { rounds: 1, request: null } },
  }
  const { server, outputs, hear } = stage({ a: {} }, { journal })
  server.resume([found('pending')], true, true)
  await settled()
  t.like(outputs()[0]?.[1], { error: 'unknown_tool' })
  hear(created('r2'))
  hear(called('r2', 'c2', 'a'))
  await settled()
  t.deepEqual(
    journal.journal.calls.map(({ id }) => id),
    ['c2'],
  )
})

test('a call whose response was lost is one of a round, and beyond the last round it does not run', async t => {
  const { say, hear, outputs, runner, server } = stage({ a: {} }, { rounds: 1 })
  say(create)
  hear(created('r1'))
  hear(called('r1', 'c1', 'a'))
  await settled()
  hear(ended('r1'))
  hear(created('r2'))
  server.lost([{ id: 'c2', name: 'a', arguments: '{}' }], true)
  await settled()
  t.is(runner.runs.length, 1)
  t.like(outputs()[1]?.[1], { error: 'tool_rounds' })
})

test("calls of the client's beside the server's: its outputs and its request follow the server's outputs", async t => {
  const a = gate()
  const { say, hear, types, outputs, seen, client, responses } = stage({ a })
  say(create)
  hear(created('r1'))
  hear(called('r1', 'c1', 'a'))
  hear(called('r1', 'c2', 'mine'))
  hear(ended('r1', 'completed', [callItem('c1', 'a'), callItem('c2', 'mine')]))
  t.deepEqual(seen(), ['response.created', 'response.output_item.done', 'response.done'])
  t.deepEqual(client.at(-1), ended('r1', 'completed', [callItem('c2', 'mine')]))
  say(output('c2'))
  say(create)
  t.deepEqual(types(), ['response.create'])
  a.open()
  await settled()
  t.deepEqual(outputs(), [
    ['c1', 'ok'],
    ['c2', 'mine'],
  ])
  t.deepEqual(types().slice(-1), ['response.create'])
  t.is(types().filter(type => type === 'response.create').length, 2)
  hear(created('r2'))
  hear(said('r2'))
  hear(ended('r2', 'completed', [message]))
  t.false(responses.isBusy)
})

for (const clientHasTools of [true, false])
  test(`a call of no tool of the server's is ${clientHasTools ? "the client's to answer" : 'answered at once: there is no such tool'}`, async t => {
    const { say, hear, types, outputs, client } = stage({ a: {} }, { clientHasTools })
    say(create)
    hear(created('r1'))
    hear(called('r1', 'c1', 'dreamt_of'))
    hear(ended('r1', 'completed', [callItem('c1', 'dreamt_of')]))
    await settled()
    t.deepEqual(
      outputs().map(([id, given]) => [id, (given as { error: string }).error]),
      clientHasTools ? [] : [['c1', 'unknown_tool']],
    )
    t.is(types().filter(type => type === 'response.create').length, clientHasTools ? 1 : 2)
    t.is(
      client.some(({ type }) => type === 'response.done'),
      clientHasTools,
    )
  })

test("a client's output of any size follows the server's outputs", async t => {
  const a = gate()
  const { say, hear, types, outputs } = stage({ a }, { maxHeldBytes: 100_000 })
  say(create)
  hear(created('r1'))
  hear(called('r1', 'c1', 'a'))
  hear(called('r1', 'c2', 'mine'))
  hear(ended('r1', 'completed', [callItem('c1', 'a'), callItem('c2', 'mine')]))
  say(output('c2', 'x'.repeat(40_000)))
  say(create)
  t.deepEqual(types(), ['response.create'])
  a.open()
  await settled()
  t.deepEqual(
    outputs().map(([id]) => id),
    ['c1', 'c2'],
  )
  t.is(types().at(-1), 'response.create')
})

test("what finds no room while the server's outputs are waited for is refused, and does not pass before them", async t => {
  const a = gate()
  const { say, hear, types, outputs, refused } = stage({ a }, { maxHeldBytes: 10_000 })
  say(create)
  hear(created('r1'))
  hear(called('r1', 'c1', 'a'))
  hear(called('r1', 'c2', 'mine'))
  hear(ended('r1', 'completed', [callItem('c1', 'a'), callItem('c2', 'mine')]))
  say(output('c2', 'x'.repeat(20_000)))
  say(output('c2', 'x'.repeat(8200)))
  say(create)
  t.deepEqual(types(), ['response.create'])
  t.deepEqual(
    refused.map(({ refused: { code } }) => code),
    ['upstream_too_slow', 'upstream_too_slow'],
  )
  a.open()
  await settled()
  t.deepEqual(
    outputs().map(([id]) => id),
    ['c1', 'c2'],
  )
})

test('a long request to cancel another response leaves the turn as it is', async t => {
  const a = gate()
  const { say, hear, types, responses } = stage({ a })
  say(create)
  hear(created('r1'))
  hear(called('r1', 'c1', 'a'))
  hear(ended('r1', 'completed', [callItem('c1', 'a')]))
  say({ ...cancel, response_id: 'r9', event_id: 'x'.repeat(40_000) })
  t.true(responses.isPending)
  a.open()
  await settled()
  t.deepEqual(types(), ['response.create', 'response.cancel', 'conversation.item.create', 'response.create'])
})

test('outputs behind a hidden call have the indexes that they have in the `output` of their response', t => {
  const { hear, client, server } = stage({ a: gate(), b: gate() })
  const at = (output_index: number, event: object) => ({ ...event, output_index }) as unknown as Event
  const added = (id: string, item: object) =>
    ({ type: 'response.output_item.added', response_id: id, item }) as const
  const delta = { type: 'response.output_text.delta', response_id: 'r1', item_id: 'item_m', delta: '…' }
  hear(created('r1'))
  hear(at(0, added('r1', callItem('c1', 'a', 'in_progress'))))
  hear(at(0, called('r1', 'c1', 'a')))
  hear(at(1, said('r1')))
  // A response beside the conversation has no tools of the server's, and counts by itself.
  hear(created('r9', { conversation_id: null }))
  hear(at(1, said('r9')))
  hear(at(1, delta))
  hear(at(2, called('r1', 'c2', 'b')))
  hear(at(3, called('r1', 'c3', 'mine')))
  hear({ type: 'response.done', response: { id: 'r9', status: 'completed', output: [] } })
  hear(at(1, delta))
  hear(ended('r1', 'completed', [callItem('c1', 'a'), message, callItem('c2', 'b'), callItem('c3', 'mine')]))
  t.deepEqual(
    client.map(({ type, response_id, output_index }) => [type, response_id, output_index]),
    [
      ['response.created', undefined, undefined],
      ['response.output_item.added', 'r1', 0],
      ['response.created', undefined, undefined],
      ['response.output_item.added', 'r9', 1],
      ['response.output_text.delta', 'r1', 0],
      ['response.output_item.done', 'r1', 1],
      ['response.done', undefined, undefined],
      ['response.output_text.delta', 'r1', 0],
      ['response.done', undefined, undefined],
    ],
  )
  t.like(client.at(-1), { response: { output: [{ id: 'item_m' }, { id: 'item_c3' }] } })
  // Nothing is left of a response that ended, or whose upstream is gone.
  hear(created('r1'))
  hear(at(1, said('r1')))
  t.like(client.at(-1), { output_index: 1 })
  hear(at(0, called('r1', 'c4', 'a')))
  server.lost([], false)
  hear(created('r1'))
  hear(at(1, said('r1')))
  t.like(client.at(-1), { output_index: 1 })
})

for (const [when, before] of [
  ['a tool runs', async () => undefined],
  [
    'the next response was asked for',
    async (open: () => void) => {
      open()
      await settled()
    },
  ],
] as const)
  test(`cancelled while ${when}: the client sees one response, cancelled`, async t => {
    const a = gate()
    const { say, hear, types, seen, client, responses } = stage({ a })
    say(create)
    hear(created('r1'))
    hear(called('r1', 'c1', 'a'))
    hear(ended('r1', 'completed', [callItem('c1', 'a')]))
    await settled()
    await before(a.open)
    say(cancel)
    a.open()
    await settled()
    if (when !== 'a tool runs') {
      t.false(types().includes('response.cancel'))
      hear(created('r2'))
      t.is(types().at(-1), 'response.cancel')
      hear(ended('r2', 'cancelled'))
    }
    t.deepEqual(seen(), ['response.created', 'response.done'])
    t.like(client.at(-1), { response: { status: 'cancelled', output: [] } })
    t.false(responses.isBusy)
  })

test('a drain starts no tool: a call that comes then moves on unstarted, and the session need not wait', async t => {
  const { hear, runner, types, journal, responses, server } = stage({ a: {} })
  hear(created('r1'))
  server.drain(60_000)
  hear(called('r1', 'c1', 'a'))
  await settled()
  t.true(responses.isBusy)
  hear(ended('r1'))
  t.is(runner.runs.length, 0)
  t.deepEqual(types(), [])
  t.like(journal.journal.calls[0], { id: 'c1', status: 'pending', runs: 0 })
  t.true(responses.isPending)
  t.false(responses.isBusy)
  server.end()
})

test('a tool that runs when a drain begins is waited for, and its answer comes here', async t => {
  const a = gate()
  const { hear, types, responses, server } = stage({ a })
  hear(created('r1'))
  hear(called('r1', 'c1', 'a'))
  hear(ended('r1'))
  await settled()
  server.drain(60_000)
  t.true(responses.isBusy)
  a.open()
  await settled()
  t.deepEqual(types(), ['conversation.item.create', 'response.create'])
  server.end()
})

test('a tool that runs longer than the deadline allows is interrupted and moves on; what comes of it then is ignored', async t => {
  const a = gate()
  const { hear, types, responses, server, journal, runner } = stage({ a })
  hear(created('r1'))
  hear(called('r1', 'c1', 'a'))
  hear(ended('r1'))
  await settled()
  server.drain(0)
  while (responses.isBusy) await settled()
  await settled()
  t.true(runner.runs[0]?.call.signal.aborted)
  t.true(responses.isPending)
  t.like(journal.journal.calls[0], { status: 'interrupted', runs: 1 })
  a.open()
  await settled()
  t.deepEqual(types(), [])
  t.is(journal.journal.calls[0]?.status, 'interrupted')
  server.end()
})

const found = (
  status: JournaledToolCall['status'],
  more: Partial<JournaledToolCall> = {},
): JournaledToolCall => ({
  ...{ id: 'c1', name: 'a', arguments: '{}', status, runs: status === 'pending' ? 0 : 1, ...more },
})
const longOver = { owner: 'another', leaseUntil: 1 }

/** What a successor does with a call, by how it finds it. */
const resumptions: readonly (readonly [
  string,
  JournaledToolCall | null,
  boolean,
  number,
  object | string,
])[] = [
  ['that was never committed', null, false, 1, 'ok'],
  ['that is pending', found('pending'), false, 1, 'ok'],
  ['that is done', found('done', { output: '"before"' }), false, 0, 'before'],
  ['that was interrupted', found('interrupted'), false, 0, { error: 'interrupted', may_have_run: true }],
  ['that was interrupted and may run again', found('interrupted'), true, 1, 'ok'],
  ['whose lease is over', found('running', longOver), false, 0, { error: 'interrupted', may_have_run: true }],
  ['whose lease is over and that may run again', found('running', longOver), true, 1, 'ok'],
  [
    'that was interrupted thrice though it may run again',
    found('interrupted', { runs: 3 }),
    true,
    0,
    { error: 'interrupted', may_have_run: true },
  ],
]

for (const [what, call, idempotent, runs, expected] of resumptions)
  test(`a conversation is taken up with a call ${what}`, async t => {
    const journal = new LocalJournal()
    journal.journal = { calls: call === null ? [] : [call], state: {}, turn: { rounds: 1, request: null } }
    const { server, runner, outputs, types, responses } = stage(
      { a: { idempotent, run: () => done('ok') } },
      { journal },
    )
    responses.want()
    server.resume([{ id: 'c1', name: 'a', arguments: '{}' }], true, false)
    server.askAgain()
    await settled()
    t.is(runner.runs.length, runs)
    t.deepEqual(outputs(), [['c1', expected]])
    t.deepEqual(types(), ['conversation.item.create', 'response.create'])
    t.is(journal.journal.calls[0]?.status, 'done')
  })

test('a conversation is taken up with one call that is done and one that is not: one request follows both', async t => {
  const journal = new LocalJournal()
  const calls = [found('done', { output: '"before"' }), found('pending', { id: 'c2' })]
  journal.journal = { calls, state: {}, turn: { rounds: 1, request: null } }
  const a = gate()
  const { server, outputs, types, responses } = stage({ a }, { journal })
  responses.want()
  const call = { name: 'a', arguments: '{}' }
  t.true(
    server.resume(
      ['c1', 'c2'].map(id => ({ id, ...call })),
      true,
      false,
    ),
  )
  server.askAgain()
  await settled()
  t.deepEqual(types(), ['conversation.item.create'])
  a.open()
  await settled()
  t.deepEqual(outputs(), [
    ['c1', 'before'],
    ['c2', 'ok'],
  ])
  t.deepEqual(types().slice(1), ['conversation.item.create', 'response.create'])
})

test('a call of a turn that was broken off is answered without being run, and nothing follows', async t => {
  const { server, runner, outputs, types } = stage({ a: {} })
  server.resume([{ id: 'c1', name: 'a', arguments: '{}' }], false, false)
  await settled()
  t.is(runner.runs.length, 0)
  t.like(outputs()[0]?.[1], { error: 'cancelled' })
  t.deepEqual(types(), ['conversation.item.create'])
})

test('a call that another process runs is waited for: its output is told when it is there', async t => {
  const journal = new LocalJournal()
  const leaseUntil = Date.now() + 60_000
  journal.journal = {
    ...{ calls: [found('running', { owner: 'another', leaseUntil })], state: {} },
    turn: { rounds: 1, request: { metadata: { a: 'b' } } },
  }
  const { server, runner, outputs, sent, responses } = stage({ a: { idempotent: true } }, { journal })
  responses.want()
  server.resume([{ id: 'c1', name: 'a', arguments: '{}' }], true, false)
  await settled()
  t.deepEqual(outputs(), [])
  journal.journal = { ...journal.journal, calls: [found('done', { output: '"theirs"' })] }
  await until(() => sent.length >= 2, 'no second message is sent')
  t.deepEqual(outputs(), [['c1', 'theirs']])
  t.like(sent[1], { type: 'response.create', response: { metadata: { a: 'b' } } })
  t.is(runner.runs.length, 0)
})

test('what a run gives back after another process has taken its call over is told by nobody here', async t => {
  const a = gate()
  const journal = new LocalJournal()
  const { hear, types } = stage({ a }, { journal })
  hear(created('r1'))
  hear(called('r1', 'c1', 'a'))
  hear(ended('r1'))
  await settled()
  const { calls, ...rest } = journal.journal
  journal.journal = { ...rest, calls: calls.map(call => ({ ...call, owner: 'another' })) }
  a.open()
  await settled()
  t.deepEqual(types(), [])
  t.is(journal.journal.calls[0]?.status, 'running')
})

test('once another session goes on with the conversation, a call that it has no answer of is not forgotten, and none is added', async t => {
  const store = createMemoryStore()
  t.teardown(() => store.close())
  const conversation = new Conversation()
  const kept = new PersistedConversation(
    { store },
    {
      ...{ conversation, owner: 'key:test', onTicket: () => undefined, onTakenOver: () => undefined },
      onFault: fault => t.fail(String(fault)),
    },
  )
  t.teardown(() => kept.stop())
  await kept.issue()
  conversation.expect(callItem('c1', 'add'))
  const journal: JournalKeeper = {
    get journal() {
      return conversation.journal
    },
    ...{ conversationId: kept.id, isStored: true },
    ...{ commit: change => kept.commit(change), refresh: () => kept.refresh() },
  }
  const { hear, outputs, runner } = stage({ add: {} }, { journal })
  hear(created('r1'))
  hear(called('r1', 'c1', 'add'))
  await settled()
  t.deepEqual(outputs(), [['c1', 'add is done']])
  // What this session knows of the answer comes too late to be stored.
  t.truthy(await takeOver(store, kept.id))
  hear(called('r1', 'c2', 'add'))
  await settled()
  t.is(runner.runs.length, 1)
  const stored = readStored((await store.get(conversationKey(kept.id))) ?? '').conversation
  t.deepEqual(
    stored?.tools?.calls.map(({ id, status }) => [id, status]),
    [['c1', 'done']],
  )
})

test('a call that is done stays in the journal until upstream has confirmed its output, or for good where that is refused', async t => {
  const store = createMemoryStore()
  t.teardown(() => store.close())
  const conversation = new Conversation()
  const kept = new PersistedConversation(
    { store },
    { conversation, owner: 'key:test', onTicket: () => undefined, onFault: fault => t.fail(String(fault)) },
  )
  t.teardown(() => kept.stop())
  await kept.issue()
  const journal: JournalKeeper = {
    get journal() {
      return conversation.journal
    },
    ...{ conversationId: kept.id, isStored: true },
    ...{ commit: change => kept.commit(change), refresh: () => kept.refresh() },
  }
  const { hear, sent } = stage({ add: {} }, { journal, expect: item => conversation.expect(item) })
  const note = (item: object) => {
    const type = 'conversation.item.added'
    conversation.note(Buffer.from(JSON.stringify({ type, item })), type)
  }
  const outputOf = (id: string) =>
    sent.findLast(({ item }) => (item as Partial<Record<string, unknown>>)?.call_id === id)?.item
  const journaled = () => conversation.journal.calls.map(({ id }) => id)
  hear(created('r1'))
  for (const id of ['c1', 'c2', 'c3']) {
    note(callItem(id, 'add'))
    hear(called('r1', id, 'add'))
    await settled()
    if (id === 'c2') note(outputOf('c1') as object)
  }
  t.deepEqual(journaled(), ['c2', 'c3'])
  const event_id = sent.find(({ item }) => item === outputOf('c2'))?.event_id
  hear({ type: 'error', error: { code: 'invalid_value', message: 'x', event_id } })
  note(outputOf('c3') as object)
  note(callItem('c4', 'add'))
  hear(called('r1', 'c4', 'add'))
  await settled()
  t.deepEqual(
    conversation.unansweredCalls.map(({ id }) => id),
    ['c2'],
  )
  t.deepEqual(journaled(), ['c2', 'c4'])
})

test('the lease lasts for as long as the tool may take, and what its commit may', async t => {
  const journal = new LocalJournal()
  const { hear } = stage({ a: { ...gate(), timeoutMs: 7000 } }, { journal })
  const before = Date.now()
  hear(created('r1'))
  hear(called('r1', 'c1', 'a'))
  await settled()
  const { leaseUntil = 0 } = journal.journal.calls[0] ?? {}
  t.true(leaseUntil >= before + 7000 + clockSkewMs)
})

/** A journal whose commits go wrong as they are told to. */
function faultyJournal() {
  const local = new LocalJournal()
  const faults: ('before' | 'after')[] = []
  const away = () => new GatewayError('store_unavailable', 'away')
  const keeper: JournalKeeper = {
    get journal(): ToolJournal {
      return local.journal
    },
    conversationId: 'c',
    isStored: true,
    refresh: async () => undefined,
    commit: async change => {
      const fault = faults.shift()
      if (fault === 'before') throw away()
      const journal = await local.commit(change)
      if (fault === 'after') throw away()
      return journal
    },
  }
  return { keeper, faults, local }
}

for (const at of ['before', 'after'] as const)
  test(`a store that is away ${at} it has committed: a tool runs once, and its state changes once`, async t => {
    const { keeper, faults, local } = faultyJournal()
    const add = (state: { count?: number }) => ({ count: (state.count ?? 0) + 1 })
    const { hear, runner, outputs, types } = stage({ a: { run: () => done('ok', add) } }, { journal: keeper })
    faults.push(at)
    hear(created('r1'))
    hear(called('r1', 'c1', 'a'))
    hear(ended('r1'))
    await until(() => runner.runs.length > 0, 'the tool does not run')
    faults.push(at)
    await until(() => types().length >= 2, 'no second event comes')
    t.deepEqual(outputs(), [['c1', 'ok']])
    t.is(runner.runs.length, 1)
    t.deepEqual(local.journal.state, { count: 1 })
  })

test('two calls at once that write state: each is made of what the other has written', async t => {
  const add = (state: { count?: number }) => ({ count: (state.count ?? 0) + 1 })
  const { hear, journal } = stage({ a: { run: () => done('ok', add) } })
  hear(created('r1'))
  for (let at = 0; at < 10; at += 1) hear(called('r1', `c${at}`, 'a'))
  await settled()
  t.deepEqual(journal.journal.state, { count: 10 })
})

test("a host that goes away while state is written interrupts the call, and the client's word of an unknown tool is its own", async t => {
  const gone = async () => {
    throw new Error('gone')
  }
  const { hear, outputs, faults } = stage({ a: { run: () => done('ok', gone) } })
  hear(created('r1'))
  hear(called('r1', 'c1', 'a'))
  hear(ended('r1'))
  await settled()
  t.deepEqual(outputs(), [['c1', { error: 'interrupted', may_have_run: true }]])
  t.deepEqual(faults, [])
})

test('a call that its host interrupts runs again where it may', async t => {
  let runs = 0
  const run = () => {
    runs += 1
    return runs === 1 ? ({ kind: 'interrupted' } as const) : done('second')
  }
  const { hear, outputs } = stage({ a: { run, idempotent: true } })
  hear(created('r1'))
  hear(called('r1', 'c1', 'a'))
  await settled()
  t.deepEqual(outputs(), [['c1', 'second']])
})

test('a call whose response was lost before it said so runs, and the next session is asked behind its output', async t => {
  const a = gate()
  const { say, hear, server, runner, outputs, types } = stage({ a })
  const unanswered = [{ id: 'c1', name: 'a', arguments: '{}' }]
  say(create)
  hear(created('r1'))
  server.lost(unanswered, true)
  server.askAgain()
  await settled()
  t.is(runner.runs.length, 1)
  t.deepEqual(types(), ['response.create'])
  // The next session is lost, too, while the call runs.
  server.lost(unanswered, true)
  server.askAgain()
  a.open()
  await settled()
  t.is(runner.runs.length, 1)
  t.deepEqual(outputs(), [['c1', 'ok']])
  t.deepEqual(types().slice(1), ['conversation.item.create', 'response.create'])
  server.lost(unanswered, true)
  await settled()
  t.is(runner.runs.length, 1)
})

test('a call whose response was lost is cancelled where no answer is due', async t => {
  const { server, runner, outputs, types } = stage({ a: {} })
  server.lost([{ id: 'c1', name: 'a', arguments: '{}' }], false)
  await settled()
  t.is(runner.runs.length, 0)
  t.like((outputs()[0] as unknown[])[1], { error: 'cancelled' })
  t.deepEqual(types(), ['conversation.item.create'])
})

for (const [what, goesOn] of [
  ['is lost', ({ server }) => server.lost([], false)],
  [
    'refuses it',
    ({ hear, sent }) =>
      hear({
        type: 'error',
        error: { code: 'insufficient_quota', message: 'x', event_id: sent.at(-1)?.event_id },
      }),
  ],
] as readonly (readonly [string, (turn: ReturnType<typeof stage>) => void])[])
  test(`a request that the client cancelled is over once upstream ${what}: the next response is not cancelled`, async t => {
    const turn = stage({ a: {} })
    const { say, hear, types, responses, server } = turn
    say(create)
    hear(created('r1'))
    hear(called('r1', 'c1', 'a'))
    await settled()
    hear(ended('r1'))
    say(cancel)
    t.deepEqual([responses.isPending, responses.turn, server.isCancelDue], [false, 'ending', true])
    // Said twice, it is done once.
    say(cancel)
    goesOn(turn)
    t.deepEqual([responses.isPending, responses.turn, server.isCancelDue], [false, 'over', false])
    say(create)
    hear(created('r2'))
    t.deepEqual(types(), [
      'response.create',
      'conversation.item.create',
      'response.create',
      'response.create',
    ])
  })

test("a call of the client's own whose response was lost is left to the client", async t => {
  const { server, runner, types } = stage({ a: {} })
  server.lost([{ id: 'c1', name: 'mine', arguments: '{}' }], true)
  server.askAgain()
  await settled()
  t.is(runner.runs.length, 0)
  t.deepEqual(types(), ['response.create'])
})
