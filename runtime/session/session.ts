/**
 * A session: one client and its upstream. The only place with phases and with close decisions.
 *
 * | phase    | message                   | upstream opens | upstream ends       | client closes        | drain      |
 * |----------|---------------------------|----------------|---------------------|----------------------|------------|
 * | idle     | → dialing, hold, bounded  | –              | –                   | → closed             | → draining |
 * | dialing  | hold, bounded             | → open, flush  | → closed, try later | → closed, abort dial | → draining |
 * | open     | send                      | –              | → closed, its code  | → closed             | → draining |
 * | draining | send; refuse new turn     | flush          | → closed            | → closed             | no change  |
 * | closed   | ignore                    | close it       | ignore              | ignore               | ignore     |
 *
 * A handler may keep its client when upstream ends; the session is then `idle` until it dials again.
 * Draining ends (1012) as soon as no answer is due.
 * A session that is closed in the middle of an answer is over for its client, and hears upstream out, for 2 s at most, to
 * count what that answer cost.
 */

import { systemClock } from '../core/clock.ts'
import { drainingMessage, fitCloseReason, GatewayError, isSendableCloseCode } from '../core/errors.ts'
import { describeFault, enter, enterLater, type FaultOwner, internalError } from '../core/fault-boundary.ts'
import type { Client, Dial, Meter, SessionEnd, Upstream, UpstreamListener } from '../core/ports.ts'
import { ownEventIdOf } from '../events/compose.ts'
import { transcriptionUsageOf } from '../events/usage.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import { type CloseReason, endAsRefused, endByUpstream, endWith, goingAway } from './close-reason.ts'
import { Heartbeat, silentIntervals, type Watching } from './heartbeat.ts'
import { encodeText, messageBytes } from './outbox.ts'
import { OwedWords, type UnpricedSound, wordEvents } from './owed-words.ts'
import { type AnswerKind, type ResponseState, transcriptionCompleted } from './response-state.ts'
import { type Acknowledgement, noReceipt, type Receipt } from './sent-messages.ts'
import { UpstreamLeg } from './upstream-leg.ts'

export type Phase = 'idle' | 'dialing' | 'open' | 'draining' | 'closed'

/** Sizes in bytes, times in ms. */
export interface Limits {
  readonly heartbeatMs: number
  readonly maxMessageBytes: number
  readonly upstreamBufferBytes: number
  readonly clientBufferBytes: number
  readonly clientStallMs: number
  /** Upstream is given up when it says nothing for this long in the middle of an answer (ms). */
  readonly upstreamStallMs: number
}

/** What a handler adds to a session. */
export interface SessionHooks {
  /** Upstream's session exists; what is sent here goes before all that was held. */
  opened(): void
  /**
   * One frame from upstream.
   * @param type null where none can be read
   * @param answered the message that it confirms or refuses; null where it does neither
   */
  event(frame: Buffer, isBinary: boolean, type: string | null, answered: Acknowledgement | null): void
  /** Whether the client speaks to the API as such: a refused dial ends with upstream's own close frame (default false). */
  readonly speaksAsUpstream?: boolean
  /** A client's message was refused because the process is going away. */
  refused(error: GatewayError): void
  /**
   * Upstream ended or could not be reached; the session is idle already, so that what is sent here dials again.
   * @param wasOpen whether upstream's session had existed
   * @returns true to keep the client
   */
  keepsClient?(end: CloseReason, wasOpen: boolean): boolean
  /** A turn has begun that upstream has not been told of: a drain waits for it. */
  holdsTurn?(): boolean
  /** What must be written before a drained session may end: another replica reads it at once. */
  pending?(): Promise<void> | null
  /** The session is over; nothing can be sent or delivered any more. @returns what the client is told last */
  ended?(end: CloseReason): readonly string[]
}

/** Who called, and what is granted. */
export interface Caller {
  readonly client: Client
  /** The path that the client dialled, for the log. */
  readonly route: string
  readonly dial: Dial
  readonly limits: Limits
  /** Counts what the session uses. */
  readonly meter?: Meter | undefined
  readonly log: Log
}

/** What sessions have in common. */
export interface SessionOptions {
  /** What upstream owes for what is said (default: answers). */
  readonly owed?: AnswerKind
  /** Upstream tells nothing of what a session costs but its time (default false). */
  readonly paidByTime?: boolean
  readonly metrics: Metrics
  /** Reads an event's type from its bytes; shared by all sessions, as it remembers the types it saw. */
  readonly readType: (frame: Uint8Array) => string | null
  /** Overhears what is said between the session and its upstream, where sessions are recorded. */
  readonly record?: ((listener: UpstreamListener, connection: string) => UpstreamListener) | undefined
  /** Follows a session with spans, where tracing is on. */
  readonly follow?: Follow | undefined
}

/** Makes what follows a session. */
export type Follow = (session: {
  readonly connection: string
  readonly route: string
  readonly meter: Meter
}) => SessionFollower

/** Follows a session besides its events. */
export interface SessionFollower {
  /** Puts itself between the session and a dial that begins. */
  listen(listener: UpstreamListener): UpstreamListener
  /** The process is going away, and the session with it. */
  draining(): void
  /** An event should have held JSON, and did not. @param type of the event */
  extractionFailed(type: string): void
  /** A tool runs for the model. @returns ends it; `outcome` is the kind of error where it was not done */
  tool(name: string, call: string): (outcome: string | null) => void
  /** The session is over. Safe to call twice. */
  ended(end: SessionEnd): void
}

/** Of what is held for an upstream, so much is sent in one turn of the event loop (bytes). */
const flushBytesPerTurn = 256 * 1024

/** The time of a session that is paid by it is counted this often, so that a budget that is spent ends it (ms). */
const countTimeMs = 10_000

/** A session that ends in the middle of an answer waits for so long to be told what that cost (ms). */
const settleMs = 2000

const responseCancel = '{"type":"response.cancel"}'

/** Events that tell what a session uses, by their type. */
const measured: ReadonlyMap<string, 'response' | 'settings' | 'words'> = new Map([
  ['response.done', 'response'],
  ['response.completed', 'response'],
  ...wordEvents.map(type => [type, 'words'] as const),
  ['session.created', 'settings'],
  ['session.updated', 'settings'],
  ['transcription_session.created', 'settings'],
  ['transcription_session.updated', 'settings'],
])

export class Session implements UpstreamListener, Watching, FaultOwner {
  #phase: Phase = 'idle'
  #upstream: Upstream | null = null
  wasHeard = false
  #messagesUp = 0
  #bytesUp = 0
  #eventsDown = 0
  #bytesDown = 0
  #abortDial: (() => void) | null = null
  /** Set while a client does not take what waits for it; upstream is paused meanwhile, where there is one. */
  #stallTimer: NodeJS.Timeout | null = null
  #drainTimer: NodeJS.Timeout | null = null
  /** Notices an upstream that answers pings, but goes no further with an answer. */
  #answerWatch: Heartbeat | null = null
  readonly #client: Client
  readonly #route: string
  readonly #dial: Dial
  readonly #limits: Limits
  readonly #meter: Meter | undefined
  readonly #log: Log
  /** Absent where tracing is off. */
  readonly follower: SessionFollower | undefined
  readonly #options: SessionOptions
  readonly #hooks: SessionHooks
  readonly #leg: UpstreamLeg
  /** Whether all that was held has been sent to the present upstream. */
  #flush: 'done' | 'running' = 'done'
  readonly #startedAt = performance.now()
  /** Since when the present upstream session is paid for, and not counted yet; null where there is none. */
  #paidFrom: number | null = null
  #stopCounting: (() => void) | null = null
  /** null until the client sends sound. */
  #words: OwedWords | null = null
  /** Ends what goes on after the session with an upstream that is in the middle of an answer. */
  #settling: { readonly end: CloseReason; readonly timer: NodeJS.Timeout } | null = null

  /** @param options shared by all sessions of a path, as one of many idle sessions should cost little */
  constructor(
    { client, route, dial, limits, meter, log }: Caller,
    options: SessionOptions,
    hooks: SessionHooks,
  ) {
    this.#client = client
    this.#route = route
    this.#dial = dial
    this.#limits = limits
    this.#meter = meter
    this.#log = log
    this.follower = meter && options.follow?.({ connection: client.id, route, meter })
    this.#options = options
    this.#hooks = hooks
    this.#leg = new UpstreamLeg({ maxHeldBytes: limits.upstreamBufferBytes, owed: options.owed })
    options.metrics.traffic.sessionsOpen += 1
    options.metrics.traffic.sessionsTotal += 1
  }

  get phase(): Phase {
    return this.#phase
  }

  /** Whether an answer is pending. The session feeds it; handlers ask it, and say what is wanted or cancelled. */
  get responses(): ResponseState {
    return this.#leg.responses
  }

  /** Dials upstream unless that was done. Messages dial by themselves. */
  dial(): void {
    if (this.#phase === 'closed' || this.#upstream !== null || this.#abortDial !== null) return
    if (this.#phase === 'idle') this.#phase = 'dialing'
    const listener = this.#options.record?.(this, this.#client.id) ?? this
    this.#abortDial = this.#dial(this.follower?.listen(listener) ?? listener)
  }

  /**
   * Sends a client's message as it came. A new turn is refused while draining.
   * @param type its event type
   * @param receipt is told how upstream answers it
   */
  forward(
    message: string | Uint8Array,
    type: string | null,
    isBinary = false,
    receipt: Receipt = noReceipt,
  ): void {
    if (this.#phase === 'draining' && type === 'response.create') {
      this.#hooks.refused(new GatewayError('draining', drainingMessage))
    } else {
      this.#pass(message, type, isBinary, receipt)
    }
  }

  /**
   * Sends a message of the gateway's own to upstream, or holds it until there is one.
   * @param type its event type
   * @param receipt is told how upstream answers it
   */
  send(message: string | Uint8Array, type: string | null, receipt: Receipt = {}): void {
    this.#pass(message, type, false, { eventId: ownEventIdOf(type), ...receipt })
  }

  #pass(message: string | Uint8Array, type: string | null, isBinary: boolean, receipt: Receipt): void {
    if (this.#phase === 'closed') return
    if (this.#upstream !== null && this.#flush === 'done') {
      this.#leg.noteSent(type, receipt)
      this.#sendNow(message, isBinary, type)
    } else if (this.#leg.hold(message, isBinary, type, receipt)) {
      this.dial()
    } else {
      this.#closeTooSlow('upstream_too_slow')
    }
  }

  /** Sends to the client; pauses upstream when the client does not keep up. */
  deliver(message: string | Uint8Array, isBinary = false): void {
    if (this.#phase === 'closed') return
    const limits = this.#limits
    const client = this.#client
    const bytes = typeof message === 'string' ? encodeText(message) : message
    this.#count(bytes.length)
    if (client.send(bytes, isBinary)) return
    const waiting = client.buffered()
    if (waiting > limits.clientBufferBytes) this.#pause()
    // What was under way when upstream was paused still arrives; more than that is nobody's fault but the client's.
    if (waiting > limits.clientBufferBytes + 2 * limits.maxMessageBytes) this.#closeTooSlow('client_too_slow')
  }

  /** What waits for upstream (bytes). */
  held(): number {
    return this.#leg.heldBytes + (this.#upstream?.buffered() ?? 0)
  }

  /** The client's socket took some of what was buffered. */
  writable(): void {
    if (this.#stallTimer === null) return
    if (this.#client.buffered() <= this.#limits.clientBufferBytes / 2) this.#resume()
  }

  /** The client's socket is closed. */
  clientClosed(code: number, reason: string): void {
    this.close({ by: 'client', code, reason })
  }

  /** Ends when no answer is due any more, at the latest after `deadlineMs`. */
  drain(deadlineMs: number): void {
    if (this.#phase === 'closed' || this.#phase === 'draining') return
    this.#phase = 'draining'
    this.follower?.draining()
    this.#drainTimer = enterLater(this, deadlineMs, () => this.close(goingAway))
    this.endIfDrained()
  }

  /** Ends the session. Safe to call twice; the first caller's end counts. */
  close(end: CloseReason): void {
    if (this.#phase === 'closed') return
    const wasBridged = this.#upstream !== null
    this.#stopPaying()
    this.#stopWriting()
    this.#phase = 'closed'
    if (this.#stallTimer !== null) clearTimeout(this.#stallTimer)
    if (this.#drainTimer !== null) clearTimeout(this.#drainTimer)
    this.#answerWatch?.stop()
    this.#abortDial?.()
    const isCostKnown = this.#isCostKnown(end)
    if (isCostKnown) this.#closeUpstream(end)
    this.#leg.drop()
    for (const words of this.#lastWords(end)) {
      this.#count(Buffer.byteLength(words))
      this.#client.send(words)
    }
    const { metrics } = this.#options
    if (end.by !== 'client') this.#client.close(end.code, fitCloseReason(end.reason))
    metrics.traffic.sessionsOpen -= 1
    metrics.countEnded(end.error?.code ?? `${end.by}_closed`)
    if (wasBridged) this.#logEnd('bridge.completed', end)
    this.#logEnd('connection.closed', end)
    if (isCostKnown) this.#over(end)
    else this.#settle(end)
  }

  /** Whether all that upstream did has been counted. A fault of the gateway's own is not waited with. */
  #isCostKnown(end: CloseReason): boolean {
    const isFault = end.error?.code === 'internal'
    return this.#meter === undefined || this.#upstream === null || isFault || !this.#isOwed
  }

  /** Whether upstream has yet to tell what something cost. */
  get #isOwed(): boolean {
    return this.responses.isOwed || this.#words?.isOwed === true
  }

  /**
   * Has upstream end its answer, and waits for what that, and what it writes down, cost. Whoever left before the end of
   * each answer would pay for none.
   */
  #settle(end: CloseReason): void {
    const timer = enterLater(this, settleMs, () => this.#settled())
    this.#settling = { end, timer }
    this.#upstream?.resume()
    if (this.responses.isOwed) this.#upstream?.send(responseCancel, false, 'response.cancel')
  }

  #settled(): void {
    const settling = this.#settling
    if (settling === null) return
    this.#settling = null
    clearTimeout(settling.timer)
    this.#closeUpstream(settling.end)
    this.#over(settling.end)
  }

  /** Nothing more is counted. */
  #over(end: CloseReason): void {
    const ended = { by: end.by, code: end.code, ...(end.error && { error: end.error.code }) }
    this.#meter?.ended(ended)
    this.follower?.ended(ended)
  }

  /** Tells upstream what the client's close frame said, where that may be sent. */
  #closeUpstream({ by, code, reason }: CloseReason): void {
    if (by === 'client' && isSendableCloseCode(code)) this.#upstream?.close(code, fitCloseReason(reason))
    else this.#upstream?.close(1000, '')
  }

  /** Code of this session failed: it ends with `internal`, and no other does. */
  onFault(fault: unknown): void {
    this.#log.error('connection.failed', {
      connection: this.#client.id,
      route: this.#route,
      ...describeFault(fault),
    })
    this.close(endWith('gateway', internalError(fault)))
  }

  /** Upstream will not do what the session is for: ends it, and says so in the log. */
  giveUp(error: GatewayError): void {
    const { code, message: reason } = error
    this.#log.warn('upstream.failed', { connection: this.#client.id, code, reason })
    this.close(endWith('gateway', error))
  }

  /** Upstream's session exists. */
  opened(upstream: Upstream): void {
    this.#abortDial = null
    if (this.#phase === 'closed') return upstream.close(1000, '')
    this.#upstream = upstream
    if (this.#options.paidByTime === true) this.#startPaying()
    this.#meter?.opened(upstream.deployment)
    if (this.#stallTimer !== null) upstream.pause()
    if (this.#phase === 'dialing') this.#phase = 'open'
    const limits = this.#limits
    const bridge = { connection: this.#client.id, route: this.#route, deployment: upstream.deployment }
    this.#log.info('bridge.connected', { ...bridge, ms: this.#ageMs() })
    this.#answerWatch = new Heartbeat(limits.upstreamStallMs / silentIntervals, this)
    this.#hooks.opened()
    this.#flush = 'running'
    this.#flushHeld(upstream)
  }

  /** One frame from upstream. @param type its event type, where it has been read */
  event(
    frame: Buffer,
    isBinary: boolean,
    type: string | null = isBinary ? null : this.#options.readType(frame),
  ): void {
    if (this.#phase === 'closed') return this.#hearOut(frame, type)
    this.wasHeard = true
    const answered = this.#leg.noteEvent(frame, type)
    // First: what the hooks write of the conversation has what it came to, and a session that they end has counted all.
    if (type !== null) this.#measure(frame, type)
    this.#hooks.event(frame, isBinary, type, answered)
    this.endIfDrained()
  }

  /** What upstream says after the session's end tells what its last answer cost. */
  #hearOut(frame: Buffer, type: string | null): void {
    if (this.#settling === null) return
    this.#leg.noteEvent(frame, type)
    if (type !== null) this.#measure(frame, type)
    if (!this.#isOwed) this.#settled()
  }

  /** Upstream's session is over. */
  closed(code: number, reason: string, error?: GatewayError): void {
    this.#upstream = null
    this.#stopPaying()
    this.#answerWatch?.stop()
    if (this.#phase === 'closed') return this.#settled()
    this.#stopWriting()
    this.#words = null
    const end = endByUpstream(code, reason, error)
    this.#logEnd('bridge.completed', end)
    this.#upstreamEnded(end)
  }

  /** Code that upstream called failed. */
  fault(fault: unknown): void {
    this.onFault(fault)
  }

  /** Upstream could not be reached. */
  failed(error: GatewayError): void {
    this.#abortDial = null
    this.#log.warn('upstream.failed', {
      connection: this.#client.id,
      code: error.code,
      reason: error.message,
    })
    this.#upstreamEnded(this.#hooks.speaksAsUpstream ? endAsRefused(error) : endWith('upstream', error))
  }

  /** Between answers upstream has nothing to say, and while it is paused it cannot be heard. */
  intervalOver(): void {
    if (!this.responses.isRunning || this.#stallTimer !== null) this.wasHeard = true
  }

  /** Upstream goes no further with an answer. */
  peerSilent(): void {
    const message = `The model said nothing for ${this.#limits.upstreamStallMs} ms in the middle of an answer`
    this.#upstream?.giveUp(new GatewayError('upstream_silent', message))
  }

  #upstreamEnded(end: CloseReason): void {
    if (this.#phase === 'closed') return
    this.#leg.lose()
    this.#flush = 'done'
    if (this.#phase === 'draining') return this.close(end)
    const wasOpen = this.#phase === 'open'
    this.#phase = 'idle'
    if (!this.#hooks.keepsClient?.(end, wasOpen)) this.close(end)
  }

  #flushHeld(upstream: Upstream): void {
    if (this.#phase === 'closed' || this.#upstream !== upstream) return
    const sendHeld = (message: string | Uint8Array, isBinary: boolean, type: string | null) =>
      this.#sendNow(message, isBinary, type)
    if (this.#leg.flush(sendHeld, flushBytesPerTurn)) {
      this.#flush = 'done'
      this.endIfDrained()
    } else {
      setImmediate(() => enter(this, () => this.#flushHeld(upstream)))
    }
  }

  #sendNow(message: string | Uint8Array, isBinary: boolean, type: string | null): void {
    if (this.#upstream === null) return
    const { metrics } = this.#options
    const limits = this.#limits
    const bytes = messageBytes(message)
    const waiting = this.#upstream.buffered()
    if (waiting > 0 && waiting + bytes > limits.upstreamBufferBytes)
      return this.#closeTooSlow('upstream_too_slow')
    if (type?.startsWith('input_audio_buffer.') === true) this.#noteSound(type, bytes)
    this.#messagesUp += 1
    this.#bytesUp += bytes
    metrics.traffic.messagesUp += 1
    metrics.traffic.bytesUp += bytes
    this.#upstream.send(message, isBinary, type)
  }

  #closeTooSlow(code: 'client_too_slow' | 'upstream_too_slow'): void {
    const { upstreamBufferBytes } = this.#limits
    const message =
      code === 'client_too_slow'
        ? 'The client does not take what is sent to it'
        : `More than ${upstreamBufferBytes} bytes are waiting for upstream; send less at a time`
    this.close(endWith('gateway', new GatewayError(code, message)))
  }

  #pause(): void {
    if (this.#stallTimer !== null) return
    // Without an upstream, too, a client may not leave for ever what waits for it.
    this.#upstream?.pause()
    this.#stallTimer = enterLater(this, this.#limits.clientStallMs, () =>
      this.#closeTooSlow('client_too_slow'),
    )
  }

  #resume(): void {
    if (this.#stallTimer === null) return
    clearTimeout(this.#stallTimer)
    this.#stallTimer = null
    this.#upstream?.resume()
  }

  /** A drained session ends as soon as nothing is pending; whoever knows that something is not any more says so. */
  endIfDrained(): void {
    if (this.#phase !== 'draining' || this.responses.isBusy || this.#hooks.holdsTurn?.()) return
    if (this.#leg.heldMessages > 0) return
    const pending = this.#hooks.pending?.() ?? null
    if (pending === null) this.close(goingAway)
    else enter(this, () => pending.then(() => this.endIfDrained()))
  }

  /** An upstream session begins that costs its time. */
  #startPaying(): void {
    this.#paidFrom = performance.now()
    const count = { tick: () => this.#countTime(), onFault: (fault: unknown) => this.onFault(fault) }
    const slot = systemClock.every(countTimeMs, count)
    this.#stopCounting = () => slot.delete(count)
  }

  #stopPaying(): void {
    this.#stopCounting?.()
    this.#countTime()
    this.#paidFrom = null
  }

  /** Counts the time since it was last counted. */
  #countTime(): void {
    const from = this.#paidFrom
    if (from === null) return
    this.#paidFrom = performance.now()
    const seconds = (this.#paidFrom - from) / 1000
    this.#options.metrics.traffic.translationSeconds += seconds
    this.#meter?.translated(seconds)
  }

  /** Most events tell nothing of what a session uses: one lookup says so. */
  #measure(frame: Buffer, type: string): void {
    switch (measured.get(type)) {
      case 'response':
        return this.#meter?.responseDone(frame)
      case 'settings':
        return this.#meter?.configured(frame)
      case 'words':
        return this.#measureWords(frame, type)
    }
  }

  #measureWords(frame: Buffer, type: string): void {
    const noted = this.#words?.noteEvent(frame, type, this.#meter?.transcription ?? '')
    if (noted !== undefined) this.#countUnpriced(noted.unpriced)
    if (type !== transcriptionCompleted) return
    this.#options.metrics.countTranscription(transcriptionUsageOf(frame))
    this.#meter?.transcribed(frame, noted?.priced ?? undefined)
  }

  #noteSound(type: string, bytes: number): void {
    this.#words ??= new OwedWords(this.#options.owed === 'transcripts')
    this.#words.noteMessage(type, bytes)
  }

  /** What is being spoken is not written down any further. */
  #stopWriting(): void {
    if (this.#words !== null) this.#countUnpriced(this.#words.drop())
  }

  #countUnpriced({ bytes, model }: UnpricedSound): void {
    const seconds = bytes === 0 ? 0 : (this.#meter?.heard(bytes, model) ?? 0)
    if (seconds > 0) this.#options.metrics.countTranscription({ input: 0, output: 0, seconds })
  }

  #count(bytes: number): void {
    const { traffic } = this.#options.metrics
    this.#eventsDown += 1
    this.#bytesDown += bytes
    traffic.eventsForwarded += 1
    traffic.bytesDown += bytes
  }

  /** A handler that fails at its end must not keep the session from ending. */
  #lastWords(end: CloseReason): readonly string[] {
    try {
      return this.#hooks.ended?.(end) ?? []
    } catch (fault) {
      const failed = { connection: this.#client.id, route: this.#route, ...describeFault(fault) }
      this.#log.error('connection.failed', failed)
      return []
    }
  }

  #logEnd(event: 'bridge.completed' | 'connection.closed', { by, code, reason }: CloseReason): void {
    const counts = {
      messagesUp: this.#messagesUp,
      bytesUp: this.#bytesUp,
      eventsDown: this.#eventsDown,
      bytesDown: this.#bytesDown,
    }
    const ended = { connection: this.#client.id, route: this.#route, by, code, reason }
    this.#log.info(event, { ...ended, ms: this.#ageMs(), ...counts })
  }

  #ageMs(): number {
    return Math.round(performance.now() - this.#startedAt)
  }
}
