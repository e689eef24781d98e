/**
 * The embedded stand-in for the Realtime API: faithful on the wire, and good for a conversation without a cloud.
 * Written here, as neither vendor offers one, and mocks answer single requests where this API holds sessions.
 */
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Script } from './model/script.ts'
import type { Recording } from './replay/recording.ts'
import { SimulatorState } from './state.ts'
import { type Ringing, type RingOptions, ring } from './telephone/ring.ts'
import { createHttpTransport } from './transport/http.ts'
import { closeTimeoutMs, createUpgradeTransport } from './transport/upgrade.ts'

const defaultRate = 4
const defaultLifetimeSec = 3600
const seedRange = 2 ** 31

export interface SimulatorOptions {
  /** Default 127.0.0.1. */
  host?: string
  /** Default 0: any free one. */
  port?: number
  /** PEM texts; with them the simulator speaks https and wss. */
  tls?: { key: string; cert: string }
  /** Ids, obfuscation and voice are the same for one seed, by order of sessions. Default: random. */
  seed?: number
  /** Audio pace: times faster than real time. Default 4. */
  rate?: number
  /** Default 3600. */
  sessionLifetimeSec?: number
  /** Whether faults may be asked for. Default false. */
  faults?: boolean
  /** Played to every client in place of a session. */
  replay?: Recording
  /** Answers of a test's, for one conversation; when they are over, the scripted model's rules answer. */
  script?: Script
}

export interface Simulator {
  /** Base address, without a path: `http://127.0.0.1:PORT`. */
  readonly url: string
  /** Makes a telephone call come in. */
  ring(options?: RingOptions): Ringing
  /**
   * Ends all sessions and stops to listen. A connection that is still there after five seconds is cut: its client sent no
   * request, or only a part of one, or does not end its side. Safe to call twice.
   */
  close(): Promise<void>
}

/**
 * Starts a simulator of the Realtime API, in the forms of OpenAI and of Azure OpenAI (GA and preview).
 *
 * @returns when it listens
 * @throws the error of `listen`, for example when the port is taken
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { host = '127.0.0.1', port = 0, tls } = options
  const simulator = new SimulatorState({
    seed: options.seed ?? Math.floor(Math.random() * seedRange),
    rate: options.rate ?? defaultRate,
    sessionLifetimeSec: options.sessionLifetimeSec ?? defaultLifetimeSec,
    faults: options.faults ?? false,
    recording: options.replay ?? null,
    script: options.script ?? null,
  })
  const http = createHttpTransport(simulator)
  const upgrades = createUpgradeTransport(simulator)
  const server: Server = tls === undefined ? createServer(http) : createTlsServer(tls, http)
  server.on('upgrade', upgrades.handle)
  const connections = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    connections.add(socket)
    socket.once('close', () => connections.delete(socket))
  })
  await listening(server, host, port)
  let closing: Promise<void> | null = null
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${shownHost(host)}:${portOf(server)}`,
    ring: options => ring(simulator, options),
    close: () => {
      closing ??= new Promise(resolve => {
        const cut = setTimeout(() => {
          for (const socket of connections) socket.destroy()
        }, closeTimeoutMs)
        server.close(() => {
          clearTimeout(cut)
          resolve()
        })
        simulator.close()
        upgrades.close()
        server.closeIdleConnections()
      })
      return closing
    },
  }
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

function shownHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}
