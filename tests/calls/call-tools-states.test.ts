/** The states of a call's tools: what they take in, run, tell and forget in each, over a journal and a runner that a test plays. */
import { mock } from 'node:test'
import test, { type ExecutionContext } from 'ava'
import { CallTools, type CallToolsParts } from '../../runtime/calls/call-tools.ts'
import { GatewayError } from '../../runtime/core/errors.ts'
import type { RefusedState } from '../../runtime/resume/stored-state.ts'
import {
  commitLocally,
  emptyJournal,
  type JournalChange,
  type JournaledToolCall,
  type ToolJournal,
} from '../../runtime/resume/tool-journal.ts'
import { maxPutBacks } from '../../runtime/session/pinned-session.ts'
import type { Receipt } from '../../runtime/session/sent-messages.ts'
import { UpstreamLeg } from '../../runtime/session/upstream-leg.ts'
import { drainReserveMs } from '../../runtime/tools/tool-limits.ts'
import { quiet } from '../store/patience.ts'
import { done, scriptedRunner } from '../tools/scripted-runner.ts'

const maxHeard = 64
const lookAgainMs = 1000
const away = new GatewayError('store_unavailable', 'away')

interface Event {
  readonly type: string
  readonly [field: string]: unknown
}

/** The journal of a call, which the test changes as other replicas do. */
class ScriptedJournal {
  journal: ToolJournal = emptyJournal
  readonly conversationId = 's1'
  readonly isStored = true
  refused: RefusedState | null = null
  takes = 0
  commits = 0
  /** What the store fails of; null: of nothing. */
  fault: Error | null = null
  /** What `take`, `commit` and `refresh` wait for. */
  answering: Promise<void> = Promise.resolve()
  /** What another replica has committed, and this one has not read yet. */
  others: ToolJournal | null = null

  async take(): Promise<RefusedState | null> {
    this.takes += 1
    await this.#answer()
    return this.refused
  }

  async commit(change: JournalChange): Promise<ToolJournal | null> {
    this.commits += 1
    await this.#answer()
    return commitLocally(this, change)
  }

  async refresh(): Promise<void> {
    await this.#answer()
    this.journal = this.others ?? this.journal
  }

  /** @returns lets what comes from now on be answered */
  hold(): () => Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.answering = promise
    return () => {
      resolve()
      return settled()
    }
  }

  async #answer(): Promise<void> {
    await this.answering
    if (this.fault !== null) throw this.fault
  }
}

/** Takes all turns that follow from what has happened; no timer is due meanwhile. */
async function settled(): Promise<void> {
  for (let turns = 0; turns < 20; turns += 1) await new Promise(resolve => setImmediate(resolve))
}

/** One call's tools, `stamp` and `count`, on a replica that hears the call. `stamp` runs until the test ends it. */
function stage(t: ExecutionContext, changed: Partial<CallToolsParts> = {}) {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const leg = new UpstreamLeg({ maxHeldBytes: 100_000, isShared: true })
  const journal = new ScriptedJournal()
  const stamps: (() => void)[] = []
  const runner = scriptedRunner({
    stamp: {
      run: () => {
        const { promise, resolve } = Promise.withResolvers<void>()
        stamps.push(resolve)
        return promise.then(() => done('stamped'))
      },
    },
    count: {},
  })
  const sent: Event[] = []
  const faults: unknown[] = []
  const tools = new CallTools({
    runner,
    journal: journal as never,
    responses: leg.responses,
    caller: 'key:test',
    turnDetection: null,
    keepsTools: true,
    maxHeldBytes: 10_000,
    send: (message: string, type: string, receipt?: Receipt) => {
      leg.noteSent(type, receipt)
      const event = JSON.parse(message) as Event
      t.is(event.type, type)
      sent.push(event)
    },
    tellActivity: () => undefined,
    tellEvent: () => undefined,
    follow: () => undefined,
    owner: { onFault: fault => faults.push(fault) },
    log: quiet,
    sessionId: 's1',
    ...changed,
  })
  const act = () => {
    tools.act()
    return settled()
  }
  return {
    ...{ tools, journal, sent, faults, act, responses: leg.responses },
    hear: (...events: readonly Event[]) => {
      for (const event of events.flatMap(withItem)) {
        const frame = Buffer.from(JSON.stringify(event))
        tools.event(frame, event.type, leg.noteEvent(frame, event.type))
      }
      return settled()
    },
    pass: (ms: number) => {
      mock.timers.tick(ms)
      return settled()
    },
    /** Ends the runs of `stamp`. */
    release: () => {
      for (const end of stamps.splice(0)) end()
      return settled()
    },
    /** Has the call with one answered output, for which a response is asked. */
    tell: async (id: string) => {
      journal.journal = journalOf(doneCall(id))
      await act()
    },
    /** Names of the tools that have run. */
    runs: () => runner.runs.map(({ name }) => name),
    /** Ids of the calls whose outputs were sent. */
    told: () => sent.flatMap(({ item }) => ((item ?? {}) as { call_id?: string }).call_id ?? []),
    updates: () => sent.filter(({ type }) => type === 'session.update').length,
  }
}

const item = (id: string, name: string) => ({
  ...{ id: `item_${id}`, type: 'function_call', call_id: id, name, arguments: '{}' },
})
/** Upstream says of an item of the conversation that it is one before the response ends it. */
const withItem = (event: Event): readonly Event[] =>
  event.type === 'response.output_item.done'
    ? [{ type: 'conversation.item.done', item: event.item }, event]
    : [event]
const called = (id: string, name = 'count', response = 'r1') => ({
  ...{ type: 'response.output_item.done', response_id: response, item: item(id, name) },
})
const answered = (id: string) => ({
  ...{ type: 'conversation.item.added', item: { type: 'function_call_output', call_id: id, output: '1' } },
})
const created = (id: string) => ({ type: 'response.created', response: { id, status: 'in_progress' } })
const ended = (id: string) => ({ type: 'response.done', response: { id, status: 'completed' } })
const updated = (...names: readonly string[]) => ({
  type: 'session.updated',
  session: { tools: names.map(name => ({ type: 'function', name })) },
})
const doneCall = (id: string): JournaledToolCall => ({
  ...{ id, name: 'count', arguments: '{}', status: 'done', runs: 1, output: '"1"' },
})
const journalOf = (...calls: JournaledToolCall[]): ToolJournal => ({ ...emptyJournal, calls })

/** Whether a promise has been kept by now. */
async function isOver(promise: Promise<unknown>): Promise<boolean> {
  let isKept = false
  void promise.then(() => {
    isKept = true
  })
  await settled()
  return isKept
}

test.serial(
  'the update sets the tools, and how the session finds turns where it began without answering',
  t => {
    const { update } = stage(t).tools
    const definitions = ['stamp', 'count'].map(name => ({
      type: 'function',
      name,
      description: name,
      parameters: { type: 'object', properties: { city: { type: 'string' } } },
    }))
    const session = { type: 'realtime', tools: definitions }
    const event = { type: 'session.update', event_id: 'gateway_call_tools' }
    t.deepEqual(JSON.parse(update.message), { ...event, session })
    t.is(update.receipt.eventId, event.event_id)
    mock.timers.reset()
    const turnDetection = { type: 'semantic_vad' }
    const turned = JSON.parse(stage(t, { turnDetection }).tools.update.message)
    const audio = { input: { turn_detection: turnDetection } }
    t.deepEqual(turned, { ...event, session: { ...session, audio } })
  },
)

/** What was heard before this replica speaks, and which calls run then. */
const heard: readonly (readonly [what: string, events: readonly Event[], runs: readonly string[]])[] = [
  ['nothing', [], []],
  ['a call', [called('c1')], ['count']],
  ['two calls', [called('c1'), called('c2', 'stamp')], ['count', 'stamp']],
  ['a call and its output', [called('c1'), answered('c1')], []],
  ['a call and the output of another', [called('c1'), answered('c2')], ['count']],
  [
    'a call and its output in an event of another type',
    [called('c1'), { ...answered('c1'), type: 'conversation.item.retrieved' }],
    ['count'],
  ],
  ['a call without its arguments', [{ ...called('c1'), type: 'conversation.item.added' }], []],
  ['a call that begins', [{ ...called('c1'), type: 'response.output_item.added' }], []],
  ["a call of a tool that is not the server's", [called('c1', 'other')], []],
  ['an item of another type', [{ ...called('c1'), item: { ...item('c1', 'count'), type: 'mcp_call' } }], []],
  ['no item', [{ type: 'conversation.item.added' }, { type: 'response.output_item.done' }], []],
]
for (const [what, events, runs] of heard)
  test.serial(`heard while another replica speaks: ${what}`, async t => {
    const { tools, hear, act, runs: ran, journal } = stage(t)
    await hear(...events)
    t.deepEqual([journal.takes, ran()], [0, []])
    await act()
    t.deepEqual(ran(), [...runs])
    tools.end()
  })

test.serial('of what is heard the oldest is forgotten beyond a bound', async t => {
  const { hear, act, told } = stage(t)
  const ids = Array.from({ length: maxHeard + 1 }, (_, at) => `c${at}`)
  await hear(...ids.map(id => called(id)))
  await act()
  t.deepEqual(told().toSorted(), ids.slice(1).toSorted())
})

test.serial("calls of other tools than the server's drive none out", async t => {
  const { hear, act, told } = stage(t)
  await hear(called('c0'), ...Array.from({ length: maxHeard }, (_, at) => called(`o${at}`, 'other')))
  await act()
  t.deepEqual(told(), ['c0'])
})

test.serial(
  'an output has the id that every replica gives it, and an answer is asked for behind it',
  async t => {
    const { hear, act, sent, faults } = stage(t)
    await act()
    await hear(created('r1'), called('c1'), ended('r1'))
    const [output, request] = sent
    const told = { id: 'item_d0f631ca1ddba8db3bcf', type: 'function_call_output', call_id: 'c1' }
    t.deepEqual(output?.item, { ...told, output: '"count is done"' })
    t.is(request?.type, 'response.create')
    t.is(sent.length, 2)
    t.deepEqual(faults, [])
  },
)

test.serial('a replica that speaks already, or is over, does not begin', async t => {
  const { tools, hear, act, journal, runs, release, told } = stage(t)
  await act()
  await hear(created('r1'), called('c1', 'stamp'))
  await act()
  t.is(journal.takes, 1)
  await release()
  t.deepEqual([runs(), told()], [['stamp'], ['c1']])
  tools.end()
  tools.listen()
  await act()
  t.is(journal.takes, 1)
})

test.serial('before it has the journal, what it hears is remembered; once, where it began twice', async t => {
  const { tools, hear, act, journal, runs, sent } = stage(t)
  journal.refused = { reason: 'newer', from: 2, to: 1 }
  const answer = journal.hold()
  await act()
  await hear(called('c1'))
  t.deepEqual(runs(), [])
  tools.listen()
  await act()
  t.deepEqual(sent, [])
  await answer()
  t.is(journal.takes, 2)
  t.deepEqual(runs(), ['count'])
  const notices = sent.filter(event => (event.item as { role?: string } | undefined)?.role === 'system')
  t.is(notices.length, 1)
})

test.serial('it does not begin where another replica speaks by the time it has the journal', async t => {
  const { tools, hear, act, journal, runs } = stage(t)
  const answer = journal.hold()
  await hear(called('c1'))
  await act()
  tools.listen()
  await answer()
  t.deepEqual(runs(), [])
  await act()
  t.deepEqual(runs(), ['count'])
})

test.serial('a store that is away is asked again; a fault ends the call', async t => {
  const { act, pass, hear, journal, runs, faults } = stage(t)
  await hear(called('c1'))
  journal.fault = away
  await act()
  await pass(lookAgainMs)
  t.is(journal.takes, 2)
  journal.fault = null
  await pass(lookAgainMs - 1)
  t.deepEqual([journal.takes, runs(), faults], [2, [], []])
  await pass(1)
  t.deepEqual([journal.takes, runs(), faults], [3, ['count'], []])
  mock.timers.reset()
  const broken = stage(t)
  broken.journal.fault = new TypeError('broken')
  await broken.act()
  t.is(broken.faults[0], broken.journal.fault)
  t.is(broken.faults.length, 1)
})

test.serial('the model is told of state that was given up, and of nothing where none was', async t => {
  const { act, journal, sent } = stage(t)
  journal.refused = { reason: 'no_migration', from: 1, to: 2 }
  await act()
  t.is(sent.length, 1)
  const { content, ...told } = (sent[0] as Event).item as { content: { type: string; text: string }[] }
  t.deepEqual(told as object, { type: 'message', role: 'system' })
  t.is(content.length, 1)
  t.is(content[0]?.type, 'input_text')
  t.regex(content[0]?.text ?? '', /\(no_migration\)/)
  mock.timers.reset()
  const untold = stage(t)
  await untold.act()
  t.deepEqual(untold.sent, [])
})

test.serial('what the replica before took in meanwhile is found at a second look', async t => {
  const { act, pass, journal, told, faults } = stage(t)
  await act()
  journal.others = journalOf(doneCall('c1'))
  await pass(lookAgainMs - 1)
  t.deepEqual(told(), [])
  const answer = journal.hold()
  await pass(1)
  t.deepEqual(told(), [])
  await answer()
  t.deepEqual(told(), ['c1'])
  mock.timers.reset()
  const lonely = stage(t)
  await lonely.act()
  lonely.journal.fault = away
  await lonely.pass(lookAgainMs)
  t.deepEqual([lonely.faults, faults], [[], []])
})

test.serial('the second look is not for a replica that speaks no more', async t => {
  const { tools, act, pass, journal, told } = stage(t)
  await act()
  tools.listen()
  journal.journal = journalOf(doneCall('c1'))
  await pass(lookAgainMs)
  t.deepEqual(told(), [])
})

test.serial('the second look leaves alone what runs, what was told, and the rounds of the turn', async t => {
  const { act, hear, pass, release, told, sent, runs } = stage(t, {
    limits: { rounds: 1, callsPerMinute: 30 },
  })
  await act()
  await hear(created('r1'), called('c1', 'stamp'), called('c2'), ended('r1'))
  t.deepEqual(told(), ['c2'])
  await pass(lookAgainMs)
  await release()
  t.deepEqual(told(), ['c2', 'c1'])
  t.deepEqual(runs(), ['stamp', 'count'])
  mock.timers.reset()
  const bounded = stage(t, { limits: { rounds: 1, callsPerMinute: 30 } })
  await bounded.act()
  await bounded.hear(created('r1'), called('c1'), ended('r1'))
  await bounded.hear(created('r2'))
  await bounded.pass(lookAgainMs)
  await bounded.hear(called('c2', 'count', 'r2'))
  t.deepEqual(bounded.runs(), ['count'])
  t.is(sent.length, 3)
})

test.serial('what was heard runs once, also when its output is forgotten before the second look', async t => {
  const { act, hear, pass, runs, told } = stage(t)
  await hear(called('c1'))
  await act()
  await hear(created('r2'))
  await pass(lookAgainMs)
  t.deepEqual([runs(), told()], [['count'], ['c1']])
})

test.serial('a call is forgotten when a response came behind its output, and not before', async t => {
  const { hear, tell, journal } = stage(t)
  await tell('c1')
  const { commits } = journal
  await hear({ type: 'rate_limits.updated' }, ended('r0'))
  t.is(journal.journal.calls.length, 1)
  await hear(created('r1'))
  t.deepEqual([journal.journal.calls, journal.commits], [[], commits + 1])
  await hear(ended('r1'), created('r2'))
  t.is(journal.commits, commits + 1)
})

test.serial('while it is being forgotten it is not answered again', async t => {
  const { hear, tell, pass, journal, told } = stage(t)
  await tell('c1')
  await pass(lookAgainMs - 1)
  t.deepEqual(told(), ['c1'])
  const answer = journal.hold()
  await hear(created('r1'))
  // The look reads the journal as it was before.
  journal.answering = Promise.resolve()
  await pass(1)
  t.deepEqual(told(), ['c1'])
  await answer()
  t.deepEqual(journal.journal.calls, [])
})

test.serial(
  'a store that is away is asked to forget behind the next response; a fault ends the call',
  async t => {
    const { hear, tell, journal, faults } = stage(t)
    await tell('c1')
    journal.fault = away
    await hear(created('r1'), ended('r1'))
    t.is(journal.journal.calls.length, 1)
    journal.fault = null
    await hear(created('r2'))
    t.deepEqual([journal.journal.calls, faults], [[], []])
    mock.timers.reset()
    const broken = stage(t)
    await broken.tell('c1')
    broken.journal.fault = new TypeError('broken')
    await broken.hear(created('r1'))
    t.is(broken.faults[0], broken.journal.fault)
  },
)

test.serial('what runs when another replica speaks ends, is committed, and is told by that one', async t => {
  const { tools, act, hear, release, journal, told, responses, runs } = stage(t)
  await act()
  await hear(created('r1'), called('c1', 'stamp'))
  t.is(responses.turn, 'open')
  tools.listen()
  t.is(responses.turn, 'over')
  await release()
  t.is(journal.journal.calls[0]?.status, 'done')
  t.deepEqual(told(), [])
  await hear(called('c2'))
  t.deepEqual(runs(), ['stamp'])
  t.is(journal.journal.calls.length, 1, 'the replica that speaks takes it in')
  await act()
  t.deepEqual(told(), ['c1', 'c2'])
})

test.serial('an output that was told before another replica spoke is told again, by the same id', async t => {
  const { tools, act, tell, sent } = stage(t)
  await tell('c1')
  tools.listen()
  await act()
  const ids = sent.flatMap(event => (event.item as { id?: string } | undefined)?.id ?? [])
  t.is(ids.length, 2)
  t.is(new Set(ids).size, 1)
})

test.serial('nothing that runs is told once the connection is over', async t => {
  const { tools, act, hear, release, told, journal } = stage(t)
  await act()
  await hear(created('r1'), called('c1', 'stamp'))
  tools.end()
  tools.end()
  await release()
  t.is(journal.journal.calls[0]?.status, 'done')
  t.deepEqual(told(), [])
})

/** A drain, and whether it is over after what happens. */
type Stage = ReturnType<typeof stage>
const deadlineMs = 60_000
const drains: readonly (readonly [
  what: string,
  before: (stage: Stage) => unknown,
  steps: readonly (readonly [what: string, step: (stage: Stage) => unknown, isOver: boolean])[],
])[] = [
  ['another replica speaks', () => undefined, [['nothing', () => undefined, true]]],
  ['nothing runs', ({ act }) => act(), [['nothing', () => undefined, true]]],
  [
    'a tool runs',
    async ({ act, hear }) => {
      await act()
      await hear(created('r1'), called('c1', 'stamp'))
    },
    [
      ['nothing', () => undefined, false],
      ['the response is over', ({ hear }) => hear(ended('r1')), false],
      ['it has run', ({ release }) => release(), false],
      ['the next response begins', ({ hear }) => hear(created('r2')), false],
      ['that is over', ({ hear }) => hear(ended('r2')), true],
    ],
  ],
  [
    'a tool runs on and on',
    async ({ act, hear }) => {
      await act()
      await hear(created('r1'), called('c1', 'stamp'), ended('r1'))
    },
    [
      ['almost all of its time', ({ pass }) => pass(deadlineMs - drainReserveMs - 1), false],
      ['the rest', ({ pass }) => pass(1), true],
    ],
  ],
  [
    'another process runs a tool',
    ({ journal, act }) => {
      const running = { status: 'running', owner: 'other', leaseUntil: Date.now() + deadlineMs } as const
      journal.journal = journalOf({ id: 'c1', name: 'count', arguments: '{}', runs: 1, ...running })
      return act()
    },
    [['nothing', () => undefined, true]],
  ],
  [
    'an answer is asked for that does not come',
    ({ tell }) => tell('c1'),
    [
      ['almost all of its time', ({ pass }) => pass(deadlineMs - drainReserveMs - 1), false],
      ['the rest', ({ pass }) => pass(1), true],
    ],
  ],
  [
    'another replica speaks meanwhile',
    async ({ act, hear }) => {
      await act()
      await hear(created('r1'), called('c1', 'stamp'))
    },
    [['it does', ({ tools }) => tools.listen(), true]],
  ],
  [
    'the connection is over meanwhile',
    async ({ act, hear }) => {
      await act()
      await hear(created('r1'), called('c1', 'stamp'))
    },
    [['it is', ({ tools }) => tools.end(), true]],
  ],
]
for (const [what, before, steps] of drains)
  test.serial(`a drain: ${what}`, async t => {
    const staged = stage(t)
    await before(staged)
    const drained = staged.tools.drain(deadlineMs)
    for (const [happened, step, expected] of steps) {
      await step(staged)
      t.is(await isOver(drained), expected, happened)
    }
    t.deepEqual(staged.faults, [])
  })

test.serial('no tool starts while it drains: another replica goes on with the call', async t => {
  const { tools, act, hear, runs, responses } = stage(t)
  await act()
  const drained = tools.drain(deadlineMs)
  await hear(created('r1'), called('c1'))
  t.true(await isOver(drained))
  t.deepEqual([runs(), responses.turn], [[], 'moving'])
  mock.timers.reset()
  const late = stage(t)
  await late.hear(called('c1'))
  t.true(await isOver(late.tools.drain(deadlineMs)))
  await late.act()
  t.deepEqual([late.runs(), late.responses.turn], [[], 'moving'])
})

test.serial('a drain forgets what was told before it is over; not where an answer is asked for', async t => {
  const { tools, act, hear, pass, journal } = stage(t)
  journal.journal = journalOf(doneCall('c1'))
  await hear(called('c2', 'stamp'))
  await act()
  const drained = tools.drain(deadlineMs)
  const answer = journal.hold()
  await pass(deadlineMs - drainReserveMs)
  t.false(await isOver(drained))
  await answer()
  t.true(await isOver(drained))
  t.deepEqual(
    journal.journal.calls.map(({ id, status }) => [id, status]),
    [['c2', 'interrupted']],
  )
  mock.timers.reset()
  const asking = stage(t)
  await asking.tell('c1')
  const asked = asking.tools.drain(deadlineMs)
  await asking.pass(deadlineMs)
  t.true(await isOver(asked))
  t.is(asking.journal.journal.calls.length, 1)
})

test.serial('the deadline of a drain does not end a later one', async t => {
  const { tools, tell, pass, hear } = stage(t)
  await tools.drain(drainReserveMs + 1)
  await tell('c1')
  const later = tools.drain(deadlineMs)
  await pass(1)
  t.false(await isOver(later))
  await hear(created('r1'), ended('r1'))
  t.true(await isOver(later))
})

/** A session as upstream tells of it, and whether the tools are put back. */
const sessions: readonly (readonly [what: string, event: Event, isPutBack: boolean])[] = [
  ['all tools', updated('stamp', 'count'), false],
  ['all tools and another', updated('other', 'stamp', 'count'), false],
  ['one tool', updated('stamp'), true],
  ['none', updated(), true],
  ['no list of tools', { type: 'session.updated', session: { tools: 'none' } }, false],
  ['no session', { type: 'session.updated' }, false],
  ['none, as the session begins', { ...updated(), type: 'session.created' }, false],
]
for (const [what, event, isPutBack] of sessions)
  test.serial(`tools are put back or not, where upstream has ${what}`, async t => {
    const { hear, act, updates, tools } = stage(t)
    await hear(event)
    t.is(updates(), Number(isPutBack))
    await act()
    await hear(event)
    t.is(updates(), 2 * Number(isPutBack))
    tools.end()
    mock.timers.reset()
    const pinned = stage(t, { keepsTools: false })
    await pinned.hear(event)
    t.deepEqual(pinned.sent, [])
  })

test.serial('the tools of others stay beside those that are put back', async t => {
  const { hear, sent } = stage(t)
  await hear(updated('stamp', 'other'))
  const { tools } = (sent[0] as Event).session as { tools: { name: string }[] }
  t.deepEqual(
    tools.map(({ name }) => name),
    ['stamp', 'count', 'other'],
  )
})

test.serial('tools are put back so often in a row, and as often again once they were there', async t => {
  const { hear, updates } = stage(t)
  for (let times = 0; times <= maxPutBacks; times += 1) await hear(updated())
  t.is(updates(), maxPutBacks)
  await hear(updated('stamp', 'count'))
  for (let times = 0; times <= maxPutBacks; times += 1) await hear(updated())
  t.is(updates(), 2 * maxPutBacks)
})
