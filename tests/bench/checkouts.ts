/** What a change costs: the gateway of this checkout beside that of another, in alternating rounds. */
import { resolve } from 'node:path'
import { startContender } from './contenders.ts'
import { gatedRows } from './gate.ts'
import { comparePaired, ratioOf } from './paired.ts'
import { rows, type Stage } from './rows.ts'

export interface Comparing {
  /** The other checkout, with its `node_modules`: what was before. */
  readonly checkout: string
  readonly processes: number
  readonly rounds: number
  readonly isAsked: (row: string) => boolean
}

/** Measures and prints how many times the other checkout's CPU an event takes here. */
export async function compareCheckouts(stage: Stage, comparing: Comparing): Promise<void> {
  const checkout = resolve(comparing.checkout)
  const asked = rows.filter(({ name }) => gatedRows.includes(name) && comparing.isAsked(name))
  const comparisons = await comparePaired(stage, asked, {
    subject: (upstream, starting) => startContender('gateway', upstream, { ...starting, group: 'after' }),
    reference: (upstream, starting) =>
      startContender('gateway', upstream, { ...starting, group: 'before', checkout }),
    processes: comparing.processes,
    rounds: comparing.rounds,
  })
  const ratios = comparisons.map(ratioOf)
  for (const ratio of ratios) console.log(JSON.stringify(ratio))
  console.log(
    `\n| CPU of an event | here (µs) | ${checkout} (µs) | times | 95 % | pairs |\n|---|---|---|---|---|---|`,
  )
  for (const { row, subject, reference, ratio, surely, low, high } of ratios) {
    const range = (from: number, to: number) => `${from.toFixed(3)}-${to.toFixed(3)}`
    console.log(
      `| ${row} | ${subject.toFixed(1)} | ${reference.toFixed(1)} | ${ratio.toFixed(3)} | ${range(...surely)} | ${range(low, high)} |`,
    )
  }
}
