/** Takes a conversation over to the next connection, and says how that went. */
import { say, type Words } from '../language/language.ts'
import type { PageMessage } from './messages.ts'

/** What the person is told. */
export interface ResumeNotice {
  what: string
  advice: string
}

const failureWords: Record<string, Words> = {
  expired: 'the break was too long',
  unknown: 'the old one is no longer kept',
  store_unavailable: 'the old one cannot be reached just now',
}

/** The ticket with which the server lets a conversation go on, and what became of it. */
export class Resume {
  readonly #onTicket: (ticket: string) => void
  #ticket: string | undefined
  #isAsked = false

  /**
   * @param ticket of the conversation that was kept; '' where there is none
   * @param onTicket keeps the ticket that is good from now on; '' where none is
   */
  constructor(ticket: string, onTicket: (ticket: string) => void) {
    this.#ticket = ticket || undefined
    this.#onTicket = onTicket
  }

  /** The next connection begins another conversation. */
  forget(): void {
    this.#take(undefined)
  }

  #take(ticket: string | undefined): void {
    this.#ticket = ticket
    this.#onTicket(ticket ?? '')
  }

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
    return { what: say('Connected again.'), advice: say('The assistant starts a new conversation.') }
  }

  /** Takes one message. @returns what to tell the person, if anything */
  receive(message: PageMessage): ResumeNotice | undefined {
    switch (message.type) {
      case 'session.ticket':
      case 'server.draining':
        this.#take(message.resume ?? this.#ticket)
        return undefined
      case 'session.resumed':
        this.#take(undefined)
        return {
          what: say('Connected again.'),
          advice: say('The conversation goes on where it was.'),
        }
      case 'session.resume_failed': {
        this.#take(undefined)
        const why = failureWords[message.reason] ?? 'the old one is no longer kept'
        return {
          what: say('Connected again.'),
          advice: say('The assistant starts a new conversation: {why}.', { why: say(why) }),
        }
      }
      case 'session.renewed':
        return {
          what: say('The connection to the model was renewed.'),
          advice: say('The conversation goes on.'),
        }
      case 'session.expiring': {
        const seconds = Math.max(1, Math.round(message.deadline_ms / 1000))
        return {
          what: say('This session ends in {seconds} s.', { seconds }),
          advice: say('Another one can follow.'),
        }
      }
      default:
        return undefined
    }
  }
}
