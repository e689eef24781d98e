/** The phase table of a session, cell by cell, over fakes. */
import test from 'ava'
import type { End } from '../../runtime/end.ts'
import { GatewayError } from '../../runtime/errors.ts'
import { createTypeReader } from '../../runtime/events/type.ts'
import { createMetrics } from '../../runtime/metrics.ts'
import { Session, type SessionHooks } from '../../runtime/session.ts'
import type { UpstreamListener } from '../../runtime/types.ts'

const limits = {
  heartbeatMs: 1000,
  maxMessageBytes: 1000,
  upstreamBufferBytes: 1000,
  clientBufferBytes: 100,
  clientStallMs: 60_000,
  upstreamStallMs: 60_000,
}

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined }

/** A session whose client and upstream only write down what happens to them. */
function stage(hooks: Partial<SessionHooks> = {}) {
  const seen: string[] = []
  const buffered = { client: 0, upstream: 0 }
  let listener: UpstreamListener | undefined
  const session: Session = new Session(
    {
      client: {
        id: 'c1',
        send: message => {
          seen.push(`client gets ${message}`)
          return buffered.client === 0
        },
        buffered: () => buffered.client,
        close: (code, reason) => seen.push(`client closed ${code} ${reason}`),
      },
      route: '/test',
    },
    {
      dial: given => {
        seen.push('dial')
        listener = given
        return () => seen.push('dial aborted')
      },
      limits,
      log: quiet,
      metrics: createMetrics({ revision: 'r', replica: 'n' }),
      readType: createTypeReader(),
    },
    {
      opened: () => seen.push('opened'),
      event: frame => session.deliver(frame),
      refused: error => seen.push(`refused ${error.code}`),
      ...hooks,
    },
  )
  const upstream = {
    send: (message: string | Uint8Array) => seen.push(`upstream gets ${message}`),
    buffered: () => buffered.upstream,
    pause: () => seen.push('upstream paused'),
    giveUp: () => undefined,
    resume: () => seen.push('upstream resumed'),
    close: (code: number) => seen.push(`upstream closed ${code}`),
  }
  const told = () => seen.splice(0)
  const open = () => listener?.opened(upstream)
  const event = (type: string) => listener?.event(Buffer.from(`{"type":"${type}"}`), false)
  return {
    session,
    buffered,
    told,
    open,
    event,
    upstreamEnds: (code: number, reason: string) => listener?.closed(code, reason),
    dialFails: () => listener?.failed(new GatewayError('upstream_unreachable', 'gone')),
  }
}

type Stage = ReturnType<typeof stage>

const enter: Record<'opening' | 'open' | 'draining' | 'closed', (s: Stage) => void> = {
  opening: s => s.session.dial(),
  open: s => {
    s.session.dial()
    s.open()
  },
  draining: s => {
    s.session.dial()
    s.open()
    s.session.forward('turn', 'response.create')
    s.session.drain(60_000)
  },
  closed: s => {
    s.session.dial()
    s.session.clientClosed(1000, '')
  },
}

type Cell = [
  phase: keyof typeof enter,
  what: string,
  act: (s: Stage) => void,
  effects: string[],
  next: string,
]

const lost = 'client closed 1014 upstream_lost'

const cells: Cell[] = [
  ['opening', 'message', s => s.session.forward('m', null), [], 'opening'],
  [
    'opening',
    'upstream opens after a message',
    s => {
      s.session.forward('m', null)
      s.open()
    },
    ['opened', 'upstream gets m'],
    'open',
  ],
  ['opening', 'upstream opens', s => s.open(), ['opened'], 'open'],
  ['opening', 'dial fails', s => s.dialFails(), ['client closed 1013 upstream_unreachable'], 'closed'],
  ['opening', 'client closes', s => s.session.clientClosed(1001, ''), ['dial aborted'], 'closed'],
  [
    'opening',
    'drain with nothing asked',
    s => s.session.drain(9),
    ['dial aborted', 'client closed 1012 draining'],
    'closed',
  ],
  [
    'opening',
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
  const end = new Promise<End>(resolve => {
    const s = stage({ closing: resolve })
    enter.open(s)
    s.event('response.created')
    s.session.drain(1)
  })
  t.like(await end, { code: 1012, reason: 'draining' })
})

test('a handler that keeps its client has the session opening again, and the next message dials', t => {
  const s = stage({ keepsClient: () => true })
  enter.open(s)
  s.told()
  s.upstreamEnds(1001, 'expired')
  t.is(s.session.phase, 'opening')
  s.session.forward('m', null)
  s.open()
  t.deepEqual(s.told(), ['dial', 'opened', 'upstream gets m'])
})

test('what is held for an upstream that is not there is bounded in bytes', t => {
  const s = stage()
  for (let sent = 0; sent < 20; sent += 1) s.session.forward('x'.repeat(100), null)
  t.is(s.session.phase, 'closed')
  t.true(s.told().includes('client closed 1013 upstream_too_slow'))
})

test('what waits for a slow upstream is bounded in bytes', t => {
  const s = stage()
  enter.open(s)
  s.buffered.upstream = 950
  s.session.forward('x'.repeat(40), null)
  t.is(s.session.phase, 'open')
  s.session.forward('x'.repeat(60), null)
  t.is(s.session.phase, 'closed')
})

test('a slow client pauses upstream, and resumes it when half of what waits is gone', t => {
  const s = stage()
  enter.open(s)
  s.told()
  s.buffered.client = 101
  s.session.deliver('a')
  s.session.deliver('b')
  t.deepEqual(s.told(), ['client gets a', 'upstream paused', 'client gets b'])
  s.buffered.client = 51
  s.session.writable()
  t.deepEqual(s.told(), [])
  s.buffered.client = 50
  s.session.writable()
  t.deepEqual(s.told(), ['upstream resumed'])
  s.session.clientClosed(1000, '')
})

test('a client that piles up more than upstream could have sent is ended', t => {
  const s = stage()
  enter.open(s)
  s.buffered.client = 100 + 2 * limits.maxMessageBytes + 1
  s.session.deliver('a')
  t.true(s.told().includes('client closed 1008 client_too_slow'))
})

test('closing twice keeps the first end, and tells the client once', t => {
  const s = stage()
  enter.open(s)
  s.told()
  s.session.close({ by: 'gateway', code: 1000, reason: 'first' })
  s.session.close({ by: 'gateway', code: 1011, reason: 'second' })
  t.deepEqual(s.told(), ['upstream closed 1000', 'client closed 1000 first'])
})
