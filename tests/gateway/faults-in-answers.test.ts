/** What clients see when an answer goes wrong and upstream stays: every way of it, through the gateway. */
import test from 'ava'
import { ask, converse, type Talk } from './converse.ts'
import { asksAt, asksChat, faultyGateway, untilClosed, wordsOf } from './faulty.ts'

const numbers = /^one, two, three,.* forty-nine, fifty$/

async function wholeAnswer(talk: Talk): Promise<string> {
  return wordsOf(await talk.until('response.done'))
}

test('fault stall, in mid-answer: nothing more comes, and the client is still served', async t => {
  const gateway = await faultyGateway(t, 'stall')
  const talk = await asksAt(t, gateway, '/realtime')
  await talk.until('response.output_text.delta')
  t.is((await talk.next()).delta, ' two,')
  // Frames are in order, so an answer to what is said now would come after anything that was under way.
  talk.send('   ')
  t.like(await talk.next(), { type: 'error', error: { code: 'bad_request' } })

  const chat = await asksChat(t, gateway)
  await chat.until('transcript-delta')
  t.is((await chat.next()).value, ' two,')
  chat.send({ type: 'heartbeat' })
  t.is((await chat.next()).type, 'heartbeat-ack')
})

test('fault trickle: a slow upstream is waited for, and what it says comes in order', async t => {
  const gateway = await faultyGateway(t, 'trickle', { REALTIME_TEXT_ONLY: 'true' })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const chat = await asksChat(t, gateway, 'hi')
  talk.send('hi')
  const types = (await talk.until('response.done')).map(({ type }) => type)
  t.is(types[0], 'session.created')
  t.true(types.indexOf('response.created') < types.indexOf('response.output_text.delta'))
  t.true(types.indexOf('response.output_text.delta') < types.indexOf('response.output_text.done'))
  const shown = await chat.until('status', ({ message }) => message === 'Model ready')
  t.is(wordsOf(shown), 'You said: hi')
})

test('fault duplicate: every event comes twice, as upstream sent it, and the next turn is answered', async t => {
  const gateway = await faultyGateway(t, 'duplicate')
  const talk = await asksAt(t, gateway, '/realtime')
  await talk.until('response.output_text.delta')
  t.is((await talk.next()).delta, 'one,')
  t.is((await talk.until('response.done')).at(-1)?.type, 'response.done')
  t.is((await talk.next()).type, 'response.done')

  const chat = await converse(t, `${gateway.socketUrl}/chat`)
  t.is((await ask(chat, 'count to 2')).transcript, 'one,one, two two')
  await chat.until('status', ({ message }) => message === 'Model ready')
  t.is((await ask(chat, 'hello')).transcript, 'YouYou said: said: hello hello')
})

test('fault reorder: neighbouring deltas come in the order in which upstream sent them', async t => {
  const gateway = await faultyGateway(t, 'reorder')
  const answer = await wholeAnswer(await asksAt(t, gateway, '/realtime'))
  t.true(answer.startsWith(' two,one, four, three,'))
  const { transcript } = await ask(await converse(t, `${gateway.socketUrl}/chat`), 'count to 6')
  t.deepEqual([...transcript].sort(), [...'one, two, three, four, five, six'].sort())
})

test('fault huge: an event of 10 MB reaches a client of /realtime whole, and /chat passes over it', async t => {
  const gateway = await faultyGateway(t, 'huge')
  const talk = await asksAt(t, gateway, '/realtime')
  const huge = (await talk.until('response.huge')).at(-1)
  t.is(String(huge?.padding).length, 10 * 1024 * 1024)
  t.true((await wholeAnswer(talk)).endsWith(' fifty'))
  // The simulator sent the huge event in place of the third word.
  t.is((await ask(await converse(t, `${gateway.socketUrl}/chat`), 'count to 4')).transcript, 'one, two, four')
})

test('fault huge, with a lower REALTIME_MAX_MSG_MB: message_too_big and 1009; /chat says so and goes on', async t => {
  const gateway = await faultyGateway(t, 'huge', { REALTIME_MAX_MSG_MB: '5' })
  const talk = await asksAt(t, gateway, '/realtime')
  const seen = await untilClosed(talk)
  t.like(seen.at(-2), { type: 'error', retry: false, error: { code: 'message_too_big' } })
  t.deepEqual(seen.at(-1), { type: 'upstream.closed', reason: 'message_too_big', code: 1009 })
  t.deepEqual(await talk.closed, { code: 1009, reason: 'message_too_big' })
  const chat = await asksChat(t, gateway)
  t.is((await chat.until('error')).at(-1)?.code, 'message_too_big')
})

test('fault utf8, a text frame that is no text: upstream_broke_protocol and 1014; /chat says so and goes on', async t => {
  const gateway = await faultyGateway(t, 'utf8')
  for (const path of ['/realtime', '/v1/realtime']) {
    const talk = await asksAt(t, gateway, path)
    const seen = await untilClosed(talk)
    t.is(wordsOf(seen), 'one, two,')
    t.like(
      seen.find(({ type }) => type === 'error'),
      { retry: true, error: { code: 'upstream_broke_protocol' } },
    )
    t.deepEqual(await talk.closed, { code: 1014, reason: 'upstream_broke_protocol' })
  }
  const chat = await asksChat(t, gateway)
  t.like((await chat.until('error')).at(-1), { code: 'upstream_broke_protocol' })
})

test('fault json, a text frame that is no JSON: a client of /realtime gets it as it came, /chat passes over it', async t => {
  const gateway = await faultyGateway(t, 'json')
  const talk = await asksAt(t, gateway, '/realtime')
  await talk.until('response.output_text.delta')
  t.is((await talk.next()).delta, ' two,')
  t.is((await talk.nextFrame()).text, '{"type":"response.output_text.delta","delta":')
  t.true((await wholeAnswer(talk)).endsWith(' fifty'))
  t.is((await ask(await converse(t, `${gateway.socketUrl}/chat`), 'count to 4')).transcript, 'one, two, four')
})

test('without a fault the same question is answered whole', async t => {
  const gateway = await faultyGateway(t, 'none')
  t.regex(await wholeAnswer(await asksAt(t, gateway, '/realtime')), numbers)
})
