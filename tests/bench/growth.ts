/** Whether the cost of an event grows with the number of sessions: the same events a second, over more and more. */
import { type Contender, type Name, startContender } from './contenders.ts'
import { type Figure, figureOf, timesOf } from './figures.ts'
import { mostSessions } from './process-tree.ts'
import { measureRow, openSessions, type Row, type Stage } from './rows.ts'

const counts = [100, 1000, 5000]
const seconds = 0.6
/** What a session costs to open is no cost of an event. */
const settleMs = 1500
const warmUpSeconds = 1.5
const rounds = 6

/** Each session that is added hears less: 50 events a second of 100, one of 5,000. */
const eventsPerSecond = 5000
const row: Row = {
  ...{ name: '6.4 kB', way: 'down', kind: 'audio', bytes: 6400 },
  ...{ perSecond: eventsPerSecond, contenders: [] },
}

interface Member {
  readonly contender: Contender
  readonly sessions: number
  readonly micros: number[]
}

/**
 * A ping is a session's cost, not an event's: of 5,000 sessions that hear one event a second it and its pong would
 * be every sixth frame, most of them at once, as the sessions are opened together.
 */
const fewPings = { REALTIME_HEARTBEAT_SEC: '300' }

const all: readonly Name[] = ['gateway', 'bare', 'haproxy']

/**
 * One process for each number of sessions, their rounds alternating: what the machine does meanwhile is in all.
 * @returns for each number of sessions µs an event, and how many times that of the fewest it is
 */
export async function measureGrowth(stage: Stage, isPresent: (name: Name) => boolean): Promise<Figure[]> {
  const found: Figure[] = []
  for (const name of all.filter(isPresent)) {
    const ofName = await measureOne(stage, name)
    console.error(`growth, ${name}: ${ofName.map(({ median }) => median).join('  ')}`)
    found.push(...ofName, ...growthOf(ofName))
  }
  return found
}

async function measureOne(stage: Stage, name: Name): Promise<Figure[]> {
  const members: Member[] = []
  for (const sessions of counts.filter(count => count <= mostSessions())) {
    const contender = await startContender(name, stage.upstreams.plain, {
      group: `${name}-of-${sessions}`,
      environment: fewPings,
    })
    await openSessions(stage, contender, sessions)
    members.push({ contender, sessions, micros: [] })
  }
  await new Promise(resolve => setTimeout(resolve, settleMs))
  for (let round = -1; round < rounds; round += 1) {
    for (const { contender, sessions, micros } of round % 2 === 0 ? members : members.toReversed()) {
      const taken = await measureRow(stage, contender, row, round < 0 ? warmUpSeconds : seconds, sessions)
      if (round >= 0) micros.push(taken)
    }
  }
  for (const { contender } of members) {
    await stage.clients.ask('close', contender.group)
    contender.stop()
  }
  return members.map(({ sessions, micros }) =>
    figureOf(`6.4 kB, ${sessions} sessions`, name, 'µs an event', micros),
  )
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
