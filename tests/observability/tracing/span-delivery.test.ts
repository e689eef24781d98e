/** What waits for a place that spans are sent to is bounded, and what became of each span is counted. */

import { BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace'
import test from 'ava'
import { boundDelivery } from '../../../runtime/observability/tracing/span-delivery.ts'
import { until as waitUntil } from '../../gateway/within.ts'

type Done = Parameters<SpanExporter['export']>[1]

function stage(timeoutMs = 60_000) {
  const counts = { sent: 0, failed: 0, dropped: 0 }
  const exports: { readonly size: number; readonly done: Done }[] = []
  const exporter: SpanExporter = {
    export: (spans, done) => void exports.push({ size: spans.length, done }),
    shutdown: async () => undefined,
  }
  const onOutcome = (outcome: keyof typeof counts, count: number) => {
    counts[outcome] += count
  }
  const processor = boundDelivery(exporter, { maxWaiting: 20, timeoutMs, onOutcome }, counted => {
    return new BatchSpanProcessor({
      exporter: counted,
      maxQueueSize: 20,
      maxExportBatchSize: 10,
      scheduledDelayMillis: 1,
    })
  })
  const tracer = new TracerProvider({ spanProcessors: [processor] }).getTracer('t')
  const end = (count: number) => {
    for (let spans = 0; spans < count; spans += 1) tracer.startSpan('s').end()
  }
  const until = (fits: () => boolean) => waitUntil(fits, 'the spans do not come')
  return { counts, exports, end, until }
}

test('a place that never answers: so many wait, with those that are being sent, and every other is dropped', async t => {
  const { counts, exports, end, until } = stage()
  end(15)
  await until(() => exports.length > 0)
  end(1000)
  t.deepEqual(counts, { sent: 0, failed: 0, dropped: 995 })
})

test('what is sent, and what fails, makes room; an answer that comes twice counts once', async t => {
  const { counts, exports, end, until } = stage()
  end(20)
  await until(() => exports.length === 1)
  exports[0]?.done({ code: 0 })
  exports[0]?.done({ code: 0 })
  await until(() => exports.length === 2)
  exports[1]?.done({ code: 1 })
  await until(() => counts.failed > 0)
  t.deepEqual(counts, { sent: 10, failed: 10, dropped: 0 })
  end(20)
  t.is(counts.dropped, 0)
})

test('a place that does not answer in time has failed, and makes room', async t => {
  const { counts, exports, end, until } = stage(20)
  end(10)
  await until(() => exports.length === 1)
  await until(() => counts.failed === 10)
  exports[0]?.done({ code: 0 })
  t.deepEqual(counts, { sent: 0, failed: 10, dropped: 0 })
})
