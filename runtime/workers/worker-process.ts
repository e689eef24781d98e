/** One process of a worker, from its fork to its exit, as the supervisor sees it. */
import type { ChildProcess } from 'node:child_process'
import { type RpcMethods, RpcPeer } from './rpc-peer.ts'

export interface WorkerExit {
  /** null after a signal, and for a process that the system could not start. */
  readonly code: number | null
  readonly signal: string | null
  /** Since it listened; 0 when it never did. */
  readonly servedMs: number
}

export interface WorkerProcess {
  readonly pid: number | undefined
  /** Where it listens. Rejects when it ends before. */
  readonly listening: Promise<string>
  readonly exited: Promise<WorkerExit>
  ask(what: string, withinMs: number, ...given: unknown[]): Promise<unknown>
  /** Ends it at once. Safe to call twice. */
  kill(): void
}

/** @param answers what the worker may ask; that it listens is heard here */
export function followProcess(child: ChildProcess, answers: RpcMethods): WorkerProcess {
  let listensAt: number | null = null
  const listening = Promise.withResolvers<string>()
  const peer = new RpcPeer(child, {
    ...answers,
    listening: (url: string) => {
      listensAt ??= performance.now()
      listening.resolve(url)
    },
  })
  const exited = new Promise<WorkerExit>(resolve => {
    const ended = (code: number | null, signal: string | null) => {
      listening.reject(new Error(`ended with ${signal ?? `code ${code}`} before it listened`))
      const servedMs = listensAt === null ? 0 : Math.round(performance.now() - listensAt)
      resolve({ code, signal, servedMs })
    }
    child.once('exit', ended)
    // Without a pid the system could not start it, for want of memory or processes, and no exit follows.
    child.on('error', () => child.pid === undefined && ended(null, null))
  })
  return {
    pid: child.pid,
    listening: listening.promise,
    exited,
    ask: (what, withinMs, ...given) => peer.call(what, given, withinMs),
    kill: () => void child.kill('SIGKILL'),
  }
}
