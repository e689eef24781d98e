/** Tool hosts for tests, and calls as a conversation makes them. */
import { join } from 'node:path'
import type { Log, LogEvent } from '../../runtime/observability/log.ts'
import type { ConversationState, ToolCall, ToolResult } from '../../runtime/tools/runner.ts'
import { startToolHost, type ToolHost, type ToolHostOptions } from '../../runtime/tools/tool-host.ts'
import type { Stage } from '../gateway/start.ts'
import { patienceMs, within } from '../gateway/within.ts'

/** An assistant whose tools do what no tool should. */
export const unruly = join(import.meta.dirname, 'unruly')

export const mebibyte = 1024 * 1024

export interface LogLine {
  readonly level: string
  readonly event: LogEvent
  readonly [field: string]: unknown
}

/** A log that keeps its lines, and lets a test wait for one. */
export function keepLog() {
  const lines: LogLine[] = []
  const waiting = new Set<() => void>()
  const write =
    (level: string) =>
    (event: LogEvent, fields: object = {}) => {
      lines.push({ ...fields, level, event })
      for (const look of [...waiting]) look()
    }
  const log: Log = { info: write('info'), warn: write('warn'), error: write('error') }
  const logged = (event: LogEvent, count = 1) => {
    const line = new Promise<LogLine>(resolve => {
      const look = () => {
        const found = lines.filter(line => line.event === event)[count - 1]
        if (found === undefined) return
        waiting.delete(look)
        resolve(found)
      }
      waiting.add(look)
      look()
    })
    return within(line, patienceMs, `${event} is not logged ${count} times`)
  }
  return { lines, log, logged }
}

export interface StartedHost {
  readonly host: ToolHost
  readonly lines: readonly LogLine[]
  /** Resolves with a line of the log, as soon as there are so many of its event. */
  logged(event: LogEvent, count?: number): Promise<LogLine>
}

/** Starts a host that is closed with the test. */
export async function hostFor(
  t: Stage,
  tools: readonly string[],
  options: Partial<ToolHostOptions> = {},
): Promise<StartedHost> {
  const { lines, log, logged } = keepLog()
  // A host alone does not keep its process from ending, while it starts and ends either.
  const holding = setInterval(() => undefined, 60_000)
  const host = await startToolHost({
    assistant: 'unruly',
    version: 'v1',
    folder: unruly,
    tools,
    env: {},
    memoryBytes: 256 * mebibyte,
    longestTimeoutMs: 20_000,
    log,
    ...options,
  })
  t.teardown(() => host.close().finally(() => clearInterval(holding)))
  return { host, lines, logged }
}

/** A call, with what a test says about it. */
export function callOf(
  name: string,
  args: object | string = {},
  given: Partial<ToolCall> = {},
): ToolCall & { readonly emitted: { name: string; data: unknown }[] } {
  const emitted: { name: string; data: unknown }[] = []
  return {
    name,
    arguments: typeof args === 'string' ? args : JSON.stringify(args),
    idempotencyKey: 'call_1',
    caller: 'key:test',
    state: {},
    emit: (event, data) => void emitted.push({ name: event, data }),
    signal: new AbortController().signal,
    ...given,
    emitted,
  }
}

/** What a conversation does with a result: the newest state, with the call's changes. */
export async function commit(result: ToolResult, newest: ConversationState): Promise<ConversationState> {
  if (result.kind !== 'done' || result.update === null) return newest
  return result.update(newest)
}
