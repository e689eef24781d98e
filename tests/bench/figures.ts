/** Figures of a row: medians, spread and ratios; a table for people, a JSON line for machines. */

export interface Figure {
  readonly row: string
  readonly contender: string
  readonly unit: string
  readonly median: number
  /** Lowest and highest round. */
  readonly low: number
  readonly high: number
  /** What each round said, in their order. */
  readonly rounds: readonly number[]
}

export function figureOf(row: string, contender: string, unit: string, values: readonly number[]): Figure {
  const rounds = values.map(round)
  const [low, high] = [Math.min(...rounds), Math.max(...rounds)]
  return { row, contender, unit, median: round(medianOf(rounds)), low, high, rounds }
}

/**
 * How many times another figure one is: the median over the rounds that both have, each beside its own. A machine
 * that others use too may be half as fast for some minutes; that is in both of a round, and not in its quotient.
 * @returns null where there is nothing to compare
 */
export function timesOf(one: Figure | undefined, other: Figure | undefined): number | null {
  if (one === undefined || other === undefined) return null
  const beside = one.rounds.slice(0, other.rounds.length)
  const times = beside
    .map((value, index) => value / (other.rounds[index] ?? Number.NaN))
    .filter(Number.isFinite)
  return times.length === 0 ? null : medianOf(times)
}

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2
}

/** Prints one JSON line a figure, each with its ratio to the bare relay's in the same row. */
export function printLines(figures: readonly Figure[]): void {
  for (const figure of figures) console.log(JSON.stringify({ ...figure, ratio: ratioOf(figures, figure) }))
}

/** Prints one line a row: each contender's median, its range, and how many times the bare relay's it is, round by round. */
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

function ratioOf(figures: readonly Figure[], figure: Figure): number | null {
  if (figure.contender === 'bare') return null
  const bare = figures.find(
    ({ row, unit, contender }) => row === figure.row && unit === figure.unit && contender === 'bare',
  )
  const times = timesOf(figure, bare)
  return times === null ? null : round(times)
}

function round(value: number): number {
  return Math.abs(value) < 100 ? Math.round(value * 100) / 100 : Math.round(value)
}
