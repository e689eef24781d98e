/**
 * Whether an event still costs what it did: the gateway's CPU beside the barest relay's, compared with the ratios
 * in `gate.json`. A ratio is nearly the same on every machine, where microseconds are not.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startContender } from './contenders.ts'
import { type Comparison, comparePaired, type Ratio, ratioOf } from './paired.ts'
import { rows, type Stage } from './rows.ts'

const file = join(import.meta.dirname, 'gate.json')
/** On a machine that is busy there is time for fewer of them. */
const processes = 5
const rounds = 4
const mostMs = 120_000
/**
 * Pairs of processes that measure a row again which did not pass. Most of what a message costs is the kernel's part of
 * one `write`, and that differs by a fifth from one pair of processes to the next: five of them are not enough to say
 * that code became dearer.
 */
const moreProcesses = 10
/** Pairs of processes that measure a baseline. */
const processesOfRecord = 15

export const gatedRows: readonly string[] = ['', ', TLS'].flatMap(transport =>
  ['down', 'up'].flatMap(way => ['400 B', '6.4 kB'].map(size => `${way}, ${size}${transport}`)),
)

export interface Baseline {
  /** By how much of itself a ratio may be worse. */
  readonly tolerance: number
  /** Why that much. */
  readonly reason: string
  /** Times the bare relay, by row. */
  readonly ratios: Readonly<Record<string, number>>
}

export interface Verdict {
  readonly row: string
  readonly ratio: number
  /** The highest ratio that is let through; null where the baseline does not know the row. */
  readonly limit: number | null
  readonly passes: boolean
}

export function readBaseline(): Baseline {
  return JSON.parse(readFileSync(file, 'utf8')) as Baseline
}

/** Judges each row. What the baseline does not know, and what of it was not measured, does not pass. */
export function judge(
  { ratios, tolerance }: Baseline,
  measured: readonly Pick<Ratio, 'row' | 'ratio'>[],
): Verdict[] {
  const names = new Set([...Object.keys(ratios), ...measured.map(({ row }) => row)])
  return [...names].map(row => {
    const ratio = measured.find(other => other.row === row)?.ratio ?? Number.NaN
    const before = ratios[row]
    const limit = before === undefined ? null : before * (1 + tolerance)
    return { row, ratio, limit, passes: limit !== null && ratio <= limit }
  })
}

/**
 * Measures and judges.
 * @param records the measured ratios become the baseline, and everything passes
 * @returns whether every row passes
 */
export async function runGate(stage: Stage, records: boolean): Promise<boolean> {
  const measure = (names: readonly string[], pairs: number, mostMs?: number) =>
    comparePaired(
      stage,
      rows.filter(({ name }) => names.includes(name)),
      {
        subject: (upstream, starting) => startContender('gateway', upstream, starting),
        reference: (upstream, starting) => startContender('bare', upstream, starting),
        processes: pairs,
        rounds,
        ...(mostMs !== undefined && { mostMs }),
      },
    )
  const first = await (records
    ? measure(gatedRows, processesOfRecord)
    : measure(gatedRows, processes, mostMs))
  const doubtful = records ? [] : failedRows(first)
  const comparisons = doubtful.length === 0 ? first : pool(first, await measure(doubtful, moreProcesses))
  const ratios = comparisons.map(ratioOf)
  for (const ratio of ratios) console.log(JSON.stringify(ratio))
  if (records) record(ratios)
  const verdicts = judge(readBaseline(), ratios)
  printVerdicts(verdicts, ratios)
  return verdicts.every(({ passes }) => passes)
}

function failedRows(comparisons: readonly Comparison[]): string[] {
  const failed = judge(readBaseline(), comparisons.map(ratioOf)).filter(({ passes }) => !passes)
  return failed.map(({ row }) => row)
}

/** Adds the pairs of a second measurement to those of the first. */
export function pool(first: readonly Comparison[], second: readonly Comparison[]): Comparison[] {
  return first.map(({ row, pairs }) => ({
    row,
    pairs: [...pairs, ...(second.find(other => other.row === row)?.pairs ?? [])],
  }))
}

function record(ratios: readonly Ratio[]): void {
  const measured = Object.fromEntries(ratios.map(({ row, ratio }) => [row, Math.round(ratio * 100) / 100]))
  writeFileSync(file, `${JSON.stringify({ ...readBaseline(), ratios: measured }, null, 2)}\n`)
}

function printVerdicts(verdicts: readonly Verdict[], ratios: readonly Ratio[]): void {
  console.log('\n| CPU of an event | gateway (µs) | bare relay (µs) | times [pairs] | at most | |')
  console.log('|---|---|---|---|---|---|')
  for (const { row, limit, passes } of verdicts) {
    const found = ratios.find(other => other.row === row)
    const cells =
      found === undefined
        ? ['–', '–', 'not measured']
        : [
            found.subject.toFixed(1),
            found.reference.toFixed(1),
            `${found.ratio.toFixed(2)} [${found.low.toFixed(2)}-${found.high.toFixed(2)}]`,
          ]
    const word = passes ? 'passes' : limit === null ? 'has no baseline' : 'is dearer than before'
    console.log(`| ${row} | ${cells.join(' | ')} | ${limit?.toFixed(2) ?? '–'} | ${word} |`)
  }
}
