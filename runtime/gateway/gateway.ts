/** The gateway as a whole: its assistants and their tools, then all other parts, which `assembly.ts` puts together. */
import type { Assistant } from '../assistants/assistant.ts'
import { Assistants } from '../assistants/assistants.ts'
import { type Config, ConfigError } from '../config/config.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { createTypeReader } from '../events/type.ts'
import type { Log } from '../observability/log.ts'
import { createMetrics, type Metrics } from '../observability/metrics.ts'
import type { TracingSettings } from '../observability/tracing/tracing.ts'
import type { Context } from '../server/handler.ts'
import type { Store } from '../store/store.ts'
import type { ToolRunner } from '../tools/runner.ts'
import type { ToolOptions } from '../tools/server-tools.ts'
import { drainReserveMs } from '../tools/tool-limits.ts'
import { simulatorTarget, type Target } from '../upstream/target.ts'
import { AssistantTools } from './assistant-tools.ts'
import type { CrashControl } from './crash.ts'
import { startEmbeddedSimulator } from './embedded-simulator.ts'

export interface Gateway {
  /** Where it listens, for example `http://127.0.0.1:8080`. */
  readonly url: string
  readonly port: number
  /** Takes no new connections; open ones go on. Safe to call twice. */
  stopListening(): void
  /** Ends every session in good order; the process may exit when it resolves. @param withinMs at the latest (ms) */
  drain(withinMs?: number): Promise<void>
  /** Ends everything at once. */
  close(): Promise<void>
}

/** What the processes on one port have in common; a process that is alone has each for itself. */
export interface Shared {
  /** Used where there is no Redis. */
  readonly store: Store
  /** The embedded simulator: a call that one process makes, another must meet there. */
  readonly simulatorUrl: string
  /** Counts for this process, renders for all. */
  readonly metrics: Metrics
  /** How many processes share the machine's memory. */
  readonly processes: number
  /** Before the embedded simulator: pages may end the process of their own conversation. */
  readonly crash?: CrashControl
}

/** What whoever starts a gateway gives it in place of its own. */
export interface GatewayParts {
  /** Finds the tools that run on the server for a connection; null where none do. */
  readonly toolsFor?: (context: Context) => ToolOptions | null
  /** Wraps what runs the tools of an assistant. */
  readonly wrapRunner?: (runner: ToolRunner) => ToolRunner
  /** Used whatever the configuration says; this gateway closes it. */
  readonly store?: Store
  /** A simulator that runs already, where the configuration has no upstream; whoever started it ends it. */
  readonly simulatorUrl?: string
}

/**
 * Starts a gateway.
 * @param shared what it shares with other processes on its port; null: it is alone there
 * @param clock says what day it is, for the warnings of retirements
 * @param parts that are otherwise made of the configuration
 * @throws Error when a named file is missing, the address cannot be listened on, or there is neither an upstream nor
 * a simulator
 */
export async function startGateway(
  config: Config,
  log: Log,
  shared: Shared | null = null,
  clock: Pick<Clock, 'now'> = systemClock,
  parts: GatewayParts = {},
): Promise<Gateway> {
  const { models } = config.simulator
  if (config.target !== null) return startBefore(config.target, config, log, shared, clock, parts)
  const simulatorUrl = parts.simulatorUrl ?? shared?.simulatorUrl
  if (simulatorUrl !== undefined)
    return startBefore(simulatorTarget(simulatorUrl, models), config, log, shared, clock, parts)
  const simulator = await startEmbeddedSimulator(config.simulator)
  try {
    const target = simulatorTarget(simulator.url, models)
    const gateway = await startBefore(target, config, log, null, clock, parts)
    const close = () => gateway.close().then(() => simulator.close())
    return { ...gateway, close }
  } catch (fault) {
    await simulator.close()
    throw fault
  }
}

/** Starts the gateway before an upstream that is there already. */
async function startBefore(
  target: Target,
  config: Config,
  untracedLog: Log,
  shared: Shared | null,
  clock: Pick<Clock, 'now'>,
  parts: GatewayParts,
): Promise<Gateway> {
  const readType = createTypeReader()
  const place = { revision: config.revision, replica: config.replica }
  const metrics = shared?.metrics ?? createMetrics(place)
  const tracing =
    config.tracing === null
      ? null
      : await import('../observability/tracing/tracing.ts').then(({ startTracing }) =>
          startTracing(config.tracing as TracingSettings, untracedLog, {
            provider: target.provider,
            server: target.baseUrl,
            readType,
            onSpans: metrics.countSpans,
          }),
        )
  const log = tracing?.log ?? untracedLog
  const tools = new AssistantTools({
    folder: config.assistants.folder,
    memoryBytes: config.toolsMemoryBytes,
    longestTimeoutMs: Math.max(0, config.drain.deadlineMs - drainReserveMs),
    readVariable: config.readVariable,
    log,
    clock: systemClock,
  })
  const assistants = openAssistants(config, log, metrics, tools)
  // The processes of tools begin while this one loads the rest. A fault of theirs is thrown where they are awaited.
  const prepared = tools.prepare(assistants.all)
  prepared.catch(() => undefined)
  try {
    const { assembleGateway } = await import('./assembly.ts')
    return await assembleGateway({
      ...{ config, target, shared, clock, parts, log, metrics, tracing, readType },
      ...{ assistants, tools, prepared },
    })
  } catch (fault) {
    assistants.close()
    await tools.close()
    throw fault
  }
}

/** @throws AssistantsError with everything that is wrong with any of them; ConfigError for calls to one that is not there */
function openAssistants(config: Config, log: Log, metrics: Metrics, tools: AssistantTools): Assistants {
  const { isWatched, ...options } = config.assistants
  const prepare = (all: readonly Assistant[]) => tools.prepare(all)
  const assistants = new Assistants({ ...options, models: config.models.choice, prepare, log })
  checkCallRules(config.calls, assistants)
  if (isWatched) assistants.watch()
  metrics.traffic.readAssistants = () => assistants.all
  return assistants
}

function checkCallRules({ rules }: Config['calls'], assistants: Assistants): void {
  const names = assistants.all.map(({ name }) => `"${name}"`).join(', ')
  const faults = rules.flatMap(({ policy }) =>
    policy.kind === 'assistant' && assistants.find(policy.name) === null
      ? [`CALLS_POLICY: there is no assistant "${policy.name}"; there are ${names}`]
      : [],
  )
  if (faults.length > 0) throw new ConfigError(faults)
}
