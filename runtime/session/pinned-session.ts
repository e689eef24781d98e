/**
 * Keeps a call's instructions, tools and prompt template as the server set them: a browser's data channel can send
 * `session.update` too, and neither vendor forbids it. Reads events, gives back what to send. What a browser says for one
 * answer alone (`response.create` with instructions of its own, items of the system) is no part of the session, and is
 * not prevented.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Receipt } from './sent-messages.ts'

export interface Pinned {
  readonly instructions?: string
  readonly tools?: readonly object[]
  /** A prompt template (`{id, version, variables}`); none where absent or null. */
  readonly prompt?: object | null
}

/** What upstream tells of a session. */
interface Shown {
  readonly instructions?: unknown
  readonly tools?: unknown
  readonly prompt?: unknown
}

/** Put back more often than this in a row, without being obeyed, and the call is not to be trusted. */
export const maxPutBacks = 5

/** More than these many changes on their way at once are no way to steer a call; the oldest is forgotten. */
const maxAsked = 8

export type Verdict =
  | { kind: 'as_pinned' }
  /** What the server asked for is there: it is what is pinned from now on. */
  | { kind: 'changed' }
  | { kind: 'put_back'; message: string }
  | { kind: 'give_up' }

/** A `session.update` for upstream. */
export interface SessionUpdate {
  readonly message: string
  /** Told of a refusal; a refused change is not asked for any more. */
  readonly receipt: Receipt
}

interface Asked {
  readonly change: Pinned
  readonly receipt: Receipt
}

export class PinnedSession {
  #pinned: Pinned
  /** Changes that the server's own side asked for, in their order; upstream has not shown them yet, and may refuse them. */
  #asked: readonly Asked[] = []
  #putBacks = 0

  constructor(pinned: Pinned) {
    this.#pinned = pinned
  }

  get pinned(): Pinned {
    return this.#pinned
  }

  /** The events that set the session as pinned, and as the server's own side has asked since. */
  get updates(): SessionUpdate[] {
    const asked = this.#asked.map(({ change, receipt }) => {
      return { message: updateTo(change, receipt.eventId), receipt }
    })
    return [{ message: updateTo(this.#pinned), receipt: {} }, ...asked]
  }

  /**
   * The server's own side changes the session: that is what is pinned, once upstream shows it.
   * @param message an event for upstream; an error can name it by its `event_id`, where it has one
   * @returns its receipt, by which the change is withdrawn; null where it changes nothing that is pinned
   */
  ask(message: { type?: unknown; session?: unknown; event_id?: unknown }): Receipt | null {
    if (message.type !== 'session.update' || typeof message.session !== 'object' || message.session === null)
      return null
    const { instructions, tools, prompt } = message.session as Shown
    const hasPrompt = typeof prompt === 'object'
    if (typeof instructions !== 'string' && !Array.isArray(tools) && !hasPrompt) return null
    const change = {
      ...(typeof instructions === 'string' && { instructions }),
      ...(Array.isArray(tools) && { tools }),
      ...(hasPrompt && { prompt }),
    }
    const receipt: Receipt = {
      ...(typeof message.event_id === 'string' && { eventId: message.event_id }),
      onRefused: () => {
        this.#asked = this.#asked.filter(asked => asked.receipt !== receipt)
      },
    }
    this.#asked = [...this.#asked, { change, receipt }].slice(-maxAsked)
    return receipt
  }

  /** Judges the session as upstream now has it. @param session of a `session.updated` or `session.created` */
  judge(session: Shown): Verdict {
    const shown = this.#asked.filter(({ change }) => holds(change, session))
    const pinned: Pinned = Object.assign({}, this.#pinned, ...shown.map(({ change }) => change))
    const isPrompt = holdsPrompt(pinned.prompt ?? null, session.prompt)
    if (isPrompt && holds(pinned, session)) {
      const last = shown.at(-1)
      // Upstream takes changes in their order: one that came before, and is not shown, was refused.
      if (last !== undefined) this.#asked = this.#asked.slice(this.#asked.indexOf(last) + 1)
      this.#pinned = pinned
      this.#putBacks = 0
      return { kind: last === undefined ? 'as_pinned' : 'changed' }
    }
    if (this.#putBacks >= maxPutBacks) return { kind: 'give_up' }
    this.#putBacks += 1
    return {
      kind: 'put_back',
      message: updateTo(isPrompt ? pinned : { ...pinned, prompt: pinned.prompt ?? null }),
    }
  }
}

function updateTo(pinned: Pinned, eventId?: string): string {
  const event = { type: 'session.update', ...(eventId !== undefined && { event_id: eventId }) }
  return JSON.stringify({ ...event, session: { type: 'realtime', ...pinned } })
}

function holds({ instructions, tools, prompt }: Pinned, session: Shown): boolean {
  return (
    (prompt === undefined || holdsPrompt(prompt, session.prompt)) &&
    (instructions === undefined || session.instructions === instructions) &&
    (tools === undefined || sameTools(tools, session.tools))
  )
}

/** Upstream may add fields to a template, such as its newest version; what was pinned must all be there. */
function holdsPrompt(pinned: object | null, actual: unknown): boolean {
  if (pinned === null || typeof actual !== 'object' || actual === null) return pinned === (actual ?? null)
  const shown = actual as Record<string, unknown>
  return Object.entries(pinned).every(([name, value]) => isDeepStrictEqual(shown[name], value))
}

/** Upstream may add fields to a tool; what was pinned must all be there. */
function sameTools(pinned: readonly object[], actual: unknown): boolean {
  if (!Array.isArray(actual) || actual.length !== pinned.length) return false
  return pinned.every((tool, place) => {
    const other: Record<string, unknown> = actual[place] ?? {}
    return Object.entries(tool).every(([name, value]) => isDeepStrictEqual(other[name], value))
  })
}
