/** Tracing as a whole: off unless a place to send to is configured, and then nothing of OpenTelemetry is loaded. */
import type { Span } from '@opentelemetry/api'
import type { Provider } from '../../core/ports.ts'
import { shutdownSteps } from '../../core/shutdown.ts'
import type { Log, LogEvent } from '../log.ts'
import type { ExportSettings } from './exporters.ts'
import { attributes, providerNames, spanNames } from './names.ts'
import { SessionTrace, type SessionTraceParts, type TracedSession } from './session-trace.ts'
import type { SpanOutcome } from './span-delivery.ts'

export interface TracingSettings extends ExportSettings {
  /** Whether spans tell what was said. */
  readonly content: boolean
}

export interface TracingParts {
  readonly provider: Provider
  /** Host and port of upstream. */
  readonly server: URL
  readonly readType: (frame: Uint8Array) => string | null
  /** Counts spans by what became of them. */
  readonly onSpans: (outcome: SpanOutcome, count: number) => void
}

export interface Tracing {
  /** Makes the spans of a session. */
  readonly follow: (session: TracedSession) => SessionTrace
  /** The same log, whose lines carry `trace_id` where their connection has a trace. */
  readonly log: Log
  /** Sends what waits. @returns resolves when it is sent, or that has taken too long */
  close(): Promise<void>
}

/** Sessions whose trace is known to the log at once; of more, lines carry none. */
const maxTraced = 100_000

/** Starts tracing. Sending never holds anything up: what cannot be sent is dropped. */
export async function startTracing(
  settings: TracingSettings,
  log: Log,
  parts: TracingParts,
): Promise<Tracing> {
  const telemetry = await import('./exporters.ts')
    .then(({ openTelemetry }) => openTelemetry(settings, parts.onSpans))
    .catch(explainMissing)
  const traces = new Map<string, string>()
  const { server, provider, readType } = parts
  const port = Number(server.port) || (server.protocol === 'http:' ? 80 : 443)
  const common: SessionTraceParts = {
    startSpan: telemetry.startSpan,
    below: telemetry.below,
    record: telemetry.record,
    readType,
    content: settings.content,
    common: {
      [attributes.provider]: providerNames[provider],
      [attributes.server]: server.hostname,
      [attributes.serverPort]: port,
    },
    onTrace: (connection, traceId) => {
      if (traceId === null) traces.delete(connection)
      else if (traces.size < maxTraced) traces.set(connection, traceId)
    },
  }
  let drain: Span | null = null
  const follow = (event: LogEvent, fields: Record<string, unknown>) => {
    if (event === 'drain.started')
      drain = telemetry.startSpan(
        spanNames.processDrain,
        { kind: 'internal', attributes: { [attributes.connections]: Number(fields.connections) } },
        telemetry.below(null),
      )
    if (event !== 'drain.completed') return
    drain?.setAttribute(attributes.left, Number(fields.left))
    drain?.end()
  }
  return {
    follow: session => new SessionTrace(session, common),
    log: tracedLog(log, traces, follow),
    close: () => {
      const tooLong = new Promise<void>(resolve => setTimeout(resolve, shutdownSteps.usageMs).unref())
      return Promise.race([telemetry.shutdown(), tooLong])
    },
  }
}

/** The packages of OpenTelemetry are those of the workspace tracing/. @throws Error that says how to get them */
function explainMissing(fault: unknown): never {
  if ((fault as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw fault
  throw new Error(
    'Tracing is on, but its packages are not installed: start with npm start, which installs them, or run node setup.mjs --omit=dev with the same environment; the images have them',
    { cause: fault },
  )
}

function tracedLog(
  log: Log,
  traces: ReadonlyMap<string, string>,
  follow: (event: LogEvent, fields: Record<string, unknown>) => void,
): Log {
  const write =
    (level: keyof Log) =>
    (event: LogEvent, given: object = {}) => {
      const fields = given as Record<string, unknown>
      follow(event, fields)
      const traceId = traces.get(String(fields.connection ?? fields.session_id ?? ''))
      log[level](event, traceId === undefined ? fields : { ...fields, trace_id: traceId })
    }
  return { info: write('info'), warn: write('warn'), error: write('error') }
}
