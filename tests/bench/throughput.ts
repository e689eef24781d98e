/**
 * How much is delivered when events come as fast as they are taken. The source and the clients are on the
 * same machine: on two cores this is what the machine delivers with a contender in it, not what the
 * contender could do alone, and a second worker has no core of its own.
 */
import { type Name, startContender } from './contenders.ts'
import { type Figure, figureOf } from './figures.ts'
import { openSessions, type Stage, untilReceived } from './rows.ts'

const sessions = 50
const event = { kind: 'audio', bytes: 6400 } as const
const events = 120_000
const rounds = 3
const names: readonly Name[] = ['gateway', 'workers', 'bare']

/** @returns events a second, from the first that is sent to the last that arrives */
export async function measureThroughput(stage: Stage, port: number): Promise<Figure[]> {
  const contenders = await Promise.all(names.map(name => startContender(name, port)))
  const taken = new Map<Name, number[]>(names.map(name => [name, []]))
  for (const contender of contenders) await openSessions(stage, contender, sessions)
  // The first round warms up.
  for (let round = -1; round < rounds; round += 1) {
    for (const group of names) {
      const goal = (await stage.clients.ask<number>('received', group)) + events
      const startedAt = performance.now()
      await stage.source.ask('flood', { group, ...event, count: events, perSecond: 0 })
      await untilReceived(stage.clients, group, goal)
      const perSecond = (events / (performance.now() - startedAt)) * 1000
      if (round >= 0) taken.get(group)?.push(perSecond)
    }
  }
  for (const { name, stop } of contenders) {
    await stage.clients.ask('close', name)
    stop()
  }
  return [...taken].map(([name, rates]) => figureOf('most, 6.4 kB down', name, 'events a second', rates))
}
