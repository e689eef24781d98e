/**
 * How dials end: each with one of `opened` and `failed`, once, within its deadline; one that was aborted tells nothing.
 */
import { createServer, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { GatewayError } from '../../runtime/core/errors.ts'
import type { Dial, UpstreamListener } from '../../runtime/core/ports.ts'
import type { LogEvent } from '../../runtime/observability/log.ts'
import { createMetrics } from '../../runtime/observability/metrics.ts'
import { Circuit } from '../../runtime/upstream/circuit.ts'
import { createCallDialer, createDialer } from '../../runtime/upstream/dial.ts'
import { simulatorTarget } from '../../runtime/upstream/target.ts'
import { type FakeUpstreamOptions, fakeUpstream, type Stage } from '../gateway/start.ts'
import { within } from '../gateway/within.ts'

const connectTimeoutMs = 400
/** The deadline of dials that do not come to it (ms): generous, as the machine may be busy. */
const amplyMs = 6000
/** A dial that has not ended this long after its deadline never will (ms); generous, as the machine may be busy. */
const patienceMs = 10_000
/** How long nothing more may be told (ms): longer than a dial's deadline. */
const silenceMs = connectTimeoutMs + 200

type Headers = () => Promise<Readonly<Record<string, string>>>
type Upstream = (t: Stage) => Promise<number>

const known: Headers = async () => ({})
const scripted =
  (options: FakeUpstreamOptions): Upstream =>
  async t =>
    (await fakeUpstream(t, options)).port
const greeting = scripted({})
const refusing = (status: number, headers: Record<string, string> = {}) =>
  scripted({ refuse: () => ({ status, headers }) })
const nobody: Upstream = async () => 9
/** Takes connections; what it answers to each, if anything. */
const raw =
  (answer: (socket: Socket) => void = () => undefined): Upstream =>
  t =>
    new Promise(resolve => {
      const sockets = new Set<Socket>()
      const server = createServer(socket => {
        sockets.add(socket.on('error', () => undefined))
        socket.once('data', () => answer(socket))
      })
      t.teardown(() => {
        for (const socket of sockets) socket.destroy()
        server.close()
      })
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
    })

interface Parts {
  readonly ports: readonly number[]
  readonly headers?: Headers
  readonly circuit?: () => Circuit
  readonly connectTimeoutMs?: number
  readonly logged?: (event: LogEvent) => void
}

const closedCircuit = () => new Circuit({ pauseMs: 1000, now: () => performance.now() })
function openCircuit(): Circuit {
  const circuit = new Circuit({ pauseMs: 60_000, now: () => performance.now() })
  circuit.failed(true)
  return circuit
}

const options = ({ logged = () => undefined, ...parts }: Parts) => ({
  connectTimeoutMs: parts.connectTimeoutMs ?? connectTimeoutMs,
  maxMessageBytes: 1024,
  heartbeatMs: 60_000,
  log: { info: logged, warn: logged, error: logged },
})
const targetAt = (port: number) => simulatorTarget(`http://127.0.0.1:${port}`, ['one'])

function dialOfSession(parts: Parts): Dial {
  const { ports, headers = known, circuit = closedCircuit } = parts
  const places = ports.map((port, index) => ({
    name: `${index}`,
    target: targetAt(port),
    deployment: 'one',
    credential: { headers },
    circuit: circuit(),
  }))
  const metrics = createMetrics({ revision: 'r', replica: 'n' })
  return createDialer({ ...options(parts), metrics })(places)
}

function dialOfCall(parts: Parts): Dial {
  const { ports, headers = known } = parts
  const dialer = createCallDialer({
    ...options(parts),
    target: targetAt(ports[0] ?? 9),
    credential: { headers },
  })
  return dialer('rtc_abc', false)
}

/** Writes down what a dial tells; sessions that open are closed at once. */
function listen(onTold: (what: string) => void = () => undefined): UpstreamListener & { told: string[] } {
  const told: string[] = []
  const tell = (what: string) => {
    told.push(what)
    onTold(what)
  }
  return {
    told,
    opened: upstream => {
      tell('opened')
      upstream.close(1000, '')
    },
    failed: error => tell(error.code),
    event: () => undefined,
    closed: () => undefined,
    fault: () => undefined,
  }
}

const silence = () => new Promise(resolve => setTimeout(resolve, silenceMs))

async function outcomesOf(t: ExecutionContext, dial: Dial): Promise<string[]> {
  const ended = Promise.withResolvers<void>()
  const late = setTimeout(() => ended.reject(new Error('the dial never ended')), patienceMs)
  const startedAt = performance.now()
  const listener = listen(() => ended.resolve())
  dial(listener)
  t.deepEqual(listener.told, [], 'nothing is told before the dial has been returned')
  await ended.promise.finally(() => clearTimeout(late))
  t.true(performance.now() - startedAt < amplyMs + patienceMs / 2)
  await silence()
  return listener.told
}

const fails = (code: 'credential_unavailable' | 'access_unavailable'): Headers => {
  return async () => {
    throw new GatewayError(code, 'as told')
  }
}

/** `call`: what a dial that joins a call comes to, where that is something else; null where it has no such case. */
const rows: readonly {
  what: string
  upstreams: readonly Upstream[]
  headers?: Headers
  circuit?: () => Circuit
  session: string
  call?: string | null
}[] = [
  { what: 'no place', upstreams: [], session: 'model_not_configured', call: null },
  { what: 'a session', upstreams: [greeting], session: 'opened' },
  { what: 'nobody listens', upstreams: [nobody], session: 'upstream_unreachable' },
  { what: 'nothing is answered', upstreams: [raw()], session: 'upstream_timeout' },
  {
    what: 'the connection is cut',
    upstreams: [raw(socket => socket.destroy())],
    session: 'upstream_unreachable',
  },
  {
    what: 'a refusal whose body never ends',
    upstreams: [raw(socket => socket.write('HTTP/1.1 403 No\r\nContent-Length: 99\r\n\r\n{'))],
    session: 'upstream_timeout',
  },
  { what: '401', upstreams: [refusing(401)], session: 'upstream_refused' },
  { what: '404', upstreams: [refusing(404)], session: 'upstream_refused', call: 'call_not_found' },
  { what: '503 each time', upstreams: [refusing(503)], session: 'upstream_unavailable' },
  {
    what: '429 with a long Retry-After',
    upstreams: [refusing(429, { 'Retry-After': '60' })],
    session: 'upstream_rate_limited',
  },
  {
    what: '503 once',
    upstreams: [scripted({ refuse: dial => (dial === 1 ? { status: 503 } : null) })],
    session: 'opened',
  },
  {
    what: 'an error in place of a greeting',
    upstreams: [scripted({ greeting: { type: 'error', error: { code: 'invalid_api_key' } } })],
    session: 'upstream_refused',
    call: 'opened',
  },
  {
    what: 'no greeting',
    upstreams: [scripted({ greeting: null })],
    session: 'upstream_timeout',
    call: 'opened',
  },
  {
    what: 'a credential that never comes',
    upstreams: [greeting],
    headers: () => new Promise(() => undefined),
    session: 'credential_unavailable',
  },
  {
    what: 'a credential that fails',
    upstreams: [greeting],
    headers: fails('credential_unavailable'),
    session: 'credential_unavailable',
  },
  {
    what: 'a credential that throws at once',
    upstreams: [greeting],
    headers: () => {
      throw new Error('broken')
    },
    session: 'credential_unavailable',
  },
  {
    what: 'a credential that no header can hold',
    upstreams: [greeting],
    headers: async () => ({ 'api-key': 'two\nlines' }),
    session: 'internal',
  },
  {
    what: 'every circuit open',
    upstreams: [greeting, greeting],
    circuit: openCircuit,
    session: 'opened',
    call: null,
  },
  {
    what: 'every circuit open, and nobody listens',
    upstreams: [nobody, nobody],
    circuit: openCircuit,
    session: 'upstream_unreachable',
    call: null,
  },
  { what: 'the first of two places hangs', upstreams: [raw(), greeting], session: 'opened', call: null },
  { what: 'both of two places hang', upstreams: [raw(), raw()], session: 'upstream_timeout', call: null },
]

/** A dial comes to these before its deadline. */
const early = new Set([
  ...['opened', 'internal', 'model_not_configured'],
  ...['upstream_refused', 'upstream_rate_limited', 'call_not_found'],
])

for (const { what, upstreams, headers = known, circuit = closedCircuit, session, call = session } of rows) {
  const dials = [['a session', dialOfSession, session] as const, ['a call', dialOfCall, call] as const]
  for (const [kind, makeDial, outcome] of dials) {
    if (outcome === null) continue
    test(`a dial of ${kind} ends once, as ${outcome}: ${what}`, async t => {
      const ports = await Promise.all(upstreams.map(upstream => upstream(t)))
      const within = early.has(outcome) ? { connectTimeoutMs: amplyMs } : {}
      t.deepEqual(await outcomesOf(t, makeDial({ ports, headers, circuit, ...within })), [outcome])
    })
  }
}

for (const [kind, makeDial] of [
  ['a session', dialOfSession],
  ['a call', dialOfCall],
] as const) {
  test(`a dial of ${kind} that is aborted tells nothing: at once`, async t => {
    const ports = [await greeting(t)]
    const listener = listen()
    makeDial({ ports })(listener)()
    await silence()
    t.deepEqual(listener.told, [])
  })

  test(`a dial of ${kind} that is aborted tells nothing: while the credential is waited for`, async t => {
    const ports = [await greeting(t)]
    const credential = Promise.withResolvers<Record<string, string>>()
    const listener = listen()
    const abort = makeDial({ ports, headers: () => credential.promise })(listener)
    await new Promise(resolve => setImmediate(resolve))
    abort()
    credential.resolve({})
    await silence()
    t.deepEqual(listener.told, [])
  })

  test(`a dial of ${kind} that is aborted tells nothing: while upstream is waited for`, async t => {
    const reached = Promise.withResolvers<Socket>()
    const ports = [await raw(socket => reached.resolve(socket))(t)]
    const listener = listen()
    const abort = makeDial({ ports, connectTimeoutMs: amplyMs })(listener)
    const socket = await reached.promise
    const cut = new Promise(resolve => socket.once('close', resolve))
    abort()
    abort()
    // Long before the dial would have ended.
    await within(cut, amplyMs / 2, 'the socket of an aborted dial is kept')
    await silence()
    t.deepEqual(listener.told, [])
  })

  test(`a dial of ${kind} that is aborted asks for no credential any more: while the next try is waited for`, async t => {
    let asked = 0
    const headers: Headers = async () => {
      asked += 1
      return {}
    }
    const retried = Promise.withResolvers<void>()
    const logged = (event: LogEvent) => {
      if (event === 'upstream.retry') retried.resolve()
    }
    const ports = [await refusing(503)(t)]
    const listener = listen()
    const abort = makeDial({ ports, headers, logged, connectTimeoutMs: amplyMs })(listener)
    await within(retried.promise, patienceMs, 'the dial is not tried again')
    abort()
    // The first waits are shorter than this.
    await silence()
    t.is(asked, 1)
    t.deepEqual(listener.told, [])
  })

  test(`a dial of ${kind} that is aborted tells nothing: between two tries`, async t => {
    let dials = 0
    const refused = Promise.withResolvers<void>()
    const refuse = () => {
      dials += 1
      refused.resolve()
      return { status: 503 }
    }
    const ports = [await scripted({ refuse })(t)]
    const listener = listen()
    const abort = makeDial({ ports, connectTimeoutMs: amplyMs })(listener)
    await refused.promise
    // The refusal is on its way, or has come and the next try is waited for.
    await new Promise(resolve => setTimeout(resolve, 30))
    const before = dials
    abort()
    await silence()
    t.deepEqual(listener.told, [])
    t.is(dials, before)
  })

  test(`a listener that throws at the end of a dial of ${kind} is told that it failed, and the process lives`, async t => {
    for (const upstream of [greeting, refusing(401)]) {
      const failed = Promise.withResolvers<unknown>()
      const ports = [await upstream(t)]
      const broken = new Error('the listener is broken')
      const fail = () => {
        throw broken
      }
      const listener = { opened: fail, failed: fail, event: fail, closed: fail, fault: failed.resolve }
      makeDial({ ports })(listener)
      t.is(await failed.promise, broken)
    }
  })
}

test('a dial without a place fails at once, and is not tried again', async t => {
  const listener = listen()
  dialOfSession({ ports: [] })(listener)
  await new Promise(resolve => setImmediate(resolve))
  t.deepEqual(listener.told, ['model_not_configured'])
})

test('a dial without a place tells nothing when it is aborted at once', async t => {
  const listener = listen()
  dialOfSession({ ports: [] })(listener)()
  await silence()
  t.deepEqual(listener.told, [])
})
