/** A gateway of several processes on one port, started as a user does. */
import { converse, type Talk } from '../gateway/converse.ts'
import { type GatewayProcess, gatewayProcess, type ProcessLine } from '../gateway/process.ts'
import type { Stage } from '../gateway/start.ts'
import { until } from '../gateway/within.ts'

export interface Several extends GatewayProcess {
  /** Process id of a worker, as it was last started. */
  pidOf(worker: number): number
  /** Resolves when a worker listens that is not the process of this id. */
  replaced(worker: number, pid: number): Promise<ProcessLine>
  /** Opens a socket. @returns which worker took it, and its name in the log */
  converseAt(path: string): Promise<{ talk: Talk; worker: number; connection: unknown }>
}

/** Starts the workers, and waits until all of them listen. */
export async function severalWorkers(
  t: Stage,
  count: number,
  env: Record<string, string> = {},
  args: string[] = [],
): Promise<Several> {
  const gateway = await gatewayProcess(t, { WORKERS: String(count), ...env }, args)
  const started = (worker: number) => (line: ProcessLine) => line.worker === worker
  for (let worker = 1; worker <= count; worker += 1) await gateway.logged('worker.started', started(worker))
  const told = new Set<ProcessLine>()
  return Object.assign(gateway, {
    pidOf: (worker: number) =>
      Number(gateway.lines.findLast(line => line.event === 'worker.started' && line.worker === worker)?.pid),
    replaced: (worker: number, pid: number) =>
      gateway.logged('worker.started', line => line.worker === worker && line.pid !== pid),
    converseAt: async (path: string) => {
      const talk = await converse(t, `${gateway.socketUrl}${path}`, { rejectUnauthorized: false })
      const line = await gateway.logged('client.connected', line => !told.has(line))
      told.add(line)
      return { talk, worker: Number(line.worker), connection: line.connection }
    },
  })
}

/** Waits until none of the processes is there. */
export async function gone(pids: readonly number[]): Promise<void> {
  await until(() => !pids.some(isAlive), `of the processes ${pids} some do not end`)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** A request over a connection of its own, so that the kernel chooses a worker anew. */
export function ask(url: string, init: RequestInit = {}): Promise<Response> {
  return fetch(url, { ...init, headers: { ...init.headers, Connection: 'close' } })
}
