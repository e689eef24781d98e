/** What a session's spans say of what upstream sends. */
import type { Span } from '@opentelemetry/api'
import test from 'ava'
import type { Meter, Upstream, UpstreamListener } from '../../../runtime/core/ports.ts'
import { eventType } from '../../../runtime/events/type.ts'
import { SessionTrace, type SessionTraceParts } from '../../../runtime/observability/tracing/session-trace.ts'

/** A session's trace that notes the error of every span that ends, and of every duration that is measured. */
function stage() {
  const errors: unknown[] = []
  /** What was read for its type. */
  const read: string[] = []
  const told: unknown[] = []
  const startTimes: unknown[] = []
  /** Of responses that ended. */
  const attributes: Record<string, unknown>[] = []
  const startSpan: SessionTraceParts['startSpan'] = (name, { startTime }) => {
    if (name.startsWith('realtime_inference')) startTimes.push(startTime)
    const span = {
      spanContext: () => ({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 }),
      setAttributes: (fields: Record<string, unknown>) => {
        if (name.startsWith('realtime_inference')) attributes.push(fields)
        if (fields['error.type'] !== undefined) errors.push(fields['error.type'])
      },
      ...{ setStatus: () => undefined, addEvent: () => undefined, end: () => undefined },
    }
    return span as unknown as Span
  }
  const parts: SessionTraceParts = {
    startSpan,
    below: () => ({}) as never,
    readType: frame => {
      read.push(frame.toString())
      return eventType(frame)
    },
    ...{ common: {}, content: false, onTrace: () => undefined },
    record: {
      tokens: () => undefined,
      duration: (_, of) => errors.push(of['error.type']),
      firstChunk: () => undefined,
      tool: () => undefined,
    },
  }
  const trace = new SessionTrace({ connection: 'c', route: '/realtime', meter: {} as Meter }, parts)
  let overheard: Upstream | undefined
  const listener = trace.listen({
    event: (_frame, _isBinary, type) => told.push(type),
    opened: upstream => {
      overheard = upstream
    },
  } as Partial<UpstreamListener> as UpstreamListener)
  listener.opened({
    send: (...sent: Parameters<Upstream['send']>) => told.push(sent),
  } as Partial<Upstream> as Upstream)
  return {
    ...{ errors, read, told, startTimes, attributes },
    hear: (event: object) => listener.event(Buffer.from(JSON.stringify(event)), false),
    say: (...sent: Parameters<Upstream['send']>) => overheard?.send(...sent),
    hearBytes: (bytes: string) => listener.event(Buffer.from(bytes), true),
  }
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

test('the type of an event is read once, and that of a message not at all where it is known', t => {
  const { read, told, hear, hearBytes, say } = stage()
  hear({ type: 'response.output_audio.delta' })
  t.is(read.length, 1)
  hearBytes('{"type":"response.created"}')
  say('{"type":"response.create"}', false, 'response.create')
  say(Buffer.from('...'), true)
  say('no event', false, null)
  t.is(read.length, 1)
  t.deepEqual(told, [
    'response.output_audio.delta',
    null,
    ['{"type":"response.create"}', false, 'response.create'],
    [Buffer.from('...'), true, null],
    ['no event', false, null],
  ])
  say('{"type":"response.create"}')
  t.deepEqual(told.at(-1), ['{"type":"response.create"}', false, 'response.create'])
  t.is(read.length, 2)
})

for (const known of ['response.create', undefined])
  test(`a response begins when it was asked for, whether the type of the request is ${known === undefined ? 'read' : 'known'}`, t => {
    const { startTimes, hear, say } = stage()
    const before = Date.now()
    say('{"type":"response.create"}', false, known)
    const after = Date.now()
    while (Date.now() <= after);
    hear({ type: 'response.created', response: { id: 'r' } })
    t.is(startTimes.length, 1)
    t.true(Number(startTimes[0]) >= before && Number(startTimes[0]) <= after)
  })

test('of two responses, each has its own first sound, whoever began before the other was heard', t => {
  const { attributes, hear } = stage()
  const begin = (id: string) => hear({ type: 'response.created', response: { id } })
  const sound = () => hear({ type: 'response.output_audio.delta' })
  const word = () => hear({ type: 'response.output_text.delta' })
  const finish = (id: string) => hear({ type: 'response.done', response: { id, status: 'completed' } })
  begin('one')
  sound()
  sound()
  begin('two')
  sound()
  word()
  sound()
  finish('one')
  finish('two')
  begin('three')
  finish('three')
  const heard = attributes.map(fields => [
    fields['gateway.response.first_sound_ms'] !== undefined,
    fields['gateway.response.first_word_ms'] !== undefined,
  ])
  t.deepEqual(heard, [
    [true, true],
    [true, false],
    [false, false],
  ])
})
