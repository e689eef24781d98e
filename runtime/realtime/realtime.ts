/** `/realtime`: the filtered proxy; and the SDK addresses: the same proxy, unfiltered. */

import { drainingMessage, GatewayError } from '../core/errors.ts'
import type { Client, Connection, Dialect } from '../core/ports.ts'
import type { TranslatedEvent } from '../dialect/event-translation.ts'
import { SessionMemory } from '../dialect/session-memory.ts'
import type { Translator } from '../dialect/translate.ts'
import { audioAppend, errorEvent, messageItem, responseCreate, wrapUpItem } from '../events/compose.ts'
import { DeltaAssembly } from '../events/delta-assembly.ts'
import { gaMessageName } from '../events/event-names.ts'
import type { ExtractOutcome, Extractor } from '../events/extract.ts'
import { parseExactly } from '../events/fields.ts'
import type { EventFilter } from '../events/filter.ts'
import { isFresh, type Redeemed, type ResumeStore } from '../resume/resume-store.ts'
import { askedFor, Resumption, type ResumptionParts } from '../resume/resumption.ts'
import { LocalJournal } from '../resume/tool-journal.ts'
import type { Context, Handler } from '../server/handler.ts'
import { type CloseReason, endWith } from '../session/close-reason.ts'
import { endsResponse } from '../session/response-state.ts'
import type { Acknowledgement } from '../session/sent-messages.ts'
import { Session, type SessionHooks, type SessionOptions } from '../session/session.ts'
import { blankPinned } from '../session/session-policy.ts'
import type { VisibleEvent } from '../tools/hidden-calls.ts'
import { ServerTools, type ToolOptions, toolEventIdPrefix } from '../tools/server-tools.ts'
import { MessageCheck, type MessageRules } from '../upstream/message-check.ts'
import { OwnSettings } from '../upstream/own-settings.ts'
import { audioRefusal } from '../upstream/text-only.ts'
import { readFrame } from './frame-kind.ts'

export interface RealtimeOptions extends SessionOptions {
  readonly filter: EventFilter
  readonly extractor: Extractor | null
  readonly autoClose: boolean
  /** `session.update` to begin with; null leaves the session to the client. */
  readonly sessionUpdate: string | null
  readonly dialect: Dialect
  /** Between the client's dialect and upstream's. */
  readonly translator: Translator
  /**
   * `managed`: plain text becomes a turn, binary becomes audio, a conversation outlives its upstream
   * session, and the end is announced by `upstream.closed`. `passthrough`: every frame goes on as it is,
   * as at the API itself.
   */
  readonly mode: 'managed' | 'passthrough'
  readonly resumes: ResumeStore
  /** What clients may not say. */
  readonly rules: MessageRules
  /** The assistant that serves it; absent: none. */
  readonly assistant?: ResumptionParts['assistant']
  /** The `response.create` of an assistant that speaks first; null or absent: the person does. */
  readonly greeting?: string | null
  /** Finds the tools that run on the server for a connection; null, or absent, where none do. */
  readonly toolsFor?: (context: Context) => ToolOptions | null
}

/** Makes the handler of `/realtime` and of the SDK addresses. */
export function createRealtime(options: RealtimeOptions): Handler {
  return (client, context) => new Realtime(client, context, options)
}

class Realtime implements Connection, SessionHooks {
  readonly #options: RealtimeOptions
  readonly #session: Session
  /** null where frames go on as they are: such a session ends with its upstream. */
  readonly #resumption: Resumption | null
  /** null where the session is the client's to set. */
  readonly #settings: OwnSettings | null
  /** What the translator has to remember of this session. */
  readonly #memory = new SessionMemory()
  readonly #check: MessageCheck
  /**
   * Of a client that speaks to the API as such: `expected` until upstream has the settings of its assistant. The client
   * sees one `session.created`, which has them, as for a key that was minted with a session.
   */
  #introduction: 'expected' | 'over'
  /** Made with the first delta that is extracted from; null before it. */
  #deltas: DeltaAssembly | null = null
  /** null where no tools run on the server. */
  readonly #tools: ServerTools | null

  constructor(client: Client, context: Context, options: RealtimeOptions) {
    const { request, limits, dial, log } = context
    this.#options = options
    const caller = { client, route: request.path, dial, limits: limits.bounds, meter: limits.meter, log }
    this.#session = new Session(caller, options, this)
    const { resumes, dialect, mode, sessionUpdate, rules } = options
    const tools = options.toolsFor?.(context) ?? null
    this.#check = new MessageCheck(rules)
    this.#settings = sessionUpdate === null ? null : new OwnSettings()
    const tell = (message: object) => this.#session.deliver(JSON.stringify(message))
    const parts = {
      resumes,
      ...askedFor(client, context),
      dialect,
      responses: this.#session.responses,
      tell,
      fault: (error: GatewayError) => this.fault(error),
      assistant: options.assistant,
      policy: rules.policy,
      hasTools: tools !== null,
    }
    this.#resumption = mode === 'managed' ? new Resumption(parts) : null
    this.#introduction = mode === 'passthrough' && sessionUpdate !== null ? 'expected' : 'over'
    this.#tools = tools === null ? null : this.#createTools(tools, client, context)
    this.#begin(context.resumed)
  }

  #createTools(tools: ToolOptions, client: Client, { principal, limits, log }: Context): ServerTools {
    const resumption = this.#resumption
    const session = this.#session
    return new ServerTools({
      ...tools,
      journal: resumption ?? new LocalJournal(),
      responses: session.responses,
      caller: principal.name,
      maxHeldBytes: limits.bounds.upstreamBufferBytes,
      send: (message, type, receipt) => session.send(message, type, receipt),
      expect: item => resumption?.conversation.expect(item) ?? {},
      isAway: () => session.phase === 'idle',
      add: item => resumption?.add(item),
      forward: (message, type) => this.#pass(message, type, false),
      show: events => this.#showAll(events),
      tellActivity: activity => this.#tellOf('assistant.tool', activity),
      tellEvent: (name, data) => this.#tellOf('assistant.event', { name, data }),
      follow: (name, call) => session.follower?.tool(name, call),
      settled: () => {
        resumption?.noteAnswer()
        session.endIfDrained()
      },
      owner: session,
      log,
      connection: client.id,
    })
  }

  #begin(resumed: Redeemed | null): void {
    const { greeting = null } = this.#options
    const isDue = this.#resumption?.begin(resumed) ?? false
    if (this.#tools !== null && this.#resumption !== null && resumed !== null && !('failure' in resumed)) {
      const { unansweredCalls, endsWithOutput } = this.#resumption.conversation
      this.#tools.resume(unansweredCalls, isDue, endsWithOutput)
    }
    if (!isDue && greeting !== null && isFresh(resumed)) this.#ask(greeting)
    else this.#dialAgain(isDue)
  }

  /** Dials, and asks for the answer that is pending: at once, or behind the calls that are not answered. */
  #dialAgain(isDue: boolean): void {
    if (isDue && this.#tools !== null) this.#tools.askAgain()
    else if (isDue) this.#session.send(responseCreate, 'response.create')
    this.#session.dial()
  }

  message(data: Uint8Array, isBinary: boolean): void {
    if (this.#options.mode === 'passthrough') {
      return this.#forward(data, this.#options.readType(data), isBinary)
    }
    if (isBinary && this.#options.rules.textOnly === true) return this.refused(audioRefusal())
    if (isBinary) return this.#session.forward(audioAppend(data), 'input_audio_buffer.append')
    const frame = readFrame(data, this.#options.readType)
    if ('words' in frame) this.#say(frame.words)
    else this.#forward(data, frame.type)
  }

  #forward(data: Uint8Array, readType: string | null, isBinary = false): void {
    const checked = this.#check.judge(data, readType)
    if (checked.kind === 'refused') return this.#session.deliver(errorEvent(checked.error, checked))
    if (checked.kind === 'left_out') return
    if (checked.kind === 'cut') data = checked.data
    const type = isBinary ? null : readType
    const translate = type === null ? undefined : this.#options.translator.messages.get(type)
    const message = translate === undefined ? data : translate(data, this.#memory)
    // Tools, and what is kept for the next session, know the messages by the names that upstream takes them by.
    this.#pass(message, type === null ? null : gaMessageName(type), isBinary)
  }

  /** Plain text is a turn of the user's. */
  #say(text: string): void {
    if (text.trim() === '')
      return this.refused(new GatewayError('bad_request', 'Provide text, or an event as JSON'))
    if (this.#session.phase === 'draining') {
      return this.refused(new GatewayError('draining', drainingMessage))
    }
    const item = messageItem('user', text, this.#options.dialect)
    const receipt = this.#resumption?.expect(item, 'conversation.item.create')
    this.#session.send(item, 'conversation.item.create', receipt)
    this.#ask()
    this.#resumption?.changed()
  }

  /** Asks for an answer to what was said. */
  #ask(request = responseCreate): void {
    const message = this.#passTools(request, 'response.create')
    if (message !== null) this.#session.send(message, 'response.create')
  }

  #pass(message: string | Uint8Array, type: string | null, isBinary: boolean): void {
    const passed = this.#passTools(message, type)
    if (passed === null) return
    // What the client itself has said is told again, without the server's tools.
    const receipt = this.#resumption?.expect(message, type)
    this.#session.forward(passed, type, isBinary, receipt)
    if (type === 'session.update' || type === 'conversation.item.create') this.#resumption?.changed()
    else this.#resumption?.noteAnswer()
  }

  /** @returns a message of the client's as the server's tools have it go on; null where it does not */
  #passTools(message: string | Uint8Array, type: string | null): string | Uint8Array | null {
    // Refused by the session: tools must not wait for what upstream never hears of.
    if (this.#tools === null || (this.#session.phase === 'draining' && type === 'response.create'))
      return message
    const passed = this.#tools.outgoing(message, type)
    if (passed === null || typeof passed === 'string' || passed instanceof Uint8Array) return passed
    const { refused, param } = passed
    this.#session.deliver(errorEvent(refused, { param, eventId: null }))
    return null
  }

  opened(): void {
    const { sessionUpdate } = this.#options
    const tools = this.#tools
    const { messages, isHidden } = this.#resumption?.opened() ?? { messages: [], isHidden: false }
    tools?.opened(this.#resumption?.conversation.items ?? [])
    this.#settings?.sent(true)
    if (sessionUpdate !== null) {
      const update = tools?.withTools(sessionUpdate) ?? sessionUpdate
      const receipt = { isHidden: isHidden || this.#introduction === 'expected' }
      this.#session.send(update, 'session.update', receipt)
    } else if (tools !== null) this.#sendTools(tools)
    for (const replayed of messages) {
      const isUpdate = tools !== null && replayed.type === 'session.update'
      const message = isUpdate ? tools.withTools(replayed.message) : replayed.message
      this.#session.send(message, replayed.type, replayed)
    }
  }

  /** Sets the tools in a session that is otherwise the client's; it does not see that. */
  #sendTools(tools: ServerTools): void {
    const eventId = `${toolEventIdPrefix}settings`
    const update = tools.toolsUpdate(eventId, this.#options.dialect === 'ga')
    this.#session.send(update, 'session.update', { eventId })
  }

  pending(): Promise<void> | null {
    return this.#resumption?.flush() ?? null
  }

  keepsClient(end: CloseReason): boolean {
    if (!this.#resumption?.loses(end)) return false
    const { isPending } = this.#session.responses
    this.#tools?.lost(this.#resumption.conversation.unansweredCalls, isPending)
    this.#dialAgain(isPending)
    return true
  }

  event(frame: Buffer, isBinary: boolean, type: string | null, answered: Acknowledgement | null): void {
    const refusal = this.#settings?.refusal(frame, type) ?? null
    if (refusal !== null) return this.#session.giveUp(refusal)
    if (type === 'session.created') this.#check.noteCreated(frame)
    if (this.#resumption?.noted(frame, type, answered)) return
    if (this.#introduction === 'expected') {
      if (type === 'session.created') return
      if (type === 'session.updated' && answered?.receipt?.isHidden === true) return this.#introduce(frame)
    }
    this.#show(frame, isBinary, type, answered)
  }

  /** Upstream has the settings of the assistant. @param frame the `session.updated` that shows them */
  #introduce(frame: Buffer): void {
    this.#introduction = 'over'
    const updated = parseExactly(frame)
    if (updated === null) return this.#options.metrics.countDropped('session.created')
    const created = { ...updated, type: 'session.created' }
    this.#show(Buffer.from(JSON.stringify(created)), false, 'session.created', null)
  }

  #show(frame: Buffer, isBinary: boolean, type: string | null, answered: Acknowledgement | null): void {
    const { metrics, rules } = this.#options
    const blanked = isBinary ? frame : blankPinned(frame, type, rules.policy)
    if (blanked === null) return metrics.countDropped(type)
    if (this.#tools === null) return this.#passEvent(blanked, isBinary, type)
    const seen = this.#tools.see(blanked, isBinary ? null : type, answered)
    if (seen === null) this.#showOne(blanked, isBinary, type)
    else this.#showAll(seen)
    this.#resumption?.noteAnswer()
  }

  #showAll(events: readonly VisibleEvent[]): void {
    for (const { frame, type } of events) this.#showOne(frame, false, type)
  }

  /** Shows an event of a session that has tools: the client counts what it sees. */
  #showOne(frame: Buffer, isBinary: boolean, type: string | null): void {
    if (endsResponse(type)) this.#resumption?.noteAnswerEnded()
    this.#passEvent(frame, isBinary, type)
  }

  /** Tells of the tools, where the client asked for that; at the SDK addresses every event is upstream's. */
  #tellOf(type: 'assistant.tool' | 'assistant.event', fields: object): void {
    const { mode, filter } = this.#options
    if (mode === 'managed' && filter.admits(type)) this.#session.deliver(JSON.stringify({ type, ...fields }))
  }

  #passEvent(frame: Buffer, isBinary: boolean, type: string | null): void {
    const { filter, extractor, metrics, autoClose, translator } = this.#options
    if (type !== null && this.#deltas?.isGrowing === true)
      for (const { outcome, frames, type: of } of this.#deltas.end(frame, type))
        this.#settle(outcome, frames, of)
    const translate = type === null ? undefined : translator.events.get(type)
    if (type !== null && extractor?.concerns(type)) this.#extract(extractor, frame, type)
    else if (translate !== undefined) this.#deliverTranslated(translate(frame, this.#memory))
    else if (isBinary ? filter.admitsBinary : filter.admits(type)) this.#session.deliver(frame, isBinary)
    else metrics.countDropped(isBinary ? '<binary>' : type)
    if (autoClose && endsResponse(type) && !this.#session.responses.isTurnOpen)
      this.#session.close({ by: 'gateway', code: 1000, reason: 'response done' })
  }

  #deliverTranslated(events: readonly TranslatedEvent[]): void {
    const { filter, metrics } = this.#options
    for (const { type, frame } of events) {
      if (filter.admits(type)) this.#session.deliver(frame)
      else metrics.countDropped(type)
    }
  }

  #extract(extractor: Extractor, frame: Buffer, type: string): void {
    const name = this.#options.translator.clientName(type)
    if (!extractor.assembles(type)) return this.#settle(extractor.extract(frame, name), [frame], type)
    this.#deltas ??= new DeltaAssembly(extractor)
    const assembled = this.#deltas.take(frame, type, name)
    if (assembled !== null) this.#settle(assembled.outcome, assembled.frames, type)
  }

  /** @param frames what the outcome was made of, of one type */
  #settle(outcome: ExtractOutcome, frames: readonly Buffer[], type: string): void {
    const { metrics, translator } = this.#options
    if (outcome.kind !== 'record') this.#session.follower?.extractionFailed(type)
    switch (outcome.kind) {
      case 'record':
        metrics.traffic.eventsExtracted += 1
        return this.#session.deliver(outcome.text)
      case 'error':
        return this.#session.deliver(outcome.text)
      case 'forward':
        for (const frame of frames)
          for (const event of translator.events.get(type)?.(frame, this.#memory) ?? [{ frame }])
            this.#session.deliver(event.frame)
        return
      case 'drop':
        return metrics.countDropped(type)
    }
  }

  refused(error: GatewayError): void {
    this.#session.deliver(errorEvent(error))
  }

  ended(end: CloseReason): readonly string[] {
    this.#tools?.end()
    this.#resumption?.stop()
    const { by, error, code, reason } = end
    if (by === 'upstream' && this.speaksAsUpstream && error?.refusal !== undefined)
      return this.#translated(error.refusal.event)
    const failure = realtimeEndMessages(end)
    if (by !== 'upstream' || this.speaksAsUpstream) return failure
    return [...failure, JSON.stringify({ type: 'upstream.closed', reason, code })]
  }

  get speaksAsUpstream(): boolean {
    return this.#options.mode === 'passthrough'
  }

  /** An `error` event of upstream's, as the client knows it. */
  #translated(event: string): string[] {
    const translate = this.#options.translator.events.get('error')
    if (translate === undefined) return [event]
    return translate(Buffer.from(event), this.#memory).map(({ frame }) => Buffer.from(frame).toString())
  }

  held(): number {
    return this.#session.held() + (this.#tools?.heldBytes ?? 0)
  }

  writable(): void {
    this.#session.writable()
  }

  announce(deadlineMs: number): void | Promise<void> {
    if (this.#resumption !== null) return this.#resumption.announce(deadlineMs)
    this.#session.deliver(JSON.stringify({ type: 'server.draining', deadline_ms: deadlineMs }))
  }

  drain(deadlineMs: number): void {
    this.#tools?.drain(deadlineMs)
    this.#session.drain(deadlineMs)
  }

  expiring(deadlineMs: number): void {
    this.#session.deliver(JSON.stringify({ type: 'session.expiring', deadline_ms: deadlineMs }))
    if (this.#options.mode === 'passthrough' || this.#session.phase !== 'open') return
    const due = this.#session.responses.isBusy
    const item = wrapUpItem(Math.round(deadlineMs / 1000), this.#options.dialect)
    this.#session.send(item, 'conversation.item.create')
    if (!due) this.#ask()
  }

  fault(error: GatewayError): void {
    this.#session.close(endWith('gateway', error))
  }

  closed(code: number, reason: string): void {
    this.#session.clientClosed(code, reason)
  }
}

/** What a client is told last, beside the end of its upstream: the failure, where there was one. */
export function realtimeEndMessages({ by, error }: CloseReason): readonly string[] {
  return by !== 'client' && error !== undefined ? [errorEvent(error)] : []
}
