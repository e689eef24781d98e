/** `npm run bench`: what the gateway costs, beside the barest relays, in one run of alternating rounds. */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { installServers } from '../rehearsal/install-servers.ts'
import { printAims } from './aims.ts'
import { measureCapacity } from './capacity.ts'
import { chartOf } from './chart.ts'
import { compareCheckouts } from './checkouts.ts'
import { isPresent } from './contenders.ts'
import { measureCpu } from './cpu.ts'
import { measureDrain } from './drain.ts'
import { measureFairness } from './fairness.ts'
import { printLines, printTable } from './figures.ts'
import { runGate } from './gate.ts'
import { measureGrowth } from './growth.ts'
import { measureIdle } from './idle.ts'
import { measureLatency } from './latency.ts'
import { measureOpening } from './opening.ts'
import { raiseFileLimit } from './process-tree.ts'
import { rows, type Stage, startStage } from './rows.ts'
import { schedule } from './scheduling.ts'
import { measureStart } from './start.ts'
import { measureStorm } from './storm.ts'
import { measureTails } from './tails.ts'
import { measureThroughput } from './throughput.ts'
import { measureTools } from './tools.ts'
import { measureTracing } from './tracing.ts'

const help = `npm run bench -- [options]

What the gateway costs, beside the barest relays, in one run of alternating rounds.

  --rounds N     rounds of every row, by each process that measures it (4; with --pair 16)
  --only REGEXP  rows whose name fits, and the parts growth, tracing, tools, throughput, latency, tails, opening, idle,
                 'idle, TLS', start, capacity, storm, 'storm, tickets', 'storm, tickets, Redis', 'storm, drain'
  --chart FILE   an SVG of what an event costs in each row, for docs/bench.svg
  --gate         two to six minutes: the gateway beside the bare relay; fails where it is dearer than gate.json allows
  --record       with --gate: what is measured becomes the baseline in gate.json
  --pair DIR     this checkout beside another that is installed there, to see what a change costs
  --processes N  with --pair: pairs of processes, one after another (10)
  --sessions N   clients that come in a storm, 400 at a time, or by a drain (5000)
  --fairness     how fast a bystander is answered while somebody floods; fails beyond 100 ms at the 99th percentile
  --help         this text

A table for people at the end, and what of it was aimed at; JSON lines before it for machines.
`

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    only: { type: 'string', default: '' },
    chart: { type: 'string' },
    gate: { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
    fairness: { type: 'boolean', default: false },
    pair: { type: 'string' },
    sessions: { type: 'string', default: '5000' },
    processes: { type: 'string', default: '10' },
  },
})
if (values.help) {
  console.log(help)
  process.exit(0)
}
installServers()
const rounds = Number(values.rounds ?? (values.pair === undefined ? 4 : 16))
const only = new RegExp(values.only)
const isAsked = (name: string) => only.test(name)

/** A start takes less than a second. */
const startsOfRound = 4

const startedAt = performance.now()
const isReached = values.fairness ? await measureFairness(isAsked) : await measureOnStage()
console.log(`\n${Math.round((performance.now() - startedAt) / 1000)} s`)
process.exit(isReached ? 0 : 1)

async function measureOnStage(): Promise<boolean> {
  raiseFileLimit()
  const stage = await startStage()
  schedule('batch', [stage.source, stage.clients])
  if (values.gate) return runGate(stage, values.record)
  if (values.pair === undefined) await measureAll(stage)
  else
    await compareCheckouts(stage, {
      checkout: values.pair,
      processes: Number(values.processes),
      rounds,
      isAsked,
    })
  return true
}

async function measureAll(stage: Stage): Promise<void> {
  const asked = rows.filter(({ name }) => isAsked(name))
  const costs = [
    ...(await measureCpu(stage, asked, rounds)),
    ...(isAsked('growth') ? await measureGrowth(stage, isPresent) : []),
    ...(isAsked('tracing') ? await measureTracing(stage) : []),
    ...(isAsked('tools') ? await measureTools(stage) : []),
  ]
  schedule('other', [stage.source, stage.clients])
  const figures = [
    ...costs,
    ...(isAsked('throughput') ? await measureThroughput(stage) : []),
    ...(isAsked('latency') ? await measureLatency(stage, isPresent) : []),
    ...(isAsked('tails') ? await measureTails(stage) : []),
    ...(isAsked('opening') ? await measureOpening(stage, isPresent) : []),
    ...(await measureStorm(stage, isPresent, { sessions: Number(values.sessions), rounds, isAsked })),
    ...(isAsked('storm, drain') ? await measureDrain(stage, Number(values.sessions)) : []),
    ...(isAsked('idle') ? await measureIdle(stage, isPresent, { encrypted: 'none' }) : []),
    ...(isAsked('idle, TLS') ? await measureIdle(stage, isPresent, { encrypted: 'upstream' }) : []),
    ...(isAsked('capacity') ? await measureCapacity(stage) : []),
    ...(isAsked('start') ? await measureStart({ rounds: rounds * startsOfRound }) : []),
  ]
  printLines(figures)
  printTable(figures)
  printAims(figures)
  if (values.chart !== undefined) writeFileSync(values.chart, chartOf(figures))
}
