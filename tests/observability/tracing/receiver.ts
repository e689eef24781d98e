/** A collector on loopback: what it is sent by OTLP over HTTP can be asked for. */
import { serveHttp } from '../../gateway/http-server.ts'
import type { Stage } from '../../gateway/start.ts'
import { patienceMs, within } from '../../gateway/within.ts'

export interface ReceivedSpan {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly links: readonly { readonly traceId: string; readonly spanId: string; readonly why: unknown }[]
  readonly attributes: Readonly<Record<string, unknown>>
  readonly events: readonly {
    readonly name: string
    readonly attributes: Readonly<Record<string, unknown>>
  }[]
  readonly failed: boolean
}

export interface OtlpReceiver {
  /** As `OTEL_EXPORTER_OTLP_ENDPOINT` takes it. */
  readonly url: string
  readonly spans: readonly ReceivedSpan[]
  /** Names of metrics with the attributes of their points. */
  readonly metrics: ReadonlyMap<string, readonly Readonly<Record<string, unknown>>[]>
  /** All that came, as text. */
  text(): string
  /** Resolves with the spans that fit, when there are as many. */
  until(count: number, fits: (span: ReceivedSpan) => boolean): Promise<ReceivedSpan[]>
}

interface Pair {
  readonly key: string
  readonly value: Readonly<Record<string, unknown>> & {
    readonly arrayValue?: { readonly values: Pair['value'][] }
  }
}

const readValue = ({ arrayValue, ...value }: Pair['value']): unknown =>
  arrayValue === undefined ? Object.values(value)[0] : arrayValue.values.map(readValue)

const attributesOf = (pairs: readonly Pair[] = []) =>
  Object.fromEntries(pairs.map(({ key, value }) => [key, readValue(value)]))

export async function startOtlpReceiver(t: Stage): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = []
  const metrics = new Map<string, Record<string, unknown>[]>()
  const texts: string[] = []
  const waiting = new Set<() => void>()
  const url = await serveHttp(t, async (request, response) => {
    const text = Buffer.concat(await request.toArray()).toString()
    texts.push(text)
    const body = JSON.parse(text)
    for (const { scopeSpans } of body.resourceSpans ?? [])
      for (const scope of scopeSpans) for (const span of scope.spans) spans.push(readSpan(span))
    for (const { scopeMetrics } of body.resourceMetrics ?? [])
      for (const scope of scopeMetrics)
        for (const { name, histogram } of scope.metrics)
          metrics.set(
            name,
            (histogram?.dataPoints ?? []).map((point: { attributes: Pair[] }) =>
              attributesOf(point.attributes),
            ),
          )
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    for (const look of [...waiting]) look()
  })
  return {
    url,
    spans,
    metrics,
    text: () => texts.join('\n'),
    until: (count, fits) => {
      const found = new Promise<ReceivedSpan[]>(resolve => {
        const look = () => {
          const fitting = spans.filter(fits)
          if (fitting.length < count) return
          waiting.delete(look)
          resolve(fitting)
        }
        waiting.add(look)
        look()
      })
      return within(found, patienceMs, `the collector gets no ${count} such spans`)
    },
  }
}

// biome-ignore lint/suspicious/noExplicitAny: OTLP as it came
function readSpan(span: any): ReceivedSpan {
  return {
    name: span.name,
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId ?? '',
    links: (span.links ?? []).map((link: { traceId: string; spanId: string; attributes: Pair[] }) => ({
      traceId: link.traceId,
      spanId: link.spanId,
      why: attributesOf(link.attributes)['gateway.link'],
    })),
    attributes: attributesOf(span.attributes),
    events: (span.events ?? []).map((event: { name: string; attributes: Pair[] }) => ({
      name: event.name,
      attributes: attributesOf(event.attributes),
    })),
    failed: span.status?.code === 2,
  }
}
