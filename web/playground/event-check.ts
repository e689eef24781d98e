/** Checks what a person wrote before it is sent. */
import { say } from '../language/language.ts'
import { isEvent } from '../page/realtime-event.ts'
import { clientTypes } from './event-names.ts'
import { nearestName } from './nearest-name.ts'

/** What the text in the editor is. `doubtful`: the API knows no such event; it can be sent all the same. */
export type Checked =
  | { kind: 'events' | 'doubtful'; events: object[]; words: string }
  | { kind: 'text'; words: string }
  | { kind: 'faulty'; words: string }

/**
 * Checks what was written.
 * @param takesText whether the endpoint takes what is not JSON as a turn of the user's
 */
export function check(text: string, takesText: boolean): Checked {
  if (text.trim() === '') return { kind: 'faulty', words: say('Write an event, or choose a template.') }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    const looksLikeJson = /^\s*[{[]/.test(text)
    if (takesText && !looksLikeJson)
      return { kind: 'text', words: say('Not JSON: it goes out as what the user says.') }
    return {
      kind: 'faulty',
      words: say('Not yet JSON: {cause}', { cause: cause instanceof Error ? cause.message : String(cause) }),
    }
  }
  const events = Array.isArray(value) ? value : [value]
  if (events.length === 0) return { kind: 'faulty', words: say('An empty array sends nothing.') }
  const unnamed = events.findIndex(event => !isEvent(event))
  if (unnamed >= 0)
    return {
      kind: 'faulty',
      words:
        events.length > 1
          ? say('Number {number} has no "type".', { number: unnamed + 1 })
          : say('This has no "type".'),
    }
  const types = events.map(({ type }) => String(type))
  const unknown = types.find(type => !clientTypes.includes(type))
  if (unknown !== undefined) return { kind: 'doubtful', events, words: doubtWords(unknown) }
  return {
    kind: 'events',
    events,
    words: say('Ready to send: {types}', { types: types.join(say(', then ')) }),
  }
}

function doubtWords(type: string): string {
  const meant = nearestName(type, clientTypes)
  return meant === undefined
    ? say('The API knows no event "{type}". It can be sent all the same.', { type })
    : say('The API knows no event "{type}". Did you mean "{meant}"?', { type, meant })
}
