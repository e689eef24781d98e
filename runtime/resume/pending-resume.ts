/**
 * A connection that came by a ticket, until the ticket is spent.
 *
 * | state    | sign of life | message     | ticket spent | drain               | client closes | fault    |
 * |----------|--------------|-------------|--------------|---------------------|---------------|----------|
 * | waiting  | → spending   | → spending  | –            | → over, 1012        | → over        | → over   |
 * | spending | –            | hold        | → begun      | once it is spent    | → over        | → over   |
 * | begun    | –            | pass on     | –            | pass on             | pass on       | pass on  |
 * | over     | –            | –           | –            | –                   | pass on       | –        |
 *
 * A connection that breaks while it waits has spent nothing: its client can come again by the same ticket.
 */
import { GatewayError } from '../core/errors.ts'
import { describeFault, enter, enterLater, type FaultOwner, internalError } from '../core/fault-boundary.ts'
import type { Client, Connection } from '../core/ports.ts'
import { Outbox } from '../session/outbox.ts'
import type { Redeemed, ResumableConnection, Resumes } from './resumes.ts'
import type { Claim } from './tickets.ts'

/** A client that is not heard of for this long after the 101 is given up (ms); its ticket stays good. */
const signOfLifeMs = 10_000

export interface PendingResumeParts {
  readonly client: Client
  readonly inner: ResumableConnection
  readonly claim: Claim
  readonly resumes: Pick<Resumes, 'redeem' | 'options'>
}

export class PendingResume implements Connection, FaultOwner {
  readonly #parts: PendingResumeParts
  #state: 'waiting' | 'spending' | 'begun' | 'over' = 'waiting'
  readonly #held: Outbox
  readonly #timer: NodeJS.Timeout
  /** Resolves, and never rejects, when the ticket was spent. */
  #spending: Promise<void> = Promise.resolve()

  /** Sends a ping at once: its pong is the sign of life of a client that says nothing. */
  constructor(parts: PendingResumeParts) {
    this.#parts = parts
    this.#held = new Outbox(parts.resumes.options.maxHeldBytes)
    this.#timer = enterLater(this, signOfLifeMs, () => this.fault(silent()))
    parts.client.probe(() => this.#heard())
  }

  message(data: Uint8Array, isBinary: boolean): void {
    if (this.#state === 'begun') return this.#parts.inner.message(data, isBinary)
    if (this.#state === 'over') return
    if (!this.#held.hold(data, isBinary)) return this.fault(tooMuch(this.#parts.resumes.options.maxHeldBytes))
    this.#heard()
  }

  controlFrame(): void {
    if (this.#state === 'begun') return this.#parts.inner.controlFrame?.()
  }

  held(): number {
    return this.#held.bytes + (this.#parts.inner.held?.() ?? 0)
  }

  writable(): void {
    this.#parts.inner.writable()
  }

  announce(deadlineMs: number): void | Promise<void> {
    const { client, claim, inner } = this.#parts
    if (this.#state === 'begun') return inner.announce(deadlineMs)
    if (this.#state === 'spending')
      return this.#spending.then(() => (this.#state === 'begun' ? inner.announce(deadlineMs) : undefined))
    if (this.#state === 'over') return
    client.send(JSON.stringify({ type: 'server.draining', deadline_ms: deadlineMs, resume: claim.ticket }))
  }

  drain(deadlineMs: number): void {
    const { inner } = this.#parts
    if (this.#state === 'waiting') this.#end()
    if (this.#state !== 'spending') return inner.drain(deadlineMs)
    const endsAt = performance.now() + deadlineMs
    enter(this, () => this.#spending.then(() => inner.drain(Math.max(0, endsAt - performance.now()))))
  }

  expiring(deadlineMs: number): void {
    if (this.#state === 'begun') this.#parts.inner.expiring?.(deadlineMs)
  }

  fault(error: GatewayError): void {
    if (this.#state !== 'begun') this.#end()
    this.#parts.inner.fault(error)
  }

  closed(code: number, reason: string): void {
    if (this.#state !== 'begun') this.#end()
    this.#parts.inner.closed(code, reason)
  }

  #end(): void {
    this.#state = 'over'
    clearTimeout(this.#timer)
    this.#held.clear()
  }

  #heard(): void {
    if (this.#state !== 'waiting') return
    this.#state = 'spending'
    clearTimeout(this.#timer)
    this.#spending = this.#parts.resumes
      .redeem(this.#parts.claim)
      .then(resumed => this.#begin(resumed))
      .catch(fault => this.onFault(fault))
  }

  #begin(resumed: Redeemed): void {
    if (this.#state !== 'spending') return
    const { inner } = this.#parts
    this.#state = 'begun'
    inner.begin(resumed)
    this.#held.flush((message, isBinary) => inner.message(message as Uint8Array, isBinary))
  }

  /** The ticket was refused, or code of this connection failed: it ends. */
  onFault(fault: unknown): void {
    const { client, resumes } = this.#parts
    if (!(fault instanceof GatewayError))
      resumes.options.log.error('connection.failed', { connection: client.id, ...describeFault(fault) })
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
