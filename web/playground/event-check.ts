/** Checks what a person wrote before it is sent. */
import { isEvent } from '../page/realtime-event.ts'

/** What the text in the editor is. */
export type Checked =
  | { kind: 'events'; events: object[]; words: string }
  | { kind: 'text'; words: string }
  | { kind: 'faulty'; words: string }

/**
 * Checks what was written.
 * @param takesText whether the endpoint takes what is not JSON as a turn of the user's
 */
export function check(text: string, takesText: boolean): Checked {
  if (text.trim() === '') return { kind: 'faulty', words: 'Write an event, or choose a template.' }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    const looksLikeJson = /^\s*[{[]/.test(text)
    if (takesText && !looksLikeJson)
      return { kind: 'text', words: 'Not JSON: it goes out as what the user says.' }
    return {
      kind: 'faulty',
      words: `Not yet JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
    }
  }
  const events = Array.isArray(value) ? value : [value]
  const unnamed = events.findIndex(event => !isEvent(event))
  if (events.length === 0) return { kind: 'faulty', words: 'An empty array sends nothing.' }
  if (unnamed >= 0)
    return { kind: 'faulty', words: `${events.length > 1 ? `Number ${unnamed + 1}` : 'This'} has no "type".` }
  return { kind: 'events', events, words: `Good JSON: ${events.map(({ type }) => type).join(', then ')}` }
}
