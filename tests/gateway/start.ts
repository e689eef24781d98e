/** Starts what the tests talk to: gateways in this process, and upstreams that do as they are told. */
import { type WebSocket, WebSocketServer } from 'ws'
import { readConfig } from '../../runtime/config/config.ts'
import { type Gateway, type GatewayParts, type Shared, startGateway } from '../../runtime/gateway/gateway.ts'
import type { Log, LogEvent } from '../../runtime/observability/log.ts'
import { createMetrics } from '../../runtime/observability/metrics.ts'
import { startSimulator } from '../../runtime/simulator/server.ts'
import type { Store } from '../../runtime/store/store.ts'
import { freePort } from './free-port.ts'
import { patienceMs, within } from './within.ts'

/** What ends when a test, or a file, does. ava's own context is one. */
export interface Stage {
  teardown(run: () => unknown): void
}

export interface LogLine {
  level: 'info' | 'warn' | 'error'
  event: LogEvent
  fields: Record<string, unknown>
}

export interface TestGateway extends Gateway {
  /** `ws:` or `wss:` form of `url`. */
  readonly socketUrl: string
  readonly lines: LogLine[]
  /** Resolves with the first line that fits, past or future. */
  logged(event: LogEvent, fits?: (fields: Record<string, unknown>) => boolean): Promise<LogLine>
}

/** Starts a gateway on a free loopback port; it is closed when the test ends. @param clock the system's by default */
export function gatewayFor(
  t: Stage,
  env: Record<string, string> = {},
  clock?: { now: () => number },
  parts: GatewayParts = {},
): Promise<TestGateway> {
  return startFor(t, env, null, clock, parts)
}

/** Starts a gateway on a store of the test's, as a worker has its supervisor's. */
export async function gatewayOn(
  t: Stage,
  store: Store,
  env: Record<string, string> = {},
  parts: GatewayParts = {},
): Promise<TestGateway> {
  const simulator = await startSimulator({})
  t.teardown(() => simulator.close())
  const metrics = createMetrics({ revision: 'local', replica: 'local' })
  const shared = { store, simulatorUrl: simulator.url, metrics, processes: 1 }
  return startFor(t, { PORT: String(await freePort()), ...env }, shared, undefined, parts)
}

/** Assistants whose tools take a process are for tests that talk with them; there are none in this folder. */
const plainEnv = {
  PORT: '0',
  SIMULATOR_RATE: '200',
  DRAIN_LAME_DUCK_MS: '0',
  ASSISTANTS_DIR: import.meta.dirname,
}

async function startFor(
  t: Stage,
  env: Record<string, string>,
  shared: Shared | null,
  clock?: { now: () => number },
  parts: GatewayParts = {},
): Promise<TestGateway> {
  const lines: LogLine[] = []
  const waiting = new Set<() => void>()
  const write =
    (level: LogLine['level']) =>
    (event: LogEvent, fields: object = {}) => {
      lines.push({ level, event, fields: { ...fields } })
      for (const look of [...waiting]) look()
    }
  const log: Log = { info: write('info'), warn: write('warn'), error: write('error') }
  const gateway = await startGateway(readConfig({ ...plainEnv, ...env }), log, shared, clock, parts)
  t.teardown(() => gateway.close())
  return {
    ...gateway,
    socketUrl: gateway.url.replace(/^http/, 'ws'),
    lines,
    logged: (event, fits = () => true) => {
      const line = new Promise<LogLine>(resolve => {
        const look = () => {
          const line = lines.find(line => line.event === event && fits(line.fields))
          if (line === undefined) return
          waiting.delete(look)
          resolve(line)
        }
        waiting.add(look)
        look()
      })
      return within(line, patienceMs, `the gateway logs no such ${event}`)
    },
  }
}

export interface FakeUpstream {
  /** Settings that make a gateway use this upstream. */
  readonly env: Record<string, string>
  readonly port: number
  /** The next session that is dialled. */
  session(): Promise<FakeSession>
  /** How many upgrades were asked for. */
  readonly dials: number
}

export interface FakeSession {
  readonly socket: WebSocket
  readonly url: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** The next message of the gateway: text as it came. */
  next(): Promise<{ text: string; isBinary: boolean }>
  send(event: object | string): void
}

export interface FakeUpstreamOptions {
  /** Refuses an upgrade by status; the number counts from 1. */
  refuse?: (dial: number) => { status: number; headers?: Record<string, string>; body?: string } | null
  /** Sent right after the upgrade; default a `session.created`. null sends nothing. */
  greeting?: object | string | null
}

/** Starts an upstream whose every word the test speaks itself. */
export async function fakeUpstream(t: Stage, options: FakeUpstreamOptions = {}): Promise<FakeUpstream> {
  let dials = 0
  const sessions = mailbox<FakeSession>('the gateway dials no session')
  const server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    verifyClient: (_info, answer) => {
      dials += 1
      const refusal = options.refuse?.(dials) ?? null
      if (refusal === null) answer(true)
      else answer(false, refusal.status, refusal.body ?? '', refusal.headers)
    },
  })
  await new Promise(resolve => server.once('listening', resolve))
  t.teardown(() => {
    for (const socket of server.clients) socket.terminate()
    server.close()
  })
  server.on('connection', (socket, request) => {
    const messages = mailbox<{ text: string; isBinary: boolean }>('upstream gets no message')
    socket.on('message', (data, isBinary) => messages.put({ text: data.toString(), isBinary }))
    socket.on('error', () => undefined)
    const send = (event: object | string) =>
      socket.send(typeof event === 'string' ? event : JSON.stringify(event))
    const greeting =
      options.greeting === undefined ? { type: 'session.created', session: {} } : options.greeting
    if (greeting !== null) send(greeting)
    sessions.put({ socket, url: request.url ?? '', headers: request.headers, next: messages.take, send })
  })
  const { port } = server.address() as { port: number }
  return {
    env: { AZURE_OPENAI_ENDPOINT: `http://127.0.0.1:${port}`, AZURE_OPENAI_API_KEY: 'a-test-key' },
    port,
    session: sessions.take,
    get dials() {
      return dials
    },
  }
}

/**
 * Keeps what arrives until it is asked for, in order.
 * @param otherwise what did not happen where nothing arrives: `the client gets nothing`
 */
export function mailbox<T>(otherwise: string): { put(value: T): void; take(): Promise<T> } {
  const values: T[] = []
  const takers: ((value: T) => void)[] = []
  return {
    put: value => {
      const taker = takers.shift()
      if (taker === undefined) values.push(value)
      else taker(value)
    },
    take: () => {
      const value = values.shift()
      if (value !== undefined) return Promise.resolve(value)
      const { promise, resolve } = Promise.withResolvers<T>()
      takers.push(resolve)
      return within(promise, patienceMs, otherwise)
    },
  }
}
