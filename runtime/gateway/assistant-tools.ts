/** The tools of each assistant: its process, and its MCP servers, from the start of its version until nobody uses it. */
import { relative } from 'node:path'
import { type Assistant, assistantFile, hasServerTools } from '../assistants/assistant.ts'
import { type AssistantFault, AssistantsError } from '../assistants/faults.ts'
import { findMigrationFaults } from '../assistants/state-migration.ts'
import type { Clock } from '../core/clock.ts'
import { describeFault, enter, type FaultOwner } from '../core/fault-boundary.ts'
import type { Log } from '../observability/log.ts'
import type { ToolProcess } from '../server/memory-budget.ts'
import { combineRunners } from '../tools/combined-runners.ts'
import type { ToolRunner } from '../tools/runner.ts'
import { startToolHost, ToolHostError } from '../tools/tool-host.ts'

export interface AssistantToolsOptions {
  /** Folder of all assistants, as it is named in faults. */
  readonly folder: string
  /** Resident memory of one process (bytes). */
  readonly memoryBytes: number
  /** Longest that a tool may take (ms). */
  readonly longestTimeoutMs: number
  /** Reads a variable of the environment; undefined for one that is not set, and for the gateway's own settings. */
  readonly readVariable: (name: string) => string | undefined
  readonly log: Log
  readonly clock: Clock
}

/** Processes that are started at once. */
const startedAtOnce = 4

/** Sessions that began with a version which was replaced may call its tools for so long (ms). */
const replacedMs = 30 * 60_000

/** One version of one assistant. */
interface Version {
  readonly runner: ToolRunner
  /** Of its tools; null where all are those of MCP servers. */
  readonly process: ToolProcess | null
  /** Cancels its end; null while it is current. */
  cancelEnd: (() => void) | null
}

export class AssistantTools implements FaultOwner {
  readonly #options: AssistantToolsOptions
  readonly #versions = new Map<string, Version>()
  #preparing: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(options: AssistantToolsOptions) {
    this.#options = options
  }

  /** Finds what runs the tools of an assistant; null where it has none. */
  runnerOf(assistant: Assistant): ToolRunner | null {
    return this.#versions.get(keyOf(assistant))?.runner ?? null
  }

  /** The processes that run tools now. */
  get processes(): readonly ToolProcess[] {
    return [...this.#versions.values()].flatMap(({ process }) => process ?? [])
  }

  /**
   * Starts what the assistants need and is not there yet. What none of them needs any more ends half an hour later.
   * @throws AssistantsError with every tool and every `migrate.ts` that cannot be used; nothing has changed then
   */
  prepare(assistants: readonly Assistant[]): Promise<void> {
    // One after the other: two would start the same version twice.
    const prepared = this.#preparing.then(() => this.#prepare(assistants))
    this.#preparing = prepared.catch(() => undefined)
    return prepared
  }

  async #prepare(assistants: readonly Assistant[]): Promise<void> {
    const wanted = new Set(assistants.map(keyOf))
    const missing = assistants.filter(
      assistant => hasServerTools(assistant) && !this.#versions.has(keyOf(assistant)),
    )
    const started = new Map<string, Pick<Version, 'runner' | 'process'>>()
    const faults: AssistantFault[] = []
    const waiting = [...missing]
    const startNext = async (): Promise<void> => {
      const assistant = waiting.shift()
      if (assistant === undefined) return
      try {
        started.set(keyOf(assistant), await this.#start(assistant))
      } catch (fault) {
        faults.push(...this.#faultsOf(assistant, fault))
      }
      return startNext()
    }
    const [ofMigrations] = await Promise.all([
      findMigrationFaults(assistants),
      ...Array.from({ length: startedAtOnce }, startNext),
    ])
    faults.push(...ofMigrations)
    if (faults.length > 0 || this.#isClosed) {
      await Promise.all([...started.values()].map(({ runner }) => runner.close()))
      if (faults.length > 0) throw new AssistantsError(this.#options.folder, faults)
      return
    }
    for (const [key, parts] of started) this.#versions.set(key, { ...parts, cancelEnd: null })
    for (const [key, version] of this.#versions) this.#plan(key, version, wanted.has(key))
  }

  /** Ends all processes and connections; calls that run are interrupted. Safe to call twice. */
  async close(): Promise<void> {
    this.#isClosed = true
    const versions = [...this.#versions.values()]
    this.#versions.clear()
    for (const { cancelEnd } of versions) cancelEnd?.()
    await Promise.all(versions.map(({ runner }) => runner.close()))
  }

  onFault(fault: unknown): void {
    this.#options.log.error('tool.host.failed', describeFault(fault))
  }

  async #start(assistant: Assistant): Promise<Pick<Version, 'runner' | 'process'>> {
    const { name, version, folder, tools, mcp } = assistant
    const { memoryBytes, longestTimeoutMs, log, clock } = this.#options
    const env = this.#environmentOf(assistant)
    const common = { assistant: name, log, clock }
    const host = { ...common, version, folder, tools, env, memoryBytes, longestTimeoutMs }
    const process = tools.length === 0 ? null : await startToolHost(host)
    const runners = process === null ? [] : [process]
    if (mcp.length === 0) return { process, runner: combineRunners(runners) }
    // The client of MCP is a tenth of what a start loads, and few assistants have servers.
    const { startMcpServer } = await import('../tools/mcp-server.ts')
    const servers = await Promise.all(mcp.map(server => startMcpServer({ ...common, ...server })))
    return { process, runner: combineRunners([...runners, ...servers]) }
  }

  /** @throws AssistantsError for a variable that is not there */
  #environmentOf({ name, env }: Assistant): Record<string, string> {
    const found = env.map(variable => [variable, this.#options.readVariable(variable)] as const)
    const faults = found.flatMap(([variable, value], at) => {
      const message = `env[${at}] is "${variable}", which is not set in the gateway's environment, or is a setting of its own`
      return value === undefined ? [{ file: `${name}/${assistantFile}`, line: null, message }] : []
    })
    if (faults.length > 0) throw new AssistantsError(this.#options.folder, faults)
    return Object.fromEntries(found) as Record<string, string>
  }

  #faultsOf({ name, folder }: Assistant, fault: unknown): readonly AssistantFault[] {
    if (fault instanceof AssistantsError) return fault.faults
    if (!(fault instanceof ToolHostError)) throw fault
    return fault.faults.map(({ file, message }) => {
      const below = relative(folder, file)
      return { file: below === '' ? name : `${name}/${below}`, line: null, message }
    })
  }

  #plan(key: string, version: Version, isWanted: boolean): void {
    if (isWanted) {
      version.cancelEnd?.()
      version.cancelEnd = null
      return
    }
    version.cancelEnd ??= this.#options.clock.after(replacedMs, () => {
      this.#versions.delete(key)
      enter(this, () => version.runner.close())
    })
  }
}

function keyOf({ name, version }: Pick<Assistant, 'name' | 'version'>): string {
  return `${name}@${version}`
}
