/** The allow-list of `/realtime`: which of the upstream's events reach the client. */
import { namesOf } from './event-names.ts'
import { compileGlob } from './glob.ts'

/** Admits binary frames, which have no type. */
const binaryToken = '<binary>'

/** Admits everything, frames without a readable type included. */
const everything = '*'

/** Types come from upstream: remember decisions for this many names of this length, decide the rest each time. */
const maxRememberedTypes = 256
const maxRememberedLength = 128

export interface EventFilter {
  readonly admitsBinary: boolean
  /** @param type the event's type, or null where none can be read. */
  admits(type: string | null): boolean
}

/**
 * Compiles an allow-list.
 * @param patterns globs over event types; a pattern in one dialect's name admits the other dialect's too.
 */
export function createFilter(patterns: readonly string[]): EventFilter {
  const admitsAll = patterns.includes(everything)
  const admitsBinary = admitsAll || patterns.includes(binaryToken)
  const matches = matchesAny(patterns.filter(pattern => pattern !== binaryToken))
  return {
    admitsBinary,
    admits: type => admitsAll || (type !== null && matches(type)),
  }
}

/**
 * Builds one question of many globs: does any of them match the type, by either dialect's name?
 * Each type is decided once, as a session sees the same few dozen names thousands of times.
 */
export function matchesAny(patterns: readonly string[]): (type: string) => boolean {
  const globs = patterns.map(compileGlob)
  const decided = new Map<string, boolean>()
  return type => {
    const known = decided.get(type)
    if (known !== undefined) return known
    const answer = namesOf(type).some(name => globs.some(glob => glob(name)))
    if (decided.size < maxRememberedTypes && type.length <= maxRememberedLength) decided.set(type, answer)
    return answer
  }
}
