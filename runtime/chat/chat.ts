/** `/chat`: text or speech in; text, audio and transcript out. One upstream session while the client stays. */

import type { GatewayError } from '../core/errors.ts'
import type { Client, Connection } from '../core/ports.ts'
import type { ChatMessage } from '../core/wire.ts'
import { type SessionSettings, sessionUpdate } from '../dialect/dialect.ts'
import { audioChunk } from '../events/compose.ts'
import { isFresh, type Redeemed, type ResumeStore } from '../resume/resume-store.ts'
import { askedFor, Resumption, type ResumptionParts } from '../resume/resumption.ts'
import type { Context, Handler } from '../server/handler.ts'
import { type CloseReason, endWith } from '../session/close-reason.ts'
import type { Acknowledgement } from '../session/sent-messages.ts'
import { Session, type SessionHooks, type SessionOptions } from '../session/session.ts'
import type { SessionPolicy } from '../session/session-policy.ts'
import { ServerTools, type ToolOptions } from '../tools/server-tools.ts'
import { OwnSettings } from '../upstream/own-settings.ts'
import type { Refusal } from './chat-errors.ts'
import { type ChatEvent, readChatEvent } from './chat-event.ts'
import { readAudio, readChatRequest } from './chat-request.ts'
import {
  audioInputOf,
  type ChatEffect,
  type ChatInput,
  type ChatReducer,
  type ChatSettings,
  createChatReducer,
  firstChatState,
  holdsTurn,
} from './chat-state.ts'

export interface ChatOptions extends SessionOptions, Pick<ChatSettings, 'audioInput' | 'dialect' | 'label'> {
  readonly settings: SessionSettings
  readonly resumes: ResumeStore
  /** The assistant that serves it; absent: none. */
  readonly assistant?: ResumptionParts['assistant']
  /** What its client may not say; absent: nothing. */
  readonly policy?: SessionPolicy
  /** The `response.create` of an assistant that speaks first; null or absent: the person does. */
  readonly greeting?: string | null
  /** Finds the tools that run on the server for a connection; null, or absent, where none do. */
  readonly toolsFor?: (context: Context) => ToolOptions | null
}

/** Makes the handler of `/chat`. */
export function createChat(options: ChatOptions): Handler {
  const { audioInput, dialect, label, settings } = options
  const reduce = createChatReducer({ audioInput, dialect, label, textOnly: settings.textOnly })
  return (client, context) => new Chat(client, context, options, reduce)
}

/** Hands what happens to the reducer, and runs the effects. */
class Chat implements Connection, SessionHooks {
  readonly #options: ChatOptions
  readonly #reduce: ChatReducer
  readonly #session: Session
  readonly #resumption: Resumption
  readonly #settings = new OwnSettings()
  /** null where no tools run on the server. */
  readonly #tools: ServerTools | null
  #state = firstChatState
  /** Of a turn with several responses the client is told one beginning and one end: whether it was told the former. */
  #hasBegun = false
  /** The end of a response whose turn goes on. */
  #heldEnd: ChatEvent | null = null
  /** What happened while effects were being run. */
  #waiting: ChatInput[] | null = null

  constructor(client: Client, context: Context, options: ChatOptions, reduce: ChatReducer) {
    const { request, limits, dial, log } = context
    this.#options = options
    this.#reduce = reduce
    const caller = { client, route: request.path, dial, limits: limits.bounds, meter: limits.meter, log }
    this.#session = new Session(caller, options, this)
    const { resumes, dialect, assistant, policy } = options
    const tell = (message: ChatMessage) => this.#tell(message)
    const { responses } = this.#session
    const fault = (error: GatewayError) => this.fault(error)
    const asked = askedFor(client, context)
    const tools = options.toolsFor?.(context) ?? null
    const hasTools = tools !== null
    const served = { assistant, policy, hasTools }
    this.#resumption = new Resumption({ resumes, ...asked, dialect, responses, tell, fault, ...served })
    this.#tools = tools === null ? null : this.#createTools(tools, client, context)
    this.#begin(context.resumed)
  }

  #createTools(tools: ToolOptions, client: Client, { principal, limits, log }: Context): ServerTools {
    const resumption = this.#resumption
    const session = this.#session
    return new ServerTools({
      ...tools,
      journal: resumption,
      responses: session.responses,
      caller: principal.name,
      maxHeldBytes: limits.bounds.upstreamBufferBytes,
      send: (message, type, receipt) => session.send(message, type, receipt),
      expect: item => resumption.conversation.expect(item),
      isAway: () => session.phase === 'idle',
      add: item => resumption.add(item),
      clientHasTools: false,
      // Nothing is held: the client has no tools of its own.
      forward: (message, type) => session.send(message, type),
      show: events => {
        for (const { frame, type } of events) this.#hear(frame, type, null)
      },
      tellActivity: activity => this.#tell({ type: 'tool', ...activity }),
      tellEvent: (name, data) => this.#tell({ type: 'assistant.event', name, data }),
      follow: (name, call) => session.follower?.tool(name, call),
      settled: () => {
        this.#endTurn()
        resumption.noteAnswer()
        session.endIfDrained()
      },
      owner: session,
      log,
      connection: client.id,
    })
  }

  /** A client that comes back to an answer that broke off gets it now. */
  #begin(resumed: Redeemed | null): void {
    const { greeting = null } = this.#options
    const isDue = this.#resumption.begin(resumed)
    if (this.#tools !== null && resumed !== null && !('failure' in resumed)) {
      const { unansweredCalls, endsWithOutput } = this.#resumption.conversation
      this.#tools.resume(unansweredCalls, isDue, endsWithOutput)
    }
    if (isDue) this.#take({ type: 'resumed' })
    else if (greeting !== null && isFresh(resumed)) this.#take({ type: 'greet', message: greeting })
  }

  message(data: Uint8Array, isBinary: boolean): void {
    if (!isBinary && this.#options.readType(data) === 'audio') return this.#takeAudio(data)
    const request = readChatRequest(data, isBinary)
    if ('refusal' in request) this.refused(request.refusal)
    else this.#take(request)
  }

  #takeAudio(data: Uint8Array): void {
    const audio = readAudio(data)
    if ('refusal' in audio) this.refused(audio.refusal)
    else this.#take({ type: 'audio', base64: audio.base64 })
  }

  #take(input: ChatInput): void {
    if (this.#tools === null) return this.#takeOne(input)
    // Tools may have news while effects are run; those of one input end before the next is taken in.
    if (this.#waiting !== null) return void this.#waiting.push(input)
    this.#waiting = [input]
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift())
        this.#takeOne(next)
    } finally {
      this.#waiting = null
    }
  }

  #takeOne(input: ChatInput): void {
    const { phase, responses } = this.#session
    const { isPending, isWanted } = responses
    const { isRenewing } = this.#resumption
    const [state, effects] = this.#reduce(this.#state, input, { phase, isPending, isWanted, isRenewing })
    this.#state = state
    for (const effect of effects) this.#run(effect)
    // What is stored says whether an answer is pending: it is written once, when all of this is done.
    if (effects.some(addsItem)) this.#resumption.changed()
    else this.#resumption.noteAnswer()
  }

  #run(effect: ChatEffect): void {
    switch (effect.kind) {
      case 'tell':
        return this.#tell(effect.message)
      case 'play':
        return this.#session.deliver(audioChunk(effect.base64, effect.bytes))
      case 'send':
        return this.#send(effect)
      case 'want':
        return this.#session.responses.want()
      case 'cancel':
        this.#session.responses.cancel()
        return this.#breakOff()
      case 'give-up':
        this.#breakOff()
        return this.#resumption.givesUp()
    }
  }

  #send({ message, type, item }: Extract<ChatEffect, { kind: 'send' }>): void {
    if (type === 'session.update') this.#settings.sent(false)
    if (this.#tools?.isTurnOpen === true && type === 'response.create') {
      // Another session takes the place of the one that was asked: it is asked behind the calls that are not answered.
      this.#tools.askAgain()
      return this.#session.dial()
    }
    const passed = this.#tools === null ? message : this.#tools.outgoing(message, type)
    if (passed === null || (typeof passed !== 'string' && !(passed instanceof Uint8Array))) return
    const receipt = item === undefined ? {} : this.#resumption.conversation.expect(item)
    this.#session.send(passed, type, receipt)
  }

  /** Nobody waits for the answer any more: of a turn whose calls are not answered the client is told the end now. */
  #breakOff(): void {
    this.#tools?.breakOff()
    this.#endTurn()
  }

  /** Tells the client the end of a turn that ended behind its last response. */
  #endTurn(): void {
    const end = this.#heldEnd
    if (end === null || this.#session.responses.isTurnOpen || this.#tools?.isCancelDue === true) return
    this.#heldEnd = null
    this.#hasBegun = false
    this.#resumption.noteAnswerEnded()
    this.#take(end)
  }

  opened(): void {
    const { dialect, settings, audioInput } = this.#options
    const { messages, isHidden } = this.#resumption.opened()
    this.#settings.sent(true)
    const update = sessionUpdate({ ...settings, ...audioInputOf(this.#state, audioInput) }, dialect)
    this.#tools?.opened(this.#resumption.conversation.items)
    this.#session.send(this.#tools?.withTools(update) ?? update, 'session.update', { isHidden })
    for (const replayed of messages) this.#session.send(replayed.message, replayed.type, replayed)
  }

  event(frame: Buffer, _isBinary: boolean, type: string | null, answered: Acknowledgement | null): void {
    const refusal = this.#settings.refusal(frame, type)
    if (refusal !== null) return this.#session.giveUp(refusal)
    if (this.#resumption.noted(frame, type, answered)) return
    const seen = this.#tools?.see(frame, type, answered) ?? null
    if (seen === null) this.#hear(frame, type, answered)
    else for (const { frame, type } of seen) this.#hear(frame, type, answered)
    if (this.#tools === null) return
    this.#endTurn()
    this.#resumption.noteAnswer()
  }

  #hear(frame: Buffer, type: string | null, answered: Acknowledgement | null): void {
    const event = readChatEvent(frame, type, answered?.type ?? null)
    if (event === null || (this.#tools !== null && this.#isWithin(event))) return
    this.#take(event)
  }

  /** Whether an event begins or ends a response within a turn, of which the client is told one beginning and one end. */
  #isWithin(event: ChatEvent): boolean {
    if (event.type === 'response.created') {
      const isWithin = this.#hasBegun
      this.#hasBegun = true
      this.#heldEnd = null
      return isWithin
    }
    if (event.type !== 'response.done') return false
    if (this.#session.responses.isTurnOpen) {
      this.#heldEnd = event
      return true
    }
    this.#hasBegun = false
    this.#heldEnd = null
    this.#resumption.noteAnswerEnded()
    return false
  }

  holdsTurn(): boolean {
    return holdsTurn(this.#state)
  }

  pending(): Promise<void> | null {
    return this.#resumption.flush()
  }

  keepsClient(end: CloseReason, wasOpen: boolean): boolean {
    const isRenewed = wasOpen && this.#resumption.loses(end)
    const isDue = isRenewed && this.#session.responses.isPending
    this.#hasBegun = false
    this.#heldEnd = null
    this.#tools?.lost(this.#resumption.conversation.unansweredCalls, isDue)
    this.#take({ type: 'upstream-ended', end, isRenewed })
    return true
  }

  ended(end: CloseReason): readonly string[] {
    this.#tools?.end()
    this.#resumption.stop()
    return chatEndMessages(end)
  }

  held(): number {
    return this.#session.held()
  }

  writable(): void {
    this.#session.writable()
  }

  announce(deadlineMs: number): Promise<void> {
    return this.#resumption.announce(deadlineMs)
  }

  drain(deadlineMs: number): void {
    this.#tools?.drain(deadlineMs)
    this.#session.drain(deadlineMs)
  }

  expiring(deadlineMs: number): void {
    this.#take({ type: 'expiring', deadlineMs })
  }

  fault(error: GatewayError): void {
    this.#session.close(endWith('gateway', error))
  }

  closed(code: number, reason: string): void {
    this.#session.clientClosed(code, reason)
  }

  refused(refusal: Refusal): void {
    this.#tell(errorMessage(refusal))
  }

  #tell(message: ChatMessage): void {
    this.#session.deliver(JSON.stringify(message))
  }
}

/** What a client of `/chat` is told last. */
export function chatEndMessages({ by, error }: CloseReason): readonly string[] {
  return by === 'gateway' && error !== undefined ? [JSON.stringify(errorMessage(error))] : []
}

function addsItem(effect: ChatEffect): boolean {
  return effect.kind === 'send' && effect.item !== undefined
}

function errorMessage({ code, message }: Refusal): ChatMessage {
  return { type: 'error', message, code }
}
