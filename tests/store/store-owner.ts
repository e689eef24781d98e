/** A process that owns a store in memory, as a supervisor does; a test is its worker. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import type { Store } from '../../runtime/store/store.ts'
import { answerFrom, createSupervisedStore } from '../../runtime/store/supervised.ts'
import { answerMs, Link } from '../../runtime/workers/link.ts'
import type { Stage } from '../gateway/start.ts'

const self = fileURLToPath(import.meta.url)

export interface StoreOwner {
  readonly child: ChildProcess
  readonly link: Link
  readonly store: Store
}

/** Starts the process; it is killed when the test ends. */
export function storeOwner(t: Stage, options: { maxEntries?: number } = {}): StoreOwner {
  const child = fork(self, [JSON.stringify(options)], { execArgv: [] })
  t.teardown(() => child.kill('SIGKILL'))
  const link = new Link(child, {})
  // The first answer waits for the process to start.
  const started = link.ask('started', [], 30_000)
  started.catch(() => undefined)
  const store = createSupervisedStore({
    ask: async (operation, given) => {
      await started
      return link.ask('store', [operation, ...given], answerMs)
    },
    isConnected: () => link.connected,
  })
  return { child, link, store }
}

if (process.argv[1] === self && process.send !== undefined)
  new Link(process, {
    started: () => null,
    store: answerFrom(createMemoryStore(JSON.parse(process.argv[2] ?? '{}'))),
  })
