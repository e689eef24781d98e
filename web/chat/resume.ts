/** Takes a conversation over to the next connection, and says how that went. */
import type { ChatMessage } from '../../runtime/core/wire.ts'

/** What the person is told. */
export interface ResumeNotice {
  what: string
  advice: string
}

const failureWords: Record<string, string> = {
  expired: 'the break was too long',
  unknown: 'the old one is no longer kept',
  store_unavailable: 'the old one cannot be reached just now',
}

/** The ticket with which the server lets a conversation go on, and what became of it. */
export class Resume {
  #ticket: string | undefined
  #isAsked = false

  /** What the next dial carries; an empty ticket asks for tickets. A dial that fails spends none. */
  query(): Record<string, string> {
    this.#isAsked = this.#ticket !== undefined
    return { resume: this.#ticket ?? '' }
  }

  /** Whether the next connection may go on with this conversation. */
  get hasTicket(): boolean {
    return this.#ticket !== undefined
  }

  /** What to say when a lost connection is back; undefined while the server has not said how it goes on. */
  reopened(): ResumeNotice | undefined {
    if (this.#isAsked) return undefined
    return { what: 'Connected again.', advice: 'The assistant starts a new conversation.' }
  }

  /** Takes one message. @returns what to tell the person, if anything */
  receive(message: ChatMessage): ResumeNotice | undefined {
    switch (message.type) {
      case 'session.ticket':
      case 'server.draining':
        this.#ticket = message.resume ?? this.#ticket
        return undefined
      case 'session.resumed':
        this.#ticket = undefined
        return { what: 'Connected again.', advice: 'The conversation goes on where it was.' }
      case 'session.resume_failed': {
        this.#ticket = undefined
        const why = failureWords[message.reason] ?? message.reason
        return { what: 'Connected again.', advice: `The assistant starts a new conversation: ${why}.` }
      }
      case 'session.renewed':
        return { what: 'The line to the model was renewed.', advice: 'The conversation goes on.' }
      case 'session.expiring': {
        const seconds = Math.max(1, Math.round(message.deadline_ms / 1000))
        return { what: `This session ends in ${seconds} s.`, advice: 'Another one can follow.' }
      }
      default:
        return undefined
    }
  }
}
