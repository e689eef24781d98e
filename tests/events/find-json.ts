/** The object that a search finds, or null. */
import type { Scan } from '../../runtime/events/json-object.ts'
import { type JsonSearch, type JsonStrategy, searchJson } from '../../runtime/events/json-search.ts'

export function findJson(
  text: string,
  strategy: JsonStrategy,
  search: Omit<JsonSearch, 'strategy'> = {},
  scan?: Scan,
): string | null {
  const found = searchJson(text, { strategy, ...search }, scan)
  return found.kind === 'found' ? found.json : null
}
