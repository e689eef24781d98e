/** What a pinned session may become, by whom it is changed. */
import test from 'ava'
import { maxPutBacks, PinnedSession } from '../../runtime/session/pinned-session.ts'

const made = { instructions: 'as made', tools: [] }
const bad = [{ type: 'no such type' }]
const asks = (session: object) => ({ type: 'session.update', session })
const putBack = (session: object) => ({
  kind: 'put_back',
  message: JSON.stringify({ type: 'session.update', session: { type: 'realtime', ...session } }),
})

test('a change that upstream refused does not stand in the way of later ones', t => {
  const guard = new PinnedSession(made)
  guard.ask(asks({ tools: bad }))
  guard.ask(asks({ instructions: 'next' }))
  t.deepEqual(guard.judge({ ...made, instructions: 'next' }), { kind: 'changed' })
  t.deepEqual(guard.pinned, { ...made, instructions: 'next' })
  t.deepEqual(guard.judge(made), putBack({ ...made, instructions: 'next' }))
})

test('a change whose refusal is known is no longer the server’s, whoever makes it', t => {
  const guard = new PinnedSession(made)
  const receipt = guard.ask({ ...asks({ instructions: 'next' }), event_id: 'e1' })
  t.is(receipt?.eventId, 'e1')
  t.deepEqual(
    guard.updates.map(({ message }) => JSON.parse(message).event_id),
    [undefined, 'e1'],
  )
  receipt?.onRefused?.()
  receipt?.onRefused?.()
  t.is(guard.updates.length, 1)
  t.deepEqual(guard.judge({ ...made, instructions: 'next' }), putBack(made))
})

test('changes that follow one another quickly are each taken as they are shown', t => {
  const guard = new PinnedSession(made)
  for (const instructions of ['one', 'two']) guard.ask(asks({ instructions }))
  t.deepEqual(guard.judge(made), { kind: 'as_pinned' })
  for (const instructions of ['one', 'two'])
    t.deepEqual(guard.judge({ ...made, instructions }), { kind: 'changed' })
  t.is(guard.pinned.instructions, 'two')
})

test('a change that is shown together with tampering is not put back with it', t => {
  const guard = new PinnedSession(made)
  guard.ask(asks({ instructions: 'next' }))
  t.deepEqual(guard.judge({ instructions: 'next', tools: bad }), putBack({ ...made, instructions: 'next' }))
  t.deepEqual(guard.judge({ ...made, instructions: 'next' }), { kind: 'changed' })
})

test('what is put back in vain is given up, and what is no change asks for nothing', t => {
  const guard = new PinnedSession(made)
  for (const message of [asks({ voice: 'verse' }), { type: 'session.update' }, { type: 'x', session: made }])
    guard.ask(message)
  t.is(guard.updates.length, 1)
  for (let n = 0; n < maxPutBacks; n += 1) t.is(guard.judge({ ...made, tools: bad }).kind, 'put_back')
  t.deepEqual(guard.judge({ ...made, tools: bad }), { kind: 'give_up' })
})

test('a prompt template that the browser sets is taken away, and one of the server stays', t => {
  const guard = new PinnedSession(made)
  t.deepEqual(guard.judge({ ...made, prompt: null }), { kind: 'as_pinned' })
  t.deepEqual(guard.judge({ ...made, prompt: { id: 'pmpt_other' } }), putBack({ ...made, prompt: null }))
  guard.ask(asks({ prompt: { id: 'pmpt_own' } }))
  t.deepEqual(guard.judge({ ...made, prompt: { id: 'pmpt_own', version: '3' } }), { kind: 'changed' })
  t.deepEqual(guard.judge({ ...made, prompt: { id: 'pmpt_own', version: '4' } }), { kind: 'as_pinned' })
  t.deepEqual(guard.judge(made), putBack({ ...made, prompt: { id: 'pmpt_own' } }))
  t.deepEqual(
    new PinnedSession({ ...made, prompt: { id: 'pmpt_own' } }).judge({
      ...made,
      prompt: { id: 'pmpt_other' },
    }),
    putBack({ ...made, prompt: { id: 'pmpt_own' } }),
  )
})
