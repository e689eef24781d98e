/** The gateway as a whole, put together from its parts. Reads as the table of contents. */
import { join } from 'node:path'
import { memoryUsage, pid } from 'node:process'
import { createAccess } from '../access/access.ts'
import type { Admission } from '../access/admission.ts'
import type { Assistant } from '../assistants/assistant.ts'
import { Assistants } from '../assistants/assistants.ts'
import { createAssistantList } from '../assistants/list-route.ts'
import { type Config, ConfigError } from '../config/config.ts'
import { permitModels } from '../config/models.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { paths } from '../core/contract.ts'
import { createTypeReader } from '../events/type.ts'
import { reportLoad } from '../observability/load.ts'
import type { Log } from '../observability/log.ts'
import { createMetrics, type Metrics } from '../observability/metrics.ts'
import { createRecorder } from '../observability/recording/recorder.ts'
import type { TracingSettings } from '../observability/tracing/tracing.ts'
import { describeGateway } from '../pages/gateway-info.ts'
import { createHealth, createMetricsPage, createReadiness } from '../pages/health.ts'
import type { GatewayInfo } from '../pages/page-info.ts'
import { loadPages } from '../pages/pages.ts'
import { createUsagePage } from '../pages/usage.ts'
import { ResumeStore } from '../resume/resume-store.ts'
import { Drain } from '../server/drain.ts'
import type { Context } from '../server/handler.ts'
import type { ArrivingRoute, HttpHandler, HttpRoute } from '../server/http.ts'
import { LoopShare } from '../server/loop-share.ts'
import { budgetOf, MemoryBudget, type ToolProcess } from '../server/memory-budget.ts'
import { startServer } from '../server/server.ts'
import { openStore } from '../store/open.ts'
import type { Store } from '../store/store.ts'
import type { ToolRunner } from '../tools/runner.ts'
import { defaultToolLimits, type ToolOptions } from '../tools/server-tools.ts'
import { drainReserveMs } from '../tools/tool-limits.ts'
import { createEndpoints } from '../upstream/endpoints.ts'
import { simulatorTarget, type Target } from '../upstream/target.ts'
import { assembleAccounts } from './accounts.ts'
import { AssistantTools } from './assistant-tools.ts'
import { type CrashControl, crashRoute, processPath } from './crash.ts'
import { startEmbeddedSimulator } from './embedded-simulator.ts'
import { layersOf } from './layers.ts'
import { publishLoad } from './published-load.ts'
import { warnOfModels } from './retirement-warnings.ts'
import { assembleSessions } from './sessions.ts'
import { assembleSideband, type Sideband } from './sideband.ts'

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

const pagesFolder = join(import.meta.dirname, '../../web/dist')

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
  { toolsFor, wrapRunner = runner => runner, store: givenStore }: GatewayParts,
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
  const drain = new Drain({ ...config.drain, log })
  const endpoints = createEndpoints(config, target, log)
  const sharedStore = config.redis === null ? shared?.store : undefined
  const store = givenStore ?? sharedStore ?? (await openStore(config.redis, log))
  const recorder = config.record && createRecorder({ ...config.record, log })
  const credential = endpoints.list[0].credential
  const accounts = assembleAccounts(config, { store, log, now: systemClock.now })
  const tools = new AssistantTools({
    folder: config.assistants.folder,
    memoryBytes: config.toolsMemoryBytes,
    longestTimeoutMs: Math.max(0, config.drain.deadlineMs - drainReserveMs),
    readVariable: config.readVariable,
    log,
    clock: systemClock,
  })
  const toolsOf = (assistant: Assistant) => toolOptionsOf(assistant, tools, wrapRunner)
  const assistants = openAssistants(config, log, metrics, tools)
  const toolProcesses = {
    count: assistants.all.filter(assistant => assistant.tools.length > 0).length,
    read: () => tools.processes,
  }
  const memory = createBudget(config, shared, toolProcesses, metrics, log)
  const access = createAccess({
    config: config.access,
    store,
    log,
    metrics,
    checkAssistant: (name, principal) => void assistants.choose(name, principal),
    accounts: accounts.parts,
    ...systemClock,
  })
  const { quota, ephemeralKeys, callBudgets } = access
  const resumes = new ResumeStore({ store, quota, log, maxHeldBytes: config.limits.upstreamBufferBytes })
  const permit = permitModels(config.models, target.provider, new Date(clock.now()))
  const sideband = assembleSideband(config, {
    target,
    permit,
    credential,
    store,
    quota,
    ephemeralKeys,
    callBudgets,
    accounts: accounts.parts,
    assistants,
    limits: config.limits,
    log,
    metrics,
    readType,
    follow: tracing?.follow,
    refusal: () => drain.refusal() ?? memory.refusal(),
    drain,
    toolsOf,
  })
  const unready = () =>
    drain.phase === 'serving'
      ? (memory.unavailable() ?? endpoints.unready() ?? store.unavailable())
      : 'draining'
  const retirements = warnOfModels(config, { target, credential, log, clock })
  const crash = shared?.crash
  const usagePage = {
    currency: config.usage.pricing.list.currency,
    operators: config.usage.operators,
    operatorRole: config.usage.operatorRole,
    now: systemClock.now,
  }
  const api = new Map<string, HttpRoute>([
    ...sideband.http,
    [paths.ticket, { POST: access.ticket }],
    [paths.assistants, createAssistantList(assistants)],
    [paths.usage, { GET: createUsagePage({ ...usagePage, ledger: accounts.ledger }) }],
    ...(crash === undefined ? [] : [[processPath, crashRoute(crash)] as const]),
  ])
  const pages = createPages(describeGateway(config, target, permit, api), {
    health: createHealth(place, () => drain.phase),
    readiness: createReadiness(place, unready, retirements.warnings, () => assistants.version),
    metrics: createMetricsPage(metrics),
  })
  const closeParts = async () => {
    retirements.stop()
    endpoints.stop()
    memory.stop()
    assistants.close()
    await tools.close()
    await sideband.close()
    await Promise.all([accounts.close(), tracing?.close()])
    await store.close()
    await recorder?.close()
  }
  // Nobody is served before the tools are there, and a fault of theirs ends the start.
  await tools.prepare(assistants.all).catch(async fault => {
    await closeParts()
    throw fault
  })
  const server = await startServer({
    host: config.host,
    port: config.port,
    sharesPort: shared !== null,
    tls: config.tls,
    ...config.limits,
    maxClientBufferBytes: maxClientBufferBytes(config),
    http: new Map([
      ...access.admission.http(
        new Map([...pages, ...api]),
        path => pages.has(path) && path !== paths.metrics,
      ),
      ...webhookRoute(access.admission, sideband),
    ]),
    sockets: new Map([
      ...assembleSessions(config, {
        target,
        endpoints,
        ephemeralKeys,
        permit,
        joinCall: sideband.joinCall,
        assistants,
        log,
        metrics,
        readType,
        record: recorder?.record,
        follow: tracing?.follow,
        resumes,
        toolsFor,
        toolsOf,
      }),
      ...sideband.sockets,
    ]),
    layers: layersOf({
      loopShare: new LoopShare({ turnMs: config.clientTurnMs, ...systemClock }),
      drain,
      memory,
      admission: access.admission,
      resumes,
      metrics,
      named: crash?.connections,
    }),
    upgradeHeaders: { 'X-Gateway-Revision': place.revision, 'X-Gateway-Replica': place.replica },
    log,
  }).catch(async fault => {
    await closeParts()
    throw fault
  })
  const url = `${config.tls ? 'https' : 'http'}://${config.host.includes(':') ? `[${config.host}]` : config.host}:${server.port}`
  log.info('server.listening', {
    url,
    port: server.port,
    provider: target.provider,
    deployments: target.deployments,
  })
  const stopReporting = reportLoad(log, metrics.traffic)
  const stopPublishing =
    config.scaleSessionsPerReplica === 0
      ? () => undefined
      : publishLoad({
          store,
          traffic: metrics.traffic,
          log,
          sessionsPerReplica: config.scaleSessionsPerReplica,
          processes: shared?.processes ?? 1,
          group: config.revision,
          member: `${config.replica}:${pid}`,
        })
  return {
    url,
    port: server.port,
    stopListening: () => server.stopListening(),
    drain: async withinMs => {
      stopPublishing()
      await drain.begin(withinMs)
      server.stopListening()
    },
    close: async () => {
      stopReporting()
      stopPublishing()
      server.close()
      await closeParts()
    },
  }
}

/** What runs the tools of an assistant, and how often. */
function toolOptionsOf(
  assistant: Assistant,
  tools: AssistantTools,
  wrapRunner: (runner: ToolRunner) => ToolRunner,
): ToolOptions | null {
  const runner = tools.runnerOf(assistant)
  if (runner === null) return null
  const { toolCallsPerMinute, toolRounds } = assistant.limits
  return {
    runner: wrapRunner(runner),
    limits: {
      callsPerMinute: toolCallsPerMinute ?? defaultToolLimits.callsPerMinute,
      rounds: toolRounds ?? defaultToolLimits.rounds,
    },
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

function webhookRoute(admission: Admission, { webhook }: Sideband): [path: string, route: ArrivingRoute][] {
  return webhook === null ? [] : [[paths.webhook, { POST: admission.signed(webhook) }]]
}

/** @param tools how many processes of tools there are at the start, and those that there are now */
function createBudget(
  config: Config,
  shared: Shared | null,
  tools: { readonly count: number; readonly read: () => readonly ToolProcess[] },
  metrics: Metrics,
  log: Log,
): MemoryBudget {
  const residentBytes = () => memoryUsage.rss()
  const processes = shared?.processes ?? 1
  const budgetBytes = budgetOf(config.memoryBudgetBytes, processes, residentBytes(), tools.count)
  const heapBytes = () => {
    const { heapTotal, external } = memoryUsage()
    return heapTotal + external
  }
  const toolProcesses = tools.read
  const memory = new MemoryBudget({
    ...{ budgetBytes, residentBytes, heapBytes, toolProcesses },
    ...{ log, ...systemClock },
  })
  metrics.traffic.memoryBudgetBytes = budgetBytes
  metrics.traffic.readToolBytes = () =>
    toolProcesses().reduce((sum, { residentBytes }) => sum + residentBytes, 0)
  metrics.traffic.readHeldBytes = () => memory.heldBytes()
  return memory
}

/** Room above the session's own bound, which ends a client by name (bytes). */
const nativeBufferRoom = 1024 * 1024

/** Above what a session lets wait: its bound, and what was under way when upstream was paused. */
function maxClientBufferBytes({ limits }: Config): number {
  return limits.clientBufferBytes + 2 * limits.maxMessageBytes + nativeBufferRoom
}

function createPages(
  info: GatewayInfo,
  { health, readiness, metrics }: Record<'health' | 'readiness' | 'metrics', HttpHandler>,
) {
  return loadPages(pagesFolder, info)
    .set(paths.health, { GET: health })
    .set(paths.ready, { GET: readiness })
    .set(paths.metrics, { GET: metrics })
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
