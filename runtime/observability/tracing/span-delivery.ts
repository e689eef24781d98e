/** Spans on their way to where they are sent: bounded, with the sending that is under way, and counted. */
import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace'

/** What became of a span. `dropped`: too many were waiting. */
export type SpanOutcome = 'sent' | 'failed' | 'dropped'

export interface SpanDeliveryOptions {
  /** Spans that wait, those that are being sent included; of more, new ones are dropped. */
  readonly maxWaiting: number
  /** An exporter that has not answered by then has failed (ms). */
  readonly timeoutMs: number
  readonly onOutcome: (outcome: SpanOutcome, count: number) => void
}

/** `ExportResultCode.SUCCESS` of OpenTelemetry. */
const success = 0

/** `TraceFlags.SAMPLED` of OpenTelemetry: a span without it is sent nowhere. */
const sampled = 1

/**
 * Bounds what waits for an exporter.
 * @param batch makes the processor that sends in batches, before the exporter that it is given
 */
export function boundDelivery(
  exporter: SpanExporter,
  { maxWaiting, timeoutMs, onOutcome }: SpanDeliveryOptions,
  batch: (exporter: SpanExporter) => SpanProcessor,
): SpanProcessor {
  let waiting = 0
  const settle = (count: number, outcome: SpanOutcome) => {
    waiting -= count
    onOutcome(outcome, count)
  }
  const counted: SpanExporter = {
    // Some exporters answer twice, and some never.
    export: (spans: ReadableSpan[], done) => {
      let isOver = false
      const once = (outcome: SpanOutcome) => {
        if (isOver) return
        isOver = true
        clearTimeout(timer)
        settle(spans.length, outcome)
      }
      const timer = setTimeout(() => once('failed'), timeoutMs).unref()
      exporter.export(spans, result => {
        const isFirst = !isOver
        once(result.code === success ? 'sent' : 'failed')
        if (isFirst) done(result)
      })
    },
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  }
  const inner = batch(counted)
  return {
    onStart: (span, context) => inner.onStart(span, context),
    onEnd: span => {
      if ((span.spanContext().traceFlags & sampled) === 0) return
      if (waiting >= maxWaiting) return onOutcome('dropped', 1)
      waiting += 1
      inner.onEnd(span)
    },
    forceFlush: () => inner.forceFlush(),
    shutdown: () => inner.shutdown(),
  }
}
