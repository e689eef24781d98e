/** Several gateways on one port: starts them, replaces one that ends, holds what they share, ends them together. */
import type { ChildProcess } from 'node:child_process'
import type { Config } from '../config/config.ts'
import { workerKillMs } from '../core/shutdown.ts'
import { startEmbeddedSimulator } from '../gateway/embedded-simulator.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import { serveStore } from '../store/ipc.ts'
import { createMemoryStore } from '../store/memory.ts'
import { MetricsAggregator } from './metrics-aggregator.ts'
import { reservePort } from './port.ts'
import { responseMs } from './rpc-peer.ts'
import { Slot } from './slot.ts'
import type { Assignment } from './worker.ts'
import { WorkerLeases } from './worker-leases.ts'

export interface SupervisorOptions {
  readonly config: Config
  /** How many workers. */
  readonly count: number
  readonly log: Log
  /** Starts this program as a worker, with a line to it (IPC). @param number from 1 */
  readonly fork: (number: number) => ChildProcess
  /** A worker ends again and again as soon as it comes; the others still serve. */
  readonly onGivenUp: (fault: Error) => void
}

export interface Supervisor {
  readonly url: string
  /**
   * Ends every session of every worker in good order.
   * @param withinMs ends them sooner than the configured deadline (ms)
   * @throws Error when a worker failed at that
   */
  drain(withinMs?: number): Promise<void>
  /** Ends every worker at once, and what they shared. */
  close(): Promise<void>
}

/**
 * Starts the workers: the first alone, so that what stops it is told once, then the others together.
 * @throws Error when the port is taken, a worker ends before it listens, or there is neither an upstream nor a simulator
 */
export async function startSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  const { config, count, log, fork, onGivenUp } = options
  const reserved = await reservePort(config.host, config.port)
  const simulator = config.target === null ? await startEmbeddedSimulator(config.simulator) : null
  const store = createMemoryStore()
  const assignment: Assignment = { port: reserved.port, simulatorUrl: simulator?.url ?? '', count }
  const answers = {
    assignment: () => assignment,
    metrics: () => figures.render(),
    ...(simulator !== null && {
      findProcess: (connection: string) => findHolder(slots, connection).then(slot => slot?.pid ?? null),
      crashProcess: (connection: string) => crashHolder(slots, connection),
    }),
  }
  const numbers = Array.from({ length: count }, (_, index) => index + 1)
  const slots = numbers.map(number => {
    const leases = new WorkerLeases(store)
    const onEnded = (ended: number) => {
      figures.ended(ended)
      void leases.release()
    }
    const own = { ...answers, store: serveStore(leases.store) }
    return new Slot({ number, fork, answers: own, log, onGivenUp, onEnded })
  })
  const figures = createFigures(slots, { revision: config.revision, replica: config.replica })
  const close = async () => {
    for (const slot of slots) slot.kill()
    await simulator?.close()
    await store.close()
  }
  try {
    const [first, ...others] = slots
    const url = (await first?.start()) ?? ''
    reserved.release()
    await Promise.all(others.map(slot => slot.start()))
    return {
      url,
      drain: within => drainAll(slots, Math.min(within ?? Infinity, config.drain.deadlineMs)),
      close,
    }
  } catch (fault) {
    reserved.release()
    await close()
    throw fault
  }
}

async function drainAll(slots: readonly Slot[], deadlineMs: number): Promise<void> {
  const drained = await Promise.all(slots.map(slot => slot.drain(deadlineMs, deadlineMs + workerKillMs)))
  const failed = slots.filter((_, index) => !drained[index]).map(slot => slot.number)
  if (failed.length > 0) throw new Error(`Workers that did not end in good order: ${failed.join(', ')}`)
}

/** The worker that has a connection of that name. */
async function findHolder(slots: readonly Slot[], connection: string): Promise<Slot | undefined> {
  const held = await Promise.all(slots.map(slot => slot.holds(connection, responseMs)))
  return slots.find((_, index) => held[index])
}

/** The answer goes out through a worker, which may be the one that is ended (ms). */
const crashAfterMs = 50

/** Ends the process that has a connection, right after the answer. @returns its pid; null where none has it */
async function crashHolder(slots: readonly Slot[], connection: string): Promise<number | null> {
  const slot = await findHolder(slots, connection)
  const pid = slot?.pid ?? null
  if (slot !== undefined && pid !== null) setTimeout(() => slot.crash(pid), crashAfterMs)
  return pid
}

/** The figures of all workers, asked for anew at each scrape. */
function createFigures(
  slots: readonly Slot[],
  labels: Record<string, string>,
): Pick<Metrics, 'render'> & { ended(number: number): void } {
  const aggregator = new MetricsAggregator()
  let replaced = 0
  return {
    ended: number => {
      replaced += 1
      aggregator.retire(number)
    },
    render: async () => {
      const silent = new Set<number>()
      const serving = slots.filter(slot => slot.isServing)
      const tell = async (slot: Slot) => {
        const counts = await slot.counts(responseMs).catch(() => null)
        if (counts === null) silent.add(slot.number)
        // A process that ended meanwhile has been retired, and must not come back.
        else if (slot.isServing) aggregator.note(slot.number, counts)
      }
      await Promise.all(serving.map(tell))
      const now = { answered: serving.length - silent.size, silent: silent.size, replaced }
      return aggregator.render(silent, labels, now)
    },
  }
}
