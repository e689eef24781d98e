/**
 * The slowest events: the delay that one event of a thousand exceeds, at the pace of conversations, with pings. Beside it
 * what holds an event up: the longest delay of the event loop, and the longest garbage collection in it.
 */
import { type Name, startContender } from './contenders.ts'
import { type Figure, figureOf } from './figures.ts'
import type { LoopDelay } from './loop-delay.ts'
import { mostSessions } from './process-tree.ts'
import { openSessions, type Stage, untilReceived } from './rows.ts'

export interface TailLoad {
  readonly sessions: number
  /** Of each session. */
  readonly eventsPerSecond: number
  /** How often each session is pinged while its events are measured. */
  readonly pings: number
}

export interface TailOptions {
  readonly loads: readonly TailLoad[]
  /** Between two pings of a session of the gateway, whose upstream is pinged as often. */
  readonly heartbeatSec: number
  /** Of each contender, each by a fresh process. */
  readonly rounds: number
  /**
   * Events before the measured ones: V8 compiles what a process runs in its first ten seconds, in threads of its own, and
   * on two cores that delays everybody's events.
   */
  readonly warmUp: { readonly count: number; readonly perSecond: number }
  /** What opening leaves to be done is over by then (ms). */
  readonly settleMs: number
}

/**
 * More events than these a second, and the clients would be what is measured. The fewer there are, the longer they are
 * sent: where one of a thousand is eight events, one single delay of the machine is the figure.
 */
const ofMain: TailOptions = {
  loads: [
    { sessions: 200, eventsPerSecond: 10, pings: 4 },
    { sessions: 1000, eventsPerSecond: 5, pings: 1 },
    { sessions: 5000, eventsPerSecond: 1, pings: 1 },
  ],
  ...{ heartbeatSec: 4, rounds: 2, warmUp: { count: 80_000, perSecond: 10_000 }, settleMs: 1000 },
}

const bytes = 6400
const shares = { p50: 0.5, p99: 0.99, 'p99.9': 0.999 }

/** The relay sends no pings. */
const names = ['gateway', 'bare'] as const

/** What one round of one contender came to. */
interface Tail {
  /** Sorted (ms). */
  readonly delays: readonly number[]
  readonly loop: LoopDelay
}

/** Measures each number of sessions. @throws Error where an event is missing */
export async function measureTails(stage: Stage, options: TailOptions = ofMain): Promise<Figure[]> {
  const found: Figure[] = []
  for (const load of options.loads) {
    const sessions = Math.min(load.sessions, mostSessions())
    const row = `tails, ${sessions} sessions`
    for (const [name, tails] of await measureLoad(stage, { ...load, sessions }, options)) {
      const figures = figuresOf(row, name, tails)
      found.push(...figures)
      const told = figures.map(figure => `${figure.row.slice(row.length + 2)} ${figure.rounds.join(' ')}`)
      console.error(`${row}: ${name}: ${told.join(', ')}`)
    }
  }
  return found
}

async function measureLoad(
  stage: Stage,
  load: TailLoad,
  options: TailOptions,
): Promise<Map<(typeof names)[number], Tail[]>> {
  const taken = new Map(names.map(name => [name, [] as Tail[]]))
  for (let round = 0; round < options.rounds; round += 1)
    for (const name of round % 2 === 0 ? names : names.toReversed())
      taken.get(name)?.push(await measureTail(stage, name, load, options))
  return taken
}

/** A process at a time: sessions of another one are pinged too, and their clients are the same process. */
async function measureTail(
  stage: Stage,
  name: Name,
  { sessions, eventsPerSecond, pings }: TailLoad,
  { heartbeatSec, settleMs, warmUp }: TailOptions,
): Promise<Tail> {
  const { source, clients } = stage
  const contender = await startContender(name, stage.upstreams.plain, {
    measuresLoopDelay: true,
    environment: { REALTIME_HEARTBEAT_SEC: String(heartbeatSec) },
  })
  const { group, loopDelay, stop } = contender
  await openSessions(stage, contender, sessions)
  const sending = { group, kind: 'audio', bytes }
  await source.ask('send', { ...sending, ...warmUp })
  await untilReceived(clients, group, warmUp.count)
  await rest(settleMs)
  const perSecond = sessions * eventsPerSecond
  const count = perSecond * heartbeatSec * pings
  await clients.ask('listen', group)
  await loopDelay?.()
  await source.ask('send', { ...sending, count, perSecond })
  await untilReceived(clients, group, warmUp.count + count)
  const loop = await loopDelay?.()
  const micros = await clients.ask<number[]>('delays', group)
  await clients.ask('close', group)
  stop()
  if (loop === undefined) throw new Error(`${name} does not tell how long its event loop was delayed`)
  return { delays: micros.map(each => each / 1000).sort((a, b) => a - b), loop }
}

function figuresOf(row: string, name: Name, tails: readonly Tail[]): Figure[] {
  const loops = tails.map(({ loop }) => loop)
  const ofLoop = {
    'longest delay of the event loop': loops.map(({ max }) => max),
    'longest minor garbage collection': loops.map(({ collections }) => collections.longestMinor),
    'longest major garbage collection': loops.map(({ collections }) => collections.longestMajor),
    'garbage collection in all': loops.map(({ collections }) => collections.total),
  }
  return [
    ...Object.entries(shares).map(([label, share]) =>
      figureOf(
        `${row}, ${label}`,
        name,
        'ms',
        tails.map(({ delays }) => delays[Math.floor(delays.length * share)] ?? 0),
      ),
    ),
    ...Object.entries(ofLoop).map(([label, values]) => figureOf(`${row}, ${label}`, name, 'ms', values)),
  ]
}

function rest(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
