/** Lays one session over another, in the shape of either dialect. */
import { type Fields, isFields } from '../events/fields.ts'

/**
 * Fields whose value is one of several kinds, in either dialect: of two kinds laid over each other, upstream
 * would refuse the sum.
 */
const unions = new Set(['turn_detection', 'format', 'tool_choice', 'truncation', 'tracing', 'prompt'])

/**
 * Lays one object over another, level by level; lists and unions are replaced. As deep as the objects are: what comes
 * from outside is read by `parseFields`, which bounds that.
 */
export function mergeSession(under: Fields, over: Fields): Fields {
  const merged = new Map(Object.entries(under))
  for (const [name, value] of Object.entries(over)) {
    const below = merged.get(name)
    const isMerged = isFields(below) && isFields(value) && !unions.has(name)
    merged.set(name, isMerged ? mergeSession(below, value) : value)
  }
  return Object.fromEntries(merged)
}
