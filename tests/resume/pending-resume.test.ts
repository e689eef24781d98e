/**
 * A connection that came by a ticket, in every state until it goes on with its conversation.
 */
import test, { type ExecutionContext } from 'ava'
import { GatewayError } from '../../runtime/core/errors.ts'
import type { Client, Connection } from '../../runtime/core/ports.ts'
import { findTicket, resumption } from '../../runtime/gateway/layers.ts'
import { createMetrics } from '../../runtime/observability/metrics.ts'
import { Conversation } from '../../runtime/resume/conversation.ts'
import { PendingResume } from '../../runtime/resume/pending-resume.ts'
import { type Redeemed, ResumeStore } from '../../runtime/resume/resume-store.ts'
import { acceptThrough, type Layer } from '../../runtime/server/layers.ts'
import type { CloseReason } from '../../runtime/session/close-reason.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { someContext } from '../server/some-context.ts'
import { quiet } from '../store/patience.ts'

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()

/** A client and a handler's connection that only write down what happens to them. */
function fakes() {
  const seen: string[] = []
  const deadlines: number[] = []
  const begun: (Redeemed | null)[] = []
  let connection: Connection | null = null
  const client: Client = {
    id: 'c1',
    send: message => seen.push(`client gets ${message}`) > 0,
    buffered: () => 0,
    probe: () => void seen.push('ping'),
    close: (code, reason) => void seen.push(`client closed ${code} ${reason}`),
  }
  const inner: Connection = {
    message: (data, isBinary) => void seen.push(`message ${text(data)}${isBinary ? ' binary' : ''}`),
    controlFrame: () => void seen.push('control frame'),
    held: () => 7,
    expiring: deadlineMs => void seen.push(`expiring ${deadlineMs}`),
    writable: () => void seen.push('writable'),
    announce: deadlineMs => void seen.push(`announce ${deadlineMs}`),
    drain: deadlineMs => {
      deadlines.push(deadlineMs)
      seen.push('drain')
    },
    fault: ({ code }) => void seen.push(`fault ${code}`),
    closed: code => void seen.push(`closed ${code}`),
  }
  const begin = (resumed: Redeemed | null) => {
    begun.push(resumed)
    seen.push(`begin ${resumed === null ? null : Object.keys(resumed)[0]}`)
    return inner
  }
  const endMessages = ({ reason }: CloseReason) => [`end ${reason}`]
  /** The client has its next ticket. @returns whether it is the one that goes on */
  const hold = async () => {
    const [resumed = null] = begun
    return resumed !== null && 'spent' in resumed && (await resumed.spent?.hold())
  }
  return {
    ...{ seen, client, begin, endMessages, deadlines, hold },
    /** Control frames are told to this connection from now on. */
    tell: (to: Connection) => {
      connection = to
    },
    pong: () => connection?.controlFrame?.(),
  }
}

function stage(maxHeldBytes = 10_000, dialsAtOnce = false) {
  const { seen, client, begin, endMessages, deadlines, tell, pong } = fakes()
  const write = (event: string) => void logged.push(event)
  const logged: string[] = []
  const { promise, resolve, reject } = Promise.withResolvers<Redeemed>()
  let spent = () => {}
  const redeem: ResumeStore['redeem'] = (_claim, _migration, onSpent = () => undefined) => {
    seen.push('spend')
    spent = onSpent
    return promise
  }
  const early = { dial: () => void seen.push('dial'), abandon: () => void seen.push('abandon') }
  const log = { info: write, warn: write, error: write }
  const options = { store: createMemoryStore(), maxHeldBytes, log }
  const claim = { ticket: 'the-ticket', key: 'the-key', conversation: 'c', owner: 'alice', fence: 'f' }
  const metrics = createMetrics({ revision: 'r', replica: 'n' })
  const parts = {
    ...{ client, route: '/chat', claim, metrics, begin, endMessages },
    early: dialsAtOnce ? early : undefined,
  }
  const pending = new PendingResume({ ...parts, resumes: { redeem, options } })
  tell(pending)
  const say = (words: string) => pending.message(Buffer.from(words), false)
  const told = { seen, logged, deadlines, traffic: metrics.traffic }
  return { ...told, pending, pong, say, resolve, reject, spent: () => spent() }
}

const settled = () => new Promise(resolve => setImmediate(resolve))
const found = () => ({ conversation: new Conversation() })
const elsewhere = ['client gets end resumed_elsewhere', 'client closed 1008 resumed_elsewhere']

test('a ping is sent at once, and its pong spends the ticket, once', async t => {
  const { seen, pong, pending, resolve, say } = stage()
  t.deepEqual(seen, ['ping'])
  pong()
  pong()
  t.deepEqual(seen, ['ping', 'spend'])
  resolve(found())
  await settled()
  say('after')
  pending.closed(1000, '')
  t.deepEqual(seen, ['ping', 'spend', 'begin conversation', 'message after', 'closed 1000'])
})

test('a message is a sign of life too; what comes before the beginning is held, in order', async t => {
  const { seen, pending, resolve, say } = stage()
  const bytes = Buffer.from('one')
  pending.message(bytes, true)
  // The server uses the memory of a message again.
  bytes.fill(0)
  say('two')
  t.deepEqual(seen, ['ping', 'spend'])
  resolve(found())
  await settled()
  t.deepEqual(seen, ['ping', 'spend', 'begin conversation', 'message one binary', 'message two'])
})

test('a handler that dials at once is dialled for when the ticket is spent, and begins when its conversation is there', async t => {
  const { seen, pong, spent, resolve, pending } = stage(1000, true)
  pong()
  spent()
  t.deepEqual(seen, ['ping', 'spend', 'dial'])
  resolve(found())
  await settled()
  pending.closed(1000, '')
  t.deepEqual(seen, ['ping', 'spend', 'dial', 'begin conversation', 'closed 1000'])
})

test('what was dialled for a client that leaves, or has to, is given up', async t => {
  const left = stage(1000, true)
  left.pong()
  left.spent()
  left.pending.closed(1006, '')
  left.resolve(found())
  await settled()
  t.deepEqual(left.seen, ['ping', 'spend', 'dial', 'abandon'])
  const refused = stage(1000, true)
  refused.pong()
  refused.spent()
  refused.reject(new GatewayError('resumed_elsewhere', 'elsewhere'))
  await settled()
  t.deepEqual(refused.seen, ['ping', 'spend', 'dial', 'abandon', ...elsewhere])
  const gone = stage(1000, true)
  gone.pong()
  gone.pending.closed(1006, '')
  gone.spent()
  t.deepEqual(gone.seen, ['ping', 'spend', 'abandon'], 'it had left before its ticket was spent')
})

test('more than may be held ends the connection, and nothing begins', async t => {
  const { seen, resolve, say } = stage(3000)
  for (const _ of 'abcd') say('x'.repeat(50))
  const ended = ['ping', 'spend', 'client gets end upstream_too_slow', 'client closed 1013 upstream_too_slow']
  t.deepEqual(seen, ended)
  resolve(found())
  await settled()
  t.deepEqual(seen, ended)
})

test('whoever was fenced off is told so, and nothing begins', async t => {
  const { seen, pong, reject, say } = stage()
  pong()
  reject(new GatewayError('resumed_elsewhere', 'elsewhere'))
  await settled()
  say('after')
  t.deepEqual(seen, ['ping', 'spend', ...elsewhere])
})

test("a fault of the gateway's own ends the connection", async t => {
  const { seen, pong, reject } = stage()
  pong()
  reject(new SyntaxError('unreadable'))
  await settled()
  t.deepEqual(seen, ['ping', 'spend', 'client gets end internal', 'client closed 1011 internal'])
})

test('a connection that closes while it waits, or while its ticket is spent, does not begin', async t => {
  const waiting = stage()
  waiting.pending.closed(1006, '')
  waiting.pong()
  t.deepEqual(waiting.seen, ['ping'])
  t.deepEqual(waiting.logged, ['connection.closed'])
  const spending = stage()
  spending.pong()
  spending.pending.closed(1006, '')
  spending.resolve(found())
  await settled()
  t.deepEqual(spending.seen, ['ping', 'spend'])
})

test('a drain while it waits gives the same ticket back, and ends it', t => {
  const { seen, pending, pong } = stage()
  pending.announce(5000)
  pending.drain(5000)
  pong()
  const notice = '{"type":"server.draining","deadline_ms":5000,"resume":"the-ticket"}'
  t.deepEqual(seen, [
    'ping',
    `client gets ${notice}`,
    'client gets end draining',
    'client closed 1012 draining',
  ])
})

test('a drain while the ticket is spent comes after the beginning', async t => {
  const { seen, pending, pong, resolve } = stage()
  pong()
  const announced = pending.announce(5000)
  pending.drain(5000)
  t.deepEqual(seen, ['ping', 'spend'])
  resolve(found())
  await announced
  await settled()
  t.deepEqual(seen, ['ping', 'spend', 'begin conversation', 'announce 5000', 'drain'])
})

/** A store with a conversation, and the routes of two replicas. */
async function replicas(t: ExecutionContext) {
  const store = createMemoryStore()
  t.teardown(() => store.close())
  const make = () => new ResumeStore({ store, maxHeldBytes: 1000, log: quiet })
  const kept = make().keep({
    conversation: new Conversation(),
    owner: 'anonymous',
    onTicket: () => undefined,
    onFault: () => undefined,
  })
  t.teardown(() => kept.stop())
  const { request, principal, limits } = someContext()
  const query = new URLSearchParams({ resume: await kept.issue() })
  const asked = { ...request, query, principal, account: limits.account }
  const metrics = createMetrics({ revision: 'r', replica: 'n' })
  const upgrade = async () => {
    const fake = fakes()
    const resumes = make()
    // What stands between hands the request on, and with it the ticket.
    const between: Layer = { name: 'between', accept: (_, next) => request => next(request) }
    const accept = acceptThrough([between, resumption(resumes, metrics)], {
      resumable: fake,
      accept: request => ({
        handler: (_, { resumed }) => fake.begin(resumed),
        context: { ...someContext(), request },
      }),
    })
    const { handler, context } = await accept({ ...asked, ticket: await findTicket(resumes)(asked) })
    return { ...fake, answer: () => fake.tell(handler(fake.client, context)) }
  }
  return { upgrade }
}

test('a request that was read and never answered has spent nothing', async t => {
  const { upgrade } = await replicas(t)
  await upgrade()
  await upgrade()
  const { seen, pong, answer } = await upgrade()
  answer()
  pong()
  await settled()
  t.deepEqual(seen, ['ping', 'begin conversation'])
})

test('of two that were answered, the one that claimed last goes on, whichever is heard of first', async t => {
  for (const isFirstHeardFirst of [true, false]) {
    const { upgrade } = await replicas(t)
    const [first, second] = [await upgrade(), await upgrade()]
    first.answer()
    second.answer()
    for (const one of isFirstHeardFirst ? [first, second] : [second, first]) {
      one.pong()
      await settled()
    }
    t.deepEqual(first.seen, ['ping', ...elsewhere])
    t.deepEqual(second.seen, ['ping', 'begin conversation'])
    t.true(await second.hold())
    const third = await upgrade()
    third.answer()
    t.deepEqual(third.seen, ['begin failure'])
  }
})

test('a client that breaks off before it was told its next ticket comes again, and the one before is found out', async t => {
  const { upgrade } = await replicas(t)
  const first = await upgrade()
  first.answer()
  first.pong()
  await settled()
  t.deepEqual(first.seen, ['ping', 'begin conversation'])
  const second = await upgrade()
  second.answer()
  second.pong()
  await settled()
  t.deepEqual(second.seen, ['ping', 'begin conversation'])
  t.false(await first.hold())
  t.true(await second.hold())
})

/** What a connection is told in each state, and what comes of it. */
const told: readonly [what: string, tell: (pending: PendingResume) => unknown][] = [
  ['message', pending => pending.message(Buffer.from('m'), false)],
  ['control frame', pending => pending.controlFrame()],
  ['expiring', pending => pending.expiring(9)],
  ['writable', pending => pending.writable()],
  ['announce', pending => pending.announce(9)],
  ['drain', pending => pending.drain(9)],
  ['fault', pending => pending.fault(new GatewayError('bad_request', 'no'))],
  ['closed', pending => pending.closed(1001, '')],
]
const notice = 'client gets {"type":"server.draining","deadline_ms":9,"resume":"the-ticket"}'
const cells: Record<string, Record<(typeof told)[number][0], readonly string[]>> = {
  waiting: {
    message: ['spend'],
    'control frame': ['spend'],
    expiring: [],
    writable: [],
    announce: [notice],
    drain: ['client gets end draining', 'client closed 1012 draining'],
    fault: ['client gets end bad_request', 'client closed 1008 bad_request'],
    closed: [],
  },
  spending: {
    message: [],
    'control frame': [],
    expiring: [],
    writable: [],
    announce: [],
    drain: [],
    fault: ['client gets end bad_request', 'client closed 1008 bad_request'],
    closed: [],
  },
  begun: {
    message: ['message m'],
    'control frame': ['control frame'],
    expiring: ['expiring 9'],
    writable: ['writable'],
    announce: ['announce 9'],
    drain: ['drain'],
    fault: ['fault bad_request'],
    closed: ['closed 1001'],
  },
  over: {
    message: [],
    'control frame': [],
    expiring: [],
    writable: [],
    announce: [],
    drain: [],
    fault: [],
    closed: [],
  },
}

const enter: Record<string, (s: ReturnType<typeof stage>) => Promise<void>> = {
  waiting: async () => undefined,
  spending: async ({ pong }) => void pong(),
  begun: async ({ pong, resolve }) => {
    pong()
    resolve(found())
    await settled()
  },
  over: async ({ pending }) => pending.drain(1),
}

for (const [state, row] of Object.entries(cells)) {
  for (const [what, tell] of told) {
    test(`${state}: ${what}`, async t => {
      const s = stage()
      await enter[state]?.(s)
      s.seen.length = 0
      void tell(s.pending)
      t.deepEqual(s.seen, row[what])
      s.pending.closed(1000, '')
    })
  }
}

test('over is over: no sign of life and no ticket begins anything', async t => {
  for (const end of [
    (pending: PendingResume) => pending.drain(1),
    (pending: PendingResume) => pending.fault(new GatewayError('bad_request', 'no')),
    (pending: PendingResume) => pending.closed(1000, ''),
  ]) {
    const { pending, pong, say, seen } = stage()
    end(pending)
    seen.length = 0
    pong()
    say('after')
    await settled()
    t.deepEqual(seen, [])
  }
})

test('what is held counts with what the conversation holds, and is free when it is over', async t => {
  const { pending, say, resolve } = stage()
  say('12345')
  t.is(pending.held(), 5 + 1024)
  resolve(found())
  await settled()
  t.is(pending.held(), 7)
  const over = stage()
  over.say('12345')
  over.pending.closed(1000, '')
  t.is(over.pending.held(), 0)
})

test('a drain while the ticket is spent has what is left of its deadline', async t => {
  const { pending, pong, resolve, deadlines } = stage()
  pong()
  pending.drain(5000)
  await new Promise(resolve => setTimeout(resolve, 30))
  resolve(found())
  await settled()
  t.is(deadlines.length, 1)
  t.true((deadlines[0] ?? 0) <= 5000 - 25 && (deadlines[0] ?? 0) > 0, `${deadlines[0]}`)
})

test('an announcement while the ticket is refused tells nobody', async t => {
  const { pending, pong, reject, seen } = stage()
  pong()
  const announced = pending.announce(5000)
  reject(new GatewayError('resumed_elsewhere', 'elsewhere'))
  await announced
  t.deepEqual(seen, ['ping', 'spend', ...elsewhere])
})

test("a fault of the gateway's own is logged; a refusal is none", async t => {
  for (const [fault, lines] of [
    [new SyntaxError('unreadable'), ['connection.failed', 'connection.closed']],
    [new GatewayError('resumed_elsewhere', 'elsewhere'), ['connection.closed']],
  ] as const) {
    const { pong, reject, logged } = stage()
    pong()
    reject(fault)
    await settled()
    t.deepEqual(logged, [...lines])
  }
})

test('a connection whose handler is never called is counted as a session, and its end is logged', async t => {
  const { pending, traffic, logged } = stage()
  t.like(traffic, { sessionsOpen: 1, sessionsTotal: 0 })
  pending.fault(new GatewayError('limit_reached', 'over'))
  pending.closed(1008, '')
  const bytesDown = 'end limit_reached'.length
  t.like(traffic, { sessionsOpen: 0, sessionsTotal: 1, eventsForwarded: 1, bytesDown })
  t.deepEqual([...traffic.ended], [['limit_reached', 1]])
  t.deepEqual(logged, ['connection.closed'])
  const begun = stage()
  begun.pong()
  begun.resolve(found())
  await settled()
  // The session of the handler counts itself.
  t.like(begun.traffic, { sessionsOpen: 0, sessionsTotal: 0 })
})

test('a client that is closed while its handler runs is told to what the handler returned, and nothing is flushed', async t => {
  const { seen, client, begin, endMessages } = fakes()
  const metrics = createMetrics({ revision: 'r', replica: 'n' })
  const options = { store: createMemoryStore(), maxHeldBytes: 10_000, log: quiet }
  const claim = { ticket: 'the-ticket', key: 'the-key', conversation: 'c', owner: 'alice', fence: 'f' }
  const pending: PendingResume = new PendingResume({
    ...{ client, route: '/chat', claim, metrics, endMessages },
    resumes: { redeem: async () => found(), options },
    begin: resumed => {
      pending.closed(1001, 'gone')
      return begin(resumed)
    },
  })
  pending.message(Buffer.from('held'), false)
  await settled()
  t.deepEqual(seen, ['ping', 'begin conversation', 'closed 1001'])
  t.is(pending.held(), 7)
})

test('a handler that fails before it returns ends the connection with internal', async t => {
  const { seen, client, endMessages } = fakes()
  const metrics = createMetrics({ revision: 'r', replica: 'n' })
  const options = { store: createMemoryStore(), maxHeldBytes: 10_000, log: quiet }
  const claim = { ticket: 'the-ticket', key: 'the-key', conversation: 'c', owner: 'alice', fence: 'f' }
  const pending = new PendingResume({
    ...{ client, route: '/chat', claim, metrics, endMessages },
    resumes: { redeem: async () => found(), options },
    begin: () => {
      throw new TypeError('a fault')
    },
  })
  pending.controlFrame()
  await settled()
  t.deepEqual(seen, ['ping', 'client gets end internal', 'client closed 1011 internal'])
  t.is(metrics.traffic.sessionsOpen, 0)
})
