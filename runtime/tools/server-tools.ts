/**
 * The tools of one connection that run on the server: takes the model's calls in, runs them, answers each once, and asks the
 * model to go on. It stands between the session and its client: upstream's events pass `see`, the client's messages pass
 * `outgoing`, and neither tells the client that there are such tools.
 *
 * A call is committed to the journal before it runs, and again with its output before the model is told. So of several
 * processes that know of it one runs it, and none runs it twice unless the tool says that it may:
 *
 * | a process ends             | its successor finds | and                                                     |
 * |----------------------------|---------------------|---------------------------------------------------------|
 * | before the commit          | no call             | asks the model again, or finds the call in what was said |
 * | between commit and output  | running             | waits for the lease; runs it again, or says `interrupted` |
 * | between output and answer  | done                | answers                                                 |
 *
 * A turn ends at the `response.done` after which no call is pending. Calls of one response run side by side. When all are
 * answered and the response is over, one `response.create` follows, with the settings of the request that began the turn.
 */
import { createHash, randomBytes } from 'node:crypto'
import { GatewayError } from '../core/errors.ts'
import { enter, enterLater, type FaultOwner } from '../core/fault-boundary.ts'
import { ownEventIdPrefix } from '../events/compose.ts'
import { type Fields, isFields, parseFields, textOr } from '../events/fields.ts'
import type { Log } from '../observability/log.ts'
import {
  addToolCall,
  countRun,
  findCall,
  finishToolCall,
  forgetCalls,
  interruptToolCall,
  type JournalChange,
  type JournaledToolCall,
  type JournalKeeper,
  type JournalRefusal,
  maxCalls,
  maxOutputBytes,
  recentRuns,
  refusalOfCall,
  refusalOfState,
  startToolCall,
  stateVersionOf,
  type ToolJournal,
} from '../resume/tool-journal.ts'
import type { TranscriptItem } from '../resume/transcript-item.ts'
import { Outbox } from '../session/outbox.ts'
import { endsResponse, type ResponseState, type Turn } from '../session/response-state.ts'
import type { Acknowledgement, Receipt } from '../session/sent-messages.ts'
import { HiddenCalls, type VisibleEvent } from './hidden-calls.ts'
import type { ToolDescription, ToolResult, ToolRunner } from './runner.ts'
import { drainReserveMs } from './tool-limits.ts'
import { type RefusedMessage, ToolSettings } from './tool-settings.ts'

/** What a connection's tools are allowed. */
export interface ToolLimits {
  /** Responses of one turn that may call tools; after that the model must answer in words. */
  readonly rounds: number
  /** Calls of one conversation, in whichever sessions, that begin to run within a minute. */
  readonly callsPerMinute: number
}

export const defaultToolLimits: ToolLimits = { rounds: 8, callsPerMinute: 30 }

/** The tools of a handler's connections. */
export interface ToolOptions {
  readonly runner: ToolRunner
  readonly limits?: ToolLimits
}

/** How a call stands, for the client. */
export interface ToolActivity {
  readonly name: string
  readonly status: 'running' | 'done' | 'failed' | 'interrupted'
  /** Since the run began (ms). */
  readonly ms: number
}

export interface ServerToolsParts extends ToolOptions {
  readonly journal: JournalKeeper
  /** Of the session: it is told whether a turn is open. */
  readonly responses: ResponseState
  /** The principal's name. */
  readonly caller: string
  /** Limit of what is held of the client's messages (bytes). */
  readonly maxHeldBytes: number
  /** Whether the client answers calls of other tools than the server's (default true); else the model is told that there are none. */
  readonly clientHasTools?: boolean
  /** Sends an event to upstream, or holds it until there is one. */
  readonly send: (message: string, type: string, receipt: Receipt) => void
  /** Adds an item to what was said. @returns what upstream's answer to it does */
  readonly expect: (item: object) => Receipt
  /** Upstream is neither there nor on its way: the next session is told of an item with everything else. */
  readonly isAway: () => boolean
  readonly add: (item: object) => void
  /** Passes on what was held of the client's. */
  readonly forward: (message: Uint8Array | string, type: string) => void
  /** Shows the client events that it is to see, outside `see`. */
  readonly show: (events: readonly VisibleEvent[]) => void
  readonly tellActivity: (activity: ToolActivity) => void
  readonly tellEvent: (name: string, data: unknown) => void
  /** A tool runs. @param call its id @returns ends that; `outcome` is the code of the error, null where it was done */
  readonly follow: (name: string, call: string) => ((outcome: string | null) => void) | undefined
  /** A turn ended, or moves on, without an event from upstream. */
  readonly settled: () => void
  /** A fault of the gateway's own ends the connection. */
  readonly owner: FaultOwner
  readonly log: Log
  readonly connection: string
  /** Names the item of a call's output; absent: each has an id of its own. */
  readonly outputIdOf?: (callId: string) => string
}

/** A store that is away is tried for so long before a call is refused, or its result given up (ms). */
export const commitPatienceMs = 5000

const commitRetryMs = 250

/** A lease lasts so long beyond the tool's own time (ms): the result has to be committed. */
export const leaseMarginMs = 2 * commitPatienceMs

/** Clocks of two replicas differ by no more (ms). */
export const clockSkewMs = 1000

/** How often a call that another process runs is looked at (ms). */
export const leasePollMs = 500

/** An idempotent call that is interrupted again and again runs so often. */
const maxRuns = 3

/** A refused request is tried again after this (ms), unless a response ends before. */
const askAgainMs = 1000

/** So many answered calls are remembered, so that none is answered twice. */
const maxAnswered = 1024

/** A call in what was said that has no output. */
type UnansweredCall = Pick<JournaledToolCall, 'id' | 'name' | 'arguments'>

/** A call that the model waits for. */
interface OpenCall {
  readonly id: string
  readonly name: string
  /**
   * - taken: it is being committed
   * - running: here
   * - awaited: another process runs it
   * - moved: another process goes on with it
   */
  state: 'taken' | 'running' | 'awaited' | 'moved'
  readonly abort: AbortController
  startedAt: number
  /** The turn was broken off: it is answered, and nothing follows. */
  isBroken: boolean
  /** Of a turn that was broken off before the conversation was taken up again: what has not run need not run. */
  readonly isStale: boolean
}

/** An item that an upstream session is told of at its beginning. */
interface OpenedItem extends Pick<TranscriptItem, 'id' | 'name' | 'callId' | 'isNotice'> {
  readonly kind: string
}

/** A `response.create` that upstream has not answered yet. */
interface AskedResponse {
  /** Settings that hold for the whole turn; null where it has none. */
  readonly request: Fields | null
  /** Id of the gateway's own; null for the client's. */
  readonly followUp: string | null
  /** The turn was broken off: it is cancelled once it begins. */
  isBroken: boolean
}

export class ServerTools {
  readonly #parts: ServerToolsParts
  readonly #tools: ReadonlyMap<string, ToolDescription>
  readonly #limits: ToolLimits
  readonly #hidden: HiddenCalls
  readonly #settings: ToolSettings
  /** This connection, as the journal names it. */
  readonly #owner = randomBytes(12).toString('hex')
  #phase: 'serving' | 'draining' | 'over' = 'serving'
  #reserve: NodeJS.Timeout | null = null
  #retry: NodeJS.Timeout | null = null
  readonly #open = new Map<string, OpenCall>()
  readonly #answered = new Set<string>()
  /** The response of the conversation that runs; null where none does. */
  #activeId: string | null = null
  /** Responses that run beside the conversation. */
  readonly #outOfBand = new Set<string>()
  readonly #asked: AskedResponse[] = []
  /** Of the present turn. */
  #request: Fields | null = null
  #rounds = 0
  /** The response whose calls were counted as a round. */
  #roundOf: string | null = null
  /** Outputs were sent that no response has seen: one more is asked for. */
  #needsResponse = false
  /** The model has used all its rounds. */
  #isExhausted = false
  /** The present response has calls of the client's own tools. */
  #hasClientCalls = false
  /** Calls of the server's and of the client's wait for each other: the client asks for the next response. */
  #isMixed = false
  /** The response that the client cancelled. */
  #brokenId: string | null = null
  readonly #held: Outbox
  readonly #heldTypes: string[] = []
  #eventIds = 0
  /** The session looks by itself, after each event, whether it can end. */
  #isInEvent = false

  constructor(parts: ServerToolsParts) {
    this.#parts = parts
    const { runner, limits = defaultToolLimits, maxHeldBytes, clientHasTools = true } = parts
    this.#tools = new Map(runner.tools.map(tool => [tool.name, tool]))
    this.#limits = limits
    this.#hidden = new HiddenCalls(new Set(this.#tools.keys()), clientHasTools ? 'of these' : 'all')
    this.#settings = new ToolSettings(runner.tools)
    this.#held = new Outbox(maxHeldBytes)
  }

  /** Whether an answer comes behind calls that are not answered yet. */
  get isTurnOpen(): boolean {
    return this.#parts.responses.isTurnOpen
  }

  /** Bytes of the client's messages that are held. */
  get heldBytes(): number {
    return this.#held.bytes
  }

  /** Whether the turn was broken off, and upstream will yet begin the response that it was asked for. */
  get isCancelDue(): boolean {
    return this.#asked.some(({ isBroken }) => isBroken)
  }

  /** Whether a call waits for its answer here. */
  isOpen(callId: string): boolean {
    return this.#open.has(callId)
  }

  /** Adds the server's tools to a `session.update`. @param update JSON text of the gateway's own, or of a client's that is told again */
  withTools(update: string): string {
    return this.#settings.addTools(update)
  }

  /** `session.update` that sets the tools alone. */
  toolsUpdate(eventId: string, isGa: boolean): string {
    return this.#settings.toolsUpdate(eventId, isGa)
  }

  /** An upstream session begins: it is told of these items, which the client may not see. */
  opened(items: Iterable<OpenedItem>): void {
    let known: string | null = null
    const calls = new Set<string | undefined>()
    for (const { id, kind, name = '', callId, isNotice = false } of items) {
      const isCall = kind === 'function_call' && this.#tools.has(name)
      if (isCall) calls.add(callId)
      const isOutput = kind === 'function_call_output' && calls.has(callId)
      if (isCall || isOutput || isNotice) this.#hidden.hideItem(id, known)
      else known = id
    }
  }

  /**
   * The upstream session is gone. What its calls were for is asked of the next one.
   * @param unanswered calls in what was said that have no output: upstream may have gone before it said that their
   * response had them
   * @param isDue whether the next session is asked for an answer
   */
  lost(unanswered: readonly UnansweredCall[], isDue: boolean): void {
    const responseId = this.#activeId
    const isBroken = this.isCancelDue
    this.#activeId = null
    this.#outOfBand.clear()
    this.#asked.length = 0
    this.#hidden.lose()
    this.#hasClientCalls = false
    const calls = this.#callsOf(unanswered).filter(({ id }) => !this.#answered.has(id) && !this.#open.has(id))
    if (calls.length > 0) this.#countRound(responseId)
    this.#goOnWith(calls, isDue)
    if (isBroken) this.#advance()
  }

  /**
   * An answer is pending and its request was lost with upstream, or with the process before: asks for it now, or once all
   * calls are answered.
   */
  askAgain(): void {
    this.#needsResponse = true
    // Where all calls had their outputs already it has been asked for with them.
    if (this.#open.size === 0 && this.#asked.length === 0) this.#ask()
  }

  /**
   * Takes in one event from upstream.
   * @param answered the message that it confirms or refuses
   * @returns what the client sees in its place; null: the event as it is
   */
  see(frame: Buffer, type: string | null, answered: Acknowledgement | null): readonly VisibleEvent[] | null {
    if (type === null) return null
    this.#isInEvent = true
    try {
      return this.#see(frame, type, answered)
    } finally {
      this.#isInEvent = false
    }
  }

  #see(frame: Buffer, type: string, answered: Acknowledgement | null): readonly VisibleEvent[] | null {
    if (answered !== null && this.#isOwnMatter(frame, type, answered)) return []
    if (type === 'response.created') this.#begun(frame)
    else if (type === 'response.output_item.done') this.#take(frame)
    else if (type === 'session.updated' || type === 'session.created') this.#settings.note(frame)
    const seen = this.#hidden.see(frame, type, () => this.#goesOn(frame))
    if (endsResponse(type)) this.#ended(frame)
    else if (type === 'input_audio_buffer.cleared') this.#advance()
    return seen
  }

  /**
   * Takes in one message of the client's on its way to upstream.
   * @returns the message, as it is to go on; null where it does not go on now, or at all; a refusal
   */
  outgoing(message: Uint8Array | string, type: string | null): Uint8Array | string | null | RefusedMessage {
    switch (type) {
      case 'session.update':
        return this.#settings.merge(message)
      case 'response.create': {
        if (this.#mustWait) return this.#hold(message, type)
        const { message: merged, request, isOutOfBand } = this.#settings.mergeResponse(message)
        if (!isOutOfBand) this.#asked.push({ request, followUp: null, isBroken: false })
        return merged
      }
      case 'conversation.item.create': {
        const refusal = this.#settings.refuseCall(message)
        if (refusal !== null) return refusal
        return this.#mustWait && isOutput(message) ? this.#hold(message, type) : message
      }
      case 'response.cancel': {
        if (typeof fieldsOf(message)?.response_id === 'string') return message
        return this.breakOff() ? message : null
      }
      default:
        return message
    }
  }

  /**
   * Nobody waits for the answer of this turn any more: its calls are answered, and nothing follows.
   * @returns whether upstream has a response to cancel
   */
  breakOff(): boolean {
    if (!this.isTurnOpen) return !this.isCancelDue
    for (const call of this.#open.values()) call.isBroken = true
    this.#needsResponse = false
    this.#isMixed = false
    if (this.#activeId !== null) {
      this.#brokenId = this.#activeId
      this.#advance()
      return true
    }
    for (const asked of this.#asked) asked.isBroken = asked.followUp !== null
    if (this.isCancelDue) this.#cancelAsked()
    else this.#showUnseen()
    this.#advance()
    return false
  }

  /** Nobody waits for what upstream was asked for: another session is not asked for it. */
  #cancelAsked(): void {
    this.#parts.responses.cancel()
    this.#setTurn('ending')
  }

  /**
   * A conversation was taken up again: calls that are not answered go on.
   * @param unanswered calls in what was said that have no output
   * @param isDue whether an answer is pending
   * @param isInTurn whether the last thing that was said is an output
   * @returns whether any call is open
   */
  resume(unanswered: readonly UnansweredCall[], isDue: boolean, isInTurn: boolean): boolean {
    const { journal } = this.#parts.journal
    const isSameTurn = isInTurn || unanswered.length > 0
    this.#request = isSameTurn ? (journal.turn?.request ?? null) : null
    this.#rounds = isSameTurn ? (journal.turn?.rounds ?? 0) : 0
    this.#needsResponse = isDue
    this.#goOnWith(this.#callsOf(unanswered), isDue)
    return this.#open.size > 0
  }

  /** Those of the server's tools, as far as each has come. */
  #callsOf(unanswered: readonly UnansweredCall[]): JournaledToolCall[] {
    const { journal } = this.#parts.journal
    return unanswered.flatMap(({ id, name, arguments: given }) => {
      const known = findCall(journal, id)
      if (known !== undefined) return [known]
      return this.#tools.has(name)
        ? [{ id, name, arguments: given, status: 'pending' as const, runs: 0 }]
        : []
    })
  }

  /** @param isDue whether an answer comes behind them */
  #goOnWith(calls: readonly JournaledToolCall[], isDue: boolean): void {
    // The first answer must not be taken for the last.
    for (const call of calls) this.#openCall(call, !isDue, !isDue)
    for (const call of calls) enter(this.#parts.owner, () => this.#goOn(call))
  }

  /** No tool starts here any more; those that run have until some time before the deadline. @param deadlineMs from now */
  drain(deadlineMs: number): void {
    if (this.#phase !== 'serving') return
    this.#phase = 'draining'
    this.#reserve = enterLater(this.#parts.owner, Math.max(0, deadlineMs - drainReserveMs), () =>
      this.#moveOn(),
    )
    // Those that another process runs, its successor here waits for.
    for (const call of this.#open.values()) if (call.state === 'awaited') call.state = 'moved'
    this.#advance()
  }

  /** The connection is over. Tools of a conversation that can be taken up again run to their end. Safe to call twice. */
  end(): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    if (this.#reserve !== null) clearTimeout(this.#reserve)
    if (this.#retry !== null) clearTimeout(this.#retry)
    this.#held.clear()
    this.#heldTypes.length = 0
    if (!this.#parts.journal.isStored) for (const { abort } of this.#open.values()) abort.abort()
  }

  /** An answer to a message of the gateway's own, of which the client knows nothing. */
  #isOwnMatter(frame: Buffer, type: string, { outcome, type: about, receipt }: Acknowledgement): boolean {
    const eventId = receipt?.eventId ?? ''
    const isOwn = eventId.startsWith(toolEventIdPrefix)
    if (outcome === 'confirmed') return isOwn && about === 'session.update' && type === 'session.updated'
    if (about === 'response.create') return this.#refused(frame, eventId)
    if (isOwn) {
      const { log, connection } = this.#parts
      log.warn('tool.output_refused', { connection, code: codeOf(frame) })
    }
    return isOwn
  }

  /** A request for a response was refused. @returns whether that is the gateway's own matter */
  #refused(frame: Buffer, eventId: string): boolean {
    const at = this.#asked.findIndex(({ followUp }) => followUp === (eventId || null))
    const isFollowUp = at >= 0 && eventId.startsWith(toolEventIdPrefix)
    const client = this.#asked.findIndex(({ followUp }) => followUp === null)
    if (at >= 0 || client >= 0) this.#asked.splice(isFollowUp ? at : client, 1)
    if (!isFollowUp) return false
    if (codeOf(frame) === 'conversation_already_has_active_response') {
      // Whatever runs, its end is a reason to ask again; so is some time.
      this.#retry ??= enterLater(this.#parts.owner, askAgainMs, () => {
        this.#retry = null
        if (this.#activeId === null) this.#advance()
      })
      return true
    }
    this.#needsResponse = false
    this.#showUnseen()
    this.#endTurn()
    return false
  }

  #begun(frame: Buffer): void {
    const { response } = parseFields(frame) ?? {}
    if (!isFields(response)) return
    const id = textOr(response.id)
    if (response.conversation_id === null) return void this.#outOfBand.add(id)
    const asked = this.#asked.shift() ?? { request: null, followUp: null, isBroken: false }
    this.#activeId = id
    this.#hasClientCalls = false
    if (asked.followUp === null) {
      this.#request = asked.request
      this.#rounds = 0
      this.#isExhausted = false
      this.#isMixed = false
    }
    // It knows all outputs that were sent before.
    if (this.#open.size === 0) this.#needsResponse = false
    if (asked.isBroken) {
      this.#brokenId = id
      this.#parts.send('{"type":"response.cancel"}', 'response.cancel', {})
    }
  }

  /** An item of a response is complete. */
  #take(frame: Buffer): void {
    const { item, response_id } = parseFields(frame) ?? {}
    if (!isFields(item) || item.type !== 'function_call') return
    const responseId = textOr(response_id)
    if (this.#outOfBand.has(responseId)) return
    if (!this.#hidden.isHiddenCall(item)) {
      this.#hasClientCalls = true
      return
    }
    const id = textOr(item.call_id)
    if (id === '' || this.#answered.has(id) || this.#open.has(id)) return
    this.#countRound(responseId)
    const given = textOr(item.arguments)
    const call = { id, name: textOr(item.name), arguments: given, status: 'pending' as const, runs: 0 }
    const open = this.#openCall(call, responseId === this.#brokenId)
    if (item.status === 'incomplete') return this.#answer(open, failure('incomplete'))
    // The journal takes in no more; each that waited to be told so would cost those that wait already.
    if (this.#open.size > maxCalls) return this.#answer(open, failure('too_many_calls'))
    enter(this.#parts.owner, () => this.#goOn(call))
  }

  /** A response calls tools: all its calls are one round. */
  #countRound(responseId: string | null): void {
    if (this.#roundOf === responseId) return
    this.#roundOf = responseId
    this.#rounds += 1
  }

  #openCall({ id, name }: JournaledToolCall, isBroken: boolean, isStale = false): OpenCall {
    const abort = new AbortController()
    const startedAt = performance.now()
    const open: OpenCall = { id, name, state: 'taken', abort, startedAt, isBroken, isStale }
    this.#open.set(id, open)
    this.#hidden.hideCall(id)
    this.#setTurn(this.#turnOfOpen())
    return open
  }

  /** Brings a call to its answer, from wherever it stands in the journal. */
  async #goOn(call: JournaledToolCall): Promise<void> {
    const open = this.#open.get(call.id)
    if (open === undefined) return
    switch (call.status) {
      case 'done':
        return this.#answer(open, call.output ?? '')
      case 'pending':
        return open.isStale ? this.#answer(open, failure('cancelled')) : this.#start(open, call)
      case 'interrupted':
        return this.#interrupted(open, call)
      case 'running':
        return call.owner === this.#owner ? undefined : this.#await(open)
    }
  }

  /** Commits a call and runs it. */
  async #start(open: OpenCall, call: JournaledToolCall): Promise<void> {
    const tool = this.#tools.get(call.name)
    if (tool === undefined) return this.#answer(open, failure('unknown_tool'))
    const isBeyond = call.runs === 0 && this.#rounds > this.#limits.rounds
    if (isBeyond) this.#isExhausted = true
    const turn = { rounds: this.#rounds, request: this.#request }
    let refusal: JournalRefusal | 'tool_rounds' | 'tool_calls_per_minute' | null = null
    const committed = await this.#commit((newest, { isUnanswered, isTakenOver }) => {
      // An answer that is no part of what is stored is not known to whoever goes on with that.
      const journal = forgetCalls(newest, id => this.#answered.has(id) && !isUnanswered(id))
      const known = findCall(journal, call.id)
      if (known === undefined && isTakenOver) return null
      if (known?.status === 'done') return newest
      if (known?.status === 'running' && !this.#isOver(known)) return newest
      const now = Date.now()
      if (isBeyond) refusal = 'tool_rounds'
      // A call that may have run is told of that, and not refused.
      else if (call.runs === 0 && this.#isMinuteUsed(journal, now)) refusal = 'tool_calls_per_minute'
      else refusal = known === undefined ? refusalOfCall(journal, call) : null
      // A successor must not find it pending: it would run it.
      if (refusal !== null)
        return known === undefined ? null : finishToolCall(journal, call.id, failure(refusal))
      const added = addToolCall(journal, call, turn)
      if (this.#phase !== 'serving') return added
      const leaseUntil = now + tool.timeoutMs + leaseMarginMs
      return startToolCall(countRun(added, now), call.id, { owner: this.#owner, leaseUntil })
    })
    if (committed === 'away') return this.#answer(open, failure('store_unavailable'))
    if (committed === null) return refusal === null ? this.#move(open) : this.#answer(open, failure(refusal))
    const known = findCall(committed, call.id)
    if (known === undefined) return this.#answer(open, failure('interrupted', true))
    if (known.status === 'pending') return this.#move(open)
    if (known.status !== 'running') return this.#goOn(known)
    if (known.owner !== this.#owner) return this.#await(open)
    return this.#run(open, known, tool, committed)
  }

  #isMinuteUsed(journal: ToolJournal, now: number): boolean {
    const calls = recentRuns(journal, now).reduce((sum, { runs }) => sum + runs, 0)
    return calls >= this.#limits.callsPerMinute
  }

  #isOver({ leaseUntil = 0 }: JournaledToolCall): boolean {
    return Date.now() > leaseUntil + clockSkewMs
  }

  async #run(
    open: OpenCall,
    call: JournaledToolCall,
    tool: ToolDescription,
    begun: ToolJournal,
  ): Promise<void> {
    const { runner, caller, tellEvent, journal, follow } = this.#parts
    open.state = 'running'
    open.startedAt = performance.now()
    this.#tell(open, 'running')
    const runEnded = follow(call.name, call.id)
    const result = await runner.run({
      name: call.name,
      arguments: call.arguments,
      idempotencyKey: idempotencyKeyOf(journal.conversationId, call.id),
      caller,
      state: begun.state,
      emit: (name, data) => {
        if (this.#phase !== 'over' && open.state === 'running') tellEvent(name, data)
      },
      signal: open.abort.signal,
    })
    runEnded?.(outcomeOf(result))
    // A drain has moved it on meanwhile.
    if (open.state !== 'running') return
    await this.#settle(open, call, tool, { result, stateVersion: stateVersionOf(begun) })
  }

  async #settle(
    open: OpenCall,
    call: JournaledToolCall,
    tool: ToolDescription,
    { result, stateVersion }: { readonly result: ToolResult; readonly stateVersion: number },
  ): Promise<void> {
    if (result.kind === 'interrupted' || this.#wasMoved(open)) return this.#interruptRun(open, call, tool)
    let isGone = false
    const committed = await this.#commit(async newest => {
      const known = findCall(newest, call.id)
      if (known?.status === 'done') return newest
      // Somebody else has taken it over: what came of this run is told by them, or by nobody.
      if (known?.status !== 'running' || known.owner !== this.#owner) return null
      if (result.kind === 'failed')
        return finishToolCall(newest, call.id, failureText(result.code, result.message))
      if (Buffer.byteLength(result.output) > maxOutputBytes)
        return finishToolCall(newest, call.id, failure('output_too_large'))
      if (result.update === null) return finishToolCall(newest, call.id, result.output)
      // Another version of the assistant goes on with the conversation: this one does not know its state.
      isGone = stateVersionOf(newest) !== stateVersion
      if (isGone) return null
      const state = await result.update(newest.state).catch(() => {
        isGone = true
        return null
      })
      if (state === null) return null
      const refusal = refusalOfState(state)
      if (refusal !== null) return finishToolCall(newest, call.id, failure(refusal))
      return finishToolCall({ ...newest, state: state as Fields }, call.id, result.output)
    })
    if (isGone) return this.#interruptRun(open, call, tool)
    this.#tell(open, result.kind)
    if (committed === 'away') return this.#answer(open, failure('store_unavailable', true))
    const output = committed === null ? undefined : findCall(committed, call.id)?.output
    if (output === undefined) this.#forget(open)
    else this.#answer(open, output)
  }

  #wasMoved({ state }: OpenCall): boolean {
    return state === 'moved'
  }

  /** A run of this process's is not known to have finished. */
  async #interruptRun(open: OpenCall, call: JournaledToolCall, tool: ToolDescription): Promise<void> {
    this.#tell(open, 'interrupted')
    const committed = await this.#commit(newest => {
      const known = findCall(newest, call.id)
      return known?.status === 'running' && known.owner === this.#owner
        ? interruptToolCall(newest, call.id)
        : null
    })
    const known = committed === 'away' || committed === null ? undefined : findCall(committed, call.id)
    if (this.#phase !== 'serving') return this.#move(open)
    if (known === undefined) return this.#answer(open, failure('interrupted', true))
    open.state = 'taken'
    return tool.idempotent ? this.#interrupted(open, known) : this.#answerInterrupted(open, known)
  }

  /** A call ran somewhere and is not known to have finished. */
  async #interrupted(open: OpenCall, call: JournaledToolCall): Promise<void> {
    if (this.#phase !== 'serving') return this.#move(open)
    const tool = this.#tools.get(call.name)
    if (tool?.idempotent === true && call.runs < maxRuns) return this.#start(open, call)
    return this.#answerInterrupted(open, call)
  }

  async #answerInterrupted(open: OpenCall, call: JournaledToolCall): Promise<void> {
    const output = failure('interrupted', true)
    const committed = await this.#commit(newest => {
      const known = findCall(newest, call.id)
      if (known === undefined || known.status === 'done') return newest
      return known.status === 'interrupted' ? finishToolCall(newest, call.id, output) : null
    })
    if (committed === null) return this.#await(open)
    const known = committed === 'away' ? undefined : findCall(committed, call.id)
    this.#answer(open, known?.output ?? output)
  }

  /** Another process runs a call: waits until it is done, or its lease is over. */
  async #await(open: OpenCall): Promise<void> {
    const { journal, owner } = this.#parts
    if (this.#phase !== 'serving') return this.#move(open)
    open.state = 'awaited'
    await journal.refresh().catch(() => undefined)
    if (open.state !== 'awaited') return
    const call = findCall(journal.journal, open.id)
    if (call === undefined) return this.#answer(open, failure('interrupted', true))
    if (call.status !== 'running' || call.owner === this.#owner) {
      open.state = 'taken'
      return this.#goOn(call)
    }
    if (!this.#isOver(call)) return void enterLater(owner, leasePollMs, () => this.#await(open))
    const committed = await this.#commit(newest => {
      const known = findCall(newest, open.id)
      if (known?.status !== 'running' || !this.#isOver(known)) return newest
      return interruptToolCall(newest, open.id)
    })
    if (committed === 'away') return void enterLater(owner, leasePollMs, () => this.#await(open))
    const known = committed === null ? undefined : findCall(committed, open.id)
    if (known === undefined) return this.#answer(open, failure('interrupted', true))
    return known.status === 'running' ? this.#await(open) : this.#goOn(known)
  }

  /** Commits, while the store is away for some time. @returns `away` where it stays away: the commit may have been made */
  async #commit(change: JournalChange): Promise<ToolJournal | null | 'away'> {
    const deadline = performance.now() + commitPatienceMs
    for (;;) {
      try {
        return await this.#parts.journal.commit(change)
      } catch (fault) {
        if (!(fault instanceof GatewayError)) throw fault
        if (performance.now() > deadline) return 'away'
        await new Promise(resolve => setTimeout(resolve, commitRetryMs))
      }
    }
  }

  /** Tells the model what came of a call, once. */
  #answer(open: OpenCall, output: string): void {
    if (this.#open.get(open.id) !== open) return
    this.#open.delete(open.id)
    if (this.#phase === 'over') return
    this.#answered.add(open.id)
    const [oldest] = this.#answered
    if (this.#answered.size > maxAnswered && oldest !== undefined) this.#answered.delete(oldest)
    const { outputIdOf = someItemId } = this.#parts
    const id = outputIdOf(open.id)
    const item = { id, type: 'function_call_output', call_id: open.id, output }
    this.#hidden.hideItem(id)
    if (!open.isBroken) this.#needsResponse = true
    const { send, expect, isAway, add } = this.#parts
    if (isAway()) add(item)
    else {
      const type = 'conversation.item.create'
      const eventId = this.#nextEventId()
      send(JSON.stringify({ type, event_id: eventId, item }), type, { ...expect(item), eventId })
    }
    this.#advance()
  }

  #forget(open: OpenCall): void {
    if (this.#open.get(open.id) !== open) return
    this.#open.delete(open.id)
    this.#advance()
  }

  /** Another process goes on with a call. */
  #move(open: OpenCall): void {
    if (this.#open.get(open.id) !== open) return
    open.state = 'moved'
    this.#advance()
  }

  /** Time is over: what runs is interrupted, and what comes of it is not waited for. */
  #moveOn(): void {
    for (const open of this.#open.values()) {
      if (open.state !== 'running') continue
      open.state = 'moved'
      open.abort.abort()
      this.#tell(open, 'interrupted')
      enter(this.#parts.owner, async () => {
        await this.#commit(newest => {
          const known = findCall(newest, open.id)
          return known?.status === 'running' && known.owner === this.#owner
            ? interruptToolCall(newest, open.id)
            : null
        })
      })
    }
    this.#advance()
  }

  /** Whether a response's end leaves the turn open. */
  #goesOn(frame: Buffer): boolean {
    const { response } = parseFields(frame) ?? {}
    if (!isFields(response)) return false
    const status = textOr(response.status, 'completed')
    return (
      this.isTurnOpen && response.id !== this.#brokenId && (status === 'completed' || status === 'incomplete')
    )
  }

  #ended(frame: Buffer): void {
    const { response } = parseFields(frame) ?? {}
    const id = isFields(response) ? textOr(response.id) : ''
    if (this.#outOfBand.delete(id)) return
    if (this.isTurnOpen && id === this.#activeId && !this.#goesOn(frame)) {
      for (const open of this.#open.values()) open.isBroken = true
      this.#needsResponse = false
    } else if (this.#hasClientCalls && this.#roundOf === id) {
      this.#isMixed = true
    }
    this.#activeId = null
    this.#brokenId = null
    this.#advance()
  }

  /** Goes on with the turn as far as it can. */
  #advance(): void {
    if (this.#phase === 'over' || this.#parts.responses.turn === 'over') return
    if (this.#open.size > 0) return this.#setTurn(this.#turnOfOpen())
    if (this.#isMixed || this.#held.size > 0) return this.#release()
    if (this.#activeId !== null || this.#asked.length > 0) return
    if (!this.#needsResponse) return this.#endTurn()
    // Upstream answers by itself what is being said; that response knows the outputs.
    if (this.#parts.responses.isSpokenTo) return
    this.#ask()
  }

  /** How the turn stands while calls are not answered. */
  #turnOfOpen(): Turn {
    const calls = [...this.#open.values()]
    const isDue = this.#needsResponse || this.#isMixed || calls.some(({ isBroken }) => !isBroken)
    if (calls.every(({ state }) => state === 'moved')) return isDue ? 'moving' : 'over'
    return isDue ? 'open' : 'ending'
  }

  /** Asks for the response that follows the outputs. */
  #ask(): void {
    const eventId = this.#nextEventId()
    this.#setTurn('open')
    this.#asked.push({ request: this.#request, followUp: eventId, isBroken: false })
    const message = this.#settings.followUp(this.#request, eventId, this.#isExhausted)
    this.#parts.send(message, 'response.create', { eventId })
  }

  /** All of the server's calls are answered: the client's outputs follow them, and its request. */
  #release(): void {
    this.#isMixed = false
    this.#needsResponse = false
    this.#endTurn()
    this.#held.flush(message => this.#parts.forward(message, this.#heldTypes.shift() ?? ''))
  }

  #endTurn(): void {
    this.#hidden.forgetUnseen()
    this.#setTurn('over')
  }

  #setTurn(turn: Turn): void {
    const { responses, settled } = this.#parts
    if (responses.turn === turn) return
    responses.turn = turn
    if (!this.#isInEvent) settled()
  }

  #showUnseen(): void {
    const events = this.#hidden.cancelUnseen()
    if (events.length > 0) this.#parts.show(events)
  }

  /** Whether calls of the client's stand beside calls of the server's that are not answered. */
  #waitsForServer(): boolean {
    const isMixed = this.#isMixed || (this.#hasClientCalls && this.#roundOf === this.#activeId)
    return isMixed && (this.#open.size > 0 || this.#activeId !== null)
  }

  /** Whether a client's outputs, and its request, come behind outputs of the server's. */
  get #mustWait(): boolean {
    return this.#waitsForServer() || this.#held.size > 0
  }

  /** @returns null; a refusal where there is no room: sent at once, it would overtake the server's outputs */
  #hold(message: Uint8Array | string, type: string): RefusedMessage | null {
    if (!this.#held.hold(message, false)) {
      const refused = `More than ${this.#parts.maxHeldBytes} bytes are waiting for the tools on the server; send less at a time`
      return { refused: new GatewayError('upstream_too_slow', refused), param: null }
    }
    this.#heldTypes.push(type)
    return null
  }

  #tell({ name, startedAt }: OpenCall, status: ToolActivity['status']): void {
    if (this.#phase === 'over') return
    const ms = status === 'running' ? 0 : Math.round(performance.now() - startedAt)
    this.#parts.tellActivity({ name, status, ms })
  }

  #nextEventId(): string {
    this.#eventIds += 1
    return `${toolEventIdPrefix}${this.#eventIds}`
  }
}

/** How the `event_id` of every event begins that is about tools: upstream's errors name it. */
export const toolEventIdPrefix = `${ownEventIdPrefix}tool_`

/** Why a call has no result; told to the model. */
const failures = {
  arguments_too_large: 'The arguments are too large; call it with less',
  cancelled: 'The call was cancelled before it began',
  incomplete: 'The call broke off before its arguments were complete',
  interrupted: 'The call was interrupted',
  output_too_large: 'The tool ran, and its result is too large to be told',
  state_not_object: 'The tool ran, and what it stored is no JSON object; nothing was stored',
  state_too_large: 'The tool ran, and what it stored is too large; nothing was stored',
  store_unavailable: 'What came of the call cannot be recorded now; try again later',
  too_many_calls: 'Too many calls are open; wait for their results',
  tool_calls_per_minute: 'Too many tools were called within a minute; try again later',
  tool_rounds: 'Tools were called too often in this turn; answer in words',
  unknown_tool: 'There is no such tool any more',
} as const

/** Why a call was answered without the tool's own result; `ToolErrorCode` has what a tool's runner answers. */
export type CallFailureCode = keyof typeof failures

function failure(code: CallFailureCode, mayHaveRun = false): string {
  return JSON.stringify({
    error: code,
    ...(mayHaveRun ? { may_have_run: true } : { message: failures[code] }),
  })
}

function failureText(code: string, message: string): string {
  return JSON.stringify({ error: code, message })
}

function someItemId(): string {
  return `item_${randomBytes(10).toString('hex')}`
}

/** @returns the code of the error; null where the tool did what it was called for */
function outcomeOf(result: ToolResult): string | null {
  if (result.kind === 'done') return null
  return result.kind === 'failed' ? result.code : 'interrupted'
}

function idempotencyKeyOf(conversationId: string, callId: string): string {
  return createHash('sha256').update(`${conversationId}:${callId}`).digest('hex').slice(0, 32)
}

function codeOf(frame: Buffer): string {
  const { error } = parseFields(frame) ?? {}
  return isFields(error) ? textOr(error.code) : ''
}

function fieldsOf(message: Uint8Array | string): Fields | null {
  return parseFields(Buffer.from(message))
}

/** Whether a `conversation.item.create` has the output of a call of the client's own. */
function isOutput(message: Uint8Array | string): boolean {
  const item = fieldsOf(message)?.item
  return isFields(item) && item.type === 'function_call_output'
}
