/** Hides the instructions and the prompt template that the gateway has given a session. */
import { isFields, parseExactly } from '../events/fields.ts'

const shownSessions: ReadonlySet<string> = new Set(['session.created', 'session.updated'])

/**
 * Blanks what is pinned in an event that shows a session.
 * @param frame as upstream sent it
 * @param type as it was read from the frame
 * @returns the frame itself where it shows no session; null where it does and cannot be read
 */
export function blankPinned(frame: Buffer, type: string | null): Buffer | null {
  if (type === null || !shownSessions.has(type)) return frame
  const event = parseExactly(frame)
  if (event === null || !isFields(event.session)) return null
  return Buffer.from(JSON.stringify({ ...event, session: blankSession(event.session) }))
}

/** Blanks what is pinned in a session's object; absent fields stay absent. */
export function blankSession<S extends object>(session: S): S {
  return {
    ...session,
    ...('instructions' in session && { instructions: '' }),
    ...('prompt' in session && { prompt: null }),
  }
}
