/** Turns and sessions of two contenders, by turns: what each takes of CPU. */
import { until } from '../gateway/within.ts'
import type { Contender } from './contenders.ts'
import { type Figure, figureOf } from './figures.ts'
import { isSubjectFirst } from './paired.ts'
import { cpuMicrosOfEach } from './process-tree.ts'
import { openSessions, type Stage, untilReceived } from './rows.ts'

type TurnKind = 'turn' | 'call'

export interface TurnsContender {
  /** By which the table of figures knows it. */
  readonly name: string
  readonly start: () => Promise<Contender>
  readonly kind: TurnKind
}

export interface TurnsExtent {
  readonly pairs: number
  readonly rounds: number
  /** Turns of a round, and their pace. */
  readonly count: number
  readonly perSecond: number
  /** Sessions of a round. */
  readonly dialled: number
}

export interface TurnsOptions extends TurnsExtent {
  /** What the names of figures begin with. */
  readonly prefix: string
  readonly subject: TurnsContender
  readonly reference: TurnsContender
  /** What a contender does within this time after a turn or a session counts as its cost, too (ms). */
  readonly afterwardsMs: number
}

const sessions = 50
const turnBytes = 1000

/** What a session's client sees of one turn: its beginning and its end, and after a call the item between them. */
const eventsOfTurn: Readonly<Record<TurnKind, number>> = { call: 3, turn: 2 }

/** @returns CPU of a turn and of a session (µs), the subject's before the reference's */
export async function measureTurnsAndSessions(stage: Stage, options: TurnsOptions): Promise<Figure[]> {
  const { prefix, subject, reference, pairs, rounds } = options
  const both = [subject, reference]
  const taken = both.map(() => ({ turn: [] as number[], session: [] as number[] }))
  for (let pair = 0; pair < pairs; pair += 1) {
    const started = [await subject.start(), await reference.start()]
    for (const contender of started) await openSessions(stage, contender, sessions)
    // The first round warms up.
    for (let round = -1; round < rounds; round += 1)
      for (const at of isSubjectFirst(round + 1) ? [0, 1] : [1, 0]) {
        const contender = started[at] as Contender
        const turn = await measureTurns(stage, contender, (both[at] as TurnsContender).kind, options)
        const session = await measureSessions(stage, contender, options)
        if (round < 0) continue
        taken[at]?.turn.push(turn)
        taken[at]?.session.push(session)
      }
    for (const { group, stop } of started) {
      await stage.clients.ask('close', group)
      stop()
    }
    console.error(`pair ${pair + 1} of ${pairs} of turns and sessions is measured`)
  }
  return (['turn', 'session'] as const).flatMap(what =>
    both.map(({ name }, at) =>
      figureOf(`${prefix}, a ${what}`, name, `µs a ${what}`, taken[at]?.[what] ?? []),
    ),
  )
}

/** @returns CPU of a turn, the processes of tools included (µs) */
function measureTurns(
  { source, clients }: Stage,
  { group, pid }: Contender,
  kind: TurnKind,
  { count, perSecond, afterwardsMs }: TurnsOptions,
): Promise<number> {
  return cpuMicrosOfEach(pid, count, async () => {
    const goal = (await clients.ask<number>('received', group)) + eventsOfTurn[kind] * count
    await source.ask('send', { group, kind, bytes: turnBytes, count, perSecond })
    await untilReceived(clients, group, goal)
    await rest(afterwardsMs)
  })
}

/** @returns CPU of a session that begins and ends, at upstream too (µs) */
function measureSessions(
  { source, clients }: Stage,
  { group, url, pid }: Contender,
  { dialled, afterwardsMs }: TurnsOptions,
): Promise<number> {
  const briefly = 'briefly'
  return cpuMicrosOfEach(pid, dialled, async () => {
    await clients.ask('open', { group: briefly, url, count: dialled })
    await clients.ask('close', briefly)
    const haveEnded = async () => (await source.ask<number>('sessions', group)) <= sessions
    await until(haveEnded, 'sessions that were closed do not end at upstream')
    await rest(afterwardsMs)
  })
}

const rest = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
