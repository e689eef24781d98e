/** What becomes of a conversation on `/chat` when upstream ends, is lost or refuses. */
import test, { type ExecutionContext } from 'ava'
import { converse } from '../gateway/converse.ts'
import { fakeUpstream, gatewayFor } from '../gateway/start.ts'
import { firstAsked, firstTurn, nextEvent } from './upstream-events.ts'

test('when upstream ends between turns, the next message opens a session that knows the conversation', async t => {
  const { upstream, gateway, talk, session } = await firstAsked(t)
  session.send({ type: 'response.created', response: { id: 'r1' } })
  const said = {
    id: 'item_u',
    type: 'message',
    role: 'user',
    content: [{ type: 'input_text', text: 'first' }],
  }
  session.send({ type: 'conversation.item.added', item: said })
  const answer = {
    id: 'item_a',
    type: 'message',
    role: 'assistant',
    content: [{ type: 'output_audio', transcript: 'the answer' }],
  }
  session.send({ type: 'conversation.item.done', item: answer })
  session.send({ type: 'response.done', response: { status: 'completed' } })
  await talk.until('status', ({ message }) => message === 'Model ready')
  session.socket.close(1001, 'Your session hit the maximum duration of 60 minutes.')
  await gateway.logged('bridge.completed')
  talk.send({ text: 'second' })
  const renewed = await upstream.session()
  const events = [
    await nextEvent(renewed),
    await nextEvent(renewed),
    await nextEvent(renewed),
    await nextEvent(renewed),
  ]
  const words = events.map(
    ({ item }) => (item as { content: { text: string; type: string }[] } | undefined)?.content[0],
  )
  t.is(events[0]?.type, 'session.update')
  t.deepEqual(words.slice(1), [
    { type: 'input_text', text: 'first' },
    { type: 'output_text', text: 'the answer' },
    { type: 'input_text', text: 'second' },
  ])
  t.is((await nextEvent(renewed)).type, 'response.create')
})

test('when upstream dies in mid-answer another session takes over, and the broken answer comes once more', async t => {
  const { upstream, talk, session } = await firstAsked(t)
  session.send({ type: 'response.created', response: { id: 'r1' } })
  await talk.until('transcript-reset')
  session.socket.terminate()
  const { item, create } = await firstTurn(await upstream.session())
  t.deepEqual((item.item as { content: object[] }).content, [{ type: 'input_text', text: 'first' }])
  t.is(create.type, 'response.create')
  t.deepEqual(await talk.next(), { type: 'session.renewed', items: 1, asked_again: true })
})

type Conversation = Awaited<ReturnType<typeof firstAsked>>

/** Loses upstream: the next message opens a session that is asked for the answer to it, and for no other. */
async function goesOn(
  t: ExecutionContext,
  { upstream, gateway, talk, session }: Conversation,
): Promise<void> {
  session.socket.terminate()
  await gateway.logged('bridge.completed')
  talk.send({ text: 'second' })
  const renewed = await upstream.session()
  t.is((await firstTurn(renewed)).create.type, 'conversation.item.create')
  t.is((await nextEvent(renewed)).type, 'response.create')
  t.deepEqual(await talk.next(), { type: 'session.renewed', items: 2, asked_again: false })
}

for (const [what, begins] of [
  ['that had begun', true],
  ['that had not begun', false],
] as const) {
  test(`an interrupted answer ${what} is not asked for again when upstream is lost before it is over`, async t => {
    const conversation = await firstAsked(t)
    const { talk, session } = conversation
    if (begins) {
      session.send({ type: 'response.created', response: { id: 'r1' } })
      await talk.until('transcript-reset')
    }
    talk.send({ type: 'interrupt' })
    await talk.until('status', ({ message }) => message === 'Response interrupted')
    await goesOn(t, conversation)
  })
}

test('an answer that upstream refused, in words, is not asked for again when upstream is lost', async t => {
  const conversation = await firstAsked(t)
  const { talk, session } = conversation
  session.send({ type: 'session.updated', session: {} })
  session.send({ type: 'error', error: { code: 'insufficient_quota', message: 'no more' } })
  await talk.until('error')
  await goesOn(t, conversation)
})

test('an answer that was lost and could not be asked for again is not promised with the next session', async t => {
  const { upstream, talk, session } = await firstAsked(t, {
    refuse: dial => (dial === 2 ? { status: 401 } : null),
  })
  session.socket.terminate()
  t.like((await talk.until('error')).at(-1), { code: 'upstream_refused' })
  talk.send({ text: 'second' })
  await firstTurn(await upstream.session())
  // Upstream never confirmed the first message, and its client heard that it failed: the second alone is told.
  t.deepEqual(await talk.next(), { type: 'session.renewed', items: 1, asked_again: false })
})

test('an upstream that dies again and again is given up, and the next message tries once more', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, upstream.env)
  const talk = await converse(t, `${gateway.socketUrl}/chat`)
  talk.send({ text: 'first' })
  for (let lost = 0; lost < 4; lost += 1) {
    const session = await upstream.session()
    await firstTurn(session)
    session.send({ type: 'response.created', response: { id: 'r1' } })
    await talk.until('transcript-reset')
    session.socket.terminate()
  }
  const fault = (await talk.until('error')).at(-1)
  t.like(fault, { code: 'upstream_lost' })
  t.regex(String(fault?.message), /send your message again/)
  talk.send({ text: 'second' })
  await firstTurn(await upstream.session())
})

test('a refused dial is an error on a socket that stays open', async t => {
  const upstream = await fakeUpstream(t, { refuse: dial => (dial === 1 ? { status: 401 } : null) })
  const gateway = await gatewayFor(t, upstream.env)
  const talk = await converse(t, `${gateway.socketUrl}/chat`)
  talk.send({ text: 'first' })
  t.like(await talk.next(), { type: 'status' })
  t.like(await talk.next(), { type: 'error', code: 'upstream_refused' })
  talk.send({ text: 'second' })
  const { item } = await firstTurn(await upstream.session())
  t.deepEqual((item.item as { content: object[] }).content, [{ type: 'input_text', text: 'second' }])
})
