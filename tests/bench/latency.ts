/** What a contender adds to the way of an event, at the pace of conversations. */
import { type Name, startContender } from './contenders.ts'
import { type Figure, figureOf } from './figures.ts'
import { openSessions, type Stage } from './rows.ts'

/** The more events a second, the less time there need be for the rare ones among them. */
const loads = [
  { sessions: 200, seconds: 2 },
  { sessions: 1000, seconds: 1.5 },
]
const eventsPerSecond = 10
/** What an aim compares takes more of the time than what stands beside it. */
const rounds: Partial<Record<Name, number>> = { gateway: 5, bare: 5 }
const roundsOfOthers = 2
const bytes = 6400
const settleMs = 300
const shares = { p50: 0.5, p99: 0.99, 'p99.9': 0.999 }

/** Measures the delay from upstream's send to the client's receipt, direct and through each contender. */
export async function measureLatency(stage: Stage, isPresent: (name: Name) => boolean): Promise<Figure[]> {
  const names = (['direct', 'gateway', 'bare', 'parse', 'haproxy'] as const).filter(isPresent)
  const contenders = await Promise.all(names.map(name => startContender(name, stage.upstreams.plain)))
  const found: Figure[] = []
  for (const { sessions, seconds } of loads) {
    for (const contender of contenders) {
      const held = await stage.source.ask<number>('sessions', contender.name)
      await openSessions(stage, contender, sessions - held)
    }
    found.push(...(await measureLoad(stage, names, sessions, seconds)))
    console.error(`latency, ${sessions} sessions: done`)
  }
  for (const { name, stop } of contenders) {
    await stage.clients.ask('close', name)
    stop()
  }
  return found
}

async function measureLoad(
  { source, clients }: Stage,
  names: readonly Name[],
  sessions: number,
  seconds: number,
): Promise<Figure[]> {
  const perSecond = sessions * eventsPerSecond
  const taken = new Map<Name, number[][]>(names.map(name => [name, []]))
  for (let round = 0; round < Math.max(...Object.values(rounds)); round += 1) {
    for (const group of names.filter(name => round < (rounds[name] ?? roundsOfOthers))) {
      await clients.ask('listen', group)
      await source.ask('send', { group, kind: 'audio', bytes, count: perSecond * seconds, perSecond })
      await new Promise(resolve => setTimeout(resolve, settleMs))
      const delays = await clients.ask<number[]>('delays', group)
      taken.get(group)?.push(delays.sort((a, b) => a - b))
    }
  }
  return Object.entries(shares).flatMap(([label, share]) =>
    [...taken].map(([name, rounds]) => {
      const millis = rounds.map(delays => (delays[Math.floor(delays.length * share)] ?? 0) / 1000)
      return figureOf(`latency, ${sessions} sessions, ${label}`, name, 'ms', millis)
    }),
  )
}
