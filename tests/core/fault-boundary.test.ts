/** A fault of one connection's code ends that connection, is logged without content, and harms nobody else. */
import test from 'ava'
import { GatewayError } from '../../runtime/core/errors.ts'
import { describeFault, enter } from '../../runtime/core/fault-boundary.ts'
import type { Connection } from '../../runtime/core/ports.ts'
import { ClientSocket, type NativeSocket } from '../../runtime/server/client-socket.ts'
import { converse } from '../gateway/converse.ts'
import { gatewayProcess } from '../gateway/process.ts'
import { gatewayFor } from '../gateway/start.ts'
import { someContext } from '../server/some-context.ts'
import { enter as enterPhase, stage } from '../session/session-stage.ts'

const words = 'private words'

/** `JSON.parse` quotes what it could not read. */
const leaking = () => JSON.parse(`{"a":"${words}" oops`)

function clientOf(connection: Partial<Connection>) {
  const seen: string[] = []
  const logged: object[] = []
  const native: NativeSocket = {
    send: () => 1,
    getBufferedAmount: () => 0,
    ping: () => 1,
    end: (code, reason) => {
      seen.push(`end ${code} ${reason}`)
      client.closed(code, reason)
    },
    close: () => {
      seen.push('cut')
      client.closed(0, '')
    },
  }
  const whole: Connection = {
    message: () => undefined,
    writable: () => undefined,
    announce: () => undefined,
    drain: () => undefined,
    fault: error => seen.push(`fault ${error.code}`),
    closed: code => seen.push(`closed ${code}`),
    ...connection,
  }
  const log = {
    info: () => undefined,
    warn: () => undefined,
    error: (...line: unknown[]) => logged.push(line),
  }
  const client: ClientSocket = new ClientSocket(
    native,
    'c1',
    { handler: () => whole, context: someContext() },
    {
      heartbeatMs: 60_000,
      maxMessageBytes: 100,
      log,
    },
  )
  return { client, seen, logged }
}

const bytes = new Uint8Array([0x20]).buffer

const ways: [string, Partial<Connection>, (client: ClientSocket) => void][] = [
  ['a message', { message: leaking }, client => client.receive(bytes, false)],
  [
    'a message, later',
    { message: (async () => leaking()) as unknown as Connection['message'] },
    client => client.receive(bytes, false),
  ],
  ['a control frame', { controlFrame: leaking }, client => client.heard(null)],
  ['room to write', { writable: leaking }, client => client.drained()],
]

for (const [way, connection, act] of ways) {
  test(`a fault on ${way} ends the connection with internal, and is logged without what was said`, async t => {
    const { client, seen, logged } = clientOf(connection)
    act(client)
    await new Promise(resolve => setImmediate(resolve))
    t.deepEqual(seen, ['fault internal', 'end 1011 internal', 'closed 1011'])
    t.like(logged[0], { 0: 'connection.failed', 1: { connection: 'c1', error: 'SyntaxError' } })
    t.notRegex(JSON.stringify(logged), /private/)
  })
}

test('a handler that fails at its own end, too, is closed all the same', t => {
  const { client, seen } = clientOf({ message: leaking, fault: leaking })
  client.receive(bytes, false)
  t.deepEqual(seen, ['end 1011 internal', 'closed 1011'])
})

test('a handler that fails when its socket is closed is logged, and nothing is thrown', t => {
  const { client, logged } = clientOf({ closed: leaking })
  t.notThrows(() => client.closed(1000, ''))
  t.is(logged.length, 1)
})

test('a write that a drain waits for and that fails ends its own session alone', async t => {
  const ended: string[] = []
  const s = stage({
    pending: async () => leaking(),
    ended: ({ error }) => {
      ended.push(error?.code ?? '')
      return []
    },
  })
  enterPhase.open(s)
  s.session.drain(60_000)
  await new Promise(resolve => setImmediate(resolve))
  t.deepEqual(ended, ['internal'])
  t.is(s.session.phase, 'closed')
})

test('a session whose client takes nothing any more ends once, and tells its last words once', t => {
  let told = 0
  const s = stage({
    ended: () => {
      told += 1
      // As a handler would that does not know that the session is over.
      s.session.deliver('more')
      return ['last words']
    },
  })
  enterPhase.open(s)
  s.told()
  s.buffered.client = 1_000_000
  s.session.deliver('a')
  t.is(told, 1)
  t.deepEqual(s.told(), [
    'client gets a',
    'upstream paused',
    'upstream closed 1000',
    'client gets last words',
    'client closed 1008 client_too_slow',
  ])
})

test('the boundary takes a throw and a rejection, and passes on what a gateway error says', async t => {
  const faults: unknown[] = []
  const owner = { onFault: (fault: unknown) => faults.push(fault) }
  enter(owner, leaking)
  enter(owner, async () => leaking())
  await new Promise(resolve => setImmediate(resolve))
  t.is(faults.length, 2)
  t.deepEqual(describeFault(new GatewayError('draining', 'going')), { error: 'draining: going' })
  t.notRegex(JSON.stringify(faults.map(describeFault)), /private/)
})

test('an HTTP request that fails is answered, and the next one too', async t => {
  const gateway = await gatewayFor(t)
  const answer = await fetch(`${gateway.url}/healthz?%`, { method: 'GET' })
  t.is(answer.status, 200)
  t.is((await fetch(`${gateway.url}/%E0%A4%A`)).status, 404)
})

/** A fault that no connection owns, in a gateway that runs as people run it. */
const planted = (fault: string) => `data:text/javascript,process.once('SIGUSR2', () => { ${fault} })`

for (const [kind, fault] of [
  ['unhandledRejection', 'Promise.reject(new Error(String.fromCharCode(120)))'],
  ['uncaughtException', 'setTimeout(() => { throw new Error(String.fromCharCode(120)) }, 0)'],
] as const) {
  test.serial(`after an ${kind} the process drains for a short time, and exits with 1`, async t => {
    const gateway = await gatewayProcess(t, { DRAIN_DEADLINE_MS: '60000' }, [], ['--import', planted(fault)])
    const talk = await converse(t, `${gateway.socketUrl}/chat`)
    gateway.child.kill('SIGUSR2')
    const notice = (await talk.until('server.draining')).at(-1)
    t.is(notice?.deadline_ms, 5000)
    t.is((await talk.closed).code, 1012)
    t.is((await gateway.exited).code, 1)
    const line = gateway.lines.find(({ event }) => event === 'process.failed')
    t.like(line, { kind, error: 'Error' })
  })
}

test('the delay of the event loop stands in the metrics', async t => {
  const gateway = await gatewayFor(t)
  const text = await (await fetch(`${gateway.url}/metrics`)).text()
  t.regex(text, /^nodejs_eventloop_lag_p99_seconds\{.*\} [0-9.e-]+$/m)
})
