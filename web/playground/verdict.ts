/** What the gateway's patterns do to an event, and why. */

import { namesOf } from '../../runtime/events/event-names.ts'
import { compileGlob } from '../../runtime/events/glob.ts'
import { say } from '../language/language.ts'
import { ownTypes } from './event-names.ts'
import { splitGlobs } from './globs.ts'

/** `own`: the gateway's own message. `searched`: its text is searched for JSON, whether it is allowed or not. */
export type Verdict =
  | { kind: 'passes'; pattern: string }
  | { kind: 'searched'; pattern: string }
  | { kind: 'own' }
  | { kind: 'dropped' }

/**
 * Makes the judge of event types.
 * @param allowed globs, separated by commas
 * @param searched globs whose events are searched for JSON
 */
export function createJudge(allowed: string, searched: readonly string[]): (type: string) => Verdict {
  const extractions = compile(searched)
  const passes = compile(splitGlobs(allowed))
  return type => {
    if (ownTypes.has(type)) return { kind: 'own' }
    const searchedBy = find(extractions, type)
    if (searchedBy !== undefined) return { kind: 'searched', pattern: searchedBy }
    const pattern = find(passes, type)
    return pattern === undefined ? { kind: 'dropped' } : { kind: 'passes', pattern }
  }
}

/** A verdict in words. */
export function verdictWords(verdict: Verdict): string {
  if (verdict.kind === 'passes') return say('passes: {pattern}', { pattern: verdict.pattern })
  if (verdict.kind === 'searched') return say('searched for JSON: {pattern}', { pattern: verdict.pattern })
  if (verdict.kind === 'own') return say("passes: the gateway's own")
  return say('dropped: no pattern matches')
}

type Compiled = readonly [pattern: string, matches: (text: string) => boolean]

function compile(patterns: readonly string[]): Compiled[] {
  return patterns.map(pattern => [pattern, compileGlob(pattern)])
}

function find(patterns: readonly Compiled[], type: string): string | undefined {
  return patterns.find(([, matches]) => namesOf(type).some(matches))?.[0]
}
