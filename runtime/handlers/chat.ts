/** `/chat`: text in; text, audio and transcript out. One upstream session for as long as the client stays. */
import { createConversation, type Utterance } from '../conversation.ts'
import { type End, endWith } from '../end.ts'
import { GatewayError } from '../errors.ts'
import { messageItem, wrapUpItem } from '../events/compose.ts'
import { type SessionSettings, sessionUpdate } from '../events/dialect.ts'
import { Session, type SessionHooks, type SessionParts } from '../session.ts'
import type {
  ChatMessage,
  ChatRequest,
  Client,
  Connection,
  Dialect,
  Handler,
  SessionExpiring,
  UpgradeRequest,
} from '../types.ts'
import { Answer } from './answer.ts'
import { readChatRequest } from './chat-request.ts'

export interface ChatOptions extends Omit<SessionParts, 'client' | 'route'> {
  readonly settings: SessionSettings
  readonly dialect: Dialect
  /** The provider's name, for the status while connecting. */
  readonly label: string
}

/** Makes the handler of `/chat`. */
export function createChat(options: ChatOptions): Handler {
  return (client, request) => new Chat(client, request, options)
}

class Chat implements Connection, SessionHooks {
  readonly #options: ChatOptions
  readonly #session: Session
  readonly #answer: Answer
  readonly #conversation = createConversation()
  /** What the upstream session that is being dialled must be told first; null when none is. */
  #replay: readonly Utterance[] | null = null

  constructor(client: Client, { path, meter }: UpgradeRequest, options: ChatOptions) {
    this.#options = options
    this.#session = new Session({ ...options, client, route: path, meter }, this)
    this.#answer = new Answer({
      tell: message => this.#tell(message),
      deliver: message => this.#session.deliver(message),
      send: (message, type) => this.#session.send(message, type),
      said: text => this.#conversation.add('assistant', text),
    })
  }

  message(data: Uint8Array, isBinary: boolean): void {
    const request = readChatRequest(data, isBinary)
    if ('error' in request) this.#tell({ type: 'error', ...request.error })
    else if (request.type === 'heartbeat') this.#tell({ type: 'heartbeat-ack' })
    else if (request.type === 'interrupt') this.#answer.interrupt(request.played_ms)
    else this.#say(request)
  }

  #say({ text, played_ms }: Extract<ChatRequest, { text: string }>): void {
    if (this.#session.phase === 'draining') return this.refused(draining())
    if (this.#session.phase === 'opening' && this.#replay === null) {
      this.#tell({ type: 'status', message: `Connecting to ${this.#options.label}...` })
      this.#replay = this.#conversation.utterances()
    }
    this.#answer.interrupt(played_ms)
    this.#conversation.add('user', text)
    this.#session.send(messageItem('user', text, this.#options.dialect), null)
    this.#answer.ask()
  }

  opened(): void {
    const { settings, dialect } = this.#options
    this.#session.send(sessionUpdate(settings, dialect), 'session.update')
    for (const { role, text } of this.#replay ?? [])
      this.#session.send(messageItem(role, text, dialect), null)
    this.#replay = null
  }

  event(frame: Buffer, _isBinary: boolean, type: string | null): void {
    this.#answer.event(frame, type)
  }

  refused({ code, message }: GatewayError): void {
    this.#tell({ type: 'error', message, code })
  }

  answerDue(): boolean {
    return this.#answer.due
  }

  keepsClient(end: End): boolean {
    const owed = this.#answer.abandon()
    // What was said but never reached upstream is reported as failed, so it is not replayed either.
    if (this.#replay !== null) this.#conversation.restore(this.#replay)
    this.#replay = null
    if (owed || end.error !== undefined) this.#tellLoss(end)
    return true
  }

  #tellLoss({ error, code, reason }: End): void {
    const { label } = this.#options
    const message = error?.message ?? `${label} ended the session (${code}${reason && `, ${reason}`})`
    const advice = error?.retry === false ? '' : '; send your message again'
    this.#tell({ type: 'error', message: `${message}${advice}`, code: error?.code ?? 'upstream_closed' })
  }

  closing({ by, error }: End): void {
    if (by === 'gateway' && error !== undefined) this.refused(error)
  }

  writable(): void {
    this.#session.writable()
  }

  drain(deadlineMs: number): void {
    this.#tell({ type: 'server.draining', deadline_ms: deadlineMs })
    this.#session.drain(deadlineMs)
  }

  expiring(deadlineMs: number): void {
    const expiring: SessionExpiring = { type: 'session.expiring', deadline_ms: deadlineMs }
    this.#session.deliver(JSON.stringify(expiring))
    if (this.#session.phase !== 'open') return
    this.#session.send(wrapUpItem(Math.round(deadlineMs / 1000), this.#options.dialect), null)
    if (!this.#answer.due) this.#answer.ask()
  }

  fault(error: GatewayError): void {
    this.#session.close(endWith('gateway', error))
  }

  closed(code: number, reason: string): void {
    this.#session.clientClosed(code, reason)
  }

  #tell(message: ChatMessage): void {
    this.#session.deliver(JSON.stringify(message))
  }
}

function draining(): GatewayError {
  return new GatewayError('draining', 'This replica is going away; reconnect and ask again')
}
