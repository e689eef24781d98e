/** What a session's spans say of what upstream sends. */
import type { Span } from '@opentelemetry/api'
import test from 'ava'
import type { Meter, UpstreamListener } from '../../../runtime/core/ports.ts'
import { eventType } from '../../../runtime/events/type.ts'
import { SessionTrace, type SessionTraceParts } from '../../../runtime/observability/tracing/session-trace.ts'

/** A session's trace that notes the error of every span that ends, and of every duration that is measured. */
function stage() {
  const errors: unknown[] = []
  const startSpan = () => {
    const span = {
      spanContext: () => ({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 }),
      setAttributes: (fields: Record<string, unknown>) => {
        if (fields['error.type'] !== undefined) errors.push(fields['error.type'])
      },
      ...{ setStatus: () => undefined, addEvent: () => undefined, end: () => undefined },
    }
    return span as unknown as Span
  }
  const parts: SessionTraceParts = {
    startSpan,
    below: () => ({}) as never,
    readType: eventType,
    ...{ common: {}, content: false, onTrace: () => undefined },
    record: {
      tokens: () => undefined,
      duration: (_, of) => errors.push(of['error.type']),
      firstChunk: () => undefined,
      tool: () => undefined,
    },
  }
  const trace = new SessionTrace({ connection: 'c', route: '/realtime', meter: {} as Meter }, parts)
  const ignored = { event: () => undefined } as unknown as UpstreamListener
  const listener = trace.listen(ignored)
  return { errors, hear: (event: object) => listener.event(Buffer.from(JSON.stringify(event)), false) }
}

for (const [what, code, expected] of [
  ['a word', 'content_filter', 'content_filter'],
  ['a sentence', 'Call me at +1 555 0100', 'failed'],
  ['a long word', 'x'.repeat(65), 'failed'],
  ['nothing', '', 'failed'],
  ['no text', 7, 'failed'],
] as const)
  test(`a response that failed is told by its code where that is a word: ${what}`, t => {
    const { errors, hear } = stage()
    hear({ type: 'response.created', response: { id: 'r', status: 'in_progress' } })
    hear({
      type: 'response.done',
      response: { id: 'r', status: 'failed', status_details: { error: { code } } },
    })
    t.deepEqual(errors, [expected, expected])
  })
