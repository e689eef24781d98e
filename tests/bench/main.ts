/**
 * `npm run bench`: what the gateway costs, beside the barest relays, in one run of alternating rounds.
 *
 *   --rounds N    rounds of every row, by each process that measures it (4)
 *   --only REGEXP rows whose name fits, and the parts `growth`, `throughput`, `latency`, `idle`
 *   --chart FILE  an SVG of what an event costs in each row, for `docs/bench.svg`
 *
 * A table for people at the end, and what of it was aimed at; JSON lines before it for machines.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { printAims } from './aims.ts'
import { chartOf } from './chart.ts'
import { startCommanded } from './command.ts'
import { isPresent } from './contenders.ts'
import { measureCpu } from './cpu.ts'
import { printLines, printTable } from './figures.ts'
import { measureGrowth } from './growth.ts'
import { measureIdle } from './idle.ts'
import { measureLatency } from './latency.ts'
import { rows, type Stage } from './rows.ts'
import { schedule } from './scheduling.ts'
import { measureThroughput } from './throughput.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '4' },
    only: { type: 'string', default: '' },
    chart: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
const only = new RegExp(values.only)
const isAsked = (name: string) => only.test(name)

const startedAt = performance.now()
const stage: Stage = {
  source: await startCommanded(join(import.meta.dirname, 'source.ts')),
  clients: await startCommanded(join(import.meta.dirname, 'clients.ts')),
}
const port = await stage.source.ask<number>('port')
const asked = rows.filter(({ name }) => isAsked(name))
const surroundings = [stage.source, stage.clients]
schedule('batch', surroundings)
const costs = [
  ...(await measureCpu(stage, port, asked, rounds)),
  ...(isAsked('growth') ? await measureGrowth(stage, port, isPresent) : []),
]
schedule('other', surroundings)
const figures = [
  ...costs,
  ...(isAsked('throughput') ? await measureThroughput(stage, port) : []),
  ...(isAsked('latency') ? await measureLatency(stage, port, isPresent) : []),
  ...(isAsked('idle') ? await measureIdle(stage, port, isPresent) : []),
]
printLines(figures)
printTable(figures)
printAims(figures)
if (values.chart !== undefined) writeFileSync(values.chart, chartOf(figures))
console.log(`\n${Math.round((performance.now() - startedAt) / 1000)} s`)
process.exit(0)
