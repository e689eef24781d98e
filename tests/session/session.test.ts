/** The phase table of a session, cell by cell, over fakes. */
import test from 'ava'
import { errorTable, GatewayError } from '../../runtime/core/errors.ts'
import { createMetrics } from '../../runtime/observability/metrics.ts'
import type { CloseReason } from '../../runtime/session/close-reason.ts'
import { until, within } from '../gateway/within.ts'
import { enter, limits, type Stage, stage } from './session-stage.ts'

type Cell = [
  phase: keyof typeof enter,
  what: string,
  act: (s: Stage) => void,
  effects: string[],
  next: string,
]

const lost = 'client closed 1014 upstream_lost'

const cells: Cell[] = [
  ['idle', 'message', s => s.session.forward('m', null), ['dial'], 'dialing'],
  ['idle', 'dial', s => s.session.dial(), ['dial'], 'dialing'],
  ['idle', 'deliver', s => s.session.deliver('m'), ['client gets m'], 'idle'],
  ['idle', 'client closes', s => s.session.clientClosed(1001, ''), [], 'closed'],
  ['idle', 'drain with nothing asked', s => s.session.drain(9), ['client closed 1012 draining'], 'closed'],
  [
    'idle',
    'drain with a turn wanted',
    s => {
      s.session.responses.want()
      s.session.drain(60_000)
    },
    [],
    'draining',
  ],
  ['dialing', 'message', s => s.session.forward('m', null), [], 'dialing'],
  [
    'dialing',
    'upstream opens after a message',
    s => {
      s.session.forward('m', null)
      s.open()
    },
    ['opened', 'upstream gets m'],
    'open',
  ],
  ['dialing', 'upstream opens', s => s.open(), ['opened'], 'open'],
  ['dialing', 'dial again', s => s.session.dial(), [], 'dialing'],
  ['dialing', 'dial fails', s => s.dialFails(), ['client closed 1013 upstream_unreachable'], 'closed'],
  ['dialing', 'client closes', s => s.session.clientClosed(1001, ''), ['dial aborted'], 'closed'],
  [
    'dialing',
    'drain with nothing asked',
    s => s.session.drain(9),
    ['dial aborted', 'client closed 1012 draining'],
    'closed',
  ],
  [
    'dialing',
    'drain with a turn asked',
    s => {
      s.session.forward('m', 'response.create')
      s.session.drain(60_000)
    },
    [],
    'draining',
  ],
  ['open', 'message', s => s.session.forward('m', null), ['upstream gets m'], 'open'],
  ['open', 'event', s => s.event('e'), ['client gets {"type":"e"}'], 'open'],
  [
    'open',
    'upstream closes by a code',
    s => s.upstreamEnds(4001, 'why'),
    ['client closed 4001 why'],
    'closed',
  ],
  [
    'open',
    'upstream closes without a code',
    s => s.upstreamEnds(1005, ''),
    ['client closed 1000 '],
    'closed',
  ],
  ['open', 'upstream is lost', s => s.upstreamEnds(1006, ''), [lost], 'closed'],
  ['open', 'client closes', s => s.session.clientClosed(1000, ''), ['upstream closed 1000'], 'closed'],
  [
    'open',
    'drain while idle',
    s => s.session.drain(9),
    ['upstream closed 1000', 'client closed 1012 draining'],
    'closed',
  ],
  [
    'open',
    'drain with a turn asked',
    s => {
      s.session.forward('t', 'response.create')
      s.session.drain(60_000)
    },
    ['upstream gets t'],
    'draining',
  ],
  [
    'open',
    'drain in mid-answer',
    s => {
      s.event('response.created')
      s.session.drain(60_000)
    },
    ['client gets {"type":"response.created"}'],
    'draining',
  ],
  ['draining', 'new turn', s => s.session.forward('m', 'response.create'), ['refused draining'], 'draining'],
  ['draining', 'other message', s => s.session.forward('m', 'x'), ['upstream gets m'], 'draining'],
  [
    'draining',
    'event',
    s => s.event('response.created'),
    ['client gets {"type":"response.created"}'],
    'draining',
  ],
  [
    'draining',
    'turn ends',
    s => {
      s.event('response.created')
      s.event('response.done')
    },
    [
      'client gets {"type":"response.created"}',
      'client gets {"type":"response.done"}',
      'upstream closed 1000',
      'client closed 1012 draining',
    ],
    'closed',
  ],
  ['draining', 'upstream closes', s => s.upstreamEnds(1006, ''), [lost], 'closed'],
  ['draining', 'client closes', s => s.session.clientClosed(1000, ''), ['upstream closed 1000'], 'closed'],
  ['draining', 'drain again', s => s.session.drain(9), [], 'draining'],
  [
    'dialing',
    'bytes, and upstream opens',
    s => {
      s.session.forward(Buffer.from('b'), null, true)
      s.open()
    },
    ['opened', 'upstream gets bytes b'],
    'open',
  ],
  [
    'dialing',
    'dialled again',
    s => {
      s.session.dial()
      s.open()
      s.session.dial()
    },
    ['opened'],
    'open',
  ],
  [
    'dialing',
    'drain with a message held, and upstream opens',
    s => {
      s.session.forward('m', null)
      s.session.drain(60_000)
      s.open()
    },
    ['opened', 'upstream gets m', 'upstream closed 1000', 'client closed 1012 draining'],
    'closed',
  ],
  ['open', 'bytes', s => s.session.forward(Buffer.from('b'), null, true), ['upstream gets bytes b'], 'open'],
  ['open', 'words of the handler', s => s.session.deliver('m'), ['client gets m'], 'open'],
  ['open', 'bytes of the handler', s => s.session.deliver('m', true), ['client gets bytes m'], 'open'],
  ['open', 'bytes from upstream', s => s.bytes('b'), ['client gets b'], 'open'],
  [
    'open',
    'upstream goes no further',
    s => s.session.peerSilent(),
    ['upstream given up upstream_silent'],
    'open',
  ],
  [
    'open',
    'upstream will not do what the session is for',
    s => s.session.giveUp(new GatewayError('settings_refused', 'no')),
    ['upstream closed 1000', `client closed ${errorTable.settings_refused.close} settings_refused`],
    'closed',
  ],
  [
    'open',
    'code that upstream called fails',
    s => s.upstreamFaults(new Error('broken')),
    ['upstream closed 1000', 'client closed 1011 internal'],
    'closed',
  ],
  ['draining', 'dial', s => s.session.dial(), [], 'draining'],
  ['closed', 'dial', s => s.session.dial(), [], 'closed'],
  ['closed', 'message', s => s.session.forward('m', null), [], 'closed'],
  ['closed', 'upstream opens', s => s.open(), ['upstream closed 1000'], 'closed'],
  ['closed', 'event', s => s.event('e'), [], 'closed'],
  ['closed', 'upstream closes', s => s.upstreamEnds(1000, ''), [], 'closed'],
  ['closed', 'client closes', s => s.session.clientClosed(1000, ''), [], 'closed'],
  ['closed', 'drain', s => s.session.drain(9), [], 'closed'],
  ['closed', 'deliver', s => s.session.deliver('m'), [], 'closed'],
]

for (const [phase, what, act, effects, next] of cells) {
  test(`${phase}: ${what} → ${next}`, t => {
    const s = stage()
    enter[phase](s)
    t.is(s.session.phase, phase)
    s.told()
    act(s)
    t.deepEqual(s.told(), effects)
    t.is(s.session.phase, next as typeof phase)
    s.session.close({ by: 'client', code: 1000, reason: '' })
  })
}

test('draining: a turn asked before upstream was there is asked when it is, and ends the session', t => {
  const s = stage()
  s.session.forward('m', 'response.create')
  s.session.drain(60_000)
  s.told()
  s.open()
  t.deepEqual(s.told(), ['opened', 'upstream gets m'])
  t.is(s.session.phase, 'draining')
  s.event('response.created')
  s.event('response.done')
  t.is(s.session.phase, 'closed')
})

test('draining: somebody who is speaking is heard out and answered', t => {
  const s = stage()
  enter.open(s)
  s.event('input_audio_buffer.speech_started')
  s.session.drain(60_000)
  for (const type of [
    'input_audio_buffer.speech_stopped',
    'input_audio_buffer.committed',
    'conversation.item.added',
    'response.created',
  ]) {
    s.event(type)
    t.is(s.session.phase, 'draining', type)
  }
  s.event('response.done')
  t.is(s.session.phase, 'closed')
})

test('draining: audio that was committed by hand is not waited for', t => {
  const s = stage()
  enter.open(s)
  s.event('input_audio_buffer.committed')
  s.session.drain(60_000)
  t.is(s.session.phase, 'closed')
})

test('draining: the deadline ends what has not ended', async t => {
  const end = new Promise<CloseReason>(resolve => {
    const s = stage({
      ended: end => {
        resolve(end)
        return []
      },
    })
    enter.open(s)
    s.event('response.created')
    s.session.drain(1)
  })
  t.like(await end, { by: 'gateway', code: 1012, reason: 'draining' })
})

test('a handler that keeps its client has an idle session, and the next message dials', t => {
  const s = stage({ keepsClient: () => true })
  enter.open(s)
  s.told()
  s.upstreamEnds(1001, 'expired')
  t.is(s.session.phase, 'idle')
  s.session.forward('m', null)
  t.is(s.session.phase, 'dialing')
  s.open()
  t.deepEqual(s.told(), ['dial', 'opened', 'upstream gets m'])
})

test('a handler that asks again when upstream ends is asked for by the next upstream session', t => {
  const seen: unknown[] = []
  const s: Stage = stage({
    keepsClient: (_end, wasOpen) => {
      seen.push(wasOpen, s.session.phase)
      s.session.send('again', 'response.create')
      return true
    },
  })
  enter.dialing(s)
  s.dialFails()
  t.is(s.session.phase, 'dialing')
  s.open()
  s.upstreamEnds(1006, '')
  t.is(s.session.phase, 'dialing')
  s.open()
  t.deepEqual(seen, [false, 'idle', true, 'idle'])
  t.deepEqual(s.told(), [
    'dial',
    'dial',
    'opened',
    'upstream gets again',
    'dial',
    'opened',
    'upstream gets again',
  ])
})

test('a session that is over before it was dialled is not dialled', t => {
  const s = stage()
  s.session.clientClosed(1000, '')
  s.session.dial()
  s.session.forward('m', null)
  t.deepEqual(s.told(), [])
})

test('closing twice keeps the first end, and tells the client once', t => {
  const s = stage()
  enter.open(s)
  s.told()
  s.session.close({ by: 'gateway', code: 1000, reason: 'first' })
  s.session.close({ by: 'gateway', code: 1011, reason: 'second' })
  t.deepEqual(s.told(), ['upstream closed 1000', 'client closed 1000 first'])
})

const refusals: readonly [what: string, before: (s: Stage) => void, error: object][] = [
  ['for a value of it', s => enter.open(s), { code: 'invalid_value', param: 'response.voice' }],
  ['in words alone', s => enter.open(s), { code: null, message: 'no' }],
  ['before upstream was there', s => void s, { code: 'insufficient_quota' }],
]

for (const [what, before, error] of refusals) {
  test(`draining: an answer that upstream refuses ${what} is not waited for`, t => {
    const s = stage()
    before(s)
    s.session.forward('m', 'response.create')
    s.session.drain(60_000)
    t.is(s.session.phase, 'draining')
    if (what.startsWith('before')) s.open()
    s.event('error', { error })
    t.is(s.session.phase, 'closed')
  })
}

test('draining: the answer that runs is waited for when another one is refused', t => {
  const s = stage()
  enter.open(s)
  s.session.forward('m', 'response.create')
  s.event('response.created')
  s.session.forward('m', 'response.create')
  s.session.drain(60_000)
  s.event('error', { error: { code: 'conversation_already_has_active_response' } })
  t.is(s.session.phase, 'draining')
  s.event('response.done')
  t.is(s.session.phase, 'closed')
})

test('draining: of two answers at once both are waited for', t => {
  const s = stage()
  enter.open(s)
  for (const type of ['response.created', 'response.created']) s.event(type)
  s.session.drain(60_000)
  s.event('response.done')
  t.is(s.session.phase, 'draining')
  s.event('response.completed')
  t.is(s.session.phase, 'closed')
})

test('messages held for upstream go behind those of the handler, and are answered in that order', t => {
  const answered: string[] = []
  const receipt = (name: string) => ({ onConfirmed: () => void answered.push(name) })
  const s = stage({ opened: () => s.session.send('own', 'session.update', receipt('own')) })
  s.session.forward('held', 'session.update', false, receipt('held'))
  s.open()
  s.event('session.updated')
  s.event('session.updated')
  t.deepEqual(answered, ['own', 'held'])
})

test('what was held for a dial that failed is not answered by the next upstream session', t => {
  const answered: string[] = []
  const receipt = (name: string) => ({ onConfirmed: () => void answered.push(name) })
  const s = stage({ keepsClient: () => true })
  s.session.forward('lost', 'session.update', false, receipt('lost'))
  s.dialFails()
  s.session.forward('held', 'session.update', false, receipt('held'))
  s.open()
  s.event('session.updated')
  t.deepEqual(answered, ['held'])
})

test('upstream is watched for silence only while it answers and can be heard', t => {
  const s = stage({}, { clientBufferBytes: 100 })
  enter.open(s)
  const mustSpeak = () => {
    s.session.wasHeard = false
    s.session.intervalOver()
    return !s.session.wasHeard
  }
  t.false(mustSpeak(), 'idle')
  s.session.forward('m', 'response.create')
  t.false(mustSpeak(), 'asked, not begun')
  s.session.wasHeard = false
  s.event('response.created')
  t.true(s.session.wasHeard)
  t.true(mustSpeak(), 'in an answer')
  s.buffered.client = 150
  s.event('response.output_text.delta')
  t.false(mustSpeak(), 'paused')
  s.buffered.client = 0
  s.session.writable()
  t.true(mustSpeak(), 'resumed')
  s.event('response.done')
  t.false(mustSpeak(), 'answered')
  s.session.clientClosed(1000, '')
})

test('an upstream that says nothing more in mid-answer is given up, and one that is replaced is not', async t => {
  const given = Promise.withResolvers<void>()
  const s = stage({ keepsClient: () => true }, { upstreamStallMs: 48 })
  enter.open(s)
  s.upstreamEnds(1001, '')
  enter.open(s)
  s.event('response.created')
  const look = setInterval(() => s.told().includes('upstream given up upstream_silent') && given.resolve(), 5)
  t.teardown(() => clearInterval(look))
  await t.notThrowsAsync(within(given.promise, 5000, 'upstream is not given up'))
  s.session.clientClosed(1000, '')
})

test('what was held goes out in parts, so that others have their turn', async t => {
  const s = stage({}, { upstreamBufferBytes: 2_000_000 })
  const message = 'x'.repeat(100_000)
  for (let n = 0; n < 8; n += 1) s.session.forward(message, null)
  s.open()
  const sent = () => s.told().filter(what => what.startsWith('upstream gets')).length
  t.is(sent(), 3)
  s.session.forward('later', null)
  t.is(sent(), 0, 'what comes meanwhile waits behind')
  await new Promise(resolve => setImmediate(resolve))
  t.is(sent(), 3)
  await new Promise(resolve => setImmediate(resolve))
  t.is(sent(), 3)
  s.session.forward('at once', null)
  t.is(sent(), 1)
  s.session.clientClosed(1000, '')
})

test('what was held for an upstream that ends in the middle of it goes nowhere', async t => {
  const s = stage({ keepsClient: () => true }, { upstreamBufferBytes: 2_000_000 })
  for (let n = 0; n < 8; n += 1) s.session.forward('x'.repeat(100_000), null)
  s.open()
  s.upstreamEnds(1001, '')
  s.told()
  await new Promise(resolve => setImmediate(resolve))
  t.deepEqual(s.told(), [])
  t.is(s.session.held(), 0)
  enter.open(s)
  s.session.forward('m', null)
  t.deepEqual(s.told(), ['dial', 'opened', 'upstream gets m'])
  s.session.clientClosed(1000, '')
})

test('an event of bytes has no type, whatever is in it', t => {
  const types: (string | null)[] = []
  const s = stage({ event: (_frame, _isBinary, type) => void types.push(type) })
  enter.open(s)
  s.bytes('{"type":"response.created"}')
  s.event('response.created')
  t.deepEqual(types, [null, 'response.created'])
  s.session.clientClosed(1000, '')
  s.event('response.done')
  t.is(types.length, 2, 'the handler is told nothing after the end')
})

test('a type that is known is not read again, on either way', t => {
  const read: string[] = []
  const types: (string | null)[] = []
  const readType = (frame: Uint8Array) => {
    read.push(Buffer.from(frame).toString())
    return 'read'
  }
  const s = stage(
    { event: (_frame, _isBinary, type) => void types.push(type) },
    {},
    { readType, meter: undefined },
  )
  s.session.forward('held', 'response.create')
  s.open()
  s.session.forward('sent', 'session.update')
  s.session.send('own', null)
  t.deepEqual(s.types, ['response.create', 'session.update', null])
  s.eventOf('known', 'a')
  s.eventOf(null, 'b')
  s.event('c')
  t.deepEqual(types, ['known', null, 'read'])
  t.deepEqual(read, ['{"type":"c"}'])
})

test('a turn that the handler holds is waited for, and what it has to write', async t => {
  let [holdsTurn, isWritten] = [true, false]
  const written = Promise.withResolvers<void>()
  const s = stage({ holdsTurn: () => holdsTurn, pending: () => (isWritten ? null : written.promise) })
  enter.open(s)
  s.session.drain(60_000)
  t.is(s.session.phase, 'draining')
  holdsTurn = false
  s.event('e')
  t.is(s.session.phase, 'draining')
  isWritten = true
  written.resolve()
  await s.ended
  t.is(s.session.phase, 'closed')
})

test('a handler that fails at its end keeps nobody from the end', t => {
  const s = stage({
    ended: () => {
      throw new Error('broken')
    },
  })
  enter.open(s)
  s.told()
  s.session.close({ by: 'gateway', code: 1000, reason: 'over' })
  t.deepEqual(s.told(), ['upstream closed 1000', 'client closed 1000 over'])
})

test('last words go before the close frame', t => {
  const s = stage({ ended: ({ code }) => [`ended with ${code}`] })
  enter.open(s)
  s.told()
  s.session.close({ by: 'gateway', code: 1000, reason: 'over' })
  t.deepEqual(s.told(), ['upstream closed 1000', 'client gets ended with 1000', 'client closed 1000 over'])
})

test('a session is counted: how many there are, what went each way, how it ended, what it spent', t => {
  const metrics = createMetrics({ revision: 'r', replica: 'n' })
  const { traffic } = metrics
  const lines: [string, object][] = []
  const write = (event: string, fields: object = {}) => void lines.push([event, fields])
  const spent: string[] = []
  const meter = {
    opened: (deployment?: string) => void spent.push(`opened ${deployment}`),
    responseDone: (frame: Buffer) => void spent.push(frame.toString()),
    ended: (end: object) => void spent.push(JSON.stringify(end)),
  }
  const s = stage(
    { ended: () => ['bye'] },
    {},
    { metrics, meter: meter as never, log: { info: write, warn: write, error: write } },
  )
  t.like(traffic, { sessionsOpen: 1, sessionsTotal: 1 })
  enter.open(s)
  s.session.forward('12345', null)
  s.session.forward('é', null)
  s.event('e')
  s.event('response.done')
  s.session.close({ by: 'gateway', code: 1000, reason: 'over' })
  s.session.close({ by: 'gateway', code: 1000, reason: 'again' })
  t.deepEqual(spent, ['opened one', '{"type":"response.done"}', '{"by":"gateway","code":1000}'])
  const [events, bytes] = [3, '{"type":"e"}'.length + '{"type":"response.done"}'.length + 'bye'.length]
  t.like(traffic, { sessionsOpen: 0, sessionsTotal: 1, messagesUp: 2, bytesUp: 7 })
  t.like(traffic, { eventsForwarded: events, bytesDown: bytes })
  t.deepEqual([...traffic.ended], [['gateway_closed', 1]])
  t.deepEqual(
    lines.map(([event]) => event),
    ['bridge.connected', 'bridge.completed', 'connection.closed'],
  )
  for (const [, fields] of lines.slice(1)) {
    t.like(fields, { connection: 'c1', route: '/test', by: 'gateway', code: 1000, reason: 'over' })
    t.like(fields, { messagesUp: 2, bytesUp: 7, eventsDown: events, bytesDown: bytes })
    t.true(Number.isInteger((fields as { ms: number }).ms))
  }
})

const endings: readonly [
  what: string,
  end: (s: Stage) => void,
  told: { by: string; code: number; error?: string },
][] = [
  ['the client', s => s.session.clientClosed(1001, ''), { by: 'client', code: 1001 }],
  ['upstream', s => s.upstreamEnds(1000, ''), { by: 'upstream', code: 1000 }],
  [
    'the loss of upstream',
    s => s.upstreamEnds(1006, ''),
    { by: 'upstream', code: 1014, error: 'upstream_lost' },
  ],
  ['a fault', s => s.upstreamFaults(new Error('broken')), { by: 'gateway', code: 1011, error: 'internal' }],
  ['a drain', s => s.session.drain(60_000), { by: 'gateway', code: 1012 }],
  [
    'a slow upstream',
    s => {
      s.buffered.upstream = limits.upstreamBufferBytes
      s.session.forward('x', null)
    },
    { by: 'gateway', code: 1013, error: 'upstream_too_slow' },
  ],
  [
    'a slow client',
    s => {
      s.buffered.client = limits.clientBufferBytes + 2 * limits.maxMessageBytes + 1
      s.session.deliver('a')
    },
    { by: 'gateway', code: 1008, error: 'client_too_slow' },
  ],
]

for (const [what, end, told] of endings) {
  test(`the log and the account of usage tell who ended a session: ${what}`, t => {
    const closed: [by: unknown, code: unknown][] = []
    const accounts: object[] = []
    const write = (event: string, fields: Record<string, unknown> = {}) =>
      void (event === 'connection.closed' && closed.push([fields.by, fields.code]))
    const meter = {
      opened: () => undefined,
      event: () => undefined,
      ended: (end: object) => accounts.push(end),
    }
    const log = { info: write, warn: write, error: write }
    const s = stage({}, {}, { meter: meter as never, log: log as never })
    enter.open(s)
    end(s)
    t.deepEqual(closed, [[told.by, told.code]])
    t.deepEqual(accounts, [told])
  })
}

test('what an answer used is counted before the handler has it: who ends the session with it, or stores the conversation, has all', t => {
  const account: string[] = []
  const meter = {
    opened: () => undefined,
    responseDone: () => account.push('counted'),
    ended: () => account.push('ended'),
  }
  const s: Stage = stage(
    {
      event: () => {
        account.push('handled')
        s.session.close({ by: 'gateway', code: 1000, reason: 'one answer' })
      },
    },
    {},
    { meter: meter as never },
  )
  enter.open(s)
  s.event('response.done')
  t.deepEqual(account, ['counted', 'handled', 'ended'])
})

test('time that is paid for ends with its upstream, also where the client waits for another', t => {
  const spans: number[] = []
  const meter = {
    opened: () => undefined,
    ended: () => undefined,
    translated: (seconds: number) => spans.push(seconds),
  }
  const s = stage({ keepsClient: () => true }, {}, { meter: meter as never, paidByTime: true })
  enter.open(s)
  t.deepEqual(spans, [])
  s.upstreamEnds(1000, '')
  t.is(s.session.phase, 'idle')
  t.is(spans.length, 1)
  enter.open(s)
  s.session.clientClosed(1000, '')
  t.is(spans.length, 2)
  t.true(spans.every(seconds => seconds >= 0))
})

/** A meter that writes down what it counts. */
function counting() {
  const counted: string[] = []
  const meter = {
    opened: () => undefined,
    responseDone: (frame: Uint8Array) => counted.push(String(JSON.parse(Buffer.from(frame).toString()).type)),
    ended: ({ by }: { by: string }) => counted.push(`ended by ${by}`),
  }
  return { counted, meter: meter as never }
}

const leavings: readonly (readonly [what: string, ask: (s: Stage) => void, leave: (s: Stage) => void])[] = [
  [
    'the client leaves in the middle of an answer',
    s => s.event('response.created'),
    s => s.session.clientClosed(1001, ''),
  ],
  ['the client leaves before its answer begins', () => undefined, s => s.session.clientClosed(1001, '')],
  [
    'the gateway ends it in the middle of an answer',
    s => s.event('response.created'),
    s => s.session.close({ by: 'gateway', code: 1008, reason: 'too slow' }),
  ],
]

for (const [what, ask, leave] of leavings) {
  test(`${what}: upstream is asked to end that answer, and its cost is counted before the end is told`, t => {
    const { counted, meter } = counting()
    const s = stage({}, {}, { meter })
    enter.open(s)
    s.session.forward('turn', 'response.create')
    ask(s)
    s.told()
    leave(s)
    t.true(s.told().includes('upstream gets {"type":"response.cancel"}'))
    t.deepEqual(counted, [])
    s.event('response.output_audio.delta')
    if (!s.session.responses.isRunning) s.event('response.created')
    s.event('response.done')
    t.deepEqual(counted, [
      'response.done',
      `ended by ${what.startsWith('the client') ? 'client' : 'gateway'}`,
    ])
    t.deepEqual(
      s.told().filter(line => line.startsWith('upstream closed')).length,
      1,
      'once, and only when all is known',
    )
    s.event('response.done')
    t.is(counted.length, 2)
  })
}

test('an upstream that goes after its client, in the middle of an answer, ends the wait for its cost', t => {
  const { counted, meter } = counting()
  const s = stage({}, {}, { meter })
  enter.open(s)
  s.event('response.created')
  s.session.clientClosed(1001, '')
  t.deepEqual(counted, [])
  s.upstreamEnds(1006, '')
  t.deepEqual(counted, ['ended by client'])
})

test('an upstream that does not tell what its last answer cost is closed all the same', async t => {
  const { counted, meter } = counting()
  const s = stage({}, {}, { meter })
  enter.open(s)
  s.event('response.created')
  s.session.clientClosed(1001, '')
  await until(() => counted.length > 0, 'the session does not end')
  t.deepEqual(counted, ['ended by client'])
  t.is(s.told().at(-1), 'upstream closed 1001')
})

test('a session that ends between answers is over at once', t => {
  const { counted, meter } = counting()
  const s = stage({}, {}, { meter })
  enter.open(s)
  s.event('response.created')
  s.event('response.done')
  s.session.clientClosed(1000, '')
  t.deepEqual(counted, ['response.done', 'ended by client'])
})

test('the end of a session that had no upstream is one line of the log', t => {
  const events: string[] = []
  const write = (event: string) => void events.push(event)
  const s = stage({}, {}, { log: { info: write, warn: write, error: write } })
  s.session.clientClosed(1001, 'gone')
  t.deepEqual(events, ['connection.closed'])
})
