/** What stands before every path, over a gate that knows one key: what is counted, in which order, and what is let in. */
import { randomUUID } from 'node:crypto'
import test, { type ExecutionContext } from 'ava'
import { Admission } from '../../runtime/access/admission.ts'
import { Attempts } from '../../runtime/access/attempts.ts'
import { Authenticator } from '../../runtime/access/authenticator.ts'
import type { ShareLimits } from '../../runtime/config/access.ts'
import { GatewayError } from '../../runtime/core/errors.ts'
import type { Client, Connection, UpgradeRequest } from '../../runtime/core/ports.ts'
import { CutClients } from '../../runtime/limits/cut-clients.ts'
import { TokenBuckets } from '../../runtime/limits/token-bucket.ts'
import { UsageQuota } from '../../runtime/limits/usage-quota.ts'
import type { Context } from '../../runtime/server/handler.ts'
import type { ArrivingRequest, HttpRoute } from '../../runtime/server/http.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { quiet } from '../store/patience.ts'
import { silentAccounts } from '../usage/accounts.ts'
import { createClock } from './clock.ts'

const unlimited: ShareLimits = {
  sessions: Number.POSITIVE_INFINITY,
  upgradesPerMinute: Number.POSITIVE_INFINITY,
  requestsPerMinute: Number.POSITIVE_INFINITY,
  messagesPerSecond: Number.POSITIVE_INFINITY,
  tokensPerDay: Number.POSITIVE_INFINITY,
  costPerDay: Number.POSITIVE_INFINITY,
}

interface Limits {
  readonly credential?: Partial<ShareLimits>
  readonly address?: Partial<ShareLimits>
  readonly refusalsPerMinute?: number
}

function stage(t: ExecutionContext, { credential, address, refusalsPerMinute = 1000 }: Limits = {}) {
  const clock = createClock(0)
  const store = createMemoryStore({ now: clock.now })
  t.teardown(() => store.close())
  const reached: string[] = []
  const seen: string[] = []
  const onReached = ({ whose }: { whose: string }, kind: string) => void reached.push(`${whose} ${kind}`)
  const limits = {
    ...{
      credential: { ...unlimited, ...credential },
      address: { ...unlimited, ...address },
      refusalsPerMinute,
    },
    ...{ stored: { credential: null, address: null }, sessionMs: Number.POSITIVE_INFINITY, wrapUpMs: 0 },
  }
  const cutClients = new CutClients(clock.now)
  const admission = new Admission({
    accounts: silentAccounts(),
    authenticator: new Authenticator({
      config: { modes: ['key'], allowedOrigins: ['https://page.example'], loopback: false },
      checkKey: secret => (secret.startsWith('key-') ? { name: `key:${secret}`, by: 'key' } : null),
      checkToken: async () => ({ refused: 'unauthorized', reason: 'none' }),
      spendTicket: async () => null,
      principalOfEphemeral: async () => null,
      ephemeralPaths: [],
      log: quiet,
    }),
    attempts: new Attempts({ now: clock.now, refusalsPerMinute, onReached }),
    quota: new UsageQuota({ store, now: clock.now, onReached }),
    concurrency: { store, onReached, newId: randomUUID, every: clock.every },
    after: clock.after,
    buckets: new TokenBuckets(clock.now),
    cutClients,
    limits,
    addressOf: (peer, forwardedFor) => forwardedFor ?? peer,
    onReached,
    log: quiet,
  })
  const headersOf = (key: string | null, origin: string | null, from: string) =>
    new Map([
      ['x-forwarded-for', from],
      ...(key === null ? [] : [['authorization', `Bearer ${key}`] as const]),
      ...(origin === null ? [] : [['origin', origin] as const]),
    ])
  const connection: Connection = {
    message: data => void seen.push(`message ${Buffer.from(data)}`),
    writable: () => undefined,
    announce: () => undefined,
    drain: () => undefined,
    fault: ({ code }) => void seen.push(`fault ${code}`),
    closed: code => void seen.push(`closed ${code}`),
  }
  let accepting: () => void = () => undefined
  const asked: UpgradeRequest[] = []
  const contexts: Context[] = []
  const admit = admission.admit(async request => {
    accepting()
    asked.push(request)
    return {
      context: { request, principal: request.principal, limits: {} } as Context,
      handler: (_client, context) => {
        contexts.push(context)
        return connection
      },
    }
  })
  const answers = async (request: { method: string; principal?: { name: string } }) => {
    seen.push(`${request.method} by ${request.principal?.name}`)
    return { status: 200, headers: {} }
  }
  const route: HttpRoute = { GET: answers, POST: answers, DELETE: answers }
  const paths = admission.http(
    new Map([
      ['/closed', route],
      ['/open', route],
    ]),
    path => path === '/open',
  )
  const request = (key: string | null, { origin = null as string | null, from = '192.0.2.1' } = {}) => ({
    ...{ path: '/chat', query: new URLSearchParams(), subprotocols: [], address: '10.0.0.1' },
    headers: headersOf(key, origin, from),
  })
  const client: Client = {
    ...{ id: 'c', send: () => true, buffered: () => 0, probe: () => undefined, close: () => undefined },
  }
  return {
    ...{ clock, cutClients, admission },
    reached: () => reached.splice(0),
    seen: () => seen.splice(0),
    onAccept: (run: () => void) => {
      accepting = run
    },
    /** @returns the code of the refusal, or the connection */
    connect: async (key: string | null, more: Parameters<typeof request>[1] = {}) => {
      try {
        const accepted = await admit(request(key, more))
        const held = accepted.handler(client, accepted.context)
        return { connection: held, asked: asked.at(-1), meter: contexts.at(-1)?.limits.meter }
      } catch (fault) {
        return fault instanceof GatewayError ? fault.code : String(fault)
      }
    },
    ask: async (
      method: 'GET' | 'POST' | 'DELETE' | 'OPTIONS',
      key: string | null,
      { path = '/closed', ...more }: Parameters<typeof request>[1] & { path?: string } = {},
    ) => {
      const handler = paths.get(path)?.[method]
      const body = { readBody: async () => Buffer.from('') }
      try {
        const answer = await handler?.({
          ...request(key, more),
          method,
          ...body,
        } as unknown as ArrivingRequest)
        const headers: Readonly<Record<string, string>> = answer?.headers ?? {}
        return { status: answer?.status, headers }
      } catch (fault) {
        return { status: (fault as GatewayError).code, headers: {} as Readonly<Record<string, string>> }
      }
    },
    signed: (fault: unknown) =>
      admission.signed(async () => {
        throw fault
      })({ ...request(null), method: 'POST' } as unknown as ArrivingRequest),
  }
}

const codeOf = (came: unknown) => (typeof came === 'string' ? came : 'connected')

test('who is let in is known to the route by name, account and address', async t => {
  const { connect } = stage(t)
  const came = await connect('key-a')
  if (typeof came === 'string') return t.fail(came)
  t.like(came.asked, {
    address: '192.0.2.1',
    account: 'credential:key:key-a',
    principal: { name: 'key:key-a', by: 'key' },
  })
  t.is(came.meter?.principal, 'key:key-a')
})

test('without a good credential nobody is let in, nor a page that may not connect', async t => {
  const { connect, ask } = stage(t)
  for (const key of [null, 'x']) {
    t.is(await connect(key), 'unauthorized')
    t.is((await ask('GET', key)).status, 401)
  }
  t.is(await connect('key-a', { origin: 'https://other.example' }), 'forbidden')
  t.is((await ask('GET', 'key-a', { origin: 'https://other.example' })).status, 'forbidden')
  t.is(codeOf(await connect('key-a', { origin: 'https://page.example' })), 'connected')
})

/** A limit, how often it is reached with the fourth try, and by what. */
const limited: readonly (readonly [what: string, limits: Limits, reached: readonly string[]])[] = [
  ['upgrades of an address', { address: { upgradesPerMinute: 3 } }, ['address upgrades']],
  ['upgrades of a credential', { credential: { upgradesPerMinute: 3 } }, ['credential upgrades']],
  ['sessions of an address', { address: { sessions: 3 } }, ['address sessions']],
  ['sessions of a credential', { credential: { sessions: 3 } }, ['credential sessions']],
]

for (const [what, limits, expected] of limited) {
  test(`the fourth socket is refused where three are allowed: ${what}`, async t => {
    const { connect, reached } = stage(t, limits)
    for (let n = 0; n < 3; n += 1) t.is(codeOf(await connect('key-a')), 'connected')
    t.deepEqual(reached(), [])
    t.is(await connect('key-a'), 'limit_reached')
    t.deepEqual(reached(), [...expected])
    const other = limits.address === undefined ? { key: 'key-b' } : { key: 'key-a', from: '192.0.2.2' }
    t.is(codeOf(await connect(other.key, other)), 'connected', 'another one is counted by itself')
  })
}

test('upgrades of an address are counted for all replicas, too: the store counts them', async t => {
  const { connect, clock } = stage(t, { address: { upgradesPerMinute: 2 } })
  t.is(codeOf(await connect('key-a')), 'connected')
  clock.advance(60_000)
  for (let n = 0; n < 2; n += 1) t.is(codeOf(await connect('key-a')), 'connected')
  t.is(await connect('key-a'), 'limit_reached')
})

test('a place is given back at the end, and where the route takes nobody', async t => {
  const { connect, onAccept } = stage(t, { credential: { sessions: 1 } })
  onAccept(() => {
    throw new GatewayError('draining', 'no')
  })
  t.is(await connect('key-a'), 'draining')
  onAccept(() => undefined)
  const came = await connect('key-a')
  if (typeof came === 'string') return t.fail(came)
  t.is(await connect('key-a'), 'limit_reached')
  came.connection.closed(1000, '')
  t.is(codeOf(await connect('key-a')), 'connected')
})

test('a place is held for as long as its session lasts', async t => {
  const { connect, clock } = stage(t, { credential: { sessions: 1 } })
  t.is(codeOf(await connect('key-a')), 'connected')
  for (let n = 0; n < 10; n += 1) {
    clock.advance(30_000)
    await new Promise(resolve => setImmediate(resolve))
  }
  t.is(await connect('key-a'), 'limit_reached')
})

test('tokens are counted by both shares, and the day’s last end the session; none begins before the next day', async t => {
  for (const limits of [{ credential: { tokensPerDay: 10 } }, { address: { tokensPerDay: 10 } }]) {
    const { connect, ask, seen, clock } = stage(t, limits)
    const came = await connect('key-a')
    if (typeof came === 'string') return t.fail(came)
    const { meter } = came
    const done = (total_tokens: number) =>
      meter?.responseDone(Buffer.from(JSON.stringify({ response: { usage: { total_tokens } } })))
    const settle = () => new Promise(resolve => setImmediate(resolve))
    done(4)
    meter?.transcribed(Buffer.from(JSON.stringify({ usage: { type: 'tokens', total_tokens: 5 } })))
    await settle()
    t.deepEqual(seen(), [])
    done(1)
    await settle()
    t.deepEqual(seen(), ['fault limit_reached'])
    t.is(await connect('key-a'), 'limit_reached')
    t.is((await ask('POST', 'key-a')).status, 429)
    t.is((await ask('GET', 'key-a')).status, 200)
    clock.advance(24 * 60 * 60_000)
    t.is(codeOf(await connect('key-a')), 'connected')
  }
})

test('a client that was cut waits, and nobody else who shares its credential or its address', async t => {
  const { connect, clock } = stage(t)
  const came = await connect('key-a')
  if (typeof came === 'string') return t.fail(came)
  came.connection.fault(new GatewayError('client_too_fast', 'no'))
  t.is(await connect('key-a'), 'client_too_fast')
  t.is(codeOf(await connect('key-b')), 'connected')
  t.is(codeOf(await connect('key-a', { from: '192.0.2.2' })), 'connected')
  clock.advance(1000)
  t.is(codeOf(await connect('key-a')), 'connected')
})

test('messages are counted by the session’s shares', async t => {
  const { connect, seen, reached } = stage(t, { address: { messagesPerSecond: 1 } })
  const came = await connect('key-a')
  if (typeof came === 'string') return t.fail(came)
  for (const text of ['a', 'b', 'c', 'd']) came.connection.message(Buffer.from(text), false)
  t.deepEqual(seen(), ['message a', 'message b', 'fault limit_reached'])
  t.deepEqual(reached(), ['address messages'])
})

test('requests that make or end something are counted by both shares; those that read are not', async t => {
  for (const [share, limits] of [
    ['credential', { credential: { requestsPerMinute: 2 } }],
    ['address', { address: { requestsPerMinute: 2 } }],
  ] as const) {
    const { ask, reached, seen } = stage(t, limits)
    for (let n = 0; n < 5; n += 1) t.is((await ask('GET', 'key-a')).status, 200)
    t.is((await ask('POST', 'key-a')).status, 200)
    t.is((await ask('DELETE', 'key-a')).status, 200)
    t.deepEqual(seen().slice(-2), ['POST by key:key-a', 'DELETE by key:key-a'])
    t.is((await ask('POST', 'key-a')).status, 429)
    t.is((await ask('GET', 'key-a')).status, 200)
    t.deepEqual(reached(), [`${share} requests`])
  }
})

test('an address that shows too many wrong credentials is not checked any more, for sockets, requests and webhooks', async t => {
  const refused = new GatewayError('unauthorized', 'no')
  for (const kind of ['socket', 'request', 'webhook'] as const) {
    const { connect, ask, signed, reached } = stage(t, { refusalsPerMinute: 3 })
    for (let n = 0; n < 3; n += 1) {
      if (kind === 'socket') t.is(await connect('x'), 'unauthorized')
      else if (kind === 'request') t.is((await ask('GET', 'x')).status, 401)
      else await t.throwsAsync(Promise.resolve(signed(refused)), { code: 'unauthorized' })
    }
    t.deepEqual(reached(), [])
    t.is(await connect('key-a'), 'limit_reached')
    t.is((await ask('GET', 'key-a')).status, 429)
    await t.throwsAsync(Promise.resolve(signed(refused)), { code: 'limit_reached' })
    t.is(codeOf(await connect('key-a', { from: '192.0.2.2' })), 'connected')
  }
})

test('what fails otherwise is no refused credential', async t => {
  const { signed, connect } = stage(t, { refusalsPerMinute: 1 })
  const faults = [
    new GatewayError('draining', 'no'),
    new Error('broken'),
    Object.assign(new Error(), { code: 'unauthorized' }),
  ]
  for (const fault of faults) t.is(await t.throwsAsync(Promise.resolve(signed(fault))), fault)
  t.is(codeOf(await connect('key-a')), 'connected')
})

test('a page that may connect can read answers and refusals, and is told what it may ask', async t => {
  const { ask } = stage(t)
  const origin = 'https://page.example'
  for (const key of ['key-a', 'x'])
    t.is((await ask('GET', key, { origin })).headers['Access-Control-Allow-Origin'], origin)
  const told = await ask('OPTIONS', null, { origin })
  t.is(told.status, 204)
  t.is(told.headers['Access-Control-Allow-Methods'], 'GET, POST, DELETE')
  t.is(told.headers['Access-Control-Max-Age'], '600')
  t.is((await ask('OPTIONS', null, { origin: 'https://other.example' })).status, 'forbidden')
})

test('an open path is answered without a credential, and has no preflight', async t => {
  const { ask, seen } = stage(t)
  t.is((await ask('GET', null, { path: '/open' })).status, 200)
  t.deepEqual(seen(), ['GET by undefined'])
  t.is((await ask('OPTIONS', null, { path: '/open' })).status, undefined)
})
