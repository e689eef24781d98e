/** OpenTelemetry itself. This file alone imports its packages, and is itself imported only where tracing is on. */
import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  trace,
} from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  MeterProvider,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics'
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace'
import { attributes, durationBuckets, metricNames, tokenBuckets } from './names.ts'
import type { Recorded, SpanOptions } from './session-trace.ts'
import { boundDelivery, type SpanOutcome } from './span-delivery.ts'

/** Where telemetry goes, and what it says of this process. */
export interface ExportSettings {
  /** OTLP over HTTP; null: not there. */
  readonly otlp: { readonly endpoint: URL; readonly headers: Readonly<Record<string, string>> } | null
  /** Azure Monitor; null: not there. */
  readonly azure: AzureSettings | null
  readonly serviceName: string
  readonly revision: string
  readonly replica: string
}

export interface AzureSettings {
  readonly connectionString: string
  /** Authenticates with Entra ID beside the connection string; null: the connection string alone. */
  readonly entra: { readonly clientId: string | undefined } | null
}

/** Spans that wait to be sent, or are being sent, at once; of more, new ones are dropped. */
const maxQueuedSpans = 2048

/** A span is sent after this (ms): a process that is killed loses no more. */
const spanDelayMs = 1000

/** Whoever does not answer within this is tried no more with what was sent (ms). */
const exportTimeoutMs = 10_000

const metricIntervalMs = 60_000

export interface Telemetry {
  readonly startSpan: (name: string, options: SpanOptions, parent: Context) => Span
  readonly below: (parent: SpanContext | null) => Context
  readonly record: Recorded
  /** Sends what waits. @returns resolves, and never rejects, when that is over */
  shutdown(): Promise<void>
}

const kinds = { client: SpanKind.CLIENT, server: SpanKind.SERVER, internal: SpanKind.INTERNAL } as const

/** @param onSpans counts spans by what became of them */
export async function openTelemetry(
  settings: ExportSettings,
  onSpans: (outcome: SpanOutcome, count: number) => void,
): Promise<Telemetry> {
  const resource = resourceFromAttributes({
    'service.name': settings.serviceName,
    'service.instance.id': settings.replica,
    [attributes.revision]: settings.revision,
    [attributes.replica]: settings.replica,
  })
  const exporters = await createExporters(settings)
  const tracerProvider = new TracerProvider({
    resource,
    spanProcessors: exporters.map(({ spans }) =>
      boundDelivery(
        spans,
        { maxWaiting: maxQueuedSpans, timeoutMs: exportTimeoutMs, onOutcome: onSpans },
        exporter =>
          new BatchSpanProcessor({
            exporter,
            maxQueueSize: maxQueuedSpans,
            scheduledDelayMillis: spanDelayMs,
            exportTimeoutMillis: exportTimeoutMs,
          }),
      ),
    ),
  })
  const meterProvider = new MeterProvider({
    resource,
    readers: exporters.map(
      ({ metrics }) =>
        new PeriodicExportingMetricReader({
          exporter: metrics,
          exportIntervalMillis: metricIntervalMs,
          exportTimeoutMillis: exportTimeoutMs,
        }),
    ),
  })
  const tracer = tracerProvider.getTracer(settings.serviceName)
  return {
    startSpan: (name, { kind, ...options }, parent) =>
      tracer.startSpan(name, { ...options, kind: kinds[kind] }, parent),
    below: parent => (parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent)),
    record: createRecorded(meterProvider, settings.serviceName),
    shutdown: async () => {
      await Promise.allSettled([tracerProvider.shutdown(), meterProvider.shutdown()])
    },
  }
}

interface Exporters {
  readonly spans: SpanExporter
  readonly metrics: PushMetricExporter
}

async function createExporters({ otlp, azure }: ExportSettings): Promise<Exporters[]> {
  return [
    ...(otlp === null ? [] : [await createOtlp(otlp)]),
    ...(azure === null ? [] : [await createAzure(azure)]),
  ]
}

async function createOtlp({ endpoint, headers }: NonNullable<ExportSettings['otlp']>): Promise<Exporters> {
  const [{ OTLPTraceExporter }, { OTLPMetricExporter }] = await Promise.all([
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/exporter-metrics-otlp-http'),
  ])
  const base = endpoint.href.replace(/\/$/, '')
  const to = (signal: string) => ({
    url: `${base}/v1/${signal}`,
    headers: { ...headers },
    timeoutMillis: exportTimeoutMs,
  })
  return { spans: new OTLPTraceExporter(to('traces')), metrics: new OTLPMetricExporter(to('metrics')) }
}

async function createAzure({ connectionString, entra }: AzureSettings): Promise<Exporters> {
  const { AzureMonitorTraceExporter, AzureMonitorMetricExporter } = await import(
    '@azure/monitor-opentelemetry-exporter'
  )
  const credential = entra === null ? undefined : await createCredential(entra.clientId)
  // What cannot be sent is dropped: nothing is written to a disk.
  const options = {
    connectionString,
    disableOfflineStorage: true,
    ...(credential !== undefined && { credential }),
  }
  return {
    spans: new AzureMonitorTraceExporter(options) as unknown as SpanExporter,
    metrics: new AzureMonitorMetricExporter(options) as unknown as PushMetricExporter,
  }
}

/** The identity needs the role Monitoring Metrics Publisher on the component. */
async function createCredential(clientId: string | undefined) {
  const { DefaultAzureCredential, ManagedIdentityCredential } = await import('@azure/identity')
  return clientId === undefined ? new DefaultAzureCredential() : new ManagedIdentityCredential({ clientId })
}

function createRecorded(provider: MeterProvider, name: string): Recorded {
  const meter = provider.getMeter(name)
  const histogram = (metric: string, unit: string, buckets: number[]) =>
    meter.createHistogram(metric, { unit, advice: { explicitBucketBoundaries: buckets } })
  const tokens = histogram(metricNames.tokens, '{token}', tokenBuckets)
  const duration = histogram(metricNames.duration, 's', durationBuckets)
  const firstChunk = histogram(metricNames.firstChunk, 's', durationBuckets)
  const tool = histogram(metricNames.tool, 's', durationBuckets)
  return {
    tokens: (count, type, of: Attributes) => tokens.record(count, { ...of, [attributes.tokenType]: type }),
    duration: (seconds, of) => duration.record(seconds, of),
    firstChunk: (seconds, of) => firstChunk.record(seconds, of),
    tool: (seconds, of) => tool.record(seconds, of),
  }
}
