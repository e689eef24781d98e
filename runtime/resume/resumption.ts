/**
 * Carries a conversation over: to another upstream session when upstream ends, and to another replica
 * or revision when the client comes back with its ticket.
 */

import { GatewayError } from '../core/errors.ts'
import { describeFault, enterLater } from '../core/fault-boundary.ts'
import type { Client, Dialect, Meter, Principal, UpgradeRequest } from '../core/ports.ts'
import { ticketWaitMs } from '../core/shutdown.ts'
import type { SessionMessage } from '../core/wire.ts'
import { type Fields, parseFields } from '../events/fields.ts'
import type { Log } from '../observability/log.ts'
import type { CloseReason } from '../session/close-reason.ts'
import { endsResponse, type ResponseState } from '../session/response-state.ts'
import { type Acknowledgement, noReceipt, type Receipt } from '../session/sent-messages.ts'
import type { SessionPolicy } from '../session/session-policy.ts'
import { Conversation, type ConversationAssistant, type ReplayedMessage } from './conversation.ts'
import type { Redeemed, ResumeStore, SpentTicket } from './resume-store.ts'
import {
  freshEntry,
  type PersistedConversation,
  retryIntervalMs,
  type StoredEntry,
} from './stored-conversation.ts'
import { describeRefused, type RefusedState } from './stored-state.ts'
import {
  emptyJournal,
  type JournalChange,
  type JournalKeeper,
  setState,
  type ToolJournal,
  unstoredConversation,
} from './tool-journal.ts'

/** An assistant that serves a conversation. */
export interface ServingAssistant extends ConversationAssistant {
  /** Of what its tools store (default 1). */
  readonly stateVersion?: number
}

export interface ResumptionParts {
  readonly resumes: ResumeStore
  /** Whose conversation it is, and the account that is charged for what is stored of it. */
  readonly owner: string
  readonly account: string | undefined
  /** Whether the client understands tickets. */
  readonly wantsTicket: boolean
  readonly dialect: Dialect
  /** The assistant that serves it; absent or null: none. */
  readonly assistant?: ServingAssistant | null | undefined
  /** What its client may not say (default: nothing). */
  readonly policy?: SessionPolicy | undefined
  /** Of the session: it knows whether an answer is pending. */
  readonly responses: ResponseState
  readonly tell: (message: SessionMessage) => void
  /**
   * Tools run on the server (default false): not every response is an answer, and whoever shows the client its answers says
   * when one has ended.
   */
  readonly hasTools?: boolean
  readonly log: Log
  /** Of the client, for the log. */
  readonly connection: string
  /** Sends the client a ping. @param answered called once, at the pong to it: what was told before has arrived */
  readonly probe: (answered: () => void) => void
  /** Ends the session with an error. */
  readonly fault: (error: GatewayError) => void
  /** Counts what the conversation uses, in all of its sessions. */
  readonly meter?: Meter | undefined
}

/** Upstream ends a session at its maximum duration with this code; a restart of its own looks the same. */
const renewableCodes = new Set([1001, 1012])
const renewableErrors = new Set(['upstream_lost', 'upstream_silent'])

/** So many upstream sessions may end in a row without one finished answer; then the client is told. */
const maxRenewals = 3

/** Where the store is away it is told for so long (ms) that a client has its ticket. */
const holdDeadlineMs = 30_000

/** A message larger than this (bytes) is not read: it has audio, or an image too large to be kept. Upstream says which. */
const maxReadBytes = 256 * 1024

/** What a new upstream session is told before anything else. */
export interface Replay {
  readonly messages: readonly ReplayedMessage[]
  /** It takes the place of one that was lost: the client does not see how it is set up. */
  readonly isHidden: boolean
}

/** Of a handler's context, what a resumption needs. */
export interface ResumableContext {
  readonly request: UpgradeRequest
  readonly principal: Principal
  readonly limits: { readonly account: string; readonly meter?: Meter | undefined }
  readonly log: Log
}

/** What a resumption needs of a client and its context; the rest need not be kept for as long as a session lasts. */
export function askedFor(
  client: Client,
  { request, principal, limits, log }: ResumableContext,
): Pick<ResumptionParts, 'connection' | 'owner' | 'account' | 'wantsTicket' | 'probe' | 'log' | 'meter'> {
  const { name: owner } = principal
  const { account, meter } = limits
  const probe = (answered: () => void) => client.probe(answered)
  return {
    connection: client.id,
    owner,
    account,
    wantsTicket: request.query.has('resume'),
    probe,
    log,
    meter,
  }
}

export class Resumption implements JournalKeeper {
  readonly #parts: ResumptionParts
  #conversation = new Conversation()
  /** Where it stands in the store, or will. */
  #entry: StoredEntry = freshEntry()
  #kept: PersistedConversation | null = null
  /** What the next upstream session is told before anything else; null when there is nothing to tell. */
  #replay: readonly ReplayedMessage[] | null = null
  /** An upstream session was lost and the client is to be told when there is another. */
  #renewing: { askedAgain: boolean } | null = null
  #renewals = 0
  /** The present upstream session took the place of one that was lost. */
  #isRenewed = false
  /** Whether an answer was pending when the store was last told. */
  #wasPending = false
  /** By which the client came, until it was sent another ticket. */
  #spent: SpentTicket | undefined

  constructor(parts: ResumptionParts) {
    this.#parts = parts
    this.#conversation.assistant = assistantOf(parts)
    this.#conversation.journal = setState(emptyJournal, {}, parts.assistant?.stateVersion ?? 1)
    this.#conversation.follow(parts.responses)
  }

  get conversation(): Conversation {
    return this.#conversation
  }

  /**
   * Tells the client what its ticket was worth, and gives it the next one. A client that says
   * `?resume=` in any form understands tickets; others get theirs with `server.draining`.
   * @param resumed null where the client came without a ticket
   * @returns whether an answer is owed to it; it is wanted then, and the caller asks for it
   */
  begin(resumed: Redeemed | null): boolean {
    const { wantsTicket, tell, responses, meter } = this.#parts
    if (resumed !== null && 'failure' in resumed) {
      tell({ type: 'session.resume_failed', reason: resumed.failure })
    } else if (resumed !== null) {
      this.#conversation = resumed.conversation
      this.#entry = resumed.entry ?? this.#entry
      const served = this.#serve(resumed.conversation)
      if (resumed.refused !== undefined) this.#noteRefused(resumed.refused)
      this.#remember()
      const { size: items, owed: answer_due, answersEnded: answers } = this.#conversation
      if (answer_due) responses.want()
      this.#conversation.follow(responses)
      tell({ type: 'session.resumed', items, answer_due, answers, ...served, ...this.#losses })
    }
    if (meter !== undefined) this.#conversation.charge(meter)
    if (resumed !== null && 'conversation' in resumed) this.#spent = resumed.spent
    if (wantsTicket)
      this.#issue().then(
        resume => this.#tellTicket(resume),
        fault => this.#failed(fault),
      )
    this.#wasPending = responses.isPending
    return responses.isPending
  }

  /** The conversation goes on under the version of this replica. @returns what the client is told of it */
  #serve(conversation: Conversation): { assistant?: string; version?: string; previous?: string } {
    const [previous, now] = [conversation.assistant, assistantOf(this.#parts)]
    conversation.assistant = now
    if (now === null) return {}
    return {
      assistant: now.name,
      version: now.version,
      ...(previous !== null && { previous: previous.version }),
    }
  }

  /** The model is told that its tools know nothing any more of what they had stored. */
  #noteRefused(refused: RefusedState): void {
    const { log, connection } = this.#parts
    log.warn('conversation.state_refused', { connection, ...refused })
    this.#conversation.addNotice(describeRefused(refused))
  }

  #tellTicket(resume: string): void {
    this.#parts.tell({ type: 'session.ticket', resume })
    this.#holdOnceHeard()
  }

  /** A ticket was sent: the one by which the client came is good until the client is known to have this one. */
  #holdOnceHeard(): void {
    const spent = this.#spent
    this.#spent = undefined
    if (spent !== undefined) this.#parts.probe(() => void this.#hold(spent))
  }

  /**
   * The client has its ticket: of two who came by the one before, the other is refused, or has won. Where the store is
   * away, that is tried again until a deadline: two would go on otherwise.
   */
  async #hold(spent: SpentTicket): Promise<void> {
    const endsAt = performance.now() + holdDeadlineMs
    for (;;) {
      try {
        if (!(await spent.hold())) this.#parts.fault(resumedElsewhere())
        return
      } catch (fault) {
        if (!isStoreAway(fault) || performance.now() + retryIntervalMs > endsAt) return this.#failed(fault)
      }
      await new Promise(resolve => setTimeout(resolve, retryIntervalMs))
    }
  }

  /** Whether upstream's end can be carried over; if so, the next upstream session will be told everything. */
  loses({ by, code, error }: CloseReason): boolean {
    const renewable = error === undefined ? renewableCodes.has(code) : renewableErrors.has(error.code)
    if (by !== 'upstream' || !renewable || this.#renewals >= maxRenewals) return false
    this.#renewals += 1
    this.#renewing = { askedAgain: this.#parts.responses.isPending }
    this.#conversation.noteLost()
    this.#remember()
    return true
  }

  /**
   * Upstream is away and the client is told so: nobody waits for an answer any more. What never reached
   * upstream is reported as failed, so the next session is not told of it either.
   */
  givesUp(): void {
    this.#conversation.forgetUnconfirmed()
    this.#parts.responses.cancel()
    if (this.#renewing !== null) this.#renewing.askedAgain = false
    this.#remember()
    this.changed()
  }

  /** Adds an item while there is no upstream session: the next one is told of it with everything else. */
  add(item: object): void {
    this.#conversation.expect(item)
    this.#remember()
    this.changed()
  }

  /** The next upstream session, whenever it is dialled, will be told everything. */
  #remember(): void {
    this.#replay = this.#conversation.replay(this.#parts.dialect, this.#parts.policy)
  }

  /** Whether another upstream session is on its way in place of one that was lost. */
  get isRenewing(): boolean {
    return this.#renewing !== null
  }

  /** Upstream's session exists. @returns what it must be told, behind the gateway's own settings */
  opened(): Replay {
    const isHidden = this.#renewing !== null
    const messages = (this.#replay ?? []).map(message => ({ ...message, isHidden }))
    this.#replay = null
    this.#isRenewed = isHidden
    if (this.#renewing === null) return { messages, isHidden }
    const { askedAgain: asked_again } = this.#renewing
    this.#renewing = null
    const { size: items } = this.#conversation
    this.#parts.tell({ type: 'session.renewed', items, asked_again, ...this.#losses })
    return { messages, isHidden }
  }

  /**
   * Takes in one event from upstream.
   * @param answered the message that it confirms or refuses
   * @returns whether the client should not see it
   */
  noted(frame: Buffer, type: string | null, answered: Acknowledgement | null): boolean {
    if (endsResponse(type)) {
      this.#renewals = 0
      if (this.#parts.hasTools !== true) this.#conversation.noteAnswerEnded()
    }
    if (isUnknown(answered)) this.#conversation.refuseOldest()
    if (this.#conversation.note(frame, type) || answered !== null) this.changed()
    else this.noteAnswer()
    if (type === null) return false
    const isSetUp = answered?.outcome === 'confirmed' && answered.receipt?.isHidden === true
    return (
      (isSetUp && answered.type === 'session.update') ||
      (this.#isRenewed && type === 'session.created') ||
      this.#conversation.isEcho(frame, type) ||
      (type === 'error' && isExpiry(frame))
    )
  }

  /** The client was told that an answer has ended. */
  noteAnswerEnded(): void {
    this.#conversation.noteAnswerEnded()
    this.changed()
  }

  get journal(): ToolJournal {
    return this.#conversation.journal
  }

  get conversationId(): string {
    return this.#entry.id
  }

  get isStored(): boolean {
    return this.#kept !== null
  }

  /** Commits a change of the journal: in the store once a client can come back, and here until then. */
  async commit(change: JournalChange): Promise<ToolJournal | null> {
    for (;;) {
      if (this.#kept !== null) return this.#kept.commit(change)
      const before = this.#conversation.journal
      const next = await change(before, unstoredConversation)
      // Set here, it would be overwritten by a commit that is on its way to the store.
      if (this.isStored) continue
      if (next === null) return null
      if (this.#conversation.journal !== before) continue
      this.#conversation.journal = next
      return next
    }
  }

  async refresh(): Promise<void> {
    await this.#kept?.refresh()
  }

  /** Whether an answer is pending may have changed: the store is told. */
  noteAnswer(): void {
    if (this.#wasPending !== this.#parts.responses.isPending) this.changed()
  }

  /**
   * Takes in one message of the client's on its way to upstream; all but two types are passed over by their type.
   * @param message JSON text in upstream's dialect
   * @returns what upstream's answer to it does to the conversation
   */
  expect(message: string | Uint8Array, type: string | null): Receipt {
    switch (type) {
      case 'session.update':
        return this.#configure(fieldsOf(message)?.session)
      case 'conversation.item.create':
        return this.#conversation.expect(fieldsOf(message)?.item)
      default:
        return noReceipt
    }
  }

  #configure(session: unknown): Receipt {
    const didFit = this.#conversation.settingsFit
    const receipt = this.#conversation.configure(session)
    const { log, connection } = this.#parts
    if (didFit && !this.#conversation.settingsFit) log.warn('conversation.settings_dropped', { connection })
    return receipt
  }

  /** What the client must know of what the model was not told. */
  get #losses(): { settings_kept?: false; dropped?: number } {
    const { settingsKept, dropped } = this.#conversation
    return { ...(!settingsKept && { settings_kept: false as const }), ...(dropped > 0 && { dropped }) }
  }

  /** The conversation changed: what is in the store is written anew. */
  changed(): void {
    this.#wasPending = this.#parts.responses.isPending
    this.#kept?.changed()
  }

  /** Writes what the store has not been told yet. @returns resolves when that is over; null when it has all */
  flush(): Promise<void> | null {
    return this.#kept?.flush() ?? null
  }

  /**
   * Tells the client that this process goes away, with the ticket that gives the conversation back. Where the store is slow
   * it is told without one before the drain ends its connection, and once more with the ticket.
   * @param deadlineMs after which the connection is ended at the latest (ms)
   * @returns resolves when there is the ticket, or will be none; never rejects
   */
  async announce(deadlineMs: number): Promise<void> {
    const endsAt = performance.now() + deadlineMs
    const { tell } = this.#parts
    let wasTold = false
    const timer = enterLater(
      { onFault: fault => this.#failed(fault) },
      Math.min(ticketWaitMs, deadlineMs / 2),
      () => {
        wasTold = true
        tell({ type: 'server.draining', deadline_ms: deadlineMs })
      },
    )
    const ticket = await this.#issue().then(
      resume => ({ resume }),
      fault => this.#failed(fault),
    )
    clearTimeout(timer)
    const leftMs = wasTold ? Math.max(0, Math.round(endsAt - performance.now())) : deadlineMs
    // Also without a ticket the client has to know.
    if (ticket !== undefined || !wasTold) tell({ type: 'server.draining', deadline_ms: leftMs, ...ticket })
    if (ticket !== undefined) this.#holdOnceHeard()
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
    const { resumes, owner, account, wantsTicket, hasTools } = this.#parts
    this.#kept ??= resumes.keep({
      conversation: this.#conversation,
      entry: this.#entry,
      ticket: this.#spent?.next,
      owner,
      account,
      onTicket: resume => wantsTicket && this.#tellTicket(resume),
      onFault: fault => this.#failed(fault),
      // Of two sessions that go on with the same calls, one must not.
      onTakenOver: hasTools === true ? () => this.#parts.fault(resumedElsewhere()) : undefined,
    })
    return this.#kept.issue()
  }
}

function resumedElsewhere(): GatewayError {
  return new GatewayError('resumed_elsewhere', 'Another connection came by the ticket of this conversation')
}

function isStoreAway(fault: unknown): boolean {
  return fault instanceof GatewayError && fault.code === 'store_unavailable'
}

/** An item was refused whose receipt was given to another item: those of upstream's own look alike by their type. */
function isUnknown(answered: Acknowledgement | null): boolean {
  return (
    answered?.outcome === 'refused' &&
    answered.type === 'conversation.item.create' &&
    answered.receipt === null
  )
}

function assistantOf({ assistant }: ResumptionParts): ConversationAssistant | null {
  return assistant ? { name: assistant.name, version: assistant.version } : null
}

function fieldsOf(message: string | Uint8Array): Fields | null {
  return message.length > maxReadBytes ? null : parseFields(Buffer.from(message))
}

/** Upstream announces its maximum duration by an error right before it closes; a renewal makes that untrue. */
function isExpiry(frame: Buffer): boolean {
  return frame.includes('"session_expired"')
}
