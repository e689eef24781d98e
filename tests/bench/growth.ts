/** Whether the cost of an event grows with the number of sessions: the same events a second, over more and more. */
import { mostSessions, type Name, startContender } from './contenders.ts'
import { type Figure, figureOf, timesOf } from './figures.ts'
import { measureRow, openSessions, type Row, type Stage } from './rows.ts'

const counts = [100, 1000, 5000]
const seconds = 1.5
/** What a session costs to open is no cost of an event. */
const settleMs = 1500
const warmUpSeconds = 1.5
const rounds = 3

/** Each session that is added hears less: 50 events a second of 100, one of 5,000. */
const eventsPerSecond = 5000
const all: readonly Name[] = ['gateway', 'bare', 'haproxy']

/** @returns for each number of sessions µs an event, and how many times that of the fewest it is */
export async function measureGrowth(
  stage: Stage,
  port: number,
  isPresent: (name: Name) => boolean,
): Promise<Figure[]> {
  const names = all.filter(isPresent)
  const contenders = await Promise.all(names.map(name => startContender(name, port)))
  const found: Figure[] = []
  for (const sessions of counts.filter(count => count <= mostSessions())) {
    const row: Row = {
      ...{ name: `6.4 kB, ${sessions} sessions`, way: 'down', kind: 'audio' },
      ...{ bytes: 6400, perSecond: eventsPerSecond, contenders: names },
    }
    const taken = new Map<Name, number[]>(names.map(name => [name, []]))
    for (const contender of contenders) {
      const held = await stage.source.ask<number>('sessions', contender.name)
      await openSessions(stage, contender, sessions - held)
    }
    await new Promise(resolve => setTimeout(resolve, settleMs))
    for (const contender of contenders) {
      await measureRow(stage, contender, row, warmUpSeconds, sessions)
    }
    for (let round = 0; round < rounds; round += 1)
      for (const contender of round % 2 === 0 ? contenders : contenders.toReversed())
        taken.get(contender.name)?.push(await measureRow(stage, contender, row, seconds, sessions))
    for (const [name, micros] of taken) found.push(figureOf(row.name, name, 'µs an event', micros))
    console.error(
      `growth, ${sessions} sessions: ${found.slice(-names.length).map(({ contender, median }) => `${contender} ${median}`)}`,
    )
  }
  for (const { name, stop } of contenders) {
    await stage.clients.ask('close', name)
    stop()
  }
  return [...found, ...names.flatMap(name => growthOf(found.filter(({ contender }) => contender === name)))]
}

/** Linear cost is 1: an event costs the same however many sessions there are. */
function growthOf([fewest, ...more]: readonly Figure[]): Figure[] {
  const most = more.at(-1)
  const times = timesOf(most, fewest)
  if (fewest === undefined || most === undefined || times === null) return []
  return [
    figureOf(`an event over ${counts.at(-1)} sessions, of ${counts[0]}`, most.contender, 'times', [times]),
  ]
}
