/**
 * A rollout: a process with idle sessions drains, and their clients come with their tickets to the next one, as they are
 * sent away. Whether the drain spreads them well is how long the event loop of the next process is delayed.
 */
import { setTimeout as rest } from 'node:timers/promises'
import { redisServer } from '../store/redis-server.ts'
import { startContender } from './contenders.ts'
import { type Figure, figureOf } from './figures.ts'
import { cpuMicros, mostSessions } from './process-tree.ts'
import type { Stage } from './rows.ts'
import { endContender, openWithTickets, settleMs, ticketed, untilReady } from './storm.ts'

/** Clients of a group that come back to another process. */
export interface Following {
  readonly group: string
  /** Where they come back to, before the ticket. */
  readonly url: string
}

/** What a client that came back went through. */
export interface FollowOutcome {
  /** From the end of its old session to the first event of the new one (ms), of each that was served again. */
  readonly away: readonly number[]
  /** When the last was served again (ms of this machine's monotonic clock). */
  readonly lastAt: number
  readonly resumed: number
  /** Why clients were refused, which then came again. */
  readonly refused: readonly string[]
}

/** Measures one drain, as long as it takes by default. @throws Error where a client is not served again */
export async function measureDrain(stage: Stage, sessions: number): Promise<Figure[]> {
  const redis = await redisServer({ teardown: end => void process.once('exit', end) })
  try {
    return await measureBefore(stage, Math.min(sessions, mostSessions()), redis.url)
  } finally {
    await redis.kill()
  }
}

async function measureBefore(stage: Stage, count: number, redisUrl: string): Promise<Figure[]> {
  const { source, clients, upstreams } = stage
  const environment = { ...ticketed.environment, REDIS_URL: redisUrl }
  const start = async () =>
    untilReady(await startContender('gateway', upstreams.plain, { ...ticketed, environment }))
  const old = await start()
  await openWithTickets(stage, old, count)
  const next = await start()
  const [oldPid, nextPid] = [old.pid ?? 0, next.pid ?? 0]
  await rest(settleMs)
  await old.loopDelay?.()
  await next.loopDelay?.()
  const before = cpuMicros(nextPid)
  const following = clients.ask<FollowOutcome>('follow', {
    group: old.group,
    url: `${next.url}?resume=`,
  } satisfies Following)
  const startedAt = Number(process.hrtime.bigint() / 1_000_000n)
  process.kill(oldPid, 'SIGTERM')
  const { away, lastAt, resumed, refused } = await following
  const taken = cpuMicros(nextPid) - before
  const nextDelay = await next.loopDelay?.()
  const held = await source.ask<number>('sessions', next.group)
  await endContender(stage, next)
  old.stop()
  if (away.length < count)
    throw new Error(`${away.length} of ${count} served again, ${resumed} resumed: ${refused.join(', ')}`)
  if (held < count) throw new Error(`the next process holds ${held} sessions of ${count}`)
  const row = `drain of ${count}`
  for (const reason of refused) console.error(`${row}: refused ${reason}`)
  const figures = [
    figureOf(`${row}: the last one served`, 'gateway', 's', [(lastAt - startedAt) / 1000]),
    figureOf(`${row}: longest time without a session`, 'gateway', 'ms', [Math.max(...away)]),
    figureOf(`${row}: longest delay of the next event loop`, 'gateway', 'ms', [nextDelay?.max ?? Number.NaN]),
    figureOf(`${row}: conversations that began anew`, 'gateway', '', [count - resumed]),
    figureOf(`${row}: CPU of a session that comes`, 'gateway', 'µs', [taken / count]),
  ]
  console.error(figures.map(figure => `${figure.row} ${figure.median} ${figure.unit}`).join(', '))
  return figures
}
