/**
 * Keeps a call's instructions and tools as the server set them: a browser's data channel can send
 * `session.update` too, and neither vendor forbids it. Reads events, gives back what to send.
 */
import { isDeepStrictEqual } from 'node:util'

export interface Pinned {
  readonly instructions?: string
  readonly tools?: readonly object[]
}

/** Put back more often than this in a row, without being obeyed, and the call is not to be trusted. */
export const maxPutBacks = 5

export type Verdict = { kind: 'as_pinned' } | { kind: 'put_back'; message: string } | { kind: 'give_up' }

export class SessionGuard {
  #pinned: Pinned
  #putBacks = 0

  constructor(pinned: Pinned) {
    this.#pinned = pinned
  }

  get pinned(): Pinned {
    return this.#pinned
  }

  /** The event that sets the session as pinned. */
  get update(): string {
    return JSON.stringify({ type: 'session.update', session: { type: 'realtime', ...this.#pinned } })
  }

  /** The server's own side changes the session: that is what is pinned from now on. @returns whether it did */
  adopt(message: { type?: unknown; session?: unknown }): boolean {
    if (message.type !== 'session.update' || typeof message.session !== 'object' || message.session === null)
      return false
    const { instructions, tools } = message.session as { instructions?: unknown; tools?: unknown }
    if (typeof instructions === 'string') this.#pinned = { ...this.#pinned, instructions }
    if (Array.isArray(tools)) this.#pinned = { ...this.#pinned, tools }
    return typeof instructions === 'string' || Array.isArray(tools)
  }

  /** Judges the session as upstream now has it. @param session of a `session.updated` or `session.created` */
  judge(session: { instructions?: unknown; tools?: unknown }): Verdict {
    const { instructions, tools } = this.#pinned
    const same =
      (instructions === undefined || session.instructions === instructions) &&
      (tools === undefined || sameTools(tools, session.tools))
    if (same) {
      this.#putBacks = 0
      return { kind: 'as_pinned' }
    }
    if (this.#putBacks >= maxPutBacks) return { kind: 'give_up' }
    this.#putBacks += 1
    return { kind: 'put_back', message: this.update }
  }
}

/** Upstream may add fields to a tool; what was pinned must all be there. */
function sameTools(pinned: readonly object[], actual: unknown): boolean {
  if (!Array.isArray(actual) || actual.length !== pinned.length) return false
  return pinned.every((tool, place) => {
    const other: Record<string, unknown> = actual[place] ?? {}
    return Object.entries(tool).every(([name, value]) => isDeepStrictEqual(other[name], value))
  })
}
