/** Figures of a row: medians, spread and ratios; a table for people, a JSON line for machines. */

export interface Figure {
  readonly row: string
  readonly contender: string
  readonly unit: string
  readonly median: number
  /** Lowest and highest round. */
  readonly low: number
  readonly high: number
}

export function figureOf(row: string, contender: string, unit: string, rounds: readonly number[]): Figure {
  const sorted = rounds.toSorted((a, b) => a - b)
  const at = (share: number) =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)
  return { row, contender, unit, median: at(0.5), low: at(0), high: at(1) }
}

/** Prints one JSON line a figure, each with its ratio to the bare relay's in the same row. */
export function printLines(figures: readonly Figure[]): void {
  for (const figure of figures) console.log(JSON.stringify({ ...figure, ratio: ratioOf(figures, figure) }))
}

/** Prints one line a row: each contender's median, its range, and how many times the bare relay's it is. */
export function printTable(figures: readonly Figure[]): void {
  const contenders = [...new Set(figures.map(({ contender }) => contender))]
  const rows = Map.groupBy(figures, ({ row, unit }) => `${row} (${unit})`)
  console.log(`\n| | ${contenders.join(' | ')} |\n|${'---|'.repeat(contenders.length + 1)}`)
  for (const [row, members] of rows) {
    const cells = contenders.map(name =>
      cellOf(
        figures,
        members.find(({ contender }) => contender === name),
      ),
    )
    console.log(`| ${row} | ${cells.join(' | ')} |`)
  }
}

function cellOf(figures: readonly Figure[], figure: Figure | undefined): string {
  if (figure === undefined) return '–'
  const ratio = ratioOf(figures, figure)
  const range = figure.low === figure.high ? '' : ` [${figure.low}-${figure.high}]`
  return `${figure.median}${range}${ratio === null ? '' : ` ×${ratio}`}`
}

function ratioOf(figures: readonly Figure[], { row, unit, contender, median }: Figure): number | null {
  const bare = figures.find(other => other.row === row && other.unit === unit && other.contender === 'bare')
  return bare === undefined || contender === 'bare' || bare.median === 0 ? null : round(median / bare.median)
}

function round(value: number): number {
  return Math.abs(value) < 100 ? Math.round(value * 100) / 100 : Math.round(value)
}
