/** When a conversation is carried over to another upstream session, and what the client is told of it. */
import { mock } from 'node:test'
import test from 'ava'
import { GatewayError } from '../../runtime/core/errors.ts'
import { announceMs } from '../../runtime/core/shutdown.ts'
import type { SessionMessage } from '../../runtime/core/wire.ts'
import { Conversation, readStored } from '../../runtime/resume/conversation.ts'
import { ResumeStore } from '../../runtime/resume/resume-store.ts'
import { Resumption } from '../../runtime/resume/resumption.ts'
import { conversationKey, retryIntervalMs } from '../../runtime/resume/stored-conversation.ts'
import {
  addToolCall,
  finishToolCall,
  startToolCall,
  type ToolJournal,
} from '../../runtime/resume/tool-journal.ts'
import { type CloseReason, endWith } from '../../runtime/session/close-reason.ts'
import { ResponseState } from '../../runtime/session/response-state.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { quiet } from '../store/patience.ts'

type KeepOptions = Parameters<ResumeStore['keep']>[0]

interface Options {
  readonly wantsTicket?: boolean
  readonly issue?: () => Promise<string>
  readonly resumes?: ResumeStore
}

function stage({ wantsTicket = false, issue = async () => 'ticket', resumes }: Options = {}) {
  const asked: KeepOptions[] = []
  const told: SessionMessage[] = []
  const kept = { changes: 0, stops: 0, asked }
  const keeper = {
    issue,
    changed: () => {
      kept.changes += 1
    },
    flush: () => null,
    stop: () => {
      kept.stops += 1
    },
  }
  const responses = new ResponseState()
  const faults: string[] = []
  const keep = (options: KeepOptions) => {
    asked.push(options)
    return keeper
  }
  const resumption = new Resumption({
    resumes: resumes ?? ({ keep } as never),
    probe: heard => heard(),
    fault: ({ code }) => void faults.push(code),
    ...{ owner: 'alice', account: undefined, wantsTicket, dialect: 'ga', responses, connection: 'c1' },
    tell: message => void told.push(message),
    log: { ...quiet, error: (event: string) => void faults.push(event) },
  })
  const note = (type: string, fields: object = {}, answered: Parameters<Resumption['noted']>[2] = null) => {
    responses.noteEvent(type)
    return resumption.noted(Buffer.from(JSON.stringify({ type, ...fields })), type, answered)
  }
  return { resumption, responses, told, kept, note, faults }
}

const settled = () => new Promise(resolve => setImmediate(resolve))
const lost: CloseReason = endWith('upstream', new GatewayError('upstream_lost', 'lost'))
const user = { type: 'message', role: 'user', id: 'a', content: [{ type: 'input_text', text: 'x' }] }

const ends: readonly [what: string, end: CloseReason, isCarriedOver: boolean][] = [
  ['upstream expires', { by: 'upstream', code: 1001, reason: '' }, true],
  ['upstream restarts', { by: 'upstream', code: 1012, reason: '' }, true],
  ['upstream closes', { by: 'upstream', code: 1000, reason: '' }, false],
  ['upstream is lost', lost, true],
  ['upstream is silent', endWith('upstream', new GatewayError('upstream_silent', 'x')), true],
  ['upstream refuses', endWith('upstream', new GatewayError('upstream_refused', 'x')), false],
  ['the gateway ends it', { by: 'gateway', code: 1012, reason: '' }, false],
  ['the client goes', { by: 'client', code: 1001, reason: '' }, false],
]

for (const [what, end, isCarriedOver] of ends) {
  test(`${what}: ${isCarriedOver ? 'carried over' : 'the end'}`, t => {
    const { resumption } = stage()
    t.is(resumption.loses(end), isCarriedOver)
    t.is(resumption.isRenewing, isCarriedOver)
  })
}

test('three upstream sessions in a row may end without a finished answer; one answer begins the count anew', t => {
  const { resumption, note } = stage()
  const losesThree = () => {
    for (let n = 0; n < 3; n += 1) t.true(resumption.loses(lost))
    t.false(resumption.loses(lost))
  }
  losesThree()
  note('response.created')
  t.false(resumption.loses(lost))
  note('response.done')
  losesThree()
})

test('a renewal is told with what is known, once; nothing is told of the first session', t => {
  const { resumption, told, note, responses } = stage()
  t.deepEqual(resumption.opened(), { messages: [], isHidden: false })
  note('conversation.item.added', { item: user })
  responses.noteMessage('response.create')
  resumption.loses(lost)
  const { messages, isHidden } = resumption.opened()
  t.deepEqual([messages.map(({ type }) => type), isHidden], [['conversation.item.create'], true])
  t.true(messages.every(({ isHidden }) => isHidden))
  t.deepEqual(told, [{ type: 'session.renewed', items: 1, asked_again: true }])
  t.false(resumption.isRenewing)
  t.deepEqual(resumption.opened(), { messages: [], isHidden: false })
  t.is(told.length, 1)
})

test('what never reached upstream is given up: the next session is not told of it, nor is an answer asked for', t => {
  const { resumption, responses, note } = stage()
  note('conversation.item.added', { item: user })
  resumption.conversation.expect({ ...user, id: undefined, content: [{ text: 'y' }] })
  responses.noteMessage('response.create')
  resumption.givesUp()
  t.false(responses.isPending)
  const { messages, isHidden } = resumption.opened()
  t.deepEqual([messages.length, isHidden], [1, false])
  t.regex(messages[0]?.message ?? '', /"text":"x"/)
})

/** What happens between an item that upstream never confirmed and the next session, and whether that is told of it. */
const unconfirmed: readonly [what: string, steps: readonly ('loses' | 'givesUp')[], isTold: boolean][] = [
  ['upstream is lost', ['loses'], true],
  ['upstream is lost, and lost again', ['loses', 'loses'], true],
  ['upstream is lost, and cannot be reached again', ['loses', 'givesUp'], false],
  ['upstream cannot be reached', ['givesUp'], false],
  ['upstream cannot be reached twice', ['loses', 'givesUp', 'givesUp'], false],
  ['upstream cannot be reached, and is lost later', ['givesUp', 'loses'], false],
]

for (const [what, steps, isTold] of unconfirmed) {
  test(`${what}: the next session is ${isTold ? '' : 'not '}told of an item that was never confirmed`, t => {
    const { resumption, note } = stage()
    note('conversation.item.added', { item: user })
    const receipt = resumption.conversation.expect({ ...user, id: undefined, content: [{ text: 'y' }] })
    for (const step of steps) {
      if (step === 'loses') t.true(resumption.loses(lost))
      else resumption.givesUp()
    }
    // An answer that comes too late changes nothing.
    if (!isTold) receipt.onConfirmed?.()
    const texts = resumption.opened().messages.map(({ message }) => String(message))
    t.is(texts.length, isTold ? 2 : 1)
    t.is(
      texts.some(text => text.includes('"text":"y"')),
      isTold,
    )
    t.is(resumption.conversation.size, isTold ? 2 : 1)
  })
}

test('an item that a renewed session has confirmed is kept, whatever happens to the next one', t => {
  const { resumption, note } = stage()
  resumption.conversation.expect({ ...user, id: undefined, content: [{ text: 'y' }] })
  t.true(resumption.loses(lost))
  const [{ message = '' } = {}] = resumption.opened().messages
  note('conversation.item.added', { item: JSON.parse(String(message)).item })
  t.true(resumption.loses(lost))
  resumption.givesUp()
  t.is(resumption.opened().messages.length, 1)
})

test('items that a client was told of when it came back are kept though upstream cannot be reached', t => {
  const { resumption, told } = stage()
  const before = new Conversation()
  before.expect({ ...user, id: undefined })
  resumption.begin({ conversation: Conversation.restore(JSON.stringify(before)), spent: undefined as never })
  t.like(told[0], { type: 'session.resumed', items: 1 })
  resumption.givesUp()
  t.is(resumption.opened().messages.length, 1)
})

test('an answer that was given up while another upstream session was on its way is not asked for by it', t => {
  const { resumption, told, responses } = stage()
  responses.noteMessage('response.create')
  resumption.loses(lost)
  resumption.givesUp()
  resumption.opened()
  t.deepEqual(told, [{ type: 'session.renewed', items: 0, asked_again: false }])
})

const stored = (more: object) =>
  Conversation.restore(JSON.stringify({ items: [], settings: null, owed: false, ...more }))

const resumed: readonly [what: string, more: object, expected: object][] = [
  ['nothing lost', {}, { answer_due: false }],
  ['an answer owed', { owed: true }, { answer_due: true }],
  ['one item dropped', { dropped: 1 }, { answer_due: false, dropped: 1 }],
  ['settings lost', { settingsKept: false }, { answer_due: false, settings_kept: false }],
]

for (const [what, more, expected] of resumed) {
  test(`a client that comes back is told: ${what}`, t => {
    const { resumption, told, responses } = stage()
    const { answer_due: isDue } = expected as { answer_due: boolean }
    t.is(resumption.begin({ conversation: stored(more) }), isDue)
    t.is(responses.isWanted, isDue)
    t.deepEqual(told, [{ type: 'session.resumed', items: 0, answers: 0, ...expected }] as never)
    responses.cancel()
    t.false(resumption.conversation.owed, 'the conversation follows the session from now on')
  })
}

test('the model is told that what its tools had stored is gone, and nothing of what it was', t => {
  const { resumption } = stage()
  const refused = { reason: 'no_migration', from: 1, to: 2 } as const
  resumption.begin({ conversation: new Conversation(), refused })
  const [{ message = '' } = {}, ...others] = resumption.opened().messages
  t.like(JSON.parse(message), { item: { type: 'message', role: 'system' } })
  t.regex(message, /cannot be used any more \(no_migration\)/)
  t.deepEqual(others, [])
})

test('a client whose ticket is worth nothing is told why; one without a ticket nothing', t => {
  const { resumption, told } = stage()
  t.false(resumption.begin({ failure: 'expired' }))
  t.deepEqual(told, [{ type: 'session.resume_failed', reason: 'expired' }])
  const fresh = stage()
  t.false(fresh.resumption.begin(null))
  t.deepEqual(fresh.told, [])
})

test('a client that understands tickets gets one at once; a store that is away is no fault, all else is', async t => {
  const { resumption, told } = stage({ wantsTicket: true })
  resumption.begin(null)
  await settled()
  t.deepEqual(told, [{ type: 'session.ticket', resume: 'ticket' }])
  for (const [fault, faults] of [
    [new GatewayError('store_unavailable', 'away'), []],
    [new Error('broken'), ['connection.failed']],
  ] as const) {
    const failing = stage({ wantsTicket: true, issue: () => Promise.reject(fault) })
    failing.resumption.begin(null)
    await settled()
    t.deepEqual([failing.told, failing.faults], [[], [...faults]])
  }
})

const away = () => Promise.reject(new GatewayError('store_unavailable', 'away'))

/** How often it was told that its client has a ticket; each time it answers with the next of some outcomes. */
function spentTicket(...outcomes: (() => Promise<boolean>)[]) {
  const spent = { next: 'next', holds: 0, hold: () => (outcomes[spent.holds++] ?? away)() }
  return spent
}

const isFree = async () => true
const isTaken = async () => false

test('a client that comes back is sent the ticket that its spent one stands for; the spent one is given up then', async t => {
  const { resumption, told, kept, faults } = stage({ wantsTicket: true })
  const spent = spentTicket(isFree)
  resumption.begin({ conversation: new Conversation(), spent })
  t.is(kept.asked[0]?.ticket, 'next')
  t.is(spent.holds, 0, 'it has none yet')
  await settled()
  t.like(told[1], { type: 'session.ticket', resume: 'ticket' })
  t.is(spent.holds, 1)
  kept.asked[0]?.onTicket('later')
  await settled()
  t.like(told[2], { type: 'session.ticket', resume: 'later' })
  t.deepEqual([spent.holds, faults], [1, []])
})

test('of two who came by one ticket the one that lost is ended', async t => {
  const { resumption, faults } = stage({ wantsTicket: true })
  resumption.begin({ conversation: new Conversation(), spent: spentTicket(isTaken) })
  await settled()
  t.deepEqual(faults, ['resumed_elsewhere'])
})

/** A ticket that the store could not give at once is given later, or with the notice of a drain. */
const later: readonly [how: string, give: (staged: ReturnType<typeof stage>) => unknown][] = [
  ['when the store is there again', ({ kept }) => kept.asked[0]?.onTicket('late')],
  ['by a drain', ({ resumption }) => resumption.announce(5000)],
]

for (const [how, give] of later) {
  test(`a spent ticket is good until its client has another: ${how}`, async t => {
    let issue = away as () => Promise<string>
    const staged = stage({ wantsTicket: true, issue: () => issue() })
    const spent = spentTicket(isFree)
    staged.resumption.begin({ conversation: new Conversation(), spent })
    await settled()
    await staged.resumption.announce(5000)
    t.is(spent.holds, 0)
    issue = async () => 'late'
    await give(staged)
    await settled()
    t.is(spent.holds, 1)
  })
}

test.serial('a store that is away is told again that a client has its ticket, until a deadline', async t => {
  t.timeout(20_000)
  mock.timers.enable({ apis: ['setTimeout'] })
  let now = 0
  const clock = mock.method(performance, 'now', () => now)
  t.teardown(() => {
    mock.timers.reset()
    clock.mock.restore()
  })
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += retryIntervalMs) {
      now += retryIntervalMs
      mock.timers.tick(retryIntervalMs)
      await settled()
    }
  }
  const begin = async (...outcomes: (() => Promise<boolean>)[]) => {
    const { resumption, faults } = stage({ wantsTicket: true })
    const spent = spentTicket(...outcomes)
    resumption.begin({ conversation: new Conversation(), spent })
    await settled()
    return { spent, faults, resumption }
  }
  const back = await begin(away, away, isTaken)
  t.deepEqual([back.spent.holds, back.faults], [1, []])
  // Its session may be over meanwhile: the other must be found all the same.
  back.resumption.stop()
  await pass(2000)
  t.deepEqual([back.spent.holds, back.faults], [3, ['resumed_elsewhere']])
  await pass(10_000)
  t.is(back.spent.holds, 3)
  const gone = await begin()
  await pass(60_000)
  t.is(gone.spent.holds, 1 + 30_000 / retryIntervalMs)
  t.deepEqual(gone.faults, [])
  const broken = await begin(() => Promise.reject(new Error('broken')))
  await pass(2000)
  t.deepEqual([broken.spent.holds, broken.faults], [1, ['connection.failed']])
})

test('a drain is announced with a ticket, and without one where the store is away', async t => {
  const { resumption, told } = stage()
  await resumption.announce(5000)
  t.deepEqual(told, [{ type: 'server.draining', deadline_ms: 5000, resume: 'ticket' }])
  const alone = stage({ issue: away })
  await alone.resumption.announce(5000)
  t.deepEqual(alone.told, [{ type: 'server.draining', deadline_ms: 5000 }])
})

test.serial('a drain is announced before a slow store gives the ticket, and again with it', async t => {
  mock.timers.enable({ apis: ['setTimeout'] })
  let now = 0
  const clock = mock.method(performance, 'now', () => now)
  t.teardown(() => {
    mock.timers.reset()
    clock.mock.restore()
  })
  const pass = (ms: number) => {
    now += ms
    mock.timers.tick(ms)
    return settled()
  }
  const { promise, resolve } = Promise.withResolvers<string>()
  const { resumption, told } = stage({ issue: () => promise })
  let isOver = false
  const announced = resumption.announce(5000).then(() => {
    isOver = true
  })
  await pass(announceMs - 1)
  t.deepEqual(told, [{ type: 'server.draining', deadline_ms: 5000 }])
  t.false(isOver, 'a drain waits as long as it would, for the ticket')
  await pass(501)
  resolve('late')
  await announced
  t.deepEqual(told.slice(1), [{ type: 'server.draining', deadline_ms: 2500, resume: 'late' }])
  const short = stage({ issue: () => new Promise<never>(() => undefined) })
  void short.resumption.announce(100)
  await pass(50)
  t.deepEqual(short.told, [{ type: 'server.draining', deadline_ms: 100 }], 'before its deadline too')
})

test('a change of the journal that began before the conversation was kept is made anew, and nothing is lost', async t => {
  const store = createMemoryStore()
  t.teardown(() => store.close())
  const compareAndSet = store.compareAndSet.bind(store)
  const [asked, answered, made] = [0, 1, 2].map(() => Promise.withResolvers<void>())
  const { resumption } = stage({ resumes: new ResumeStore({ store, maxHeldBytes: 10_000, log: quiet }) })
  t.teardown(() => resumption.stop())
  const start = (id: string) => {
    const call = { id, name: 'add', arguments: '{}', status: 'pending', runs: 0 } as const
    return resumption.commit(journal =>
      startToolCall(addToolCall(journal, call, { rounds: 1, request: null }), id, {
        owner: 'me',
        leaseUntil: 1,
      }),
    )
  }
  await start('c1')
  const finished = resumption.commit(async journal => {
    await made?.promise
    return finishToolCall({ ...journal, state: { order: ['tea'] } }, 'c1', '"ok"')
  })
  await resumption.announce(5000)
  store.compareAndSet = async (...given) => {
    const isDone = await compareAndSet(...given)
    asked?.resolve()
    await answered?.promise
    return isDone
  }
  const started = start('c2')
  await asked?.promise
  made?.resolve()
  await settled()
  answered?.resolve()
  const shown = (journal: ToolJournal | null | undefined) => [
    journal?.calls.map(({ id, status }) => `${id} ${status}`),
    journal?.state,
  ]
  const expected = [['c1 done', 'c2 running'], { order: ['tea'] }]
  t.deepEqual(shown(await finished), expected)
  await started
  t.deepEqual(shown(resumption.journal), expected)
  const text = (await store.get(conversationKey(resumption.conversationId))) ?? ''
  t.deepEqual(shown(readStored(text).conversation?.tools), expected)
})

test('a change of the journal gives up, or is made of the newest, also while nothing is kept', async t => {
  const { resumption } = stage()
  const add = (by: number) =>
    resumption.commit(async ({ state, ...rest }) => {
      await settled()
      return { ...rest, state: { sum: Number(state.sum ?? 0) + by } }
    })
  await Promise.all([add(1), add(2), add(3)])
  t.is(await resumption.commit(() => null), null)
  t.deepEqual(resumption.journal.state, { sum: 6 })
})

test('the store is told of what changes: an item, a receipt, whether an answer is pending', async t => {
  const { resumption, kept, note, responses } = stage()
  await resumption.announce(1)
  const changesBy = (run: () => unknown) => {
    const before = kept.changes
    run()
    return kept.changes - before
  }
  t.is(
    changesBy(() => note('conversation.item.added', { item: user })),
    1,
  )
  t.is(
    changesBy(() => note('response.output_text.delta')),
    0,
  )
  responses.noteMessage('response.create')
  t.is(
    changesBy(() => resumption.noteAnswer()),
    1,
  )
  t.is(
    changesBy(() => resumption.noteAnswer()),
    0,
  )
  t.is(
    changesBy(() => note('response.created')),
    0,
  )
  t.is(
    changesBy(() => note('response.done')),
    1,
  )
  const answered = { outcome: 'confirmed', type: 'session.update', receipt: {} } as const
  t.is(
    changesBy(() => note('session.updated', {}, answered)),
    1,
  )
  resumption.stop()
  t.is(kept.stops, 1)
})

test('a client does not see how a session that took the place of a lost one is set up', t => {
  const { resumption, note } = stage()
  const hidden = { outcome: 'confirmed', type: 'session.update', receipt: { isHidden: true } } as const
  t.false(note('session.created'))
  t.true(note('session.updated', {}, hidden), 'settings of the gateway’s own')
  t.false(note('session.updated', {}, { ...hidden, receipt: {} }), 'its own')
  t.false(note('response.created', {}, { ...hidden, type: 'response.create' }))
  t.false(note('error', {}, { ...hidden, outcome: 'refused' }))
  t.true(note('error', { error: { code: 'session_expired' } }), 'it is renewed')
  t.false(note('error', { error: { code: 'other' } }))
  note('conversation.item.added', { item: user })
  resumption.loses(lost)
  const { item } = JSON.parse(resumption.opened().messages[0]?.message ?? '') as { item: object }
  t.true(note('session.created'))
  t.true(note('conversation.item.added', { item }))
  t.false(note('conversation.item.added', { item: { ...user, id: 'b' } }))
})

test('a refusal that nobody was told of refuses the oldest item on its way', t => {
  const { resumption, note } = stage()
  for (const text of ['x', 'y'])
    resumption.conversation.expect({ ...user, id: undefined, content: [{ text }] })
  const refused = { outcome: 'refused', type: 'conversation.item.create', receipt: null } as const
  note('error', {}, { ...refused, type: 'response.create' })
  note('error', {}, { ...refused, receipt: {} })
  t.is(resumption.conversation.size, 2)
  note('error', {}, refused)
  t.deepEqual(
    resumption.conversation.toJSON().items.map(({ text }) => text),
    ['y'],
  )
})

test('of a client’s messages its items and settings are kept, unless they are too long to be read', t => {
  const { resumption } = stage()
  const item = JSON.stringify({ type: 'conversation.item.create', item: user })
  resumption.expect(item, 'conversation.item.create')
  resumption.expect(Buffer.from(item), 'conversation.item.create')
  resumption.expect(item, 'input_audio_buffer.append')
  t.is(resumption.conversation.size, 2)
  const update = JSON.stringify({ type: 'session.update', session: { voice: 'v' } })
  resumption.expect(update, 'session.update').onConfirmed?.()
  t.deepEqual(resumption.conversation.toJSON().settings, { voice: 'v' })
  const padded = (bytes: number) => item.padEnd(bytes, ' ')
  resumption.expect(padded(256 * 1024), 'conversation.item.create')
  t.is(resumption.conversation.size, 3)
  resumption.expect(padded(256 * 1024 + 1), 'conversation.item.create')
  t.is(resumption.conversation.size, 3)
})
