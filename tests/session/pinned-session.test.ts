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
  const session = new PinnedSession(made)
  session.ask(asks({ tools: bad }))
  session.ask(asks({ instructions: 'next' }))
  t.deepEqual(session.judge({ ...made, instructions: 'next' }), { kind: 'changed' })
  t.deepEqual(session.pinned, { ...made, instructions: 'next' })
  t.deepEqual(session.judge(made), putBack({ ...made, instructions: 'next' }))
})

test('a change whose refusal is known is no longer the server’s, whoever makes it', t => {
  const session = new PinnedSession(made)
  const receipt = session.ask({ ...asks({ instructions: 'next' }), event_id: 'e1' })
  t.is(receipt?.eventId, 'e1')
  t.deepEqual(
    session.updates.map(({ message }) => JSON.parse(message).event_id),
    [undefined, 'e1'],
  )
  receipt?.onRefused?.()
  receipt?.onRefused?.()
  t.is(session.updates.length, 1)
  t.deepEqual(session.judge({ ...made, instructions: 'next' }), putBack(made))
})

test('changes that follow one another quickly are each taken as they are shown', t => {
  const session = new PinnedSession(made)
  for (const instructions of ['one', 'two']) session.ask(asks({ instructions }))
  t.deepEqual(session.judge(made), { kind: 'as_pinned' })
  for (const instructions of ['one', 'two'])
    t.deepEqual(session.judge({ ...made, instructions }), { kind: 'changed' })
  t.is(session.pinned.instructions, 'two')
})

test('a change that is shown together with tampering is not put back with it', t => {
  const session = new PinnedSession(made)
  session.ask(asks({ instructions: 'next' }))
  t.deepEqual(session.judge({ instructions: 'next', tools: bad }), putBack({ ...made, instructions: 'next' }))
  t.deepEqual(session.judge({ ...made, instructions: 'next' }), { kind: 'changed' })
})

test('what is put back in vain is given up, and what is no change asks for nothing', t => {
  const session = new PinnedSession(made)
  for (const message of [asks({ voice: 'verse' }), { type: 'session.update' }, { type: 'x', session: made }])
    session.ask(message)
  t.is(session.updates.length, 1)
  for (let n = 0; n < maxPutBacks; n += 1) t.is(session.judge({ ...made, tools: bad }).kind, 'put_back')
  t.deepEqual(session.judge({ ...made, tools: bad }), { kind: 'give_up' })
})

test('a prompt template that the browser sets is taken away, and one of the server stays', t => {
  const session = new PinnedSession(made)
  t.deepEqual(session.judge({ ...made, prompt: null }), { kind: 'as_pinned' })
  t.deepEqual(session.judge({ ...made, prompt: { id: 'pmpt_other' } }), putBack({ ...made, prompt: null }))
  session.ask(asks({ prompt: { id: 'pmpt_own' } }))
  t.deepEqual(session.judge({ ...made, prompt: { id: 'pmpt_own', version: '3' } }), { kind: 'changed' })
  t.deepEqual(session.judge({ ...made, prompt: { id: 'pmpt_own', version: '4' } }), { kind: 'as_pinned' })
  t.deepEqual(session.judge(made), putBack({ ...made, prompt: { id: 'pmpt_own' } }))
  t.deepEqual(
    new PinnedSession({ ...made, prompt: { id: 'pmpt_own' } }).judge({
      ...made,
      prompt: { id: 'pmpt_other' },
    }),
    putBack({ ...made, prompt: { id: 'pmpt_own' } }),
  )
})
