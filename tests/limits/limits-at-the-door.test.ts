/**
 * Limits per credential and per address, as clients meet them before an upgrade or in a session.
 */
import test from 'ava'
import { environment } from '../../runtime/config/environment.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { knockHttp, knockSocket } from '../access/upgrade-attempts.ts'
import { converse, type Message } from '../gateway/converse.ts'
import { fakeUpstream, gatewayFor, gatewayOn } from '../gateway/start.ts'

const alice = { GATEWAY_AUTH: 'key', GATEWAY_API_KEYS: 'alice:the-secret-of-alice,bob:the-secret-of-bob' }
const thrifty = { ...alice, REALTIME_AUTO_CLOSE: 'false', LIMIT_TOKENS_PER_DAY_PER_CREDENTIAL: '100' }
/** Defaults do not hold for addresses on loopback. */
const everyLimit = Object.fromEntries(
  Object.keys(environment.shape)
    .filter(name => /^LIMIT_.*_PER_(ADDRESS|CREDENTIAL|OWNER)$/.test(name))
    .map(name => [name, '1000000']),
)
const minute = () => Math.floor(Date.now() / 60_000)

/** Runs something until no minute of the clock, by which requests are counted, turns in between. */
async function inOneMinute<T>(run: () => Promise<T>): Promise<T> {
  for (;;) {
    const began = minute()
    const outcome = await run()
    if (minute() === began) return outcome
  }
}

const as = (name: string) => ({ headers: { 'api-key': `the-secret-of-${name}` } })

test('at the door: a credential that has all its sessions is refused with 429 and Retry-After, another one is not', async t => {
  const gateway = await gatewayFor(t, { ...alice, LIMIT_SESSIONS_PER_CREDENTIAL: '1' })
  const path = '/chat'
  const talk = await converse(t, `${gateway.socketUrl}${path}`, as('alice'))
  const refused = await knockSocket(gateway.url, { path, ...as('alice') })
  t.is(refused.status, 429)
  t.is(refused.headers['retry-after'], '5')
  t.regex(refused.body, /All 1 sessions of this credential are in use/)
  t.is((await knockSocket(gateway.url, { path, ...as('bob') })).status, 101)
  talk.socket.close()
  await talk.closed
  await gateway.logged('connection.closed')
  t.is((await knockSocket(gateway.url, { path, ...as('alice') })).status, 101)
  const metrics = await (await fetch(`${gateway.url}/metrics`, as('alice'))).text()
  t.regex(metrics, /gateway_limits_reached_total\{limit="sessions_per_credential".*\} 1/)
})

test('at the door: refused tries count towards the address, so that secrets cannot be guessed at speed', async t => {
  const gateway = await gatewayFor(t, { ...alice, LIMIT_UPGRADES_PER_MINUTE_PER_ADDRESS: '3' })
  const guess = () => knockSocket(gateway.url, { path: '/chat', headers: { 'api-key': 'guess' } })
  let statuses: number[] = []
  let began: number
  // Tries are counted by minutes of the clock, one of which may turn in between.
  do {
    began = minute()
    statuses = []
    for (let n = 0; n < 8; n += 1) statuses.push((await guess()).status)
  } while (minute() !== began)
  t.is(statuses.at(-1), 429)
  t.true(statuses.filter(status => status === 401).length <= 3)
})

const guesses: [what: string, knock: (url: string) => Promise<{ status: number }>][] = [
  ['a socket', url => knockSocket(url, { path: '/chat', headers: { 'api-key': 'a-guess' } })],
  ['GET', url => knockHttp(url, { path: '/sideband/sessions', headers: { 'api-key': 'a-guess' } })],
  ['HEAD', url => knockHttp(url, { method: 'HEAD', path: '/metrics', headers: { 'api-key': 'a-guess' } })],
  [
    'DELETE',
    url =>
      knockHttp(url, {
        method: 'DELETE',
        path: '/sideband/session/sideband_0000000000000000',
        headers: { 'api-key': 'a-guess' },
      }),
  ],
  ['POST', url => knockHttp(url, { method: 'POST', path: '/ticket', headers: { 'api-key': 'a-guess' } })],
  ['a ticket', url => knockSocket(url, { path: `/chat?ticket=${'x'.repeat(32)}` })],
]

test('at the door: after so many refused credentials nothing of that address is checked, whatever it asks for', async t => {
  const limit = { LIMIT_REFUSALS_PER_MINUTE_PER_ADDRESS: '6', TRUSTED_PROXIES: '127.0.0.0/8' }
  const { first, second, right, elsewhere, page } = await inOneMinute(async () => {
    const { url } = await gatewayFor(t, { ...alice, ...limit })
    const guessAll = async () => {
      const statuses = []
      for (const [what, knock] of guesses) statuses.push([what, (await knock(url)).status])
      return statuses
    }
    const other = { ...as('alice').headers, 'X-Forwarded-For': '203.0.113.7' }
    return {
      first: await guessAll(),
      second: await guessAll(),
      right: await knockHttp(url, { path: '/metrics', ...as('alice') }),
      elsewhere: await knockHttp(url, { path: '/metrics', headers: other }),
      page: await knockHttp(url, { path: '/' }),
    }
  })
  t.deepEqual(
    first,
    guesses.map(([what]) => [what, 401]),
  )
  t.deepEqual(
    second,
    guesses.map(([what]) => [what, 429]),
  )
  t.is(right.status, 429)
  t.regex(right.body, /More than 6 refused credentials a minute from this address/)
  t.true(Number(right.headers['retry-after']) > 0)
  t.deepEqual([elsewhere.status, page.status], [200, 200])
})

test('at the door: requests that make or end something are counted for their credential and their address', async t => {
  const post = (path: string, name: string, address = '203.0.113.7') => ({
    method: 'POST',
    path,
    headers: { ...as(name).headers, 'X-Forwarded-For': address },
  })
  const proxies = { TRUSTED_PROXIES: '127.0.0.0/8' }
  for (const [whose, other] of [
    ['CREDENTIAL', post('/ticket', 'bob')],
    ['ADDRESS', post('/ticket', 'alice', '203.0.113.8')],
  ] as const) {
    const limit = { [`LIMIT_REQUESTS_PER_MINUTE_PER_${whose}`]: '3' }
    const answers = await inOneMinute(async () => {
      const { url } = await gatewayFor(t, { ...alice, ...proxies, ...limit })
      const knocks = [
        ...['/ticket', '/sideband/session', '/v1/realtime/client_secrets'].map(path => post(path, 'alice')),
        { ...post('/sideband/session/sideband_0000000000000000', 'alice'), method: 'DELETE' },
        other,
        { ...post('/metrics', 'alice'), method: 'GET' },
      ]
      const all = []
      for (const knock of knocks) all.push(await knockHttp(url, knock))
      return all
    })
    t.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 429, 200, 200],
      whose,
    )
    t.true(Number(answers[3]?.headers['retry-after']) > 0)
    t.regex(answers[3]?.body ?? '', /More than 3 requests a minute/)
  }
})

/** Lists that the process itself looks through: conversations that are over, events to be told, calls to be heard. */
const askedByItself = new Set<unknown>(['conversation-ends', 'events', 'calls:heard'])

test('at the door: what is refused, and every page, asks nothing of the store', async t => {
  const asked: string[] = []
  const memory = createMemoryStore()
  const store = new Proxy(memory, {
    get: (target, name) => {
      const member = target[name as keyof typeof target] as (...given: unknown[]) => unknown
      return (...given: unknown[]) => {
        if (name !== 'unavailable' && !askedByItself.has(given[0])) asked.push(String(name))
        return member.apply(target, given)
      }
    },
  })
  const gateway = await gatewayOn(t, store, { ...alice, ...everyLimit })
  for (const path of ['/', '/chat', '/healthz', '/readyz', '/nowhere', '/ticket', '/metrics', '/realtime'])
    for (const method of ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS'])
      for (const headers of [{}, { 'api-key': 'a-guess' }, { Origin: 'https://evil.example' }])
        await knockHttp(gateway.url, { method, path, headers })
  for (const path of ['/chat', '/realtime', '/v1/realtime', '/sideband/control/sideband_0000000000000000'])
    t.is((await knockSocket(gateway.url, { path, headers: { 'api-key': 'a-guess' } })).status, 401)
  t.deepEqual(asked, [])
  t.is((await knockSocket(gateway.url, { path: '/chat', ...as('alice') })).status, 101)
  t.true(asked.length > 0)
})

test('at the door: X-Forwarded-For counts only from a trusted proxy', async t => {
  const limits = { LIMIT_SESSIONS_PER_ADDRESS: '1' }
  const from = (address: string) => ({ headers: { 'X-Forwarded-For': address } })
  const trusting = await gatewayFor(t, { ...limits, TRUSTED_PROXIES: '127.0.0.0/8' })
  await converse(t, `${trusting.socketUrl}/chat`, from('203.0.113.7'))
  await converse(t, `${trusting.socketUrl}/chat`, from('203.0.113.8'))
  t.is((await knockSocket(trusting.url, { path: '/chat', ...from('203.0.113.7:4711') })).status, 429)
  const doubting = await gatewayFor(t, limits)
  await converse(t, `${doubting.socketUrl}/chat`, from('203.0.113.7'))
  t.is((await knockSocket(doubting.url, { path: '/chat', ...from('203.0.113.8') })).status, 429)
})

test('at the door: more messages than allowed end the session with 1008, and nothing of the surplus goes on', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, LIMIT_MESSAGES_PER_SECOND_PER_CREDENTIAL: '5' })
  const startedAt = Date.now()
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`)
  await talk.until('session.created')
  for (let n = 0; n < 100; n += 1) talk.send({ type: 'input_audio_buffer.append', audio: '' })
  const said = await talk.until('error')
  t.is((said.at(-1) as Message & { error: { code: string } }).error.code, 'limit_reached')
  t.deepEqual(await talk.closed, { code: 1008, reason: 'limit_reached' })
  const { fields } = await gateway.logged('connection.closed')
  // Two seconds' worth at once, and what came due meanwhile; the coarse time may be a little behind.
  const allowed = 5 * (2 + (Date.now() - startedAt) / 1000) + 1
  t.true(Number(fields.messagesUp) <= allowed, `${fields.messagesUp} of ${allowed} messages`)
})

test("at the door: the answer that spends the day's tokens is the last, and the next session is refused", async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, {
    ...upstream.env,
    ...thrifty,
  })
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`, as('alice'))
  const session = await upstream.session()
  const done = (tokens: number) =>
    session.send({ type: 'response.done', response: { usage: { total_tokens: tokens } } })
  done(99)
  await talk.until('response.done')
  done(1)
  t.deepEqual(
    (await talk.until('error')).map(({ type }) => type),
    ['response.done', 'error'],
  )
  t.deepEqual(await talk.closed, { code: 1008, reason: 'limit_reached' })
  const refused = await knockSocket(gateway.url, { path: '/chat', ...as('alice') })
  t.is(refused.status, 429)
  t.true(Number(refused.headers['retry-after']) > 0)
  t.is((await knockSocket(gateway.url, { path: '/chat', ...as('bob') })).status, 101)
})

test('at the door: an answer counts towards its address too, also when it is the last of its credential', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, {
    ...upstream.env,
    ...thrifty,
    LIMIT_TOKENS_PER_DAY_PER_ADDRESS: '150',
  })
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`, as('alice'))
  const session = await upstream.session()
  session.send({ type: 'response.done', response: { usage: { total_tokens: 150 } } })
  t.deepEqual(await talk.closed, { code: 1008, reason: 'limit_reached' })
  t.is((await knockSocket(gateway.url, { path: '/chat', ...as('bob') })).status, 429)
})

test('at the door: a budget is reached by answers that nobody hears to their end', async t => {
  const gateway = await gatewayFor(t, { ...thrifty, LIMIT_TOKENS_PER_DAY_PER_CREDENTIAL: '1' })
  const path = '/v1/realtime?model=gpt-realtime'
  const talk = await converse(t, `${gateway.socketUrl}${path}`, as('alice'))
  const content = [{ type: 'input_text', text: 'count to forty' }]
  talk.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } })
  talk.send({ type: 'response.create' })
  await talk.until('response.output_audio_transcript.delta')
  talk.socket.close()
  const { responses } = (await gateway.logged('session.ended')).fields
  t.is(responses, 1)
  t.is((await knockSocket(gateway.url, { path, ...as('alice') })).status, 429)
})
