/** The parts of the gateway, put together before an upstream. Reads as the table of contents. */
import { join } from 'node:path'
import { memoryUsage, pid } from 'node:process'
import { createAccess } from '../access/access.ts'
import type { Admission } from '../access/admission.ts'
import type { Assistant } from '../assistants/assistant.ts'
import type { Assistants } from '../assistants/assistants.ts'
import { createAssistantList } from '../assistants/list-route.ts'
import type { Config } from '../config/config.ts'
import { permitModels } from '../config/models.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { paths } from '../core/contract.ts'
import type { createTypeReader } from '../events/type.ts'
import { reportLoad } from '../observability/load.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import { createRecorder } from '../observability/recording/recorder.ts'
import type { Tracing } from '../observability/tracing/tracing.ts'
import { describeGateway } from '../pages/gateway-info.ts'
import { createHealth, createMetricsPage, createReadiness } from '../pages/health.ts'
import type { GatewayInfo } from '../pages/page-info.ts'
import { loadPages } from '../pages/pages.ts'
import { createUsagePage } from '../pages/usage.ts'
import { ResumeStore } from '../resume/resume-store.ts'
import { Drain } from '../server/drain.ts'
import type { ArrivingRoute, HttpHandler, HttpRoute } from '../server/http.ts'
import { LoopShare } from '../server/loop-share.ts'
import { budgetOf, MemoryBudget, type ToolProcess } from '../server/memory-budget.ts'
import { startServer } from '../server/server.ts'
import { openStore } from '../store/open.ts'
import type { ToolRunner } from '../tools/runner.ts'
import { defaultToolLimits, type ToolOptions } from '../tools/server-tools.ts'
import { createEndpoints } from '../upstream/endpoints.ts'
import type { Target } from '../upstream/target.ts'
import { assembleAccounts } from './accounts.ts'
import type { AssistantTools } from './assistant-tools.ts'
import { crashRoute, processPath } from './crash.ts'
import type { Gateway, GatewayParts, Shared } from './gateway.ts'
import { layersOf } from './layers.ts'
import { publishLoad } from './published-load.ts'
import { warnOfModels } from './retirement-warnings.ts'
import { assembleSessions } from './sessions.ts'
import { assembleSideband, type Sideband } from './sideband.ts'

/** What the assembly begins with. */
export interface Beginning {
  readonly config: Config
  readonly target: Target
  readonly shared: Shared | null
  readonly clock: Pick<Clock, 'now'>
  readonly parts: GatewayParts
  readonly log: Log
  readonly metrics: Metrics
  readonly tracing: Tracing | null
  readonly readType: ReturnType<typeof createTypeReader>
  readonly assistants: Assistants
  readonly tools: AssistantTools
  /** Settles when the tools of all assistants can be called; rejects with what is wrong with them. */
  readonly prepared: Promise<void>
}

const pagesFolder = join(import.meta.dirname, '../../web/dist')

/** Puts the gateway together and has it listen. @throws as `startGateway`; what it had begun has ended then */
export async function assembleGateway({
  config,
  target,
  shared,
  clock,
  parts: { toolsFor, wrapRunner = runner => runner, store: givenStore },
  log,
  metrics,
  tracing,
  readType,
  assistants,
  tools,
  prepared,
}: Beginning): Promise<Gateway> {
  const place = { revision: config.revision, replica: config.replica }
  const drain = new Drain({ ...config.drain, log })
  const endpoints = createEndpoints(config, target, log)
  const sharedStore = config.redis === null ? shared?.store : undefined
  const store = givenStore ?? sharedStore ?? (await openStore(config.redis, log))
  const recorder = config.record && createRecorder({ ...config.record, log })
  const credential = endpoints.list[0].credential
  const accounts = assembleAccounts(config, { store, log, now: systemClock.now })
  const toolsOf = (assistant: Assistant) => toolOptionsOf(assistant, tools, wrapRunner)
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
  await prepared.catch(async fault => {
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
