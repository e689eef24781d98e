/**
 * How much is delivered when events come as fast as they are taken. The source and the clients are on the
 * same machine, made as cheap as they can be: on two cores, a second worker has what they leave of one. They
 * take most of it where an event is forwarded, and least where a short one is searched.
 */
import { join } from 'node:path'
import { startCommanded } from './command.ts'
import { type Name, startContender } from './contenders.ts'
import { type Kind, makeEvent, order } from './events.ts'
import { type Figure, figureOf } from './figures.ts'
import { type Stage, untilReceived } from './rows.ts'

/** As many that the kernel spreads them evenly over two workers. */
const sessions = 400
const rounds = 7

interface Load {
  readonly row: string
  readonly kind: Kind
  readonly bytes: number
  readonly events: number
  /** What a client receives for each event (bytes). */
  readonly yields: number
  readonly names: readonly Name[]
}

const loads: readonly Load[] = [
  {
    ...{ row: 'most, forwarded, 6.4 kB', kind: 'audio', bytes: 6400, events: 120_000 },
    ...{ yields: makeEvent('audio', 6400).length, names: ['gateway', 'workers', 'bare'] },
  },
  {
    ...{ row: 'most, extracted, 2 kB', kind: 'order', bytes: 2000, events: 120_000 },
    ...{ yields: order.length, names: ['gateway', 'workers'] },
  },
  {
    ...{ row: 'most, extracted, 600 B', kind: 'order', bytes: 600, events: 240_000 },
    ...{ yields: order.length, names: ['gateway', 'workers'] },
  },
]

/** Heads of a server's frames (RFC 6455 section 5.2), none of these is larger than 64 kB. */
const headBytes = (payload: number) => (payload < 126 ? 2 : 4)

/** @returns events a second, from the first that is sent to the last that arrives */
export async function measureThroughput(stage: Stage): Promise<Figure[]> {
  const sinks = await startCommanded(join(import.meta.dirname, 'sinks.ts'))
  const names = [...new Set(loads.flatMap(load => load.names))]
  const contenders = await Promise.all(names.map(name => startContender(name, stage.upstreams.plain)))
  for (const { name: group, url } of contenders) await sinks.ask('open', { group, url, count: sessions })
  const found: Figure[] = []
  for (const { row, names, kind, bytes, events, yields } of loads) {
    const taken = new Map<Name, number[]>(names.map(name => [name, []]))
    // The first round warms up.
    for (let round = -1; round < rounds; round += 1) {
      for (const group of names) {
        const goal = (await sinks.ask<number>('received', group)) + events * (headBytes(yields) + yields)
        const startedAt = performance.now()
        await stage.source.ask('flood', { group, kind, bytes, count: events, perSecond: 0 })
        await untilReceived(sinks, group, goal)
        const perSecond = (events / (performance.now() - startedAt)) * 1000
        if (round >= 0) taken.get(group)?.push(perSecond)
      }
    }
    for (const [name, rates] of taken) found.push(figureOf(row, name, 'events a second', rates))
    console.error(
      `${row}: ${found
        .filter(figure => figure.row === row)
        .map(({ contender, median }) => `${contender} ${median}`)
        .join('  ')}`,
    )
  }
  for (const { name, stop } of contenders) {
    await sinks.ask('close', name)
    stop()
  }
  sinks.child.kill('SIGKILL')
  return found
}
