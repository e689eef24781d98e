/** A process that owns a store in memory, as a supervisor does; a test is its worker. */
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createIpcStore, serveStore } from '../../runtime/store/ipc.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import type { Store } from '../../runtime/store/store.ts'
import { RpcPeer } from '../../runtime/workers/rpc-peer.ts'
import { forkChild } from '../gateway/child.ts'
import type { Stage } from '../gateway/start.ts'

const self = fileURLToPath(import.meta.url)

/** A process that is started, or that shares a core with many, may answer late: only a hung one takes this long (ms). */
const patienceMs = 300_000

export interface StoreOwner {
  readonly child: ChildProcess
  readonly link: RpcPeer
  /** Waits long for an answer. */
  readonly store: Store
  /** The same, asked by somebody who waits this long (ms). */
  within(answerMs: number): Store
}

/** Starts the process; it is killed when the test ends. */
export function storeOwner(t: Stage, options: { maxEntries?: number } = {}): StoreOwner {
  const child = forkChild(t, self, [JSON.stringify(options)])
  const link = new RpcPeer(child, {})
  const within = (answerMs: number) =>
    createIpcStore({
      ask: (operation, given) => link.call('store', [operation, ...given], answerMs),
      isConnected: () => link.connected,
    })
  return { child, link, store: within(patienceMs), within }
}

if (process.argv[1] === self && process.send !== undefined)
  new RpcPeer(process, {
    store: serveStore(createMemoryStore(JSON.parse(process.argv[2] ?? '{}'))),
  })
