/**
 * A gateway in a process of its own, as `runtime/main.ts` starts one, that tells of its memory, its faults and the ends
 * of its connections. With `FUZZ_STORE=odd`, its store answers as it is told to.
 */
import { setTimeout as rest } from 'node:timers/promises'
import { readConfig } from '../../runtime/config/config.ts'
import { maxHeaderBytes } from '../../runtime/core/contract.ts'
import type { Log } from '../../runtime/observability/log.ts'
import { answerCommands } from '../bench/command.ts'
import { createOddStore, type StoreAnswers } from './odd-store.ts'

/** What happened since it was last asked for. */
export interface Happened {
  /** Log lines that say that the gateway's own code failed. */
  readonly faults: readonly string[]
  /** Close codes that the gateway chose or passed on. */
  readonly codes: readonly number[]
}

// Read by uWebSockets.js when it is loaded.
process.env.UWS_HTTP_MAX_HEADERS_SIZE ??= String(maxHeaderBytes)
const { startGateway } = await import('../../runtime/gateway/gateway.ts')
const { createMetrics } = await import('../../runtime/observability/metrics.ts')

let faults: string[] = []
let codes: number[] = []
const note = (event: string, fields: object = {}) => {
  if (event === 'connection.failed' || event === 'process.failed')
    faults.push(`${event} ${JSON.stringify(fields)}`)
  const { by, code } = fields as { by?: string; code?: number }
  if (event === 'connection.closed' && by !== 'client' && code !== undefined) codes.push(code)
}
const log: Log = { info: note, warn: note, error: note }
process.on('uncaughtException', fault => faults.push(`uncaught ${fault.stack}`))
process.on('unhandledRejection', fault =>
  faults.push(`unhandled ${fault instanceof Error ? fault.stack : fault}`),
)

const odd = createOddStore()
const shared =
  process.env.FUZZ_STORE === 'odd'
    ? {
        store: odd.store,
        simulatorUrl: String(process.env.FUZZ_SIMULATOR),
        metrics: createMetrics({ revision: 'local', replica: 'local' }),
        processes: 1,
      }
    : null
const gateway = await startGateway(readConfig(process.env), log, shared)

/** Between two collections (ms): what a finalizer lets go of, the second one frees. */
const settleMs = 20

answerCommands({
  url: async () => gateway.url,
  /** Heap and external memory after a collection (bytes). */
  held: async () => {
    globalThis.gc?.()
    await rest(settleMs)
    globalThis.gc?.()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  },
  happened: async (): Promise<Happened> => {
    const told = { faults, codes }
    faults = []
    codes = []
    return told
  },
  answerStore: async (answers: StoreAnswers) => odd.answer(answers),
})
