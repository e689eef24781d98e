/**
 * Two contenders measured against each other: in each round one right after the other. What else the machine does
 * is in both of a round, and so not in its quotient; and as one process differs from its twin by up to a tenth,
 * several pairs of processes are measured.
 */
import type { Contender, Starting } from './contenders.ts'
import { type Figure, figureOf, medianOf } from './figures.ts'
import { encryptedLegOf, legsOf, measureRow, openSessions, type Row, type Stage } from './rows.ts'
import type { Upstream } from './source.ts'

const sessions = 50
/** So short that what the machine does meanwhile is in both of a round: many of them tell more than few long ones. */
const secondsOfRound = 0.15
/** Long enough for the compiler to have seen the path of a row. */
const secondsOfWarmUp = 1
const secondsOfWarmUpOfWarm = 0.4

export interface Pairing {
  readonly subject: (upstream: Upstream, starting: Starting) => Promise<Contender>
  readonly reference: (upstream: Upstream, starting: Starting) => Promise<Contender>
  /** How many pairs of processes, one after another. */
  readonly processes: number
  /** No further pair is begun that would end later than this (ms; default: each is measured). */
  readonly mostMs?: number
  /** Rounds of every row, by each pair. */
  readonly rounds: number
  /** Rounds before them that warm up by turns, where the warm-up of a row is too short (default 0). */
  readonly roundsOfWarmUp?: number
}

/** Of fewer, a median says little. */
const fewestPairs = 3

/** CPU of an event (µs). */
export interface Round {
  readonly subject: number
  readonly reference: number
}

export interface Comparison {
  readonly row: string
  /** By pair of processes, then by round. */
  readonly pairs: readonly (readonly Round[])[]
}

/** Measures rows by alternating rounds of CPU time. */
export async function comparePaired(
  stage: Stage,
  rows: readonly Row[],
  pairing: Pairing,
): Promise<Comparison[]> {
  const taken = new Map(rows.map(row => [row, [] as Round[][]]))
  const startedAt = performance.now()
  for (let pair = 0; pair < pairing.processes; pair += 1) {
    const endsAt = ((performance.now() - startedAt) / pair) * (pair + 1)
    if (pair >= fewestPairs && endsAt > (pairing.mostMs ?? Number.POSITIVE_INFINITY)) break
    for (const [encrypted, group] of Map.groupBy(rows, encryptedLegOf)) {
      const legs = legsOf(stage, encrypted)
      const subject = await pairing.subject(...legs)
      const reference = await pairing.reference(...legs)
      for (const contender of [subject, reference]) await openSessions(stage, contender, sessions)
      for (const row of group)
        taken.get(row)?.push(await measureRounds(stage, row, subject, reference, pairing))
      for (const { group, stop } of [subject, reference]) {
        await stage.clients.ask('close', group)
        stop()
      }
    }
    console.error(`pair ${pair + 1} of ${pairing.processes} is measured`)
  }
  return [...taken].map(([{ name }, pairs]) => ({ row: name, pairs }))
}

async function measureRounds(
  stage: Stage,
  row: Row,
  subject: Contender,
  reference: Contender,
  { rounds, roundsOfWarmUp = 0 }: Pairing,
): Promise<Round[]> {
  const measure = (contender: Contender, seconds: number) =>
    measureRow(stage, contender, row, seconds, sessions)
  for (const contender of [subject, reference])
    await measure(contender, row.isWarm ? secondsOfWarmUpOfWarm : secondsOfWarmUp)
  const taken: Round[] = []
  for (let round = -roundsOfWarmUp; round < rounds; round += 1) {
    const costs = new Map<Contender, number>()
    const order = isSubjectFirst(round + roundsOfWarmUp) ? [subject, reference] : [reference, subject]
    for (const contender of order) costs.set(contender, await measure(contender, secondsOfRound))
    if (round >= 0) taken.push({ subject: costs.get(subject) ?? 0, reference: costs.get(reference) ?? 0 })
  }
  return taken
}

export interface Ratio {
  readonly row: string
  /** How many times the reference's CPU the subject takes: the median over the pairs of processes. */
  readonly ratio: number
  /** Lowest and highest of the pairs. */
  readonly low: number
  readonly high: number
  /**
   * Where the median lies with a confidence of at least 95 %, whatever the distribution of the pairs
   * (order statistics of the sign test); of fewer than six pairs, their range.
   */
  readonly surely: readonly [from: number, to: number]
  /** Medians over all rounds (µs an event). */
  readonly subject: number
  readonly reference: number
}

/** Sums up what rounds said. A pair's own ratio is the median of its rounds' quotients. */
export function ratioOf({ row, pairs }: Comparison): Ratio {
  const ratios = pairs
    .map(rounds => medianOf(rounds.map(({ subject, reference }) => subject / reference)))
    .sort((a, b) => a - b)
  const at = (index: number) => ratios[index] ?? Number.NaN
  const outside = outsideMedian(ratios.length)
  return {
    row,
    ratio: medianOf(ratios),
    low: at(0),
    high: at(ratios.length - 1),
    surely: [at(outside), at(ratios.length - 1 - outside)],
    subject: medianOf(pairs.flat().map(round => round.subject)),
    reference: medianOf(pairs.flat().map(round => round.reference)),
  }
}

/** @returns how many times the reference's CPU the subject takes, by pair of processes */
export function figureOfPairs(prefix: string, unit: string, { row, pairs }: Comparison): Figure {
  const times = pairs.map(each => ratioOf({ row, pairs: [each] }).ratio)
  return figureOf(`${prefix}, ${row}`, 'gateway', unit, times)
}

const mostDoubt = 0.05

/** How many of `count` sorted values may be left out at each end, so that the median is among the rest. */
function outsideMedian(count: number): number {
  let outside = 0
  // The chance that at most `outside` of `count` values lie below the median, and the same above it.
  let ways = 1
  let doubt = 2 * 0.5 ** count
  while (outside < count / 2) {
    ways = (ways * (count - outside)) / (outside + 1)
    doubt += 2 * ways * 0.5 ** count
    if (doubt > mostDoubt) break
    outside += 1
  }
  return outside
}

/**
 * Whether the subject is first in a round, by the Thue-Morse sequence: neither a drift nor anything periodic then
 * falls on one of the two more than on the other. Strict alternation does not do: with twice the same gateway, whoever
 * was first in the first round was 17 % dearer in all.
 */
export function isSubjectFirst(round: number): boolean {
  let bits = 0
  for (let rest = round; rest > 0; rest >>= 1) bits += rest & 1
  return bits % 2 === 0
}
