/** The journal of tools by itself: how a call comes from one status to the next, and what is not taken in. */
import test from 'ava'
import {
  addToolCall,
  commitLocally,
  countRun,
  emptyJournal,
  findCall,
  finishToolCall,
  forgetCalls,
  interruptToolCall,
  isEmptyJournal,
  isToolJournal,
  type JournaledConversation,
  type JournaledToolCall,
  LocalJournal,
  maxArgumentsBytes,
  maxCalls,
  maxCallsBytes,
  maxOutputBytes,
  maxRequestBytes,
  maxStateBytes,
  maxStateDepth,
  recentRuns,
  refusalOfCall,
  refusalOfState,
  setState,
  startToolCall,
  stateVersionOf,
} from '../../runtime/resume/tool-journal.ts'

const call: JournaledToolCall = { id: 'c1', name: 'add', arguments: '{"n":1}', status: 'pending', runs: 0 }
const turn = { rounds: 1, request: { metadata: { a: 'b' } } }
const pending = addToolCall(emptyJournal, call, turn)
const running = startToolCall(pending, 'c1', { owner: 'me', leaseUntil: 7 })

test('a call is taken in with its turn, once', t => {
  t.deepEqual(pending, { calls: [call], state: {}, turn })
  t.is(addToolCall(running, call, { rounds: 2, request: null }), running)
})

test('a call runs under a lease, is interrupted or done, and keeps nothing of the status before', t => {
  const base = { id: 'c1', name: 'add', arguments: '{"n":1}' }
  t.deepEqual(running.calls, [{ ...base, status: 'running', runs: 1, owner: 'me', leaseUntil: 7 }])
  const interrupted = interruptToolCall(running, 'c1')
  t.deepEqual(interrupted.calls, [{ ...base, status: 'interrupted', runs: 1 }])
  const again = startToolCall(interrupted, 'c1', { owner: 'you', leaseUntil: 9 })
  t.like(findCall(again, 'c1'), { status: 'running', runs: 2, owner: 'you', leaseUntil: 9 })
  t.deepEqual(finishToolCall(again, 'c1', '"x"').calls, [{ ...base, status: 'done', runs: 2, output: '"x"' }])
  t.is(findCall(again, 'c2'), undefined)
})

test('of calls whose outputs were told those that are done, or never ran, are forgotten', t => {
  const two = addToolCall(finishToolCall(running, 'c1', '"x"'), { ...call, id: 'c2' }, turn)
  const left = (journal: typeof two, isTold: (id: string) => boolean) =>
    forgetCalls(journal, isTold).calls.map(({ id }) => id)
  t.deepEqual(
    left(two, () => true),
    [],
  )
  t.deepEqual(
    left(two, id => id === 'c2'),
    ['c1'],
  )
  const begun = startToolCall(two, 'c2', { owner: 'me', leaseUntil: 7 })
  for (const journal of [begun, interruptToolCall(begun, 'c2')])
    t.deepEqual(
      left(journal, () => true),
      ['c2'],
    )
  t.is(
    forgetCalls(begun, id => id === 'c2'),
    begun,
  )
})

test('runs of the last minute are counted by the second', t => {
  const at = (seconds: number) => 1_700_000_000_000 + seconds * 1000
  const counted = [0, 0, 59, 60].reduce((journal, second) => countRun(journal, at(second)), emptyJournal)
  t.deepEqual(
    recentRuns(counted, at(60)).map(({ runs }) => runs),
    [1, 1],
  )
  t.true(isToolJournal(JSON.parse(JSON.stringify(counted))))
  for (const begun of [1, [null], [{ second: '1', runs: 1 }], [{ second: 1, runs: 0.5 }]])
    t.false(isToolJournal({ ...emptyJournal, begun }))
})

for (const [what, seconds, isCounted] of [
  ['a minute before', -60, false],
  ['less than a minute before', -59, true],
  ['at the same second', 0, true],
  ['one second later by another clock', 1, true],
  ['two seconds later, before the clock was set back', 2, false],
] as const)
  test(`a run that began ${what} is ${isCounted ? '' : 'not '}counted`, t => {
    const begun = [{ second: 1_700_000_000 + seconds, runs: 3 }]
    const recent = recentRuns({ ...emptyJournal, begun }, 1_700_000_000_999)
    t.deepEqual(recent, isCounted ? begun : [])
  })

test('runs of one second are counted together, behind those before', t => {
  const begun = [
    { second: 6, runs: 1 },
    { second: 7, runs: 2 },
  ]
  t.deepEqual(countRun({ ...emptyJournal, begun }, 7999).begun, [
    { second: 6, runs: 1 },
    { second: 7, runs: 3 },
  ])
  t.deepEqual(countRun(emptyJournal, 7000).begun, [{ second: 7, runs: 1 }])
})

test('what is too large, or too many, is not taken in', t => {
  const long = (bytes: number) => ({ ...call, id: 'long', arguments: 'x'.repeat(bytes) })
  t.is(refusalOfCall(emptyJournal, long(maxArgumentsBytes)), null)
  t.is(refusalOfCall(emptyJournal, long(maxArgumentsBytes + 1)), 'arguments_too_large')
  t.is(
    refusalOfCall(emptyJournal, { ...call, arguments: 'é'.repeat(maxArgumentsBytes / 2 + 1) }),
    'arguments_too_large',
  )
  const many = (count: number, bytes = 2) => ({
    ...emptyJournal,
    calls: Array.from({ length: count }, (_, at) => ({ ...long(bytes), id: `c${at}` })),
  })
  t.is(refusalOfCall(many(maxCalls - 1), call), null)
  t.is(refusalOfCall(many(maxCalls), call), 'too_many_calls')
  t.is(refusalOfCall(many(3, maxArgumentsBytes), call), null)
  t.is(refusalOfCall(many(maxCallsBytes / maxArgumentsBytes, maxArgumentsBytes), call), 'too_many_calls')
  const three = many(3, maxArgumentsBytes)
  const left = maxCallsBytes - Buffer.byteLength(JSON.stringify([...three.calls, long(0)]))
  t.is(refusalOfCall(three, long(left)), null, 'exactly the limit')
  t.is(refusalOfCall(three, long(left + 1)), 'too_many_calls')
})

test('what a tool may be given, return and store is what the documents promise', t => {
  const promised = 64 * 1024
  t.is(maxCallsBytes, 4 * promised)
  t.deepEqual([maxArgumentsBytes, maxOutputBytes, maxStateBytes], [promised, promised, promised])
  t.is(maxRequestBytes, promised / 2)
  t.is(maxCalls, 64)
  t.is(maxStateDepth, 56)
})

const nested = (levels: number, deepest: object = {}): object =>
  levels === 1 ? deepest : { a: nested(levels - 1, deepest) }
const circular: Record<string, unknown> = {}
circular.self = circular

for (const [what, state, refusal] of [
  ['an object', { a: 1 }, null],
  ['a list', [], 'state_not_object'],
  ['null', null, 'state_not_object'],
  ['a number', 7, 'state_not_object'],
  ['a circle', circular, 'state_not_object'],
  ['a large object', { a: 'x'.repeat(maxStateBytes) }, 'state_too_large'],
  ['as large as may be', { a: 'x'.repeat(maxStateBytes - 8) }, null],
  ['as deep as may be', nested(maxStateDepth), null],
  ['as deep, with values in the deepest', nested(maxStateDepth, { a: 1, b: null, c: 'x' }), null],
  ['deeper', nested(maxStateDepth + 1), 'state_too_large'],
  ['deeper by a list', nested(maxStateDepth, { a: 1, b: [] }), 'state_too_large'],
  ['very deep', nested(1000), 'state_too_large'],
] as const)
  test(`a state that is ${what}: ${refusal ?? 'kept'}`, t => {
    t.is(refusalOfState(state), refusal)
  })

test('what was stored in another shape is no journal', t => {
  t.true(isToolJournal(JSON.parse(JSON.stringify(running))))
  t.true(isToolJournal(finishToolCall(running, 'c1', '')))
  t.true(isToolJournal(interruptToolCall(running, 'c1')))
  t.true(isToolJournal(pending))
  t.true(isToolJournal(emptyJournal))
  for (const odd of [
    null,
    [],
    {},
    { ...running, calls: {} },
    { ...running, calls: [null] },
    { ...running, state: [] },
    { ...running, stateVersion: '2' },
    { ...running, turn: 7 },
    { ...running, turn: { rounds: 0.5, request: null } },
    { ...running, turn: { rounds: 1, request: 'x' } },
    ...[
      { id: 7 },
      { arguments: {} },
      { status: 'asleep' },
      { runs: '1' },
      { owner: undefined },
      { leaseUntil: 'now' },
      { status: 'done' },
    ].map(part => ({ ...running, calls: [{ ...running.calls[0], ...part }] })),
  ])
    t.false(isToolJournal(odd), JSON.stringify(odd))
})

test('a journal without calls, state and turn need not be stored', t => {
  t.true(isEmptyJournal(emptyJournal))
  t.false(isEmptyJournal(running))
  t.false(isEmptyJournal({ ...emptyJournal, state: { a: 1 } }))
  t.false(isEmptyJournal({ ...emptyJournal, turn }))
  // The state that is stored next is of that version.
  t.false(isEmptyJournal(setState(emptyJournal, {}, 2)))
})

test('a state has the version of its assistant, the first where none is said', t => {
  t.is(stateVersionOf(running), 1)
  const second = setState(running, { a: 1 }, 2)
  t.deepEqual(second, { ...running, state: { a: 1 }, stateVersion: 2 })
  t.true(isToolJournal(JSON.parse(JSON.stringify(second))))
  t.is(stateVersionOf(second), 2)
  t.deepEqual(setState(second, {}, 1), running)
})

test('changes of a journal that nobody else writes are made one after the other of the newest', async t => {
  const journal = new LocalJournal()
  const add = (by: number) =>
    journal.commit(async ({ state, ...rest }) => {
      await new Promise(resolve => setImmediate(resolve))
      return { ...rest, state: { sum: Number(state.sum ?? 0) + by } }
    })
  await Promise.all([add(1), add(2), add(3)])
  t.deepEqual(journal.journal.state, { sum: 6 })
  t.is(await commitLocally(journal, () => null), null)
  t.deepEqual(journal.journal.state, { sum: 6 })
  t.not(journal.conversationId, new LocalJournal().conversationId)
})

test('a change of a journal that nobody else writes is told of no other session, and that no successor finds it', async t => {
  const journal = new LocalJournal()
  const told: JournaledConversation[] = []
  await journal.commit((newest, conversation) => {
    told.push(conversation)
    return newest
  })
  t.deepEqual(
    told.map(({ isTakenOver, isUnanswered }) => [isTakenOver, isUnanswered('c1')]),
    [[false, false]],
  )
  t.false(journal.isStored)
})
