/**
 * Carries a conversation over: to another upstream session when upstream ends, and to another replica
 * or revision when the client comes back with its ticket.
 */
import { Conversation } from '../conversation/conversation.ts'
import type { KeptConversation, Redeemed, Resumes } from '../conversation/resumes.ts'
import type { End } from '../end.ts'
import { endsResponse } from '../turn.ts'
import type { Dialect, SessionMessage, UpgradeRequest } from '../types.ts'

export interface CarryoverParts {
  readonly resumes: Resumes
  /** Whose conversation it is, and the account that is charged for what is stored of it. */
  readonly owner: string
  readonly account: string | undefined
  /** Whether the client understands tickets. */
  readonly wantsTicket: boolean
  /** What the client's ticket was worth, if it came with one. */
  readonly resumed: Redeemed | undefined
  readonly dialect: Dialect
  readonly tell: (message: SessionMessage) => void
}

/** Upstream ends a session at its maximum duration with this code; a restart of its own looks the same. */
const renewableCodes = new Set([1001, 1012])
const renewableErrors = new Set(['upstream_lost', 'upstream_silent'])

/** So many upstream sessions may end in a row without one finished answer; then the client is told. */
const maxRenewals = 3

/** What a carryover needs of a request; the rest of it need not be kept for as long as a session lasts. */
export function askedFor(request: UpgradeRequest): Pick<CarryoverParts, 'owner' | 'account' | 'wantsTicket'> {
  const { principal, account, query } = request
  return { owner: principal?.name ?? 'anonymous', account, wantsTicket: query.has('resume') }
}

export class Carryover {
  readonly #parts: CarryoverParts
  readonly #conversation: Conversation
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
    const { resumed } = parts
    this.#conversation =
      resumed !== undefined && 'conversation' in resumed ? resumed.conversation : new Conversation()
  }

  get conversation(): Conversation {
    return this.#conversation
  }

  /** Whether the client's ticket was honoured. */
  get hasResumed(): boolean {
    return this.#parts.resumed !== undefined && 'conversation' in this.#parts.resumed
  }

  /**
   * Tells the client what its ticket was worth, and gives it the next one. A client that says
   * `?resume=` in any form understands tickets; others get theirs with `server.draining`.
   * @returns whether an answer is owed to it
   */
  begin(): boolean {
    const { resumed, wantsTicket, tell } = this.#parts
    if (resumed !== undefined && 'failure' in resumed)
      tell({ type: 'session.resume_failed', reason: resumed.failure })
    if (this.hasResumed) {
      this.#remember()
      tell({ type: 'session.resumed', items: this.#conversation.size, answer_due: this.#conversation.owed })
    }
    if (wantsTicket) {
      this.#issue().then(
        resume => tell({ type: 'session.ticket', resume }),
        // Without a store there is no ticket; the session itself is not harmed.
        () => undefined,
      )
    }
    return this.hasResumed && this.#conversation.owed
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
    this.#parts.tell({ type: 'session.renewed', items: this.#conversation.size, asked_again: askedAgain })
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

  /** The conversation changed: what is in the store is written anew. */
  changed(): void {
    this.#kept?.changed()
  }

  /** What the store has not been told yet; null when it has all. */
  get pending(): Promise<void> | null {
    return this.#kept?.pending ?? null
  }

  /** Tells the client that this process goes away, with the ticket that gives the conversation back. */
  async announce(deadlineMs: number): Promise<void> {
    const message = { type: 'server.draining', deadline_ms: deadlineMs } as const
    try {
      const resume = await this.#issue()
      this.#parts.tell({ ...message, resume })
    } catch {
      // The store is away: the client still has to know.
      this.#parts.tell(message)
    }
  }

  /** Safe to call twice. */
  stop(): void {
    this.#kept?.stop()
  }

  #issue(): Promise<string> {
    const { resumes, owner, account } = this.#parts
    this.#kept ??= resumes.keep(this.#conversation, owner, account)
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
