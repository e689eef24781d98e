/**
 * `npm run bench`: what the gateway costs, beside the barest relays, in one run of alternating rounds.
 *
 *   --rounds N    rounds of every row (5)
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
import { type Contender, isPresent, type Name, startContender } from './contenders.ts'
import { type Figure, figureOf, printLines, printTable } from './figures.ts'
import { measureGrowth } from './growth.ts'
import { measureIdle } from './idle.ts'
import { measureLatency } from './latency.ts'
import { measureRow, openSessions, rows, type Stage } from './rows.ts'
import { measureThroughput } from './throughput.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
    chart: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
const only = new RegExp(values.only)
const isAsked = (name: string) => only.test(name)

const sessions = 50
const secondsOfRound = 1
/** Long enough for the compiler to have seen every path; a shorter one charges it to the first row. */
const warmUpSeconds = 2.5
const warmUpSecondsOfWarm = 1

// A run that is broken off takes what it started along.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

const startedAt = performance.now()
const stage: Stage = {
  source: await startCommanded(join(import.meta.dirname, 'source.ts')),
  clients: await startCommanded(join(import.meta.dirname, 'clients.ts')),
}
const port = await stage.source.ask<number>('port')
const figures: Figure[] = [
  ...(await measureRows()),
  ...(isAsked('growth') ? await measureGrowth(stage, port, isPresent) : []),
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

async function measureRows(): Promise<Figure[]> {
  const asked = rows.filter(({ name }) => isAsked(name))
  const names = [...new Set(asked.flatMap(row => row.contenders))].filter(isPresent)
  const contenders = new Map<Name, Contender>()
  for (const name of names) contenders.set(name, await openContender(name))
  const found: Figure[] = []
  for (const row of asked) {
    const taken = new Map<Name, number[]>()
    for (let round = -1; round < rounds; round += 1) {
      // Whoever is first in one round is last in another.
      for (const name of rotated(row.contenders, round + 1)) {
        const contender = contenders.get(name)
        if (contender === undefined) continue
        const seconds = round >= 0 ? secondsOfRound : row.isWarm ? warmUpSecondsOfWarm : warmUpSeconds
        const micros = await measureRow(stage, contender, row, seconds, sessions)
        if (round >= 0) taken.set(name, [...(taken.get(name) ?? []), micros])
      }
    }
    for (const [name, micros] of taken) found.push(figureOf(row.name, name, 'µs an event', micros))
    progress(row.name, found)
  }
  for (const { name, stop } of contenders.values()) {
    await stage.clients.ask('close', name)
    stop()
  }
  return found
}

function rotated<T>(list: readonly T[], by: number): T[] {
  const start = by % list.length
  return [...list.slice(start), ...list.slice(0, start)]
}

async function openContender(name: Name): Promise<Contender> {
  const contender = await startContender(name, port)
  await openSessions(stage, contender, sessions)
  return contender
}

function progress(row: string, found: readonly Figure[]): void {
  const figures = found.filter(figure => figure.row === row)
  console.error(`${row}: ${figures.map(({ contender, median }) => `${contender} ${median}`).join('  ')}`)
}
