/** What relaying an event costs: rows of alternating rounds, by one process of each contender after another. */
import { type Contender, isPresent, type Name, startContender } from './contenders.ts'
import { type Figure, figureOf } from './figures.ts'
import {
  type Encrypted,
  encryptedLegOf,
  legsOf,
  measureRow,
  openSessions,
  type Row,
  type Stage,
} from './rows.ts'

const sessions = 50
/** Short, and of many: what is compared is measured close together. */
const secondsOfRound = 0.3
/** Long enough for the compiler to have seen every path; a shorter one charges it to the first row. */
const warmUpSeconds = 1.5
const warmUpSecondsOfWarm = 0.5

/**
 * What V8 compiles when, and where memory comes to lie, makes one process a tenth dearer than its twin for as
 * long as it lives: what an aim compares is measured again by one process after another, and a figure is the
 * median over them all.
 */
function processesOf({ processes = processesOfCompared }: Row, name: Name): number {
  if (name === 'gateway' || name === 'bare') return processes
  return name === 'haproxy' ? processesOfHaproxy : 1
}

const processesOfCompared = 5
const processesOfHaproxy = 2

/** Contenders by which leg of their sessions is encrypted. */
type Contenders = Readonly<Record<Encrypted, Contender[]>>

type Taken = Map<Row, Map<Name, number[]>>

/** @param rounds of every row, by each process */
export async function measureCpu(stage: Stage, rows: readonly Row[], rounds: number): Promise<Figure[]> {
  const taken: Taken = new Map(rows.map(row => [row, new Map<Name, number[]>()]))
  const turns = Math.max(0, ...rows.flatMap(row => row.contenders.map(name => processesOf(row, name))))
  for (let turn = 0; turn < turns; turn += 1) await measureRows(stage, rowsOf(taken, turn), rounds)
  return [...taken].flatMap(([row, byName]) =>
    [...byName].map(([name, micros]) => figureOf(row.name, name, 'µs an event', micros)),
  )
}

/** @returns the rows that a turn measures, with those contenders that have another process for it */
function rowsOf(taken: Taken, turn: number): Taken {
  return new Map(
    [...taken].flatMap(([row, byName]) => {
      const contenders = row.contenders.filter(name => processesOf(row, name) > turn)
      return contenders[0] === row.contenders[0] ? [[{ ...row, contenders }, byName]] : []
    }),
  )
}

async function measureRows(stage: Stage, taken: Taken, rounds: number): Promise<void> {
  const contenders: Contenders = { none: [], upstream: [], client: [] }
  for (const [encrypted, rows] of Map.groupBy(taken.keys(), encryptedLegOf)) {
    const [upstream, starting] = legsOf(stage, encrypted)
    for (const name of new Set(rows.flatMap(row => row.contenders).filter(isPresent))) {
      const group = encrypted === 'none' ? name : `${name}-${encrypted}-tls`
      const contender = await startContender(name, upstream, { ...starting, group })
      await openSessions(stage, contender, sessions)
      contenders[encrypted].push(contender)
    }
  }
  for (const group of Map.groupBy(taken, ([{ name, beside }]) => beside ?? name).values()) {
    for (let round = -1; round < rounds; round += 1)
      for (const [row, byName] of group) await measureRound(stage, contenders, row, byName, round)
    for (const [{ name }, byName] of group) {
      const latest = [...byName].map(([name, micros]) => `${name} ${micros.at(-1)?.toFixed(1)}`)
      console.error(`${name}: ${latest.join('  ')}`)
    }
  }
  for (const { group, stop } of Object.values(contenders).flat()) {
    await stage.clients.ask('close', group)
    stop()
  }
}

/** @param round -1 warms up */
async function measureRound(
  stage: Stage,
  contenders: Contenders,
  row: Row,
  byName: Map<Name, number[]>,
  round: number,
): Promise<void> {
  const among = contenders[encryptedLegOf(row)].filter(({ name }) => row.contenders.includes(name))
  const seconds = round >= 0 ? secondsOfRound : row.isWarm ? warmUpSecondsOfWarm : warmUpSeconds
  // Whoever is first in one round is last in another.
  for (const contender of rotated(among, round + 1)) {
    const micros = await measureRow(stage, contender, row, seconds, sessions)
    if (round >= 0) byName.set(contender.name, [...(byName.get(contender.name) ?? []), micros])
  }
}

function rotated<T>(list: readonly T[], by: number): T[] {
  const start = by % list.length
  return [...list.slice(start), ...list.slice(0, start)]
}
