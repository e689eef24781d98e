/**
 * The tools of a call's assistant, which run on the replica that speaks for the call: its control connection takes the
 * model's calls in and answers them. The browser's data channel and the vendor's events are as they are without a gateway.
 *
 * | state     | a call of a tool comes    | this replica speaks          | it does not any more, or cannot hear the call |
 * |-----------|---------------------------|------------------------------|-----------------------------------------------|
 * | listening | it is remembered, bounded | → acting: goes on with these and the journal's | –                           |
 * | acting    | runs                      | –                            | → listening; what runs ends, and is committed |
 * | over      | –                         | –                            | –                                             |
 *
 * One that drains starts none, and is through when none runs: another replica goes on with the others. A call is
 * forgotten in the journal when a response came behind its output. So a replica that is gone between the two leaves a
 * call that its successor answers again: the output has the same id, which upstream refuses.
 */
import { createHash } from 'node:crypto'
import { GatewayError } from '../core/errors.ts'
import { enter, enterLater, type FaultOwner } from '../core/fault-boundary.ts'
import { ownEventIdPrefix } from '../events/compose.ts'
import { type Fields, isFields, parseFields, textOr } from '../events/fields.ts'
import { textField } from '../events/type.ts'
import type { Log } from '../observability/log.ts'
import { describeRefused } from '../resume/stored-state.ts'
import { forgetCalls, type JournaledToolCall } from '../resume/tool-journal.ts'
import { maxPutBacks } from '../session/pinned-session.ts'
import { endsResponse, type ResponseState } from '../session/response-state.ts'
import type { Acknowledgement, Receipt } from '../session/sent-messages.ts'
import {
  ServerTools,
  type ServerToolsParts,
  type ToolActivity,
  type ToolOptions,
} from '../tools/server-tools.ts'
import { drainReserveMs } from '../tools/tool-limits.ts'
import { definitionsOf } from '../tools/tool-settings.ts'
import type { CallJournal } from './call-journal.ts'

export interface CallToolsParts extends ToolOptions {
  readonly journal: CallJournal
  /** Of the control connection. */
  readonly responses: ResponseState
  /** Who owns the call, as a principal is named. */
  readonly caller: string
  /** How the session finds turns, where it began without answering them; null: as it began. */
  readonly turnDetection: Fields | null
  /** Puts the tools back where somebody else replaced them; false where they are pinned. */
  readonly keepsTools: boolean
  readonly maxHeldBytes: number
  /** Sends an event to the call. */
  readonly send: (message: string, type: string, receipt?: Receipt) => void
  readonly tellActivity: (activity: ToolActivity) => void
  readonly tellEvent: (name: string, data: unknown) => void
  /** A tool runs: as of `ServerToolsParts`. */
  readonly follow: ServerToolsParts['follow']
  readonly owner: FaultOwner
  readonly log: Log
  /** As log lines name the call. */
  readonly sessionId: string
}

/** Calls that are remembered while another replica speaks; the oldest is forgotten. */
const maxHeard = 64

/** Responses of each kind, and items, that are known at once; the oldest is forgotten. */
const maxKnown = 64

/** What the replica before has taken in while this one began is looked for once more (ms). */
const lookAgainMs = 1000

type Heard = Pick<JournaledToolCall, 'id' | 'name' | 'arguments'>

export class CallTools {
  readonly #parts: CallToolsParts
  readonly #definitions: readonly Fields[]
  readonly #names: ReadonlySet<string>
  #state: 'listening' | 'acting' | 'over' = 'listening'
  /** null while another replica speaks for the call. */
  #tools: ServerTools | null = null
  readonly #heard = new Map<string, Heard>()
  /** Responses beside the conversation that run, and those of the conversation, as far as their beginning was heard. */
  readonly #outOfBand = new Set<string>()
  readonly #inBand = new Set<string>()
  /** Items of the conversation: what a response beside it says is none. */
  readonly #shownItems = new Set<string>()
  /** Calls whose outputs were sent, until a response came behind them. */
  readonly #told = new Set<string>()
  #putBacks = 0
  /** How often this replica has begun to act. */
  #beginnings = 0
  #drainsUntil: number | null = null
  #settled: (() => void) | null = null

  constructor(parts: CallToolsParts) {
    this.#parts = parts
    this.#definitions = definitionsOf(parts.runner)
    this.#names = new Set(parts.runner.tools.map(({ name }) => name))
  }

  /** The event that sets the tools, as each control connection sends it first. */
  get update(): { readonly message: string; readonly receipt: Receipt } {
    const { turnDetection } = this.#parts
    const turns = turnDetection === null ? {} : { audio: { input: { turn_detection: turnDetection } } }
    return this.#updateTo({ tools: this.#definitions, ...turns })
  }

  /** Takes in one event of the call. @param answered the message that it confirms or refuses */
  event(frame: Buffer, type: string, answered: Acknowledgement | null): void {
    if (type === 'session.updated' && this.#parts.keepsTools) this.#keepTools(frame)
    if (this.#isOutOfBand(frame, type)) return
    if (this.#tools === null) return this.#listen(frame, type)
    this.#tools.see(frame, type, answered)
    if (type === 'response.created' && this.#told.size > 0) enter(this.#parts.owner, () => this.#forgetTold())
    this.#settleIfOver()
  }

  /** This replica speaks for the call, and hears it. */
  act(): void {
    if (this.#state !== 'listening') return
    this.#state = 'acting'
    this.#beginnings += 1
    const beginning = this.#beginnings
    enter(this.#parts.owner, () => this.#begin(beginning))
  }

  /** Another replica speaks for the call, or this one does not hear it now. What runs ends, and is committed. */
  listen(): void {
    if (this.#state !== 'acting') return
    this.#state = 'listening'
    this.#tools?.end()
    this.#tools = null
    this.#told.clear()
    this.#parts.responses.turn = 'over'
    this.#settleIfOver()
  }

  /** No tool starts here any more. @returns when none runs, some time before the deadline at the latest (ms from now) */
  async drain(deadlineMs: number): Promise<void> {
    this.#drainsUntil = performance.now() + deadlineMs
    this.#tools?.drain(deadlineMs)
    const isOver = new Promise<void>(resolve => {
      this.#settled = resolve
    })
    const timer = enterLater(this.#parts.owner, Math.max(0, deadlineMs - drainReserveMs), () =>
      this.#settled?.(),
    )
    this.#settleIfOver()
    await isOver
    clearTimeout(timer)
    // Whoever goes on with the turn asks for its answer. One that is asked for here may still have to be.
    if (this.#parts.responses.turn !== 'open') await this.#forgetTold()
  }

  /** The control connection is over. Safe to call twice. */
  end(): void {
    this.listen()
    this.#state = 'over'
  }

  /** @param beginning a later one takes the place of this one */
  async #begin(beginning: number): Promise<void> {
    const { journal, log, sessionId, send, owner } = this.#parts
    const taken = await journal.take().catch(fault => {
      if (fault instanceof GatewayError) return fault
      throw fault
    })
    if (this.#state !== 'acting' || this.#beginnings !== beginning) return
    // What comes meanwhile is remembered.
    if (taken instanceof GatewayError)
      return void enterLater(owner, lookAgainMs, () => this.#begin(beginning))
    const refused = taken
    const tools = this.#create()
    this.#tools = tools
    this.#goOn(tools)
    if (this.#drainsUntil !== null) tools.drain(Math.max(0, this.#drainsUntil - performance.now()))
    if (refused !== null) {
      log.warn('conversation.state_refused', { session_id: sessionId, ...refused })
      const content = [{ type: 'input_text', text: describeRefused(refused) }]
      const item = { type: 'message', role: 'system', content }
      send(JSON.stringify({ type: 'conversation.item.create', item }), 'conversation.item.create')
    }
    // The replica before may have taken in a call that this one did not hear.
    enterLater(owner, lookAgainMs, async () => {
      await journal.refresh().catch(() => undefined)
      if (this.#tools === tools) this.#goOn(tools)
    })
  }

  /** Goes on with what was heard, and with what the journal has of others. */
  #goOn(tools: ServerTools): void {
    const { calls } = this.#parts.journal.journal
    const open = new Map<string, Heard>([...calls.map(call => [call.id, call] as const), ...this.#heard])
    this.#heard.clear()
    const unanswered = [...open.values()].filter(({ id }) => !this.#told.has(id) && !tools.isOpen(id))
    if (unanswered.length > 0) tools.resume(unanswered, true, false)
  }

  #create(): ServerTools {
    const { journal, responses, send, ...parts } = this.#parts
    return new ServerTools({
      ...parts,
      journal,
      responses,
      connection: parts.sessionId,
      send: (message, type, receipt) => send(message, type, receipt),
      // A call is told once its output is on its way.
      expect: item => {
        if ('call_id' in item && typeof item.call_id === 'string') this.#told.add(item.call_id)
        return {}
      },
      outputIdOf,
      isAway: () => false,
      add: () => undefined,
      // Observers speak to the call by themselves.
      forward: (message, type) => send(Buffer.from(message as Uint8Array).toString(), type),
      show: () => undefined,
      settled: () => this.#settleIfOver(),
    })
  }

  /**
   * Whether an event is of a response beside the conversation, which calls no tool of the server's. Whoever speaks for the
   * call may change while it runs: its beginning is remembered by all who hear it. Who joins later tells it by its items,
   * of which the conversation shows none, and by its end.
   */
  #isOutOfBand(frame: Buffer, type: string): boolean {
    switch (type) {
      case 'conversation.item.added':
      case 'conversation.item.done':
        this.#noteItem(frame)
        return false
      case 'response.output_item.done': {
        const id = textField(frame, 'response_id') ?? ''
        return this.#outOfBand.has(id) || !(this.#inBand.has(id) || this.#isShown(frame))
      }
      case 'response.created':
        return this.#noteBeginning(frame)
      default:
        return endsResponse(type) && this.#noteEnd(frame)
    }
  }

  #noteItem(frame: Buffer): void {
    const { item } = parseFields(frame) ?? {}
    if (isFields(item) && item.type === 'function_call') remember(this.#shownItems, textOr(item.id))
  }

  #isShown(frame: Buffer): boolean {
    const { item } = parseFields(frame) ?? {}
    return isFields(item) && this.#shownItems.delete(textOr(item.id))
  }

  /** @returns whether the response is beside the conversation, as of `#isOutOfBand` */
  #noteBeginning(frame: Buffer): boolean {
    const { response } = parseFields(frame) ?? {}
    if (!isFields(response)) return false
    const isOutOfBand = response.conversation_id === null
    remember(isOutOfBand ? this.#outOfBand : this.#inBand, textOr(response.id))
    return isOutOfBand
  }

  #noteEnd(frame: Buffer): boolean {
    const { response } = parseFields(frame) ?? {}
    if (!isFields(response)) return false
    const id = textOr(response.id)
    if (this.#outOfBand.delete(id)) return true
    return !this.#inBand.delete(id) && response.conversation_id === null
  }

  /** While another replica speaks for the call. */
  #listen(frame: Buffer, type: string): void {
    if (type !== 'response.output_item.done' && type !== 'conversation.item.added') return
    const { item } = parseFields(frame) ?? {}
    if (!isFields(item)) return
    const id = textOr(item.call_id)
    if (item.type === 'function_call_output') this.#heard.delete(id)
    const name = textOr(item.name)
    if (item.type !== 'function_call' || type !== 'response.output_item.done' || !this.#names.has(name))
      return
    this.#heard.set(id, { id, name, arguments: textOr(item.arguments) })
    const [oldest] = this.#heard.keys()
    if (this.#heard.size > maxHeard && oldest !== undefined) this.#heard.delete(oldest)
  }

  /** A successor does not answer them again. */
  async #forgetTold(): Promise<void> {
    const told = new Set(this.#told)
    try {
      await this.#parts.journal.commit(newest => forgetCalls(newest, id => told.has(id)))
      // Until then the journal has them, and they are not answered for that.
      for (const id of told) this.#told.delete(id)
    } catch (fault) {
      // The store is away: they are forgotten when the next response begins.
      if (!(fault instanceof GatewayError)) throw fault
    }
  }

  /** Whoever else writes to the session may set tools of its own beside these, and not in their place. */
  #keepTools(frame: Buffer): void {
    const { session } = parseFields(frame) ?? {}
    if (!isFields(session) || !Array.isArray(session.tools)) return
    const shown = session.tools.filter(isFields)
    const names = new Set(shown.map(({ name }) => name))
    if ([...this.#names].every(name => names.has(name))) {
      this.#putBacks = 0
      return
    }
    if (this.#putBacks >= maxPutBacks) return
    this.#putBacks += 1
    const others = shown.filter(({ name }) => !this.#names.has(textOr(name)))
    const { message, receipt } = this.#updateTo({ tools: [...this.#definitions, ...others] })
    this.#parts.send(message, 'session.update', receipt)
  }

  #updateTo(session: Fields): { readonly message: string; readonly receipt: Receipt } {
    const eventId = `${ownEventIdPrefix}call_tools`
    const event = { type: 'session.update', event_id: eventId, session: { type: 'realtime', ...session } }
    return { message: JSON.stringify(event), receipt: { eventId } }
  }

  #settleIfOver(): void {
    const { turn } = this.#parts.responses
    if (this.#tools === null || turn === 'over' || turn === 'moving') this.#settled?.()
  }
}

/** Adds an id, and forgets the oldest of too many. */
function remember(ids: Set<string>, id: string): void {
  ids.add(id)
  const [oldest] = ids
  if (ids.size > maxKnown && oldest !== undefined) ids.delete(oldest)
}

/** The same in every replica: of two that answer a call, upstream takes one output. */
function outputIdOf(callId: string): string {
  return `item_${createHash('sha256').update(callId).digest('hex').slice(0, 20)}`
}
