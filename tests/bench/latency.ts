/** What a contender adds to the way of an event, at the pace of conversations. */
import { type Name, startContender } from './contenders.ts'
import { type Figure, figureOf } from './figures.ts'
import type { Stage } from './rows.ts'

const sessions = 200
const eventsPerSecond = 10
const seconds = 4
const rounds = 3
const bytes = 6400
const settleMs = 300

/** Measures the delay from upstream's send to the client's receipt, direct and through each contender. */
export async function measureLatency(
  { source, clients }: Stage,
  port: number,
  isPresent: (name: Name) => boolean,
): Promise<Figure[]> {
  const names = (['direct', 'gateway', 'bare', 'parse', 'haproxy'] as const).filter(isPresent)
  const contenders = []
  for (const name of names) {
    const contender = await startContender(name, port)
    await clients.ask('open', { group: name, url: contender.url, count: sessions })
    contenders.push(contender)
  }
  const taken = new Map<Name, { p50: number[]; p99: number[] }>(
    names.map(name => [name, { p50: [], p99: [] }]),
  )
  const perSecond = sessions * eventsPerSecond
  for (let round = 0; round < rounds; round += 1) {
    for (const group of names) {
      await clients.ask('listen', group)
      await source.ask('send', { group, kind: 'audio', bytes, count: perSecond * seconds, perSecond })
      await new Promise(resolve => setTimeout(resolve, settleMs))
      const delays = (await clients.ask<number[]>('delays', group)).sort((a, b) => a - b)
      const at = (share: number) => (delays[Math.floor(delays.length * share)] ?? 0) / 1000
      taken.get(group)?.p50.push(at(0.5))
      taken.get(group)?.p99.push(at(0.99))
    }
  }
  for (const { name, stop } of contenders) {
    await clients.ask('close', name)
    stop()
  }
  return [...taken].flatMap(([name, { p50, p99 }]) => [
    figureOf(`latency, ${sessions} sessions, p50`, name, 'ms', p50),
    figureOf(`latency, ${sessions} sessions, p99`, name, 'ms', p99),
  ])
}
