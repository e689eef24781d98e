/**
 * Counters of the process. The hot path adds to plain numbers; prom-client reads them when scraped,
 * as its own labelled counters cost more than relaying a small event does.
 */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { TranscriptionUsage } from '../events/usage.ts'

export interface AssistantVersion {
  readonly name: string
  readonly version: string
}

/** What one process counts. Bytes are payload bytes, without framing. */
export interface Traffic {
  sessionsOpen: number
  /** Reads what is held for sessions (bytes); asked for by a scrape alone. */
  readHeldBytes: () => number
  /** Reads what the processes that run tools take (bytes); asked for by a scrape alone. */
  readToolBytes: () => number
  /** 0: no limit. */
  memoryBudgetBytes: number
  /** Reads which assistants this process serves; asked for by a scrape alone. */
  readAssistants: () => readonly AssistantVersion[]
  sessionsTotal: number
  messagesUp: number
  bytesUp: number
  eventsForwarded: number
  bytesDown: number
  eventsExtracted: number
  upstreamRetries: number
  /** WebRTC calls that ended, and what they used. */
  callSeconds: number
  callInputTokens: number
  callOutputTokens: number
  /** What writing down took, in sessions and calls: tokens or seconds, whichever upstream told. */
  transcriptionSeconds: number
  transcriptionInputTokens: number
  transcriptionOutputTokens: number
  translationSeconds: number
  /** Webhooks that tell of telephone calls, those that are refused included. */
  webhooksReceived: number
  /** Events that the allow-list dropped, by type. */
  readonly dropped: Map<string, number>
  /** Ended connections by reason. */
  readonly ended: Map<string, number>
  /** Upstream sessions, and dials that failed, by deployment. */
  readonly served: Map<string, number>
  readonly failed: Map<string, number>
  /** Refused upgrades and requests, and sessions that were ended, by the limit that was reached. */
  readonly limited: Map<string, number>
  /** Sessions since start by assistant, as `NAME@VERSION`; those without one are not among them. */
  readonly assisted: Map<string, number>
  /** Webhooks that were refused, by why. */
  readonly webhooksRefused: Map<string, number>
  /** Spans by what became of them; none where tracing is off. */
  readonly spans: Map<string, number>
}

export interface Metrics {
  readonly traffic: Traffic
  countDropped(type: string | null): void
  countEnded(reason: string): void
  countServed(deployment: string): void
  countFailed(deployment: string): void
  countLimited(limit: string): void
  countAssisted(assistant: AssistantVersion): void
  countWebhookRefused(reason: string): void
  readonly countSpans: (outcome: string, count: number) => void
  countTranscription(usage: Pick<TranscriptionUsage, 'input' | 'output' | 'seconds'>): void
  /** Prometheus text exposition format. */
  render(): Promise<string>
  /** The same as data, to be added to that of other processes. */
  counts(): Promise<Counts>
}

export type Counts = Awaited<ReturnType<Registry['getMetricsAsJSON']>>

/** How often the event loop's delay is looked at (ms): at the default, 10, that alone is most of what an idle gateway does. */
const eventLoopSampleMs = 50

/** Label values come from upstream: past this many, and where they are longer (characters), they are counted as `other`. */
const maxLabelValues = 128
const maxLabelChars = 128

export function createMetrics(labels: { revision: string; replica: string }): Metrics {
  const registry = new Registry()
  registry.setDefaultLabels(labels)
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: eventLoopSampleMs })
  const traffic: Traffic = {
    sessionsOpen: 0,
    readHeldBytes: () => 0,
    readToolBytes: () => 0,
    memoryBudgetBytes: 0,
    sessionsTotal: 0,
    messagesUp: 0,
    bytesUp: 0,
    eventsForwarded: 0,
    bytesDown: 0,
    eventsExtracted: 0,
    upstreamRetries: 0,
    callSeconds: 0,
    callInputTokens: 0,
    callOutputTokens: 0,
    transcriptionSeconds: 0,
    transcriptionInputTokens: 0,
    transcriptionOutputTokens: 0,
    translationSeconds: 0,
    webhooksReceived: 0,
    dropped: new Map(),
    ended: new Map(),
    served: new Map(),
    failed: new Map(),
    limited: new Map(),
    assisted: new Map(),
    readAssistants: () => [],
    webhooksRefused: new Map(),
    spans: new Map(),
  }
  describe(registry, traffic)
  return {
    traffic,
    countDropped: type => add(traffic.dropped, type ?? 'untyped'),
    countEnded: reason => add(traffic.ended, reason),
    countServed: deployment => add(traffic.served, deployment),
    countFailed: deployment => add(traffic.failed, deployment),
    countLimited: limit => add(traffic.limited, limit),
    countAssisted: ({ name, version }) => add(traffic.assisted, `${name}@${version}`),
    countWebhookRefused: reason => add(traffic.webhooksRefused, reason),
    countSpans: (outcome, count) =>
      void traffic.spans.set(outcome, (traffic.spans.get(outcome) ?? 0) + count),
    countTranscription: ({ input, output, seconds }) => {
      traffic.transcriptionSeconds += seconds
      traffic.transcriptionInputTokens += input
      traffic.transcriptionOutputTokens += output
    },
    render: () => registry.metrics(),
    counts: () => registry.getMetricsAsJSON(),
  }
}

function add(counts: Map<string, number>, label: string): void {
  const known = counts.get(label)
  const isNew = label.length <= maxLabelChars && counts.size < maxLabelValues
  const key = known !== undefined || isNew ? label : 'other'
  counts.set(key, (known ?? counts.get(key) ?? 0) + 1)
}

function describe(registry: Registry, traffic: Traffic): void {
  const registers = [registry]
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  gauge('gateway_sessions', 'Sessions that are open now', () => traffic.sessionsOpen)
  gauge('gateway_held_bytes', 'Bytes that wait for clients and for upstream', () => traffic.readHeldBytes())
  gauge('gateway_tools_resident_bytes', 'Resident memory of the processes that run tools', () =>
    traffic.readToolBytes(),
  )
  gauge(
    'gateway_memory_budget_bytes',
    'Resident memory, with that of tools, above which sessions are ended; 0 is no limit',
    () => traffic.memoryBudgetBytes,
  )
  const counter = (name: string, help: string, read: () => number) =>
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset()
        this.inc(read())
      },
    })
  counter('gateway_sessions_total', 'Sessions since start', () => traffic.sessionsTotal)
  counter('gateway_messages_up_total', 'Messages from clients to upstream', () => traffic.messagesUp)
  counter('gateway_bytes_up_total', 'Payload bytes from clients to upstream', () => traffic.bytesUp)
  counter(
    'gateway_events_forwarded_total',
    'Events from upstream sent to clients',
    () => traffic.eventsForwarded,
  )
  counter('gateway_bytes_down_total', 'Payload bytes sent to clients', () => traffic.bytesDown)
  counter('gateway_events_extracted_total', 'Records extracted from events', () => traffic.eventsExtracted)
  counter('gateway_call_seconds_total', 'Duration of WebRTC calls that ended (s)', () => traffic.callSeconds)
  counter('gateway_call_input_tokens_total', 'Input tokens of WebRTC calls', () => traffic.callInputTokens)
  counter('gateway_call_output_tokens_total', 'Output tokens of WebRTC calls', () => traffic.callOutputTokens)
  counter(
    'gateway_transcription_seconds_total',
    'Sound that was written down by models that are paid by the time (s)',
    () => traffic.transcriptionSeconds,
  )
  counter(
    'gateway_transcription_input_tokens_total',
    'Input tokens of models that write down what is said',
    () => traffic.transcriptionInputTokens,
  )
  counter(
    'gateway_transcription_output_tokens_total',
    'Output tokens of models that write down what is said',
    () => traffic.transcriptionOutputTokens,
  )
  counter(
    'gateway_translation_seconds_total',
    'Duration of translations that ended (s)',
    () => traffic.translationSeconds,
  )
  counter(
    'gateway_webhooks_received_total',
    'Webhooks that tell of telephone calls, those that are refused included',
    () => traffic.webhooksReceived,
  )
  counter(
    'gateway_upstream_retries_total',
    'Upstream dials that were tried again',
    () => traffic.upstreamRetries,
  )
  labelled(
    registry,
    'gateway_events_dropped_total',
    'Events that the allow-list dropped',
    'type',
    traffic.dropped,
  )
  labelled(
    registry,
    'gateway_connections_ended_total',
    'Ended connections by reason',
    'reason',
    traffic.ended,
  )
  labelled(
    registry,
    'gateway_upstream_sessions_total',
    'Upstream sessions by the deployment that serves them',
    'deployment',
    traffic.served,
  )
  labelled(
    registry,
    'gateway_upstream_failures_total',
    'Upstream dials that failed, by deployment',
    'deployment',
    traffic.failed,
  )
  labelled(
    registry,
    'gateway_limits_reached_total',
    'Refusals and ends by the limit that was reached',
    'limit',
    traffic.limited,
  )
  labelled(
    registry,
    'gateway_webhooks_refused_total',
    'Webhooks that were refused, by what is wrong with their signature or by the code of the error',
    'reason',
    traffic.webhooksRefused,
  )
  labelled(
    registry,
    'gateway_spans_total',
    'Spans of tracing: sent, failed to be sent, or dropped as too many were waiting',
    'outcome',
    traffic.spans,
  )
  describeAssistants(registry, traffic)
}

const assistantLabels = ['assistant', 'version'] as const

function describeAssistants(registry: Registry, traffic: Traffic): void {
  new Gauge({
    name: 'gateway_assistant_info',
    help: 'Assistants that are served, with their versions; always 1',
    labelNames: assistantLabels,
    registers: [registry],
    aggregator: 'max',
    collect() {
      this.reset()
      for (const { name, version } of traffic.readAssistants()) this.set({ assistant: name, version }, 1)
    },
  })
  new Counter({
    name: 'gateway_assistant_sessions_total',
    help: 'Sessions since start by assistant and version',
    labelNames: assistantLabels,
    registers: [registry],
    collect() {
      this.reset()
      for (const [key, count] of traffic.assisted) {
        const [assistant = key, version = ''] = key.split('@')
        this.inc({ assistant, version }, count)
      }
    },
  })
}

function labelled(
  registry: Registry,
  name: string,
  help: string,
  label: string,
  counts: Map<string, number>,
): void {
  new Counter({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.reset()
      for (const [value, count] of counts) this.inc({ [label]: value }, count)
    },
  })
}
