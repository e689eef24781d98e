/**
 * The spans of one session: itself, its dials, its responses, its drain. It stands between a session and its dial, as a
 * recorder does, so that nothing is paid for it where it is off. A conversation that moves keeps its trace: each session
 * is a child of the first one's span, with a link to the session before it.
 */
import type { Attributes, Context, Link, Span, SpanContext } from '@opentelemetry/api'
import type { GatewayError } from '../../core/errors.ts'
import type { Meter, SessionEnd, Upstream, UpstreamListener } from '../../core/ports.ts'
import { isFields, textOr } from '../../events/fields.ts'
import { type Amounts, amountsOfResponse, fieldsOf } from '../../events/usage.ts'
import { attributes, links, spanEvents, spanNames } from './names.ts'
import { readTraceparent, writeTraceparent } from './traceparent.ts'

/** What all sessions have in common. */
export interface SessionTraceParts {
  readonly startSpan: (name: string, options: SpanOptions, parent: Context) => Span
  /** Puts a span, or a context from elsewhere, over those that are started with it. */
  readonly below: (parent: SpanContext | null) => Context
  readonly readType: (frame: Uint8Array) => string | null
  /** Of every span that concerns a model. */
  readonly common: Attributes
  /** Whether what is said is told. */
  readonly content: boolean
  readonly record: Recorded
  /** The session has a trace from now on, or has it no more (null). */
  readonly onTrace: (connection: string, traceId: string | null) => void
}

export interface SpanOptions {
  readonly kind: 'client' | 'server' | 'internal'
  /** Unix time (ms). */
  readonly startTime?: number
  readonly attributes?: Attributes
  readonly links?: Link[]
}

/** Takes what is measured. Times in seconds. */
export interface Recorded {
  tokens(count: number, type: 'input' | 'output', of: Attributes): void
  duration(seconds: number, of: Attributes): void
  firstChunk(seconds: number, of: Attributes): void
  tool(seconds: number, of: Attributes): void
}

export interface TracedSession {
  /** Id of its connection. */
  readonly connection: string
  readonly route: string
  readonly meter: Meter
}

/** A response that is under way. */
interface OpenResponse {
  readonly span: Span
  /** When it was asked for (Unix time, ms). */
  readonly startedAt: number
  soundAt: number | null
  wordAt: number | null
}

/** Responses under way at once; of more, no span is made. */
const maxOpenResponses = 16

/** Longer content is cut (characters). */
const maxContentChars = 8192

/** Codes of errors are words. Anything else could be content, and would be a label of its own in metrics. */
const wordPattern = /^[\w.-]{1,64}$/

/** What upstream's events mean here, by their type in either dialect. */
const meanings: ReadonlyMap<string, 'created' | 'turn' | 'begun' | 'sound' | 'word' | 'done'> = new Map([
  ['session.created', 'created'],
  ['input_audio_buffer.speech_stopped', 'turn'],
  ['input_audio_buffer.committed', 'turn'],
  ['response.created', 'begun'],
  ['response.output_audio.delta', 'sound'],
  ['response.audio.delta', 'sound'],
  ['response.output_text.delta', 'word'],
  ['response.text.delta', 'word'],
  ['response.output_audio_transcript.delta', 'word'],
  ['response.audio_transcript.delta', 'word'],
  ['response.done', 'done'],
  ['response.completed', 'done'],
])

const request = 'response.create'

export class SessionTrace {
  readonly #session: TracedSession
  readonly #parts: SessionTraceParts
  readonly #createdAt = Date.now()
  #span: Span | null = null
  #below: Context | null = null
  #dial: Span | null = null
  /** The dial before, where another upstream session takes its place. */
  #lastDial: SpanContext | null = null
  #drain: Span | null = null
  #model: Attributes = {}
  /** When the next answer was asked for, by a message or by the end of a spoken turn (Unix time, ms). */
  #askedAt: number | null = null
  readonly #responses = new Map<string, OpenResponse>()
  /** Whether there may be a response under way that has not been heard yet, in sound and in words. */
  readonly #awaits = { soundAt: false, wordAt: false }
  #state: 'open' | 'ended' = 'open'

  constructor(session: TracedSession, parts: SessionTraceParts) {
    this.#session = session
    this.#parts = parts
    session.meter.trace = this
  }

  /** The trace of the conversation, for the session after this one. */
  links(): { root: string; last: string } {
    const last = writeTraceparent(this.#start().spanContext())
    return { root: this.#session.meter.tracedBefore?.root ?? last, last }
  }

  /** Puts itself between a session and a dial that begins. */
  listen(listener: UpstreamListener): UpstreamListener {
    this.#start()
    this.#dial = this.#startChild(spanNames.dial, {
      kind: 'client',
      attributes: this.#parts.common,
      links: this.#lastDial === null ? [] : [linkTo(this.#lastDial, links.renewed)],
    })
    return {
      opened: upstream => {
        this.#opened(upstream)
        listener.opened(this.#overhear(upstream))
      },
      event: (frame, isBinary) => {
        const type = isBinary ? null : this.#parts.readType(frame)
        if (type !== null) this.#note(frame, type)
        listener.event(frame, isBinary, type)
      },
      closed: (code, reason, error) => {
        this.#upstreamEnded(error)
        listener.closed(code, reason, error)
      },
      failed: error => {
        this.#failed(error)
        listener.failed(error)
      },
      fault: fault => listener.fault(fault),
    }
  }

  /** The process is going away, and the session with it. */
  draining(): void {
    this.#drain ??= this.#startChild(spanNames.drain, { kind: 'internal' })
  }

  /** An event should have held JSON, and did not. @param type of the event */
  extractionFailed(type: string): void {
    this.#start().addEvent(spanEvents.extractionFailed, { 'event.type': type })
  }

  /**
   * A tool runs for the model. @param call id of the call
   * @returns ends the span; `outcome` is the kind of error where it was not done
   */
  tool(name: string, call: string): (outcome: string | null) => void {
    const startedAt = Date.now()
    const of = { [attributes.operation]: spanNames.tool, [attributes.toolName]: name }
    const span = this.#startChild(`${spanNames.tool} ${name}`, {
      kind: 'internal',
      attributes: { ...of, [attributes.toolCall]: call },
    })
    return outcome => {
      const failed = outcome === null ? {} : { [attributes.error]: outcome }
      endSpan(span, failed)
      this.#parts.record.tool(secondsSince(startedAt), { ...of, ...failed })
    }
  }

  /** The session is over. Safe to call twice. */
  ended({ by, code, error }: SessionEnd): void {
    if (this.#state === 'ended') return
    const span = this.#start()
    this.#state = 'ended'
    this.#abandon('session_ended')
    this.#drain?.end()
    endSpan(span, {
      [attributes.conversation]: this.#session.meter.conversation,
      [attributes.assistant]: this.#session.meter.assistant,
      [attributes.endedBy]: by,
      [attributes.closeCode]: code,
      ...(error !== undefined && { [attributes.error]: error }),
    })
    this.#parts.onTrace(this.#session.connection, null)
  }

  /** Begins the session's span, once it is known which conversation it goes on with. */
  #start(): Span {
    if (this.#span !== null) return this.#span
    const { connection, route, meter } = this.#session
    const { startSpan, below, common, onTrace } = this.#parts
    const before = meter.tracedBefore
    const last = readTraceparent(before?.last)
    const parent = readTraceparent(before?.root) ?? readTraceparent(meter.traceparent)
    this.#span = startSpan(
      spanNames.session,
      {
        kind: 'server',
        startTime: this.#createdAt,
        attributes: {
          ...common,
          [attributes.connection]: connection,
          [attributes.route]: route,
          [attributes.principal]: meter.principal,
          [attributes.conversation]: meter.conversation,
        },
        links: last === null ? [] : [linkTo(last, links.resumed)],
      },
      below(parent),
    )
    this.#below = below(this.#span.spanContext())
    onTrace(connection, this.#span.spanContext().traceId)
    return this.#span
  }

  #startChild(name: string, options: SpanOptions): Span {
    this.#start()
    return this.#parts.startSpan(name, options, this.#below as Context)
  }

  #opened({ deployment }: Upstream): void {
    this.#model = deployment === undefined ? {} : { [attributes.requestModel]: deployment }
    this.#lastDial = this.#dial?.spanContext() ?? null
    if (this.#dial !== null) endSpan(this.#dial, this.#model)
    this.#dial = null
  }

  #failed({ code }: GatewayError): void {
    if (this.#dial !== null) endSpan(this.#dial, { [attributes.error]: code })
    this.#dial = null
  }

  #upstreamEnded(error: GatewayError | undefined): void {
    this.#abandon(error?.code ?? 'upstream_ended')
  }

  /** What had not ended never will. */
  #abandon(error: string): void {
    if (this.#dial !== null) endSpan(this.#dial, { [attributes.error]: error })
    this.#dial = null
    for (const { span } of this.#responses.values()) endSpan(span, { [attributes.error]: error })
    this.#responses.clear()
    this.#askedAt = null
  }

  #overhear(upstream: Upstream): Upstream {
    return {
      deployment: upstream.deployment,
      send: (data, isBinary = false, type = isBinary ? null : this.#readType(data)) => {
        if (type === request) this.#askedAt = Date.now()
        upstream.send(data, isBinary, type)
      },
      buffered: () => upstream.buffered(),
      pause: () => upstream.pause(),
      resume: () => upstream.resume(),
      close: (code, reason) => upstream.close(code, reason),
      giveUp: error => upstream.giveUp(error),
    }
  }

  #readType(data: string | Uint8Array): string | null {
    return this.#parts.readType(typeof data === 'string' ? Buffer.from(data) : data)
  }

  /** Most events mean nothing here: their type says so. */
  #note(frame: Buffer, type: string): void {
    switch (meanings.get(type)) {
      case undefined:
        return
      case 'sound':
        return this.#heard('soundAt')
      case 'word':
        return this.#heard('wordAt')
      case 'turn':
        this.#askedAt = Date.now()
        return
      case 'created':
        return this.#created(frame)
      case 'begun':
        return this.#begun(frame)
      case 'done':
        return this.#done(frame)
    }
  }

  #created(frame: Buffer): void {
    const { session } = fieldsOf(frame)
    const { id, model } = isFields(session) ? session : {}
    if (textOr(model) !== '') this.#model = { ...this.#model, [attributes.responseModel]: textOr(model) }
    if (textOr(id) !== '') this.#model = { ...this.#model, [attributes.upstreamSession]: textOr(id) }
  }

  #begun(frame: Buffer): void {
    const id = idOf(frame)
    const startedAt = this.#askedAt ?? Date.now()
    this.#askedAt = null
    if (this.#responses.size >= maxOpenResponses || this.#responses.has(id)) return
    const model = textOr(this.#model[attributes.requestModel])
    const span = this.#startChild(`${spanNames.response} ${model}`.trim(), {
      kind: 'client',
      startTime: startedAt,
      attributes: {
        ...this.#parts.common,
        ...this.#model,
        [attributes.operation]: spanNames.response,
        [attributes.response]: id,
        [attributes.conversation]: this.#session.meter.conversation,
      },
    })
    this.#responses.set(id, { span, startedAt, soundAt: null, wordAt: null })
    this.#awaits.soundAt = true
    this.#awaits.wordAt = true
  }

  /** Deltas are not parsed: of several responses at once, the one that began first is taken to speak. */
  #heard(what: 'soundAt' | 'wordAt'): void {
    // Most deltas are not the first of any response.
    if (!this.#awaits[what]) return
    for (const response of this.#responses.values()) {
      if (response[what] !== null) continue
      response[what] = Date.now()
      return
    }
    this.#awaits[what] = false
  }

  #done(frame: Buffer): void {
    const { response } = fieldsOf(frame)
    const fields = isFields(response) ? response : {}
    const id = textOr(fields.id)
    const open = this.#responses.get(id)
    if (open === undefined) return
    this.#responses.delete(id)
    const { span, startedAt, soundAt, wordAt } = open
    const status = textOr(fields.status)
    const details = isFields(fields.status_details) ? fields.status_details : {}
    const failure = isFields(details.error) ? textOr(details.error.code) || textOr(details.error.type) : ''
    const failed =
      status === 'failed' ? { [attributes.error]: wordPattern.test(failure) ? failure : 'failed' } : {}
    const firstAt = [soundAt, wordAt].filter(at => at !== null).toSorted((a, b) => a - b)[0]
    const amounts = amountsOfResponse(fields.usage)
    endSpan(span, {
      ...failed,
      ...describeTokens(amounts),
      [attributes.finishReasons]: [textOr(details.reason) || status],
      [attributes.interrupted]: status === 'cancelled',
      [attributes.toolCalls]: callsIn(fields.output),
      ...(soundAt !== null && { [attributes.firstSoundMs]: soundAt - startedAt }),
      ...(wordAt !== null && { [attributes.firstWordMs]: wordAt - startedAt }),
      ...(firstAt !== undefined && { [attributes.firstChunk]: (firstAt - startedAt) / 1000 }),
      ...(this.#parts.content && { [attributes.outputMessages]: contentOf(fields.output) }),
    })
    this.#measure(amounts, startedAt, firstAt, failed)
  }

  #measure(amounts: Amounts, startedAt: number, firstAt: number | undefined, failed: Attributes): void {
    const { record, common } = this.#parts
    const { [attributes.requestModel]: model } = this.#model
    const of = { ...common, [attributes.operation]: spanNames.response, [attributes.requestModel]: model }
    const { [attributes.inputTokens]: input, [attributes.outputTokens]: output } = describeTokens(amounts)
    record.tokens(Number(input), 'input', of)
    record.tokens(Number(output), 'output', of)
    record.duration(secondsSince(startedAt), { ...of, ...failed })
    if (firstAt !== undefined) record.firstChunk((firstAt - startedAt) / 1000, of)
  }
}

function describeTokens(amounts: Amounts): Attributes {
  const { input_text = 0, input_audio = 0, input_image = 0, output_text = 0, output_audio = 0 } = amounts
  const { cached_text = 0, cached_audio = 0, cached_image = 0 } = amounts
  return {
    [attributes.inputTokens]: input_text + input_audio + input_image,
    [attributes.outputTokens]: output_text + output_audio,
    [attributes.cachedTokens]: cached_text + cached_audio + cached_image,
    [attributes.textInput]: input_text,
    [attributes.audioInput]: input_audio,
    [attributes.imageInput]: input_image,
    [attributes.textOutput]: output_text,
    [attributes.audioOutput]: output_audio,
  }
}

/** OpenTelemetry's code of a span that failed (`SpanStatusCode.ERROR`); the package is imported where it is used alone. */
const statusError = 2

function endSpan(span: Span, fields: Attributes): void {
  span.setAttributes(fields)
  const error = fields[attributes.error]
  if (error !== undefined) span.setStatus({ code: statusError, message: String(error) })
  span.end()
}

function linkTo(context: SpanContext, why: string): Link {
  return { context, attributes: { [attributes.link]: why } }
}

function secondsSince(at: number): number {
  return Math.max(0, Date.now() - at) / 1000
}

function idOf(frame: Buffer): string {
  const { response } = fieldsOf(frame)
  return isFields(response) ? textOr(response.id) : ''
}

function callsIn(output: unknown): number {
  if (!Array.isArray(output)) return 0
  return output.filter(item => isFields(item) && /^(function|mcp)_call$/.test(textOr(item.type))).length
}

/** What was said, as JSON; audio is never told. */
function contentOf(output: unknown): string {
  const items = (Array.isArray(output) ? output : []).filter(isFields).map(item => {
    const parts = Array.isArray(item.content) ? item.content.filter(isFields) : []
    const said = parts.map(part => textOr(part.text) || textOr(part.transcript)).join('\n')
    return { role: 'assistant', content: said || textOr(item.arguments) }
  })
  return JSON.stringify(items).slice(0, maxContentChars)
}
