/** Judges one turn of a scripted conversation: what it was expected to do, and what it did. */
import { isDeepStrictEqual } from 'node:util'
import { type Expectation, patternOf } from './scripted-test.ts'

/** What a turn did. */
export interface PlayedTurn {
  /** Calls of the turn, in the order in which the model made them. */
  readonly tools: readonly PlayedCall[]
  /** What is stored with the conversation after the turn. */
  readonly state: Readonly<Record<string, unknown>>
  /** What the assistant said, all of the turn. */
  readonly said: string
}

export interface PlayedCall {
  readonly name: string
  /** Parsed; the text where it is no JSON. */
  readonly arguments: unknown
  /** How often the tool ran for this call. */
  readonly runs: number
}

/** A value is quoted up to this length (characters). */
const maxQuotedChars = 400

/**
 * Compares a turn with what is expected of it. Of arguments and state what is expected must be there, and more may be;
 * lists have as many entries as expected. Calls may come in any order, and no call may be there that is not expected.
 * @returns a sentence for everything that differs; none where the turn is as expected
 */
export function judgeTurn({ tools, state, says }: Expectation, played: PlayedTurn): string[] {
  const faults: string[] = []
  if (tools !== undefined) faults.push(...judgeCalls(tools, played.tools))
  if (state !== undefined && !holds(state, played.state))
    faults.push(`state: expected ${quote(state)}, there is ${quote(played.state)}`)
  for (const wanted of [says ?? []].flat())
    if (!isSaid(wanted, played.said))
      faults.push(`says: expected ${quote(wanted)}, it said ${quote(played.said)}`)
  return faults
}

function judgeCalls(expected: NonNullable<Expectation['tools']>, played: readonly PlayedCall[]): string[] {
  const left = [...played]
  const take = (fits: (call: PlayedCall) => boolean) => {
    const at = left.findIndex(fits)
    return at < 0 ? undefined : left.splice(at, 1)[0]
  }
  const missing = [...expected.entries()].filter(
    ([, wanted]) => take(call => isCall(wanted, call)) === undefined,
  )
  const faults = missing.map(([at, wanted]) => {
    const near = take(({ name }) => name === wanted.name)
    const there = near === undefined ? 'there is no such call' : `there is ${quote(near)}`
    return `tools[${at}]: expected ${quote(wanted)}, ${there}`
  })
  return [...faults, ...left.map(call => `tools: a call that is not expected, ${quote(call)}`)]
}

function isCall(wanted: NonNullable<Expectation['tools']>[number], call: PlayedCall): boolean {
  const { name, arguments: args, runs } = wanted
  return (
    call.name === name &&
    (args === undefined || holds(args, call.arguments)) &&
    (runs === undefined || call.runs === runs)
  )
}

/** Whether all that is expected is there. */
export function holds(expected: unknown, there: unknown): boolean {
  if (Array.isArray(expected))
    return (
      Array.isArray(there) &&
      there.length === expected.length &&
      expected.every((entry, at) => holds(entry, there[at]))
    )
  if (typeof expected !== 'object' || expected === null) return isDeepStrictEqual(expected, there)
  if (typeof there !== 'object' || there === null || Array.isArray(there)) return false
  const fields = there as Record<string, unknown>
  return Object.entries(expected).every(
    ([key, value]) => Object.hasOwn(fields, key) && holds(value, fields[key]),
  )
}

/** Text stands anywhere, in any case; `/…/` is a regular expression. */
function isSaid(wanted: string, said: string): boolean {
  const pattern = patternOf(wanted)
  if (pattern !== null) return pattern.test(said)
  return said.toLowerCase().includes(wanted.toLowerCase())
}

function quote(value: unknown): string {
  const text = JSON.stringify(value)
  return text.length > maxQuotedChars ? `${text.slice(0, maxQuotedChars)}…` : text
}
