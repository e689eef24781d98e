/** How often a session waits for the store, one answer after another, before upstream is dialled and in its first turn. */
import test from 'ava'
import { environment } from '../../runtime/config/environment.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { converse, type Talk } from '../gateway/converse.ts'
import { fakeUpstream, gatewayOn, type Stage } from '../gateway/start.ts'
import { answeringInRounds } from '../store/answers-in-rounds.ts'

/** Each limit is asked for, and none is reached. */
const everyLimit = Object.fromEntries(
  Object.keys(environment.shape)
    .filter(name => /^LIMIT_.*_PER_(ADDRESS|CREDENTIAL|OWNER)$/.test(name))
    .map(name => [name, '1000000']),
)
const asAda = { headers: { 'api-key': 'the-secret-of-ada' } }

/** A gateway before a store that answers in rounds, with a conversation that was left. */
async function stage(t: Stage, env: Readonly<Record<string, string>> = {}) {
  const upstream = await fakeUpstream(t)
  const rounds = answeringInRounds(createMemoryStore())
  const gateway = await gatewayOn(t, rounds.store, {
    ...upstream.env,
    ...everyLimit,
    GATEWAY_AUTH: 'key',
    GATEWAY_API_KEYS: 'ada:the-secret-of-ada',
    REALTIME_AUTO_CLOSE: 'false',
    REALTIME_ALLOWED_EVENT_TYPES: '*',
    ...env,
  })
  t.teardown(() => rounds.answer(Number.POSITIVE_INFINITY))
  const open = (path: string) => converse(t, gateway.socketUrl + path, asAda)
  /** @returns the ticket of a conversation whose client has left */
  const leave = async (path: string, leaving: (talk: Talk) => Promise<unknown> = async () => undefined) => {
    const talk = await open(`${path}?resume=`)
    const ticket = String((await talk.until('session.ticket')).at(-1)?.resume)
    await leaving(talk)
    talk.socket.close()
    await gateway.logged('connection.closed')
    await rounds.quiet()
    return ticket
  }
  return { upstream, rounds, open, leave }
}

const starts: readonly (readonly [path: string, waits: number])[] = [
  ['/realtime', 1],
  ['/realtime?resume=', 1],
  ['/v1/realtime', 1],
]

for (const [path, waits] of starts) {
  test(`${path} waits ${waits} time for the store before it dials, whatever is limited`, async t => {
    const { upstream, rounds, open } = await stage(t)
    rounds.answer(waits)
    await Promise.all([open(path), upstream.session()])
    t.is(rounds.answered, waits)
  })
}

test('a session that comes by a ticket waits twice for the store before it dials: to be let in, and to have it spent', async t => {
  const { upstream, rounds, open, leave } = await stage(t)
  const ticket = await leave('/realtime', () => upstream.session())
  rounds.answer(2)
  await Promise.all([open(`/realtime?resume=${ticket}`), upstream.session()])
  t.is(rounds.answered, 2)
})

test('it does not dial before its ticket is spent', async t => {
  const { upstream, rounds, open, leave } = await stage(t)
  const ticket = await leave('/realtime', () => upstream.session())
  const { dials } = upstream
  rounds.answer(1)
  await open(`/realtime?resume=${ticket}`)
  await rounds.untilAsked()
  // Whoever dials now comes behind the gateway.
  await converse(t, `ws://127.0.0.1:${upstream.port}/`)
  t.is(upstream.dials, dials + 1)
})

test('its conversation is there after one more wait, and upstream is told it', async t => {
  const { upstream, rounds, open, leave } = await stage(t)
  const ticket = await leave('/realtime', async talk => {
    talk.send('my name is Ada')
    const session = await upstream.session()
    const item = { id: 'item_1', type: 'message', role: 'user', status: 'completed' }
    const content = [{ type: 'input_text', text: 'my name is Ada' }]
    session.send({ type: 'conversation.item.done', item: { ...item, content } })
    await talk.until('conversation.item.done')
  })
  rounds.answer(3)
  const talk = await open(`/realtime?resume=${ticket}`)
  t.is((await talk.until('session.resumed')).at(-1)?.items, 1)
  const session = await upstream.session()
  let told = ''
  while (!told.includes('my name is Ada')) told = (await session.next()).text
  t.is(rounds.answered, 3)
})

for (const path of ['/realtime', '/chat']) {
  test(`a turn on ${path} waits for no answer of the store`, async t => {
    const { upstream, rounds, open } = await stage(t)
    const talk = await open(`${path}?resume=`)
    await talk.until('session.ticket')
    await rounds.quiet()
    rounds.answer(0)
    talk.send(path === '/chat' ? { text: 'hello' } : 'hello')
    const session = await upstream.session()
    let asked = ''
    while (!asked.includes('"response.create"')) asked = (await session.next()).text
    session.send({ type: 'response.created', response: { id: 'r' } })
    session.send({ type: 'response.done', response: { id: 'r', status: 'completed', output: [], usage: {} } })
    if (path === '/chat') await talk.until('status', ({ message }) => message === 'Model ready')
    else await talk.until('response.done')
    t.is(rounds.answered, 0)
  })
}
