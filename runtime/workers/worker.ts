/** A gateway that is one of several on its port: what they share, it asks of the supervisor. */
import type { Config } from '../config/config.ts'
import { type CrashControl, NamedConnections } from '../gateway/crash.ts'
import type { Gateway, Shared } from '../gateway/gateway.ts'
import type { Log } from '../observability/log.ts'
import { createMetrics } from '../observability/metrics.ts'
import { createIpcStore } from '../store/ipc.ts'
import { type Channel, RpcPeer, responseMs, startMs } from './rpc-peer.ts'

export interface WorkerOptions {
  readonly config: Config
  readonly log: Log
  /** The line to the supervisor. */
  readonly line: Channel
  readonly startGateway: (config: Config, log: Log, shared: Shared) => Promise<Gateway>
  /** All workers are to drain. */
  readonly onDrain: (withinMs: number) => void
  /** The supervisor is gone; another one may want the port. */
  readonly onOrphaned: () => void
}

/** What a worker is told to begin with. */
export interface Assignment {
  readonly port: number
  /** Of the embedded simulator; '' where there is a real upstream. */
  readonly simulatorUrl: string
  /** How many workers there are. */
  readonly count: number
}

/** Workers are asked in their turn before the sum is made (ms). */
const metricsMs = 2 * responseMs

/**
 * Starts a gateway as a worker.
 * @throws Error when the supervisor is gone, or the gateway cannot start
 */
export async function startWorker(options: WorkerOptions): Promise<Gateway> {
  const { config, log, line, startGateway, onDrain, onOrphaned } = options
  const own = createMetrics({ revision: config.revision, replica: config.replica })
  const connections = new NamedConnections()
  const peer = new RpcPeer(line, {
    counts: () => own.counts(),
    holds: (name: string) => connections.has(name),
    alive: () => null,
    drain: onDrain,
  })
  line.on('disconnect', onOrphaned)
  const { port, simulatorUrl, count } = (await peer.call('assignment', [], startMs)) as Assignment
  const store = createIpcStore({
    ask: (operation, given) => peer.call('store', [operation, ...given], responseMs),
    isConnected: () => peer.connected,
  })
  const metrics = { ...own, render: async () => String(await peer.call('metrics', [], metricsMs)) }
  const gateway = await startGateway({ ...config, port }, log, {
    store,
    simulatorUrl,
    metrics,
    processes: count,
    ...(simulatorUrl !== '' && { crash: createCrashControl(peer, connections) }),
  })
  await peer.call('listening', [gateway.url], startMs)
  return gateway
}

/** The supervisor has to ask every worker before it answers (ms). */
const findMs = 2 * responseMs

function createCrashControl(peer: RpcPeer, connections: NamedConnections): CrashControl {
  return {
    connections,
    find: async name => pidOf(await peer.call('findProcess', [name], findMs)),
    crash: async name => pidOf(await peer.call('crashProcess', [name], findMs)),
  }
}

function pidOf(answer: unknown): number | null {
  return typeof answer === 'number' ? answer : null
}
