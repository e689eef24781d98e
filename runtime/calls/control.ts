/**
 * The server's end of a WebRTC call: one control connection a replica, any number of observers.
 *
 * | phase   | observer's message | upstream opens            | upstream closes      | upstream knows no call | last observer leaves |
 * |---------|--------------------|---------------------------|----------------------|------------------------|----------------------|
 * | joining | hold, bounded      | → joined, flush           | –                    | → over, call ended     | → over, abort        |
 * | joined  | send               | –                         | → joining: ask again | –                      | → over, close it     |
 * | over    | ignore             | close it                  | ignore               | ignore                 | ignore               |
 *
 * A closed control connection does not say whether the call is over, so upstream is asked again: only a
 * call that it does not know any more has ended. Leaving a call does not end it.
 */

import type { Limits } from '../config.ts'
import { GatewayError } from '../errors.ts'
import type { Log } from '../log.ts'
import { Outbox } from '../outbox.ts'
import type { SessionGuard } from '../session-guard.ts'
import type { Client, Dial, Upstream, UpstreamListener } from '../types.ts'
import { type CallActivity, type CallActivityParts, createCallActivity } from './activity.ts'
import type { CallRecord } from './record.ts'

export interface CallControlParts extends CallActivityParts {
  readonly record: CallRecord
  readonly dial: (patient: boolean) => Dial
  readonly limits: Limits
  readonly log: Log
  readonly readType: (frame: Uint8Array) => string | null
  /** Set where the session's instructions and tools are pinned. */
  readonly guard: SessionGuard | null
  /** Ends the call itself. */
  readonly hangUp: (reason: string) => void
  /** The call is over, or nobody on this replica watches it any more. */
  readonly onOver: () => void
}

type Phase = 'joining' | 'joined' | 'over'

const eventStart = Buffer.from('{"type":"openai_event","event":')

export class CallControl implements UpstreamListener {
  readonly #parts: CallControlParts
  readonly #observers = new Set<Client>()
  readonly #outbox: Outbox
  readonly #activity: CallActivity
  #phase: Phase = 'joining'
  #upstream: Upstream | null = null
  #abortDial: () => void

  constructor(parts: CallControlParts) {
    this.#parts = parts
    this.#outbox = new Outbox(parts.limits.upstreamBufferBytes)
    this.#activity = createCallActivity(parts, parts.record)
    parts.log.info('sideband.control.connecting', this.#fields())
    this.#abortDial = parts.dial(true)(this)
  }

  get phase(): Phase {
    return this.#phase
  }

  get guard(): SessionGuard | null {
    return this.#parts.guard
  }

  /** Lets a client watch and steer the call. It is told when the control connection is there. */
  join(observer: Client): void {
    this.#observers.add(observer)
    if (this.#phase === 'joined') this.#greet(observer)
  }

  /** A client goes; the call goes on. With the last one the control connection goes too, unless it guards the call. */
  leave(observer: Client): void {
    this.#observers.delete(observer)
    if (this.#observers.size === 0 && this.#parts.guard === null) this.stop()
  }

  /** Sends an event to the call. @param message JSON text, as it came from an observer or as the gateway wrote it */
  send(message: string | Uint8Array): void {
    if (this.#phase === 'over') return
    this.#activity.noteSent()
    if (this.#upstream !== null) this.#upstream.send(message)
    else if (!this.#outbox.hold(message, false))
      this.#tell({
        type: 'error',
        code: 'upstream_too_slow',
        message: 'Too much waits for the call; send it again later',
      })
  }

  /** Ends the control connection, not the call. Safe to call twice. */
  stop(): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    this.#abortDial()
    this.#upstream?.close(1000, '')
    this.#outbox.clear()
    this.#activity.stop()
    this.#parts.onOver()
  }

  /** The call is over: observers are told and closed. @returns when its end is written, or cannot be */
  end(reason: string): Promise<void> {
    if (this.#phase === 'over') return Promise.resolve()
    const written = this.#activity.end(reason)
    this.#tell({ type: 'call_ended', reason })
    for (const observer of this.#observers) observer.close(1000, 'call ended')
    this.#observers.clear()
    this.stop()
    return written
  }

  opened(upstream: Upstream): void {
    if (this.#phase === 'over') return upstream.close(1000, '')
    this.#upstream = upstream
    const first = this.#phase === 'joining'
    this.#phase = 'joined'
    this.#parts.log.info('sideband.control.connected', this.#fields())
    this.#activity.start()
    if (this.#parts.guard !== null) this.send(this.#parts.guard.update)
    if (first) for (const observer of this.#observers) this.#greet(observer)
    this.#outbox.flush(message => upstream.send(message))
  }

  event(frame: Buffer, isBinary: boolean): void {
    if (this.#phase === 'over' || isBinary) return
    const type = this.#parts.readType(frame)
    if (type === null) return
    const stats = this.#activity.noteEvent(type, frame)
    if (this.#observers.size > 0)
      this.#publish(Buffer.concat([eventStart, frame, Buffer.from(`,"stats":${stats}}`)]))
    if (type === 'session.updated' || type === 'session.created') this.#judge(frame)
  }

  closed(): void {
    this.#upstream = null
    if (this.#phase === 'over') return
    this.#phase = 'joining'
    this.#abortDial = this.#parts.dial(false)(this)
  }

  failed(error: GatewayError): void {
    if (error.code === 'call_not_found') return void this.end('upstream ended it')
    this.#parts.log.warn('upstream.failed', { ...this.#fields(), code: error.code, reason: error.message })
    this.#tell({ type: 'error', code: error.code, message: error.message })
    for (const observer of this.#observers) observer.close(error.close, error.code)
    this.#observers.clear()
    this.stop()
  }

  #greet(observer: Client): void {
    const { sessionId, callId, provider } = this.#parts.record
    const message = 'The control connection to the call is open'
    observer.send(
      JSON.stringify({
        type: 'sideband_connected',
        session_id: sessionId,
        call_id: callId,
        provider,
        message,
      }),
    )
  }

  #tell(message: object): void {
    this.#publish(JSON.stringify(message))
  }

  /** Each observer gets it once; one that does not keep up is dropped, and neither the call nor the others notice. */
  #publish(message: string | Uint8Array): void {
    for (const observer of this.#observers) {
      if (observer.send(message) || observer.buffered() <= this.#parts.limits.clientBufferBytes) continue
      const { code, close } = new GatewayError(
        'client_too_slow',
        'The observer does not take what is sent to it',
      )
      this.#parts.log.warn('sideband.observer.dropped', { ...this.#fields(), connection: observer.id, code })
      this.#observers.delete(observer)
      observer.close(close, code)
    }
  }

  #judge(frame: Buffer): void {
    const { guard, log, hangUp } = this.#parts
    if (guard === null) return
    const { session = {} } = JSON.parse(frame.toString()) as { session?: object }
    const verdict = guard.judge(session)
    if (verdict.kind === 'as_pinned') return
    log.warn('sideband.session.tampered', { ...this.#fields(), action: verdict.kind })
    if (verdict.kind === 'put_back') this.send(verdict.message)
    else hangUp('its session was tampered with')
  }

  #fields(): object {
    const { sessionId, callId, provider } = this.#parts.record
    const connected = { webrtc_connected: true, websocket_connected: this.#phase === 'joined' }
    return { session_id: sessionId, call_id: callId, provider, ...connected }
  }
}
