/** What a leg knows of its messages: held, sent, answered and lost together. */
import test from 'ava'
import { messageOverheadBytes } from '../../runtime/session/outbox.ts'
import { UpstreamLeg } from '../../runtime/session/upstream-leg.ts'

const event = (type: string, fields: object = {}) => Buffer.from(JSON.stringify({ type, ...fields }))

/** A leg, and what is sent and answered on it. */
function stage(maxHeldBytes = 100_000) {
  const leg = new UpstreamLeg({ maxHeldBytes })
  const seen: string[] = []
  const receipt = (name: string) => ({
    onConfirmed: () => void seen.push(`+${name}`),
    onRefused: () => void seen.push(`-${name}`),
  })
  return {
    leg,
    seen,
    hold: (name: string, type: string) => leg.hold(name, false, type, receipt(name)),
    send: (type: string, name: string) => leg.noteSent(type, receipt(name)),
    flush: (maxBytes?: number) =>
      leg.flush((message, _, type) => void seen.push(`sent ${message}, ${type}`), maxBytes),
    hear: (type: string, fields?: object) => leg.noteEvent(event(type, fields), type),
  }
}

test('what is held is answered once it was sent, in its order', t => {
  const { leg, seen, hold, flush, hear } = stage()
  hold('a', 'session.update')
  hold('b', 'session.update')
  leg.hold('c', true, null)
  hear('session.updated')
  t.deepEqual(seen, [])
  t.false(flush(1))
  hear('session.updated')
  t.false(flush(1))
  hear('session.updated')
  t.true(flush(1))
  t.deepEqual(seen, ['sent a, session.update', '+a', 'sent b, session.update', '+b', 'sent c, null'])
})

test('an answer is pending from the moment its request is held', t => {
  const { leg, hold, flush, hear } = stage()
  hold('ask', 'response.create')
  t.true(leg.responses.isPending)
  flush()
  hear('error', { error: { code: 'insufficient_quota' } })
  t.false(leg.responses.isBusy)
})

test('a message that would pass the limit is not held, and asks for nothing', t => {
  const { leg, hold } = stage(messageOverheadBytes + 1)
  t.true(hold('a', 'session.update'))
  t.false(hold('b', 'response.create'))
  t.false(leg.responses.isPending)
  t.is(leg.heldMessages, 1)
  t.is(leg.heldBytes, messageOverheadBytes + 1)
})

test('with its upstream a leg loses what was held and sent, and wants the answer that was pending', t => {
  const { leg, seen, hold, send, flush, hear } = stage()
  send('response.create', 'ask')
  hear('response.created')
  send('session.update', 'sent')
  hold('held', 'session.update')
  leg.lose()
  t.is(leg.heldMessages, 0)
  t.true(leg.responses.isWanted)
  t.false(leg.responses.isRunning)
  hold('next', 'session.update')
  flush()
  hear('session.updated')
  t.deepEqual(seen, ['+ask', 'sent next, session.update', '+next'])
})
