/**
 * Carries a conversation over: to another upstream session when upstream ends, and to another replica
 * or revision when the client comes back with its ticket.
 * Over 200 lines because both are one state: what the next upstream session must be told.
 */

import { GatewayError } from '../core/errors.ts'
import { describeFault } from '../core/fault-boundary.ts'
import type { Client, Dialect, UpgradeRequest } from '../core/ports.ts'
import type { SessionMessage } from '../core/wire.ts'
import type { Log } from '../observability/log.ts'
import type { End } from '../session/end.ts'
import { endsResponse } from '../session/turn.ts'
import { Conversation } from './conversation.ts'
import type { KeptConversation } from './kept-conversation.ts'
import type { Redeemed, Resumes } from './resumes.ts'

export interface CarryoverParts {
  readonly resumes: Resumes
  /** Whose conversation it is, and the account that is charged for what is stored of it. */
  readonly owner: string
  readonly account: string | undefined
  /** Whether the client understands tickets. */
  readonly wantsTicket: boolean
  readonly dialect: Dialect
  readonly tell: (message: SessionMessage) => void
  readonly log: Log
  /** Of the client, for the log. */
  readonly connection: string
}

/** Upstream ends a session at its maximum duration with this code; a restart of its own looks the same. */
const renewableCodes = new Set([1001, 1012])
const renewableErrors = new Set(['upstream_lost', 'upstream_silent'])

/** So many upstream sessions may end in a row without one finished answer; then the client is told. */
const maxRenewals = 3

/** What a carryover needs of a client and its request; the rest need not be kept for as long as a session lasts. */
export function askedFor(
  client: Client,
  { principal, account, query }: UpgradeRequest,
): Pick<CarryoverParts, 'connection' | 'owner' | 'account' | 'wantsTicket'> {
  const owner = principal?.name ?? 'anonymous'
  return { connection: client.id, owner, account, wantsTicket: query.has('resume') }
}

export class Carryover {
  readonly #parts: CarryoverParts
  #conversation = new Conversation()
  #kept: KeptConversation | null = null
  /** What the next upstream session is told before anything else; null when there is nothing to tell. */
  #replay: string[] | null = null
  /** An upstream session was lost and the client is to be told when there is another. */
  #renewing: { askedAgain: boolean } | null = null
  #renewals = 0
  /** Answers of upstream to the gateway's own words in a renewal: how many are still to be hidden, by type. */
  #hidden: Map<string, number> | null = null

  constructor(parts: CarryoverParts) {
    this.#parts = parts
  }

  get conversation(): Conversation {
    return this.#conversation
  }

  /**
   * Tells the client what its ticket was worth, and gives it the next one. A client that says
   * `?resume=` in any form understands tickets; others get theirs with `server.draining`.
   * @param resumed null where the client came without a ticket
   * @returns whether an answer is owed to it
   */
  begin(resumed: Redeemed | null): boolean {
    const { wantsTicket, tell } = this.#parts
    if (resumed !== null && 'failure' in resumed) {
      tell({ type: 'session.resume_failed', reason: resumed.failure })
    } else if (resumed !== null) {
      this.#conversation = resumed.conversation
      this.#remember()
      const { size: items, owed: answer_due } = this.#conversation
      tell({ type: 'session.resumed', items, answer_due, ...this.#settingsKept })
    }
    if (wantsTicket) {
      this.#issue()
        .then(resume => tell({ type: 'session.ticket', resume }))
        .catch(fault => this.#failed(fault))
    }
    return this.#conversation.owed
  }

  /** Whether upstream's end can be carried over; if so, the next upstream session will be told everything. */
  loses({ by, code, error }: End): boolean {
    const renewable = error === undefined ? renewableCodes.has(code) : renewableErrors.has(error.code)
    if (by !== 'upstream' || !renewable || this.#renewals >= maxRenewals) return false
    this.#renewals += 1
    const askedAgain = this.#conversation.owed
    this.#renewing = { askedAgain }
    this.#remember()
    if (askedAgain) this.#conversation.ask()
    return true
  }

  /**
   * Upstream is away and the client is told so: nobody waits for an answer any more. What never reached
   * upstream is reported as failed, so the next session is not told of it either.
   */
  givesUp(): void {
    this.#conversation.forgetUnconfirmed()
    this.#conversation.forgive()
    if (this.#renewing !== null) this.#renewing.askedAgain = false
    this.#remember()
    this.changed()
  }

  /** The next upstream session, whenever it is dialled, will be told everything. */
  #remember(): void {
    this.#replay = this.#conversation.replay(this.#parts.dialect)
  }

  /** Whether another upstream session is on its way in place of one that was lost. */
  get isRenewing(): boolean {
    return this.#renewing !== null
  }

  /**
   * Upstream's session exists and has its settings.
   * @param updates how many `session.update`s the gateway has sent to it
   * @returns the events that it must be told next
   */
  opened(updates: number): readonly string[] {
    const replay = this.#replay ?? []
    this.#replay = null
    if (this.#renewing === null) return replay
    const { askedAgain } = this.#renewing
    this.#renewing = null
    this.#hidden = new Map([
      ['session.created', 1],
      ['session.updated', updates + replay.filter(isUpdate).length],
    ])
    this.#parts.tell({
      type: 'session.renewed',
      items: this.#conversation.size,
      asked_again: askedAgain,
      ...this.#settingsKept,
    })
    return replay
  }

  /** Takes in one event from upstream. @returns whether the client should not see it */
  noted(frame: Buffer, type: string | null): boolean {
    if (endsResponse(type)) this.#renewals = 0
    if (this.#conversation.note(frame, type)) this.changed()
    if (type === null) return false
    const left = this.#hidden?.get(type) ?? 0
    if (left > 0) this.#hidden?.set(type, left - 1)
    return left > 0 || this.#conversation.isEcho(frame, type) || (type === 'error' && isExpiry(frame))
  }

  /** Whether an answer is still wanted, where that is not upstream's word alone: one that was interrupted is not. */
  settle(isWanted: boolean): void {
    if (this.#conversation.owed === isWanted) return
    if (isWanted) this.#conversation.ask()
    else this.#conversation.forgive()
    this.changed()
  }

  /**
   * The client changed the session.
   * @param session of its `session.update`; undefined where that could not be read
   */
  configured(session: unknown): void {
    const wereKept = this.#conversation.settingsKept
    this.#conversation.configure(session)
    const { log, connection } = this.#parts
    if (wereKept && !this.#conversation.settingsKept)
      log.warn('conversation.settings_dropped', { connection })
  }

  get #settingsKept(): { settings_kept?: false } {
    return this.#conversation.settingsKept ? {} : { settings_kept: false }
  }

  /** The conversation changed: what is in the store is written anew. */
  changed(): void {
    this.#kept?.changed()
  }

  /** Writes what the store has not been told yet. @returns resolves when that is over; null when it has all */
  flush(): Promise<void> | null {
    return this.#kept?.flush() ?? null
  }

  /** Tells the client that this process goes away, with the ticket that gives the conversation back. */
  async announce(deadlineMs: number): Promise<void> {
    const ticket = await this.#issue().then(
      resume => ({ resume }),
      fault => this.#failed(fault),
    )
    // Also without a ticket the client has to know.
    this.#parts.tell({ type: 'server.draining', deadline_ms: deadlineMs, ...ticket })
  }

  /** Safe to call twice. */
  stop(): void {
    this.#kept?.stop()
  }

  /** Without a store there is no ticket, and the session itself is not harmed; all else is a fault of the gateway's. */
  #failed(fault: unknown): void {
    if (fault instanceof GatewayError) return
    const { log, connection } = this.#parts
    log.error('connection.failed', { connection, ...describeFault(fault) })
  }

  #issue(): Promise<string> {
    const { resumes, owner, account, wantsTicket, tell } = this.#parts
    this.#kept ??= resumes.keep({
      conversation: this.#conversation,
      owner,
      account,
      onTicket: resume => wantsTicket && tell({ type: 'session.ticket', resume }),
      onFault: fault => this.#failed(fault),
    })
    return this.#kept.issue()
  }
}

function isUpdate(event: string): boolean {
  return event.startsWith('{"type":"session.update"')
}

/** Upstream announces its maximum duration by an error right before it closes; a renewal makes that untrue. */
function isExpiry(frame: Buffer): boolean {
  return frame.includes('"session_expired"')
}
