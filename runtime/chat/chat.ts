/** `/chat`: text or speech in; text, audio and transcript out. One upstream session while the client stays. */

import type { GatewayError } from '../core/errors.ts'
import type { Client, Dialect, UpgradeRequest } from '../core/ports.ts'
import type { ChatMessage, ChatRequest } from '../core/wire.ts'
import { type Hearing, type SessionSettings, sessionUpdate } from '../dialect/dialect.ts'
import { audioCommit, messageItem, wrapUpItem } from '../events/compose.ts'
import { askedFor, Carryover } from '../resume/carryover.ts'
import type { Redeemed, ResumableConnection, ResumableHandler, Resumes } from '../resume/resumes.ts'
import { type End, endWith } from '../session/end.ts'
import type { Acknowledgement } from '../session/sent-messages.ts'
import { Session, type SessionHooks, type SessionOptions } from '../session/session.ts'
import { OwnSettings } from '../upstream/own-settings.ts'
import { Answer } from './answer.ts'
import { draining, lossOf, type Refusal, speechLost, textOnly } from './chat-errors.ts'
import { readChatRequest, spokenItem, userItem } from './chat-request.ts'
import { Speech } from './speech.ts'

export interface ChatOptions extends SessionOptions {
  readonly settings: SessionSettings
  /** How upstream listens where the client's microphone stays open. */
  readonly hearing: Hearing
  readonly dialect: Dialect
  /** The provider's name, for the status while connecting. */
  readonly label: string
  readonly resumes: Resumes
}

/** Makes the handler of `/chat`. */
export function createChat(options: ChatOptions): ResumableHandler {
  return (client, request) => new Chat(client, request, options)
}

class Chat implements ResumableConnection, SessionHooks {
  readonly #options: ChatOptions
  readonly #session: Session
  readonly #answer: Answer
  readonly #speech: Speech
  readonly #carryover: Carryover
  readonly #settings = new OwnSettings()
  #upstream: 'none' | 'dialling' | 'there' = 'none'

  constructor(client: Client, request: UpgradeRequest, options: ChatOptions) {
    this.#options = options
    this.#session = new Session({ client, route: request.path, meter: request.meter }, options, this)
    const { resumes, dialect, hearing, log } = options
    const tell = (message: ChatMessage) => this.#tell(message)
    const { responses } = this.#session
    const parts = { resumes, ...askedFor(client, request), dialect, responses, tell, log }
    this.#carryover = new Carryover(parts)
    this.#answer = new Answer({
      responses,
      tell,
      deliver: message => this.#session.deliver(message),
      send: (message, type) => this.#session.send(message, type),
    })
    this.#speech = new Speech({
      ...{ hearing, dialect, tell, answer: this.#answer },
      isThere: () => this.#upstream === 'there',
      refusal: () => this.#refusal(),
      onAudio: () => this.#dialling(),
      onTurn: () => this.#commit(),
      send: (message, type) => {
        if (type === 'session.update') this.#settings.sent(false)
        this.#session.send(message, type)
      },
    })
  }

  /** A client that comes back to an answer that broke off gets it now. */
  begin(resumed: Redeemed | null): void {
    if (this.#carryover.begin(resumed)) this.#dialAndAsk()
  }

  #dialAndAsk(): void {
    this.#dialling()
    this.#answer.ask()
  }

  message(data: Uint8Array, isBinary: boolean): void {
    this.#take(data, isBinary)
    this.#carryover.noteAnswer()
  }

  #take(data: Uint8Array, isBinary: boolean): void {
    if (!isBinary && this.#options.readType(data) === 'audio') return this.#speech.audio(data)
    const request = readChatRequest(data, isBinary)
    if ('refusal' in request) this.refused(request.refusal)
    else if (request.type === 'heartbeat') this.#tell({ type: 'heartbeat-ack' })
    else if (request.type === 'interrupt') this.#answer.interrupt(request.played_ms)
    else if (request.type === 'played') this.#answer.cut(request.played_ms)
    else if (request.type === 'talk') this.#speech.begin(request.mode)
    else if (request.type === 'audio-end') this.#speech.end()
    else this.#say(request)
  }

  #say({ text, played_ms }: Extract<ChatRequest, { text: string }>): void {
    if (this.#session.phase === 'draining') return this.refused(draining)
    this.#dialling()
    this.#answer.interrupt(played_ms)
    const receipt = this.#carryover.conversation.expect(userItem(text))
    const item = messageItem('user', text, this.#options.dialect)
    this.#session.send(item, 'conversation.item.create', receipt)
    this.#answer.ask()
    this.#carryover.changed()
  }

  /** A spoken turn goes to upstream, and is to be answered. */
  #commit(): void {
    const receipt = this.#carryover.conversation.expect(spokenItem)
    this.#session.send(audioCommit, 'input_audio_buffer.commit', receipt)
    // A turn that was spoken over an answer ends it.
    this.#answer.interrupt(undefined)
    this.#answer.ask()
    this.#carryover.changed()
  }

  #refusal(): Refusal | null {
    if (this.#options.settings.textOnly) return textOnly
    return this.#session.phase === 'draining' ? draining : null
  }

  #dialling(): void {
    if (this.#upstream !== 'none') return
    this.#upstream = 'dialling'
    const message = `Connecting to ${this.#options.label}...`
    if (!this.#carryover.isRenewing) this.#tell({ type: 'status', message })
  }

  opened(): void {
    this.#upstream = 'there'
    const { dialect, settings } = this.#options
    const { messages, isHidden } = this.#carryover.opened()
    this.#settings.sent(true)
    const update = sessionUpdate({ ...settings, ...this.#speech.hearing }, dialect)
    this.#session.send(update, 'session.update', { isHidden })
    for (const replayed of messages) this.#session.send(replayed.message, replayed.type, replayed)
  }

  event(frame: Buffer, _isBinary: boolean, type: string | null, answered: Acknowledgement | null): void {
    const refusal = this.#settings.refusal(frame, type)
    if (refusal !== null) return this.#session.giveUp(refusal)
    if (this.#carryover.noted(frame, type, answered)) return
    this.#speech.event(frame, type)
    this.#answer.event(frame, type, answered)
    this.#carryover.noteAnswer()
  }

  holdsTurn(): boolean {
    return this.#speech.isHeld
  }

  pending(): Promise<void> | null {
    return this.#carryover.flush()
  }

  keepsClient(end: End): boolean {
    const owed = this.#session.responses.isPending
    this.#answer.abandon()
    this.#carryover.noteAnswer()
    const wasThere = this.#upstream === 'there'
    this.#upstream = 'none'
    if (wasThere && this.#carryover.loses(end)) {
      if (this.#speech.lost(true)) this.refused(speechLost)
      if (owed) this.#dialAndAsk()
      return true
    }
    this.#carryover.givesUp()
    const isUnheard = this.#speech.lost(false)
    if (owed || isUnheard || end.error !== undefined)
      this.refused(lossOf(end, this.#options.label, isUnheard))
    return true
  }

  ended({ by, error }: End): readonly string[] {
    this.#carryover.stop()
    return by === 'gateway' && error !== undefined ? [JSON.stringify(errorMessage(error))] : []
  }

  held(): number {
    return this.#session.held()
  }

  writable(): void {
    this.#session.writable()
  }

  announce(deadlineMs: number): Promise<void> {
    return this.#carryover.announce(deadlineMs)
  }

  drain(deadlineMs: number): void {
    this.#session.drain(deadlineMs)
  }

  expiring(deadlineMs: number): void {
    this.#tell({ type: 'session.expiring', deadline_ms: deadlineMs })
    if (this.#session.phase !== 'open') return
    const item = wrapUpItem(Math.round(deadlineMs / 1000), this.#options.dialect)
    this.#session.send(item, 'conversation.item.create')
    if (!this.#session.responses.isPending) this.#answer.ask()
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

function errorMessage({ code, message }: Refusal): ChatMessage {
  return { type: 'error', message, code }
}
