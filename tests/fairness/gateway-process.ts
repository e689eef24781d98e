/** A gateway in a process of its own, as `runtime/main.ts` starts one, that tells what it holds in memory. */
import { setTimeout as rest } from 'node:timers/promises'
import { readConfig } from '../../runtime/config/config.ts'
import { maxHeaderBytes } from '../../runtime/core/contract.ts'
import type { Log } from '../../runtime/observability/log.ts'
import { answerCommands } from '../bench/command.ts'

export interface Held {
  /** After a collection (bytes). */
  readonly heap: number
  readonly external: number
  readonly resident: number
}

// Read by uWebSockets.js when it is loaded.
process.env.UWS_HTTP_MAX_HEADERS_SIZE ??= String(maxHeaderBytes)
const { startGateway } = await import('../../runtime/gateway/gateway.ts')

/** Connections that the gateway ended itself since this was last asked for, by code and reason. */
let ends: Record<string, number> = {}
const note = (event: string, fields: object = {}) => {
  if (event !== 'connection.closed') return
  const { by, code, reason } = fields as { by: string; code: number; reason: string }
  if (by === 'client') return
  const end = `${code} ${reason}`
  ends[end] = (ends[end] ?? 0) + 1
}
const log: Log = { info: note, warn: note, error: note }
const gateway = await startGateway(readConfig(process.env), log)

/** Between two collections (ms): what a finalizer lets go of, the second one frees. */
const settleMs = 20

async function held(): Promise<Held> {
  const { gc } = globalThis
  if (gc === undefined) throw new Error('start this process with --expose-gc')
  gc()
  await rest(settleMs)
  gc()
  const { heapUsed, external, rss } = process.memoryUsage()
  return { heap: heapUsed, external, resident: rss }
}

answerCommands({
  url: async () => gateway.url,
  held,
  ends: async () => {
    const told = ends
    ends = {}
    return told
  },
})
