/** The phase table of a session, cell by cell, over fakes. */
import test from 'ava'
import type { End } from '../../runtime/session/end.ts'
import { enter, type Stage, stage } from './session-stage.ts'

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
  t.like(await end, { code: 1012, reason: 'draining' })
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
