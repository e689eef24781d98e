/** What became of a case, and how well that keeps to RFC 6455. */
import type { Received } from '../wire/frames.ts'
import type { Ending } from '../wire/peer.ts'
import type { Expected } from './cases.ts'

/** What was seen of a case. */
export interface Outcome {
  readonly messages: readonly Received[]
  readonly pongs: readonly Buffer[]
  /** null: the connection stayed open. */
  readonly ending: Ending | null
}

/**
 * - pass: as the protocol asks
 * - cut: ended where it should, without the close frame that section 7.1.7 says an endpoint SHOULD send
 * - lax: ended where it should, with another code or without what came before the fault
 * - fail: what is illegal was taken, or what is legal was not
 */
export const verdicts = ['pass', 'cut', 'lax', 'fail'] as const
export type Verdict = (typeof verdicts)[number]

/** @param isEchoed messages come back by way of another, and an end may overtake them */
export function judge({ messages, pongs, end }: Expected, outcome: Outcome, isEchoed: boolean): Verdict {
  const isPrefix = startsWith(messages, outcome.messages)
  if (!isPrefix || outcome.ending?.fault) return 'fail'
  const isWhole = outcome.messages.length === messages.length && samePayloads(pongs, outcome.pongs)
  if (end === null) return isWhole && outcome.ending === null ? 'pass' : 'fail'
  if (outcome.ending === null) return 'fail'
  const { code } = outcome.ending
  if (code === null) return 'cut'
  return end.includes(code) && (isEchoed || isWhole) ? 'pass' : 'lax'
}

function startsWith(expected: readonly Received[], seen: readonly Received[]): boolean {
  return (
    seen.length <= expected.length &&
    seen.every(
      ({ opcode, payload }, at) => opcode === expected[at]?.opcode && payload.equals(expected[at].payload),
    )
  )
}

function samePayloads(expected: readonly Buffer[], seen: readonly Buffer[]): boolean {
  return expected.length === seen.length && expected.every((payload, at) => seen[at]?.equals(payload))
}
