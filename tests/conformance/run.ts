/** Plays the cases of a leg, and counts verdicts. */
import type { Stage } from '../gateway/start.ts'
import { type Case, makeCases } from './cases.ts'
import { exceptions } from './expected.ts'
import { type LegName, startClientLeg, startUpstreamLeg } from './legs.ts'
import { judge, type Outcome, type Verdict } from './verdict.ts'

export interface Judged {
  readonly given: Case
  readonly outcome: Outcome
  readonly verdict: Verdict
}

/** @param which picks cases; all by default */
export async function playLeg(
  t: Stage,
  name: LegName,
  which: (given: Case, at: number) => boolean = () => true,
): Promise<Judged[]> {
  const leg = await (name === 'client' ? startClientLeg(t) : startUpstreamLeg(t))
  const judged: Judged[] = []
  for (const given of makeCases(name === 'client').filter(which)) {
    const outcome = await leg.play(given)
    judged.push({ given, outcome, verdict: judge(given.expected, outcome, name === 'client') })
  }
  return judged
}

/** The verdict that is foreseen for a case. */
export function foreseen(name: LegName, { kind, expected }: Case): Verdict {
  const found = exceptions[name].find(
    exception =>
      exception.kind.test(kind) &&
      (exception.code === undefined || expected.end?.some(code => exception.code?.includes(code))),
  )
  return found?.verdict ?? 'pass'
}

/** What came otherwise than foreseen, one line each. */
export function surprises(name: LegName, judged: readonly Judged[]): string[] {
  return judged
    .filter(({ given, verdict }) => verdict !== foreseen(name, given))
    .map(({ given, verdict, outcome }) => {
      const end =
        outcome.ending === null ? 'stayed open' : `ended with ${outcome.ending.code ?? 'no close frame'}`
      return `${name} ${given.id}, ${given.kind}: ${verdict} in place of ${foreseen(name, given)}; it ${end}`
    })
}

/** Verdicts by category. */
export function countVerdicts(judged: readonly Judged[]): Record<number, Partial<Record<Verdict, number>>> {
  const counts: Record<number, Partial<Record<Verdict, number>>> = {}
  for (const { given, verdict } of judged) {
    counts[given.category] ??= {}
    const ofCategory = counts[given.category] as Partial<Record<Verdict, number>>
    ofCategory[verdict] = (ofCategory[verdict] ?? 0) + 1
  }
  return counts
}
