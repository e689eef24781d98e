/** Holds an answer against what was to be said: what is lost, doubled, or out of its place, by name. */
import type { Tally } from './types.ts'

export interface Comparison extends Tally {
  /** A sentence for each kind of fault. */
  readonly faults: readonly string[]
}

export function emptyTally(): Tally {
  return { seen: 0, lost: 0, doubled: 0, disordered: 0, foreign: 0 }
}

export function addTally(sum: Tally, { seen, lost, doubled, disordered, foreign }: Tally): void {
  sum.seen += seen
  sum.lost += lost
  sum.doubled += doubled
  sum.disordered += disordered
  sum.foreign += foreign
}

/**
 * Compares piece by piece, by the longest sequence that both have.
 * @param brokenOff the answer may end early, but may have no hole
 */
export function compare(expected: readonly string[], got: readonly string[], brokenOff = false): Comparison {
  // The rule; only an exception is worth the table.
  if (got.join('\n') === expected.slice(0, brokenOff ? got.length : undefined).join('\n'))
    return { ...emptyTally(), seen: got.length, faults: [] }
  const { lost, more } = differences(expected, got, brokenOff)
  const disordered: string[] = []
  const doubled: string[] = []
  const foreign: string[] = []
  for (const piece of more) {
    if (takeFrom(lost, piece)) disordered.push(piece)
    else if (expected.includes(piece)) doubled.push(piece)
    else foreign.push(piece)
  }
  const kinds = { lost, doubled, 'out of order': disordered, 'never asked for': foreign }
  return {
    seen: got.length,
    lost: lost.length,
    doubled: doubled.length,
    disordered: disordered.length,
    foreign: foreign.length,
    faults: Object.entries(kinds)
      .filter(([, pieces]) => pieces.length > 0)
      .map(([kind, pieces]) => `${kind}: ${quote(pieces)}`),
  }
}

const maxQuoted = 5

function quote(pieces: readonly string[]): string {
  const quoted = pieces.slice(0, maxQuoted).map(piece => `"${piece}"`)
  return pieces.length > maxQuoted
    ? `${quoted.join(', ')} and ${pieces.length - maxQuoted} more`
    : quoted.join(', ')
}

/** What has to be taken out of the one and put in from the other to make them equal. */
function differences(expected: readonly string[], got: readonly string[], brokenOff: boolean) {
  const lengths = commonLengths(expected, got)
  const whole = lengths[got.length]?.[expected.length] ?? 0
  // Broken off: nothing is missed behind the last piece that came.
  let e = brokenOff ? (lengths[got.length]?.indexOf(whole) ?? 0) : expected.length
  let g = got.length
  const lost: string[] = []
  const more: string[] = []
  while (e > 0 || g > 0) {
    const without = lengths[g]?.[e - 1] ?? -1
    if (e > 0 && g > 0 && expected[e - 1] === got[g - 1]) {
      e -= 1
      g -= 1
    } else if (e > 0 && without === lengths[g]?.[e]) lost.unshift(expected[--e] ?? '')
    else more.unshift(got[--g] ?? '')
  }
  return { lost, more }
}

/** By how many pieces of the one and of the other: the length of what they have in common. */
function commonLengths(expected: readonly string[], got: readonly string[]): number[][] {
  const rows = [new Array<number>(expected.length + 1).fill(0)]
  for (const piece of got) {
    const above = rows.at(-1) ?? []
    const row = [0]
    for (const [place, wanted] of expected.entries())
      row.push(piece === wanted ? (above[place] ?? 0) + 1 : Math.max(above[place + 1] ?? 0, row[place] ?? 0))
    rows.push(row)
  }
  return rows
}

function takeFrom(pieces: string[], piece: string): boolean {
  const place = pieces.indexOf(piece)
  if (place >= 0) pieces.splice(place, 1)
  return place >= 0
}
