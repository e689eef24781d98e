/** What another upstream session, or another replica, is asked for and told: what is pending, and what upstream confirmed. */
import test, { type ExecutionContext } from 'ava'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { converse, type Message, type Talk } from '../gateway/converse.ts'
import { type FakeSession, fakeUpstream, gatewayFor, gatewayOn, type TestGateway } from '../gateway/start.ts'

const unfiltered = { REALTIME_ALLOWED_EVENT_TYPES: '*', REALTIME_AUTO_CLOSE: 'false' }

const nextEvent = async (session: FakeSession): Promise<Message> => JSON.parse((await session.next()).text)

/** Reads what goes to upstream, to the first event of a type. */
async function until(session: FakeSession, type: string): Promise<Message> {
  for (;;) {
    const event = await nextEvent(session)
    if (event.type === type) return event
  }
}

/** A conversation on `/realtime` whose upstream has confirmed the gateway's own settings. */
async function opened(t: ExecutionContext) {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...unfiltered })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  await confirmSettings(session)
  await talk.until('session.updated')
  return { upstream, gateway, talk, session }
}

async function confirmSettings(session: FakeSession): Promise<void> {
  await until(session, 'session.update')
  session.send({ type: 'session.updated', session: {} })
}

/** The client sends a message, and upstream has it. */
async function says(talk: Talk, session: FakeSession, message: { type: string; [field: string]: unknown }) {
  talk.send(message)
  return until(session, message.type)
}

/** Upstream sends events, and the client has seen the last one. */
async function sends(
  talk: Talk,
  session: FakeSession,
  ...events: { type: string; [field: string]: unknown }[]
) {
  for (const event of events) session.send(event)
  await talk.until(events.at(-1)?.type ?? '')
}

const create = { type: 'response.create' }
const created = { type: 'response.created', response: { id: 'r1' } }
const done = { type: 'response.done', response: { id: 'r1', status: 'completed' } }
const item = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hello' }] }
const refusal = (fields: object) => ({
  type: 'error',
  error: { type: 'invalid_request_error', code: null, message: 'no', param: null, event_id: null, ...fields },
})

/** Upstream ends at its maximum duration. @returns the client's notice, and the next session */
async function renewed({ upstream, talk, session }: Awaited<ReturnType<typeof opened>>) {
  session.socket.close(1001, 'going away')
  const next = await upstream.session()
  return { next, notice: (await talk.until('session.renewed')).at(-1) }
}

type Step = readonly ['client' | 'upstream', { type: string; [field: string]: unknown }]

const outcomes: readonly [what: string, steps: readonly Step[], isAskedAgain: boolean][] = [
  ['was asked for and has not begun', [['client', create]], true],
  [
    'runs',
    [
      ['client', create],
      ['upstream', created],
    ],
    true,
  ],
  [
    'is done',
    [
      ['client', create],
      ['upstream', created],
      ['upstream', done],
    ],
    false,
  ],
  [
    'is over by `response.completed`',
    [
      ['client', create],
      ['upstream', created],
      ['upstream', { type: 'response.completed', response: { id: 'r1' } }],
    ],
    false,
  ],
  [
    'was refused: a response was active, and ended',
    [
      ['client', create],
      ['upstream', created],
      ['client', create],
      ['upstream', refusal({ code: 'conversation_already_has_active_response' })],
      ['upstream', done],
    ],
    false,
  ],
  [
    'was refused for a value of it',
    [
      ['client', { ...create, event_id: 'mine' }],
      [
        'upstream',
        refusal({ code: 'invalid_value', param: 'response.audio.output.voice', event_id: 'mine' }),
      ],
    ],
    false,
  ],
  [
    'was refused in words alone',
    [
      ['client', create],
      ['upstream', refusal({ message: 'Responses cannot be created' })],
    ],
    false,
  ],
  [
    'has not begun, and something else was refused',
    [
      ['client', create],
      ['upstream', refusal({ code: 'input_audio_buffer_commit_empty' })],
    ],
    true,
  ],
  [
    'was cancelled before it began',
    [
      ['client', create],
      ['client', { type: 'response.cancel' }],
    ],
    false,
  ],
]

for (const [what, steps, isAskedAgain] of outcomes) {
  test(`an answer that ${what} is ${isAskedAgain ? '' : 'not '}asked for in the next upstream session`, async t => {
    const conversation = await opened(t)
    const { talk, session } = conversation
    for (const [who, event] of steps) {
      if (who === 'client') await says(talk, session, event)
      else await sends(talk, session, event)
    }
    const { notice, next } = await renewed(conversation)
    t.is(notice?.asked_again, isAskedAgain)
    await confirmSettings(next)
    if (!isAskedAgain) talk.send({ type: 'input_audio_buffer.clear' })
    t.is((await nextEvent(next)).type, isAskedAgain ? 'response.create' : 'input_audio_buffer.clear')
  })
}

test('of two answers that run at once one is asked for again, once', async t => {
  const conversation = await opened(t)
  const { talk, session } = conversation
  await sends(talk, session, created, { type: 'response.created', response: { id: 'r2' } })
  const { next, notice } = await renewed(conversation)
  t.is(notice?.asked_again, true)
  await confirmSettings(next)
  t.is((await nextEvent(next)).type, 'response.create')
  await sends(talk, next, created, done)
  const again = await renewed({ ...conversation, session: next })
  t.is(again.notice?.asked_again, false)
  await confirmSettings(again.next)
  talk.send({ type: 'input_audio_buffer.clear' })
  t.is((await nextEvent(again.next)).type, 'input_audio_buffer.clear')
})

test('after each finished answer upstream may be lost three times more', async t => {
  const conversation = await opened(t)
  const { talk } = conversation
  let { session } = conversation
  for (let lost = 1; lost <= 8; lost += 1) {
    if (lost % 3 === 0) await sends(talk, session, created, done)
    const { next, notice } = await renewed({ ...conversation, session })
    t.is(notice?.type, 'session.renewed', `loss ${lost}`)
    session = next
    await confirmSettings(session)
  }
})

test('an item that upstream refused is not told to the next session', async t => {
  const conversation = await opened(t)
  const { talk, session } = conversation
  await says(talk, session, {
    type: 'conversation.item.create',
    item: { ...item, role: 'user', content: 'odd' },
  })
  await sends(talk, session, refusal({ code: 'invalid_type', param: 'item.content' }))
  await says(talk, session, { type: 'conversation.item.create', item })
  await sends(talk, session, { type: 'conversation.item.added', item: { ...item, id: 'i1' } })
  const { next, notice } = await renewed(conversation)
  t.is(notice?.items, 1)
  await confirmSettings(next)
  t.deepEqual(((await nextEvent(next)).item as typeof item).content, item.content)
})

test('an item that upstream refused is not told again, also where an item of the model came before', async t => {
  const conversation = await opened(t)
  const { talk, session } = conversation
  await says(talk, session, { type: 'conversation.item.create', item })
  const answer = { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'hi' }] }
  await sends(
    talk,
    session,
    { type: 'conversation.item.added', item: { ...answer, id: 'i1' } },
    { type: 'conversation.item.done', item: { ...answer, id: 'i1', status: 'completed' } },
    refusal({ code: 'invalid_value', param: 'item.content' }),
  )
  const { next } = await renewed(conversation)
  await confirmSettings(next)
  t.is(((await nextEvent(next)).item as typeof item).role, 'assistant')
  talk.send({ type: 'input_audio_buffer.clear' })
  t.is((await nextEvent(next)).type, 'input_audio_buffer.clear')
})

test('an item that a renewed session refuses is not told again', async t => {
  const conversation = await opened(t)
  const { talk, session } = conversation
  await sends(talk, session, { type: 'conversation.item.added', item: { ...item, id: 'i1' } })
  const { next } = await renewed(conversation)
  await confirmSettings(next)
  const { event_id } = await nextEvent(next)
  await sends(talk, next, refusal({ code: 'invalid_value', param: 'item.content[0]', event_id }))
  t.is((await renewed({ ...conversation, session: next })).notice?.items, 0)
})

test('a change of settings that upstream refused does not come into force in the next session', async t => {
  const conversation = await opened(t)
  const { talk, session } = conversation
  const update = (fields: object) => ({ type: 'session.update', session: { type: 'realtime', ...fields } })
  await says(talk, session, update({ instructions: 'Be brief' }))
  await sends(talk, session, { type: 'session.updated', session: {} })
  await says(talk, session, update({ instructions: 'Be rude', audio: { output: { voice: 'marvin' } } }))
  await sends(talk, session, refusal({ code: 'invalid_value', param: 'session.audio.output.voice' }))
  const { next, notice } = await renewed(conversation)
  t.false('settings_kept' in (notice ?? {}))
  await confirmSettings(next)
  t.deepEqual((await nextEvent(next)).session, { type: 'realtime', instructions: 'Be brief' })
})

test('a change of settings that was lost before upstream confirmed it is for the client to send again, once', async t => {
  const conversation = await opened(t)
  const { talk, session } = conversation
  const update = { type: 'session.update', session: { type: 'realtime', instructions: 'Be brief' } }
  await says(talk, session, update)
  const { next, notice } = await renewed(conversation)
  t.is(notice?.settings_kept, false)
  await confirmSettings(next)
  await says(talk, next, update)
  await sends(talk, next, { type: 'session.updated', session: {} })
  const again = await renewed({ ...conversation, session: next })
  t.false('settings_kept' in (again.notice ?? {}))
  await confirmSettings(again.next)
  t.deepEqual((await nextEvent(again.next)).session, update.session)
})

test('settings that a renewed session refuses are not told again, and the client is told', async t => {
  const conversation = await opened(t)
  const { talk, session } = conversation
  await says(talk, session, {
    type: 'session.update',
    session: { type: 'realtime', instructions: 'Be brief' },
  })
  await sends(talk, session, { type: 'session.updated', session: {} })
  const { next } = await renewed(conversation)
  await confirmSettings(next)
  const { event_id } = await nextEvent(next)
  await sends(talk, next, refusal({ code: 'invalid_value', param: 'session.instructions', event_id }))
  const again = await renewed({ ...conversation, session: next })
  t.is(again.notice?.settings_kept, false)
  await confirmSettings(again.next)
  talk.send({ type: 'input_audio_buffer.clear' })
  t.is((await nextEvent(again.next)).type, 'input_audio_buffer.clear')
})

test('of two kinds of turn detection the later one is told, whole, and the instructions with it', async t => {
  const conversation = await opened(t)
  const { talk, session } = conversation
  const changes = [
    {
      instructions: 'Be brief',
      audio: { input: { turn_detection: { type: 'server_vad', threshold: 0.7 } } },
    },
    { audio: { input: { turn_detection: { type: 'semantic_vad', eagerness: 'low' } } } },
  ]
  for (const change of changes) {
    await says(talk, session, { type: 'session.update', session: { type: 'realtime', ...change } })
    await sends(talk, session, { type: 'session.updated', session: {} })
  }
  const { next } = await renewed(conversation)
  await confirmSettings(next)
  t.deepEqual((await nextEvent(next)).session, {
    type: 'realtime',
    instructions: 'Be brief',
    audio: { input: { turn_detection: { type: 'semantic_vad', eagerness: 'low' } } },
  })
})

test('settings that a renewed session refuses hide no confirmation from the client', async t => {
  const conversation = await opened(t)
  const { talk, session } = conversation
  await says(talk, session, {
    type: 'session.update',
    session: { type: 'realtime', instructions: 'Be brief' },
  })
  await sends(talk, session, { type: 'session.updated', session: {} })
  const { next } = await renewed(conversation)
  await confirmSettings(next)
  const { event_id } = await nextEvent(next)
  next.send(refusal({ code: 'invalid_value', param: 'session.instructions', event_id }))
  await says(talk, next, { type: 'session.update', session: { type: 'realtime', instructions: 'Be kind' } })
  next.send({ type: 'session.updated', session: { instructions: 'Be kind' } })
  next.send({ type: 'rate_limits.updated' })
  const seen = await talk.until('rate_limits.updated')
  t.deepEqual(
    seen.map(({ type }) => type),
    ['error', 'session.updated', 'rate_limits.updated'],
  )
})

async function ticketOf(talk: Talk): Promise<string> {
  return String((await talk.until('session.ticket')).at(-1)?.resume)
}

async function leave(talk: Talk, gateway: TestGateway): Promise<void> {
  talk.socket.close()
  await talk.closed
  await gateway.logged('connection.closed')
}

test('who comes back before an answer has begun is given it', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...unfiltered })
  const before = await converse(t, `${gateway.socketUrl}/realtime?resume=`)
  const ticket = await ticketOf(before)
  await says(before, await upstream.session(), create)
  await leave(before, gateway)
  const after = await converse(t, `${gateway.socketUrl}/realtime?resume=${ticket}`)
  t.deepEqual(await after.next(), { type: 'session.resumed', items: 0, answer_due: true, answers: 0 })
  const session = await upstream.session()
  await confirmSettings(session)
  t.is((await nextEvent(session)).type, 'response.create')
})

test('who was told that the model could not be reached is not owed an answer when it comes back', async t => {
  const upstream = await fakeUpstream(t, { refuse: () => ({ status: 401 }) })
  const gateway = await gatewayFor(t, upstream.env)
  const before = await converse(t, `${gateway.socketUrl}/chat?resume=`)
  const ticket = await ticketOf(before)
  before.send({ text: 'hello' })
  t.like((await before.until('error')).at(-1), { code: 'upstream_refused' })
  await leave(before, gateway)
  const after = await converse(t, `${gateway.socketUrl}/chat?resume=${ticket}`)
  t.deepEqual(await after.next(), { type: 'session.resumed', items: 0, answer_due: false, answers: 0 })
})

test('what was asked for in a drain and refused is not answered after all when the client comes back', async t => {
  const store = createMemoryStore()
  t.teardown(() => store.close())
  const upstream = await fakeUpstream(t)
  const env = { ...upstream.env, ...unfiltered }
  const [blue, green] = [await gatewayOn(t, store, env), await gatewayOn(t, store, env)]
  const before = await converse(t, `${blue.socketUrl}/realtime?resume=`)
  const session = await upstream.session()
  await before.until('session.ticket')
  await says(before, session, create)
  await sends(before, session, created)
  const drained = blue.drain()
  const resume = (await before.until('server.draining')).at(-1)?.resume
  // The notice is given to all before any session drains.
  await blue.logged('drain.started')
  for (;;) {
    before.send(create)
    const { type, error } = await before.next()
    if (type === 'error') {
      t.like(error, { code: 'draining' })
      break
    }
  }
  session.send(done)
  await Promise.all([before.closed, drained])
  const after = await converse(t, `${green.socketUrl}/realtime?resume=${resume}`)
  t.like(await after.next(), { type: 'session.resumed', answer_due: false })
})

test('who comes back is told how many of the oldest items were dropped', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...unfiltered })
  const before = await converse(t, `${gateway.socketUrl}/realtime?resume=`)
  const ticket = await ticketOf(before)
  const session = await upstream.session()
  const content = [{ type: 'input_text', text: 'x'.repeat(100 * 1024) }]
  for (let number = 1; number <= 4; number += 1)
    await sends(before, session, {
      type: 'conversation.item.added',
      item: { ...item, id: `i${number}`, content },
    })
  await leave(before, gateway)
  const after = await converse(t, `${gateway.socketUrl}/realtime?resume=${ticket}`)
  t.deepEqual(await after.next(), {
    type: 'session.resumed',
    items: 2,
    answer_due: false,
    answers: 0,
    dropped: 2,
  })
})

test('turns that upstream confirmed are known to the next session, also after a dial that was refused', async t => {
  const upstream = await fakeUpstream(t, { refuse: dial => (dial === 2 ? { status: 401 } : null) })
  const gateway = await gatewayFor(t, upstream.env)
  const talk = await converse(t, `${gateway.socketUrl}/chat`)
  talk.send({ text: 'hello' })
  const session = await upstream.session()
  await until(session, 'response.create')
  session.send({ type: 'conversation.item.added', item: { ...item, id: 'i1' } })
  for (const event of [created, done]) session.send(event)
  await talk.until('status', ({ message }) => message === 'Model ready')
  session.socket.close(1001, 'going away')
  await gateway.logged('bridge.completed')
  talk.send({ text: 'second' })
  t.like((await talk.until('error')).at(-1), { code: 'upstream_refused' })
  talk.send({ text: 'third' })
  const next = await upstream.session()
  const told = [await until(next, 'conversation.item.create'), await nextEvent(next)]
  t.deepEqual(
    told.map(event => (event.item as typeof item).content[0]?.text),
    ['hello', 'third'],
  )
})
