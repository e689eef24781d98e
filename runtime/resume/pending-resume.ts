/**
 * A connection that came by a ticket, until the ticket is spent. Its handler is called then, once, with what the ticket
 * was worth.
 *
 * | state    | sign of life | message     | ticket spent         | drain               | client closes | fault      |
 * |----------|--------------|-------------|----------------------|---------------------|---------------|------------|
 * | waiting  | → spending   | → spending  | –                    | → over, 1012        | → over        | → over     |
 * | spending | –            | hold        | call handler → begun | once it is spent    | → over        | → over     |
 * | begun    | –            | pass on     | –                    | pass on             | pass on       | pass on    |
 * | over     | –            | –           | –                    | –                   | –             | –          |
 *
 * A connection that breaks while it waits has spent nothing: its client can come again by the same ticket.
 */
import { fitCloseReason, GatewayError } from '../core/errors.ts'
import { describeFault, enter, enterLater, type FaultOwner, internalError } from '../core/fault-boundary.ts'
import type { Client, Connection } from '../core/ports.ts'
import type { Metrics } from '../observability/metrics.ts'
import { type CloseReason, endWith, goingAway } from '../session/close-reason.ts'
import { Outbox } from '../session/outbox.ts'
import type { Redeemed, ResumeStore } from './resume-store.ts'
import type { StateMigration } from './stored-state.ts'
import type { Claim } from './tickets.ts'

/** A client that is not heard of for this long after the 101 is given up (ms); its ticket stays good. */
const signOfLifeMs = 10_000

export interface PendingResumeParts {
  readonly client: Client
  /** The path that the client dialled, for the log. */
  readonly route: string
  readonly claim: Claim
  readonly resumes: Pick<ResumeStore, 'redeem' | 'options'>
  /** Of the assistant that serves it; absent: what tools have stored stays as it is. */
  readonly migration?: StateMigration | undefined
  readonly metrics: Pick<Metrics, 'traffic' | 'countEnded'>
  /**
   * Of a handler that dials when it is called: dials once the ticket is spent, while the conversation is taken over.
   * `abandon` gives that up where the handler is not called.
   */
  readonly early?: { dial(): void; abandon(): void } | undefined
  /** Calls the handler; called once at most. */
  readonly begin: (resumed: Redeemed) => Connection
  /** What the client is told last where the handler was never called. */
  readonly endMessages: (end: CloseReason) => readonly string[]
}

export class PendingResume implements Connection, FaultOwner {
  readonly #client: Client
  readonly #options: ResumeStore['options']
  /** null once it has begun, or is over: it holds on to the request. */
  #parts: PendingResumeParts | null
  #state: 'waiting' | 'spending' | 'begun' | 'over' = 'waiting'
  /** What the handler returned; null until it has. */
  #inner: Connection | null = null
  readonly #held: Outbox
  readonly #timer: NodeJS.Timeout
  readonly #startedAt = performance.now()
  /** Resolves, and never rejects, when the ticket was spent. */
  #spending: Promise<void> = Promise.resolve()
  /** Set where the socket was closed before the handler had returned. */
  #closedWith: { readonly code: number; readonly reason: string } | null = null

  /** Sends a ping at once: its pong is the sign of life of a client that says nothing. Any other ping or pong is one, too. */
  constructor(parts: PendingResumeParts) {
    const { client, resumes, metrics } = parts
    this.#client = client
    this.#options = resumes.options
    this.#parts = parts
    this.#held = new Outbox(resumes.options.maxHeldBytes)
    metrics.traffic.sessionsOpen += 1
    this.#timer = enterLater(this, signOfLifeMs, () => this.fault(silent()))
    client.probe()
  }

  message(data: Uint8Array, isBinary: boolean): void {
    if (this.#inner !== null) return this.#inner.message(data, isBinary)
    if (this.#state === 'over') return
    if (!this.#held.hold(data, isBinary)) return this.fault(tooMuch(this.#options.maxHeldBytes))
    this.#heard()
  }

  controlFrame(): void {
    if (this.#inner !== null) return this.#inner.controlFrame?.()
    this.#heard()
  }

  held(): number {
    return this.#held.bytes + (this.#inner?.held?.() ?? 0)
  }

  writable(): void {
    this.#inner?.writable()
  }

  announce(deadlineMs: number): void | Promise<void> {
    if (this.#inner !== null) return this.#inner.announce(deadlineMs)
    if (this.#state === 'spending') return this.#spending.then(() => this.#inner?.announce(deadlineMs))
    if (this.#parts === null) return
    const { ticket } = this.#parts.claim
    this.#client.send(JSON.stringify({ type: 'server.draining', deadline_ms: deadlineMs, resume: ticket }))
  }

  drain(deadlineMs: number): void {
    if (this.#inner !== null) return this.#inner.drain(deadlineMs)
    if (this.#state === 'waiting') return this.#end(goingAway)
    const endsAt = performance.now() + deadlineMs
    const drainInner = () => this.#inner?.drain(Math.max(0, endsAt - performance.now()))
    enter(this, () => this.#spending.then(drainInner))
  }

  expiring(deadlineMs: number): void {
    this.#inner?.expiring?.(deadlineMs)
  }

  fault(error: GatewayError): void {
    if (this.#inner !== null) return this.#inner.fault(error)
    this.#end(endWith('gateway', error))
  }

  closed(code: number, reason: string): void {
    if (this.#inner !== null) return this.#inner.closed(code, reason)
    if (this.#state === 'begun') this.#closedWith = { code, reason }
    else this.#end({ by: 'client', code, reason })
  }

  #heard(): void {
    if (this.#state !== 'waiting' || this.#parts === null) return
    this.#state = 'spending'
    clearTimeout(this.#timer)
    const { resumes, claim, migration, early } = this.#parts
    const dial = () => {
      if (this.#state === 'spending') early?.dial()
    }
    this.#spending = resumes
      .redeem(claim, migration, dial)
      .then(resumed => this.#begin(resumed))
      .catch(fault => this.onFault(fault))
  }

  #begin(resumed: Redeemed): void {
    if (this.#state !== 'spending' || this.#parts === null) return
    const { begin, metrics } = this.#parts
    this.#state = 'begun'
    // The handler's session counts itself.
    metrics.traffic.sessionsOpen -= 1
    const inner = begin(resumed)
    this.#inner = inner
    this.#parts = null
    if (this.#closedWith !== null) {
      this.#held.clear()
      return inner.closed(this.#closedWith.code, this.#closedWith.reason)
    }
    this.#held.flush((message, isBinary) => inner.message(message as Uint8Array, isBinary))
  }

  /** Ends it before its handler has returned. The first end counts. */
  #end(end: CloseReason): void {
    if (this.#state === 'over' || this.#parts === null) return
    const { route, metrics, endMessages, early } = this.#parts
    const wasCounted = this.#state !== 'begun'
    this.#state = 'over'
    this.#parts = null
    clearTimeout(this.#timer)
    this.#held.clear()
    early?.abandon()
    const { by, code, reason, error } = end
    const told = by === 'client' ? [] : endMessages(end)
    for (const message of told) this.#client.send(message)
    if (by !== 'client') this.#client.close(code, fitCloseReason(reason))
    const { traffic } = metrics
    const bytesDown = told.reduce((sum, message) => sum + Buffer.byteLength(message), 0)
    traffic.eventsForwarded += told.length
    traffic.bytesDown += bytesDown
    if (wasCounted) traffic.sessionsOpen -= 1
    traffic.sessionsTotal += 1
    metrics.countEnded(error?.code ?? `${by}_closed`)
    this.#options.log.info('connection.closed', {
      ...{ connection: this.#client.id, route, by, code, reason },
      ms: Math.round(performance.now() - this.#startedAt),
      ...{ messagesUp: 0, bytesUp: 0, eventsDown: told.length, bytesDown },
    })
  }

  /** The ticket was refused, or code of this connection failed: it ends. */
  onFault(fault: unknown): void {
    if (!(fault instanceof GatewayError))
      this.#options.log.error('connection.failed', { connection: this.#client.id, ...describeFault(fault) })
    this.fault(internalError(fault))
  }
}

function silent(): GatewayError {
  const message = `Nothing was heard of the client for ${signOfLifeMs} ms; its ticket is still good`
  return new GatewayError('client_silent', message)
}

function tooMuch(limit: number): GatewayError {
  const message = `More than ${limit} bytes are waiting for the conversation; send less at a time`
  return new GatewayError('upstream_too_slow', message)
}
