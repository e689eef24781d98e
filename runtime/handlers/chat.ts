/** `/chat`: text in; text, audio and transcript out. One upstream session for as long as the client stays. */

import type { Redeemed, ResumableHandler, Resumes } from '../conversation/resumes.ts'
import { type End, endWith } from '../end.ts'
import { GatewayError } from '../errors.ts'
import { messageItem, wrapUpItem } from '../events/compose.ts'
import { type SessionSettings, sessionUpdate } from '../events/dialect.ts'
import { Session, type SessionHooks, type SessionParts } from '../session.ts'
import type { ChatMessage, ChatRequest, Client, Connection, Dialect, UpgradeRequest } from '../types.ts'
import { Answer } from './answer.ts'
import { Carryover } from './carryover.ts'
import { readChatRequest } from './chat-request.ts'

export interface ChatOptions extends Omit<SessionParts, 'client' | 'route'> {
  readonly settings: SessionSettings
  readonly dialect: Dialect
  /** The provider's name, for the status while connecting. */
  readonly label: string
  readonly resumes: Resumes
}

/** Makes the handler of `/chat`. */
export function createChat(options: ChatOptions): ResumableHandler {
  return (client, request, resumed) => {
    const chat = new Chat(client, request, resumed, options)
    chat.begin()
    return chat
  }
}

class Chat implements Connection, SessionHooks {
  readonly #options: ChatOptions
  readonly #session: Session
  readonly #answer: Answer
  readonly #carryover: Carryover
  #upstream: 'none' | 'dialling' | 'there' = 'none'

  constructor(client: Client, request: UpgradeRequest, resumed: Redeemed | undefined, options: ChatOptions) {
    const { path, meter } = request
    this.#options = options
    this.#session = new Session({ ...options, client, route: path, meter }, this)
    const { resumes, dialect } = options
    this.#carryover = new Carryover({
      resumes,
      request,
      resumed,
      dialect,
      tell: message => this.#tell(message),
    })
    this.#answer = new Answer({
      tell: message => this.#tell(message),
      deliver: message => this.#session.deliver(message),
      send: (message, type) => {
        if (type === 'response.create') this.#carryover.conversation.ask()
        this.#session.send(message, type)
      },
    })
  }

  /** A client that comes back to an answer that broke off gets it now. */
  begin(): void {
    if (!this.#carryover.begin()) return
    this.#dialling()
    this.#answer.ask()
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
    this.#dialling()
    this.#answer.interrupt(played_ms)
    this.#carryover.conversation.expect(userMessage(text))
    this.#session.send(messageItem('user', text, this.#options.dialect), null)
    this.#answer.ask()
    this.#carryover.changed()
  }

  #dialling(): void {
    if (this.#upstream !== 'none') return
    this.#upstream = 'dialling'
    if (!this.#carryover.isRenewing)
      this.#tell({ type: 'status', message: `Connecting to ${this.#options.label}...` })
  }

  opened(): void {
    this.#upstream = 'there'
    const { settings, dialect } = this.#options
    this.#session.send(sessionUpdate(settings, dialect), 'session.update')
    for (const event of this.#carryover.opened(1)) this.#session.send(event, null)
  }

  event(frame: Buffer, _isBinary: boolean, type: string | null): void {
    if (!this.#carryover.noted(frame, type)) this.#answer.event(frame, type)
  }

  refused({ code, message }: GatewayError): void {
    this.#tell({ type: 'error', message, code })
  }

  answerDue(): boolean {
    return this.#answer.due
  }

  pending(): Promise<void> | null {
    return this.#carryover.pending
  }

  keepsClient(end: End): boolean {
    const { conversation } = this.#carryover
    const owed = this.#answer.abandon() || conversation.owed
    const wasThere = this.#upstream === 'there'
    this.#upstream = 'none'
    if (wasThere && this.#carryover.loses(end)) {
      // Once the session knows of its loss: what is asked for now is held for the next upstream session.
      if (owed) queueMicrotask(() => this.#askAgain())
      return true
    }
    // What never reached upstream is reported as failed, so it is not told to the next session either.
    conversation.forgetUnconfirmed()
    conversation.forgive()
    if (wasThere) this.#carryover.remember()
    if (owed || end.error !== undefined) this.#tellLoss(end)
    return true
  }

  #askAgain(): void {
    this.#dialling()
    this.#answer.ask()
  }

  #tellLoss({ error, code, reason }: End): void {
    const { label } = this.#options
    const message = error?.message ?? `${label} ended the session (${code}${reason && `, ${reason}`})`
    const advice = error?.retry === false ? '' : '; send your message again'
    this.#tell({ type: 'error', message: `${message}${advice}`, code: error?.code ?? 'upstream_closed' })
  }

  closing({ by, error }: End): void {
    this.#carryover.stop()
    if (by === 'gateway' && error !== undefined) this.refused(error)
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

function userMessage(text: string): object {
  return { type: 'message', role: 'user', content: [{ type: 'input_text', text }] }
}

function draining(): GatewayError {
  return new GatewayError('draining', 'This replica is going away; reconnect and ask again')
}
