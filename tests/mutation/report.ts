/** What planted mutants came to, as Markdown. Pure. */
import type { Verdict } from './plant.ts'
import { reasonFor } from './table.ts'

/** Of the mutants of a group, so many must be noticed (parts of one). */
export const aim = 0.95

export interface GroupResult {
  readonly group: string
  /** All mutants that there are. */
  readonly found: number
  readonly verdicts: readonly Verdict[]
}

/**
 * Part of the planted mutants that was noticed, those that made a test hang included; 1 where none was planted. Known
 * survivors, which change nothing that a test can or should notice, are left out.
 */
export function noticedPart({ verdicts }: GroupResult): number {
  const counted = verdicts.filter(verdict => !isKnown(verdict))
  if (counted.length === 0) return 1
  return counted.filter(({ outcome }) => outcome !== 'survived').length / counted.length
}

function isKnown({ outcome, mutant }: Verdict): boolean {
  return outcome === 'survived' && reasonFor(mutant) !== null
}

/** @param seed of the choice, so that it can be made again */
export function writeReport(results: readonly GroupResult[], seed: number): string {
  const count = ({ verdicts }: GroupResult, asked: Verdict['outcome']) =>
    verdicts.filter(({ outcome }) => outcome === asked).length
  const rows = results.map(result => {
    const part = `${(100 * noticedPart(result)).toFixed(1)} %${noticedPart(result) < aim ? ' (below the aim)' : ''}`
    const { group, found, verdicts } = result
    const equivalent = verdicts.filter(isKnown).length
    const counts = (['noticed', 'hung', 'survived'] as const).map(outcome => count(result, outcome))
    counts.push(equivalent)
    return `| ${[group, found, verdicts.length, ...counts, part].join(' | ')} |`
  })
  const survivors = results.flatMap(({ verdicts }) =>
    verdicts.filter(({ outcome }) => outcome === 'survived'),
  )
  return [
    `Mutants planted with seed ${seed}; the aim is ${100 * aim} % noticed.\n`,
    '| group | mutants | planted | noticed | hung | survived | of these known | part |',
    '|---|---|---|---|---|---|---|---|',
    ...rows,
    ...(survivors.length === 0 ? [] : ['\nSurvivors:\n', ...survivors.map(describeSurvivor)]),
    '',
  ].join('\n')
}

function describeSurvivor({ mutant }: Verdict): string {
  const { file, line, kind, shown } = mutant
  const reason = reasonFor(mutant)
  return `- ${file}:${line} ${kind}: \`${shown}\`${reason === null ? '' : ` (${reason})`}`
}
