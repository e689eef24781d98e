/**
 * The server's end of a WebRTC call: one control connection a replica, any number of observers.
 *
 * | phase   | observer's message | upstream opens            | upstream closes      | upstream knows no call | upstream fails       | last observer leaves |
 * |---------|--------------------|---------------------------|----------------------|------------------------|----------------------|----------------------|
 * | joining | hold, bounded      | → joined, flush           | –                    | → over, call ended     | → over; tell         | → over, abort        |
 * | joined  | send, bounded      | –                         | → joining: ask again | –                      | –                    | → over, close it     |
 * | over    | ignore             | close it                  | ignore               | ignore                 | ignore               | ignore               |
 *
 * What is held, and what upstream answers, `UpstreamLeg` knows, as it does for sessions. A change of the server's own
 * that an error refuses by its `event_id` is not asked for again.
 *
 * A closed control connection does not say whether the call is over, so upstream is asked again, some times:
 * only a call that it does not know any more has ended. Leaving a call does not end it. One that the server must
 * hear (`stays`) is heard without observers, asked for again after a failure too, and hung up if that is in vain.
 */

import { GatewayError } from '../core/errors.ts'
import { describeFault, enterLater, type FaultOwner, internalError } from '../core/fault-boundary.ts'
import type { Client, Dial, Upstream, UpstreamListener } from '../core/ports.ts'
import { isFields, parseFields } from '../events/fields.ts'
import type { PinnedSession } from '../session/pinned-session.ts'
import type { Receipt } from '../session/sent-messages.ts'
import type { Limits } from '../session/session.ts'
import { blankPinned, type SessionPolicy } from '../session/session-policy.ts'
import { UpstreamLeg } from '../session/upstream-leg.ts'
import { type CallActivity, type CallActivityParts, createCallActivity } from './activity.ts'
import type { CallTools, CallToolsParts } from './call-tools.ts'
import { Observers } from './observers.ts'
import { Playout } from './playout.ts'
import type { CallRecord } from './record.ts'
import { Rejoin } from './rejoin.ts'

export interface CallControlParts extends CallActivityParts {
  readonly record: CallRecord
  readonly dial: (patient: boolean) => Dial
  readonly limits: Limits
  readonly readType: (frame: Uint8Array) => string | null
  /** The server must hear this call, also where nobody else does. */
  readonly stays: boolean
  /** What observers neither see nor change. */
  readonly policy: SessionPolicy
  /** Set where the session's instructions and tools are pinned. */
  readonly pinnedSession: PinnedSession | null
  /** Makes what runs the tools of the call's assistant; null where it has none on the server. */
  readonly tools: ((link: CallToolsLink) => CallTools) | null
  /** The server's side changed what is pinned. @param pinned JSON */
  readonly pinned: (pinned: string) => void
  /** Ends the call itself. */
  readonly hangUp: (reason: string) => void
  /** The call is over, or nobody on this replica watches it any more. */
  readonly onOver: () => void
}

/** What the tools of a call need of its control connection. */
export type CallToolsLink = Pick<
  CallToolsParts,
  'responses' | 'keepsTools' | 'maxHeldBytes' | 'send' | 'tellActivity' | 'tellEvent' | 'follow' | 'owner'
>

export class CallControl implements UpstreamListener, FaultOwner {
  readonly pinnedSession: PinnedSession | null
  readonly #parts: CallControlParts
  readonly #observers: Observers
  /** The browser writes to the same session by its data channel. */
  readonly #leg: UpstreamLeg
  readonly #activity: CallActivity
  readonly #playout: Playout
  /** null where no tools of the call run on the server. */
  readonly #tools: CallTools | null
  /** This replica speaks for the call. */
  #speaks = false
  readonly #rejoin = new Rejoin()
  #phase: 'joining' | 'joined' | 'over' = 'joining'
  #upstream: Upstream | null = null
  #abortDial: () => void
  readonly #joined = Promise.withResolvers<void>()

  constructor(parts: CallControlParts) {
    this.pinnedSession = parts.pinnedSession
    this.#parts = parts
    this.#leg = new UpstreamLeg({ maxHeldBytes: parts.limits.upstreamBufferBytes, isShared: true })
    this.#playout = new Playout(this.#leg.responses)
    this.#activity = createCallActivity(parts, parts.record, {
      onSpent: error => this.#spent(error),
      onSpeaks: speaks => this.#noteSpeaks(speaks),
    })
    this.#tools = this.#createTools()
    this.#observers = new Observers({
      maxBufferedBytes: parts.limits.clientBufferBytes,
      onDropped: ({ id }, code) =>
        parts.log.warn('sideband.observer.dropped', { ...this.#fields(), connection: id, code }),
    })
    parts.log.info('sideband.control.connecting', this.#fields())
    this.#abortDial = parts.dial(true)(this.#followed())
  }

  #createTools(): CallTools | null {
    const { tools, limits } = this.#parts
    const tell = (message: object) => this.#observers.tell(JSON.stringify(message))
    return (
      tools?.({
        responses: this.#leg.responses,
        keepsTools: this.pinnedSession === null,
        maxHeldBytes: limits.upstreamBufferBytes,
        send: (message, type, receipt) => this.#sendOfTools(message, type, receipt),
        tellActivity: activity => tell({ type: 'assistant.tool', ...activity }),
        tellEvent: (name, data) => tell({ type: 'assistant.event', name, data }),
        follow: (name, call) => this.#activity.follower?.tool(name, call),
        owner: this,
      }) ?? null
    )
  }

  /** A model that never hears what became of its call would wait for it for ever. */
  #sendOfTools(message: string, type: string, receipt?: Receipt): void {
    if (this.send(message, type, receipt)) return
    this.#giveUp(new GatewayError('upstream_too_slow', 'The call does not take the outputs of its tools'))
  }

  #noteSpeaks(speaks: boolean): void {
    this.#speaks = speaks
    if (speaks && this.#phase === 'joined') this.#tools?.act()
    else if (!speaks) this.#tools?.listen()
  }

  /** Resolves when the control connection has been there once, and what was held for it is sent; or when it is over. */
  get joined(): Promise<void> {
    return this.#joined.promise
  }

  /** No tool of the call starts here any more. @returns when none runs, some time before the deadline at the latest (ms from now) */
  drainTools(deadlineMs: number): Promise<void> {
    return this.#tools?.drain(deadlineMs) ?? Promise.resolve()
  }

  /** Lets a client watch and steer the call. It is told when the control connection is there. */
  join(observer: Client): void {
    this.#observers.add(observer)
    if (this.#phase === 'joined') this.tell(observer, this.#greeting)
  }

  /** A client goes; the call goes on. With the last one the control connection goes too, unless it stays. */
  leave(observer: Client): void {
    this.#observers.delete(observer)
    if (this.#observers.size === 0 && !this.#parts.stays) void this.stop()
  }

  /** Tells one observer something; bounded as events are. */
  tell(observer: Client, message: string): void {
    this.#observers.tellOne(observer, message)
  }

  /**
   * Sends an event to the call.
   * @param message JSON text, as it came from an observer or as the gateway wrote it
   * @param type its event type
   * @param receipt is told of an error that names the message by its `event_id`
   * @returns false when too much waits for the call already; the message is not sent then
   */
  send(message: string | Uint8Array, type: string, receipt?: Receipt): boolean {
    if (this.#phase === 'over') return true
    if (!this.#passOn(message, type, receipt)) return false
    this.#activity.noteSent()
    return true
  }

  /** What waits for the call (bytes). */
  held(): number {
    return this.#leg.heldBytes + (this.#upstream?.buffered() ?? 0)
  }

  /** Ends the control connection, not the call. Safe to call twice. @returns when what it counted is written, or cannot be */
  stop(): Promise<void> {
    if (this.#phase === 'over') return Promise.resolve()
    this.#phase = 'over'
    this.#joined.resolve()
    this.#abortDial()
    this.#upstream?.close(1000, '')
    this.#tools?.end()
    this.#leg.drop()
    this.#playout.stop()
    this.#parts.onOver()
    return this.#activity.stop()
  }

  /** The call is over: observers are told and closed. @returns when its end is written, or cannot be */
  end(reason: string): Promise<void> {
    if (this.#phase === 'over') return Promise.resolve()
    const written = this.#activity.end(reason)
    this.#observers.tell(JSON.stringify({ type: 'call_ended', reason }))
    this.#observers.close(1000, 'call ended')
    void this.stop()
    return written
  }

  opened(upstream: Upstream): void {
    if (this.#phase === 'over') return upstream.close(1000, '')
    this.#upstream = upstream
    this.#abortDial = () => undefined
    this.#phase = 'joined'
    this.#rejoin.opened()
    this.#parts.log.info('sideband.control.connected', this.#fields())
    this.#activity.start()
    for (const { message, receipt } of this.#parts.pinnedSession?.updates ?? [])
      this.send(message, 'session.update', receipt)
    if (this.#tools !== null) {
      const { message, receipt } = this.#tools.update
      this.send(message, 'session.update', receipt)
      if (this.#speaks) this.#tools.act()
    }
    this.#observers.tell(this.#greeting)
    this.#leg.flush((...held) => upstream.send(...held))
    this.#joined.resolve()
  }

  event(frame: Buffer, isBinary: boolean, type = isBinary ? null : this.#parts.readType(frame)): void {
    if (this.#phase === 'over' || isBinary || type === null) return
    const answered = this.#leg.noteEvent(frame, type)
    const stats = this.#activity.noteEvent(type, frame)
    this.#playout.note(type)
    this.#tools?.event(frame, type, answered)
    if (this.#isOver) return
    const shown = blankPinned(frame, type, this.#parts.policy)
    if (shown !== null) this.#observers.tellEvent(shown, stats)
    if (type === 'session.updated' || type === 'session.created') this.#judge(frame)
  }

  closed(code: number, _reason: string, error?: GatewayError): void {
    this.#upstream = null
    if (this.#phase === 'over') return
    this.#tools?.listen()
    this.#leg.lose()
    this.#phase = 'joining'
    this.#askAgain(error ?? new GatewayError('upstream_lost', `The control connection was closed (${code})`))
  }

  /** Code of this control connection failed: observers are told, and it ends. */
  onFault(fault: unknown): void {
    this.#parts.log.error('connection.failed', { ...this.#fields(), ...describeFault(fault) })
    if (this.#phase !== 'over') this.#giveUp(internalError(fault))
  }

  fault(fault: unknown): void {
    this.onFault(fault)
  }

  failed(error: GatewayError): void {
    if (error.code === 'call_not_found') void this.end('upstream ended it')
    else if (this.#parts.stays) this.#askAgain(error)
    else this.#giveUp(error)
  }

  /** What a dial that begins tells its events to. */
  #followed(): UpstreamListener {
    return this.#activity.follower?.listen(this) ?? this
  }

  #askAgain(error: GatewayError): void {
    const waitMs = this.#rejoin.next()
    if (waitMs === null) return this.#giveUp(error)
    const timer = enterLater(this, waitMs, () => {
      this.#abortDial = this.#parts.dial(false)(this.#followed())
    })
    this.#abortDial = () => clearTimeout(timer)
  }

  #giveUp(error: GatewayError): void {
    const { log, stays, hangUp } = this.#parts
    log.warn('upstream.failed', { ...this.#fields(), code: error.code, reason: error.message })
    this.#observers.tellError(error)
    this.#observers.close(error.close, error.code)
    this.#activity.follower?.ended({ by: 'upstream', code: error.close, error: error.code })
    if (stays) hangUp('the server could not hear it')
    void this.stop()
  }

  /** The answer that spends the last tokens is still heard. */
  #spent(error: GatewayError): void {
    if (this.#phase === 'over') return
    this.#observers.tellError(error)
    this.#playout.whenSilent(() => this.#parts.hangUp('the budget of the day is spent'))
  }

  #passOn(message: string | Uint8Array, type: string, receipt?: Receipt): boolean {
    if (this.#upstream === null) return this.#leg.hold(message, false, type, receipt)
    if (this.#upstream.buffered() > this.#parts.limits.upstreamBufferBytes) return false
    this.#leg.noteSent(type, receipt)
    this.#upstream.send(message, false, type)
    return true
  }

  /** Whatever was called may have ended it. */
  get #isOver(): boolean {
    return this.#phase === 'over'
  }

  get #greeting(): string {
    const { sessionId: session_id, callId: call_id, provider } = this.#parts.record
    const message = 'The control connection to the call is open'
    return JSON.stringify({ type: 'sideband_connected', session_id, call_id, provider, message })
  }

  #judge(frame: Buffer): void {
    const { pinnedSession, log, pinned, hangUp } = this.#parts
    if (pinnedSession === null) return
    const { session } = parseFields(frame) ?? {}
    if (!isFields(session)) return
    const verdict = pinnedSession.judge(session)
    if (verdict.kind === 'as_pinned') return
    if (verdict.kind === 'changed') return pinned(JSON.stringify(pinnedSession.pinned))
    log.warn('sideband.session.tampered', { ...this.#fields(), action: verdict.kind })
    if (verdict.kind === 'put_back') this.send(verdict.message, 'session.update')
    else hangUp('its session was tampered with')
  }

  #fields(): object {
    const { sessionId, callId, provider } = this.#parts.record
    const connected = { webrtc_connected: true, websocket_connected: this.#phase === 'joined' }
    return { session_id: sessionId, call_id: callId, provider, ...connected }
  }
}
