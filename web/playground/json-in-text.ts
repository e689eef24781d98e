/** Finds a JSON object in an answer's text, as the gateway does by default. */

import { searchJson } from '../../runtime/events/json-search.ts'

/** @returns undefined where there is none. Takes time in proportion to the text. */
export function findJson(text: string): object | undefined {
  const found = searchJson(text, { strategy: 'fenced_or_bare' })
  return found.kind === 'found' ? (JSON.parse(found.json) as object) : undefined
}
