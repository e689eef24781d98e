/** What clients of `/chat` and `/realtime` see when upstream's session is lost: the conversation goes on in another one. */
import test from 'ava'
import { ask, converse, type Message, type Talk } from './converse.ts'
import { asksAt, asksChat, faultyGateway, untilClosed, userSays, wordsOf } from './faulty.ts'
import { fakeUpstream, gatewayFor } from './start.ts'

const numbers = /^one, two, three,.* forty-nine, fifty$/

const isReady = ({ message }: Message) => message === 'Model ready'

async function answerAt(talk: Talk, text: string): Promise<string> {
  for (const event of userSays(text)) talk.send(event)
  return wordsOf(await talk.until('response.done'))
}

// 1001 and 1012 are what upstream's own limits and restarts look like.
for (const fault of ['drop', 'close-1001', 'close-1012']) {
  test(`fault ${fault}, once, in mid-answer: /realtime says session.renewed, the answer comes whole, and the model remembers`, async t => {
    const talk = await asksAt(t, await faultyGateway(t, `${fault}-x1`), '/realtime')
    const lost = await talk.until('session.renewed')
    t.is(wordsOf(lost), 'one, two,')
    t.false(lost.some(({ type }) => type === 'error'))
    t.deepEqual(lost.at(-1), { type: 'session.renewed', items: 1, asked_again: true })
    t.regex(wordsOf(await talk.until('response.done')), numbers)
    t.regex(await answerAt(talk, 'what did I say'), /"count to 50"/)
  })

  test(`fault ${fault}, once, in mid-answer: /chat likewise, with the answer from its beginning`, async t => {
    const chat = await asksChat(t, await faultyGateway(t, `${fault}-x1`))
    const lost = await chat.until('session.renewed')
    t.false(lost.some(({ type }) => type === 'error'))
    t.deepEqual(lost.at(-1), { type: 'session.renewed', items: 1, asked_again: true })
    t.is((await chat.next()).type, 'text-reset')
    t.regex(wordsOf(await chat.until('status', isReady)), numbers)
    t.regex((await ask(chat, 'what did I say')).transcript, /"count to 50"/)
  })
}

const impatient = { UPSTREAM_STALL_TIMEOUT_MS: '900' }

test('fault stall, once, in mid-answer: when the patience is over /realtime is renewed, and the answer comes whole', async t => {
  const talk = await asksAt(t, await faultyGateway(t, 'stall-x1', impatient), '/realtime')
  const lost = await talk.until('session.renewed')
  t.is(wordsOf(lost), 'one, two,')
  t.deepEqual(lost.at(-1), { type: 'session.renewed', items: 1, asked_again: true })
  t.regex(wordsOf(await talk.until('response.done')), numbers)
})

test('fault stall, once, in mid-answer: /chat likewise', async t => {
  const chat = await asksChat(t, await faultyGateway(t, 'stall-x1', impatient))
  const lost = await chat.until('session.renewed')
  t.deepEqual(lost.at(-1), { type: 'session.renewed', items: 1, asked_again: true })
  t.regex(wordsOf(await chat.until('status', isReady)), numbers)
})

test('fault stall, once, and /chat is told something else meanwhile: that is answered', async t => {
  const chat = await asksChat(t, await faultyGateway(t, 'stall-x1', impatient))
  await chat.until('transcript-delta')
  t.is((await chat.next()).value, ' two,')
  chat.send({ text: 'hello' })
  await chat.until('session.renewed')
  t.is(wordsOf(await chat.until('status', isReady)), 'You said: hello')
})

test('fault stall, in mid-answer: an SDK is told upstream_silent when the patience is over, and 1014', async t => {
  const talk = await asksAt(t, await faultyGateway(t, 'stall', impatient), '/v1/realtime')
  const seen = await untilClosed(talk)
  t.is(wordsOf(seen), 'one, two,')
  t.like(seen.at(-1), { type: 'error', retry: true, error: { code: 'upstream_silent' } })
  t.deepEqual(await talk.closed, { code: 1014, reason: 'upstream_silent' })
})

test('an upstream that has nothing to answer, or listens, may be silent for longer than one in mid-answer', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, UPSTREAM_STALL_TIMEOUT_MS: '300' })
  const open = async (types: readonly string[]) => {
    const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`)
    const session = await upstream.session()
    for (const type of types) session.send({ type, response: { id: 'r' } })
    await talk.until(types.at(-1) ?? '')
    return { talk, session }
  }
  const patient = [
    await open(['response.created', 'response.done']),
    await open(['input_audio_buffer.speech_started']),
  ]
  const stalled = await open(['response.created'])
  t.is((await stalled.talk.closed).reason, 'upstream_silent')
  for (const { talk, session } of patient) {
    session.send({ type: 'still.here' })
    t.is((await talk.next()).type, 'still.here')
  }
})

test('fault drop, in every answer: three sessions take over, then clients are told upstream_lost', async t => {
  const gateway = await faultyGateway(t, 'drop')
  const seen = await untilClosed(await asksAt(t, gateway, '/realtime'))
  t.is(seen.filter(({ type }) => type === 'session.renewed').length, 3)
  t.like(seen.at(-2), { type: 'error', retry: true, error: { code: 'upstream_lost' } })
  t.deepEqual(seen.at(-1), { type: 'upstream.closed', reason: 'upstream_lost', code: 1014 })

  const chat = await asksChat(t, gateway)
  const shown = await chat.until('error')
  t.is(shown.filter(({ type }) => type === 'session.renewed').length, 3)
  t.is(shown.at(-1)?.code, 'upstream_lost')
  chat.send({ type: 'heartbeat' })
  t.is((await chat.next()).type, 'heartbeat-ack')
})

test('fault expire, once: /realtime hears nothing of session_expired but session.renewed, and the model remembers', async t => {
  const gateway = await faultyGateway(t, 'expire-3-x1', { REALTIME_TEXT_ONLY: 'true' })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  t.is(await answerAt(talk, 'my name is Ada'), 'You said: my name is Ada')
  const expired = await talk.until('session.renewed')
  t.false(expired.some(({ type }) => type === 'error'))
  t.deepEqual(expired.at(-1), { type: 'session.renewed', items: 2, asked_again: false })
  t.regex(await answerAt(talk, 'what did I say'), /"my name is Ada"/)
})

test('fault expire, once: /chat says session.renewed with the next message (counted with it), and the model remembers', async t => {
  const gateway = await faultyGateway(t, 'expire-3-x1')
  const chat = await converse(t, `${gateway.socketUrl}/chat`)
  t.is((await ask(chat, 'my name is Ada')).transcript, 'You said: my name is Ada')
  await gateway.logged('bridge.completed', ({ code }) => code === 1001)
  const { messages, transcript } = await ask(chat, 'what did I say')
  t.deepEqual(messages.filter(({ type }) => type !== 'audio-chunk').at(0), {
    type: 'session.renewed',
    items: 3,
    asked_again: false,
  })
  t.false(messages.some(({ type }) => type === 'error'))
  t.regex(transcript, /"my name is Ada"/)
})
