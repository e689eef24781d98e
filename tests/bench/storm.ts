/**
 * A storm: the clients of a replica that went away come to a fresh process, 400 at a time, and each has it dial upstream.
 * Beside the bare relay and HAProxy without tickets; with tickets before the store of the process itself, and before Redis.
 */
import { execFileSync } from 'node:child_process'
import { setTimeout as rest } from 'node:timers/promises'
import { redisServer } from '../store/redis-server.ts'
import { type Contender, type Name, startContender } from './contenders.ts'
import { type Figure, figureOf } from './figures.ts'
import { cpuMicros, mostSessions } from './process-tree.ts'
import type { Stage } from './rows.ts'

/** Clients that dial at once, each an URL of its own. */
export interface Storm {
  readonly group: string
  readonly urls: readonly string[]
  /** Clients at most that are not served yet (default: as many as can wait to be accepted). */
  readonly mostUnserved?: number
}

/** When each client was served after the first one dialled (ms), how many were resumed, and why others were refused. */
export interface StormOutcome {
  readonly served: readonly number[]
  readonly resumed: number
  readonly refused: readonly string[]
}

export interface StormOptions {
  readonly sessions: number
  /** Of each contender, each by a fresh process; with tickets two at most, as those sessions are opened twice. */
  readonly rounds: number
  /** Which of the parts are measured: `storm`, `storm, tickets`, `storm, tickets, Redis` (default: all). */
  readonly isAsked?: (part: string) => boolean
}

const mostRoundsWithTickets = 2

/** What one storm came to. */
interface Measured {
  readonly connectsPerSecond: number
  readonly lastSeconds: number
  readonly cpuMicros: number
  readonly loopDelayMs: number | null
  readonly commands: number | null
}

/** Measures every contender in alternating rounds. @throws Error where a client was refused, or was not resumed */
export async function measureStorm(
  stage: Stage,
  isPresent: (name: Name) => boolean,
  { sessions, rounds, isAsked = () => true }: StormOptions,
): Promise<Figure[]> {
  const count = Math.min(sessions, mostSessions())
  if (count < sessions) console.error(`storm: ${count} for ${sessions}, by the limit of open files`)
  const names = (['gateway', 'bare', 'haproxy'] as const).filter(name => isAsked('storm') && isPresent(name))
  const taken = new Map<string, Measured[]>()
  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed())
      await note(taken, `storm of ${count}`, name, () => stormOnce(stage, name, count))
    if (round >= mostRoundsWithTickets) continue
    const row = `storm of ${count}, tickets`
    if (isAsked('storm, tickets')) await note(taken, row, 'gateway', () => stormWithTickets(stage, count))
    if (isAsked('storm, tickets, Redis'))
      await note(taken, `${row}, Redis`, 'gateway', () => stormWithRedis(stage, count))
  }
  return [...taken].flatMap(([key, all]) => figuresOf(...(JSON.parse(key) as [string, Name]), all))
}

async function note(
  taken: Map<string, Measured[]>,
  row: string,
  name: Name,
  measure: () => Promise<Measured>,
): Promise<void> {
  const key = JSON.stringify([row, name])
  const measured = await measure()
  taken.set(key, [...(taken.get(key) ?? []), measured])
  console.error(`${row}: ${name} ${JSON.stringify(measured)}`)
}

function figuresOf(row: string, name: Name, all: readonly Measured[]): Figure[] {
  const kinds = {
    connectsPerSecond: ['connects', 'a second'],
    cpuMicros: ['CPU of a connect', 'µs'],
    lastSeconds: ['the last one served', 's'],
    loopDelayMs: ['longest delay of the event loop', 'ms'],
    commands: ['commands to Redis, of a session', ''],
  } as const
  return Object.entries(kinds).flatMap(([kind, [what, unit]]) => {
    const values = all.map(measured => measured[kind as keyof Measured]).filter(value => value !== null)
    return values.length === 0 ? [] : [figureOf(`${row}: ${what}`, name, unit, values)]
  })
}

async function stormOnce(stage: Stage, name: Name, count: number): Promise<Measured> {
  const contender = await startContender(name, stage.upstreams.plain, preloaded(name))
  const measured = await strike(stage, contender, Array(count).fill(contender.url))
  await endContender(stage, contender)
  return measured
}

/** The network fails for a moment: the clients come back to the process that they were cut off from. */
async function stormWithTickets(stage: Stage, count: number): Promise<Measured> {
  const contender = await startContender('gateway', stage.upstreams.plain, ticketed)
  const tickets = await takeTickets(stage, contender, count)
  const measured = await strike(stage, contender, addressesOf(contender, tickets), count)
  await endContender(stage, contender)
  return measured
}

async function stormWithRedis(stage: Stage, count: number): Promise<Measured> {
  const redis = await redisServer({ teardown: end => void process.once('exit', end) })
  const starting = { ...ticketed, environment: { ...ticketed.environment, REDIS_URL: redis.url } }
  const start = async () => untilReady(await startContender('gateway', stage.upstreams.plain, starting))
  const old = await start()
  const tickets = await takeTickets(stage, old, count)
  if (old.pid !== null) process.kill(old.pid, 'SIGKILL')
  const contender = await start()
  const before = commandsOf(redis.url)
  const measured = await strike(stage, contender, addressesOf(contender, tickets), count)
  await rest(settleMs)
  const commands = (commandsOf(redis.url) - before) / count
  await endContender(stage, contender)
  await redis.kill()
  return { ...measured, commands }
}

/** A gateway listens before it has reached Redis; no platform sends it clients then. @throws Error when it is late */
export async function untilReady(contender: Contender): Promise<Contender> {
  const url = new URL('/readyz', contender.url.replace('ws', 'http'))
  for (const deadline = performance.now() + longestWaitMs; !(await fetch(url)).ok; await rest(pollMs))
    if (performance.now() > deadline) throw new Error(`${contender.group} is not ready`)
  return contender
}

/** What a storm leaves to be done in the background is over by then (ms). */
export const settleMs = 1500

/** Of sessions whose opening is not what is measured: a busy machine serves no more in time. */
const openedAtOnce = 50

/** Opens sessions with tickets. @returns the tickets @throws Error where a session or a ticket is missing */
export async function openWithTickets(
  stage: Stage,
  { group, url }: Contender,
  count: number,
): Promise<string[]> {
  const { served, refused } = await stage.clients.ask<StormOutcome>('storm', {
    group,
    urls: Array(count).fill(`${url}?resume=`),
    mostUnserved: openedAtOnce,
  } satisfies Storm)
  if (served.length < count)
    throw new Error(`${group} served ${served.length} of ${count}, refused: ${refused.join(', ')}`)
  return untilTickets(stage, group, count)
}

/** Opens sessions with tickets, and cuts them off. @returns the tickets */
async function takeTickets(stage: Stage, contender: Contender, count: number): Promise<string[]> {
  const { clients, source } = stage
  const { group } = contender
  const tickets = await openWithTickets(stage, contender, count)
  await clients.ask('close', group)
  for (
    const deadline = performance.now() + longestWaitMs;
    (await source.ask<number>('sessions', group)) > 0;
  ) {
    if (performance.now() > deadline) throw new Error(`${group} did not close its sessions`)
    await rest(pollMs)
  }
  await rest(settleMs)
  return tickets
}

const longestWaitMs = 30_000
const pollMs = 20

async function untilTickets({ clients }: Stage, group: string, count: number): Promise<string[]> {
  for (const deadline = performance.now() + longestWaitMs; ; await rest(pollMs)) {
    const tickets = await clients.ask<string[]>('tickets', group)
    if (tickets.length >= count) return tickets
    if (performance.now() > deadline) throw new Error(`${group} gave ${tickets.length} tickets of ${count}`)
  }
}

function addressesOf({ url }: Contender, tickets: readonly string[]): string[] {
  return tickets.map(ticket => `${url}?resume=${ticket}`)
}

async function strike(
  { clients }: Stage,
  contender: Contender,
  urls: readonly string[],
  resuming = 0,
): Promise<Measured> {
  const { group, pid, loopDelay } = contender
  await loopDelay?.()
  const before = cpuMicros(pid ?? 0)
  const outcome = await clients.ask<StormOutcome>('storm', { group, urls } satisfies Storm)
  const taken = cpuMicros(pid ?? 0) - before
  const { served, resumed, refused } = outcome
  if (served.length < urls.length || resumed < resuming)
    throw new Error(
      `${group}: ${served.length} of ${urls.length} served, ${resumed} resumed, refused: ${refused.join(', ')}`,
    )
  const lastSeconds = Math.max(...served) / 1000
  return {
    connectsPerSecond: urls.length / lastSeconds,
    lastSeconds,
    cpuMicros: taken / urls.length,
    loopDelayMs: (await loopDelay?.())?.max ?? null,
    commands: null,
  }
}

export async function endContender({ clients }: Stage, { group, stop }: Contender): Promise<void> {
  await clients.ask('close', group)
  stop()
  await rest(settleMs)
}

function preloaded(name: Name) {
  return name === 'haproxy' ? {} : { measuresLoopDelay: true }
}

/** A gateway that keeps a ticket and a conversation of each session, all of one credential. */
export const ticketed = {
  ...preloaded('gateway'),
  environment: { LIMIT_STORED_ENTRIES_PER_OWNER: '100000', LIMIT_STORED_MB_PER_OWNER: '1000' },
}

/** Commands that a gateway sends by themselves; a script's own are in the statistics of Redis besides. */
const sent = new Set(['eval', 'evalsha', 'exec', 'get', 'getdel', 'hgetall'])

function commandsOf(url: string): number {
  const text = execFileSync('redis-cli', ['-u', url, 'info', 'commandstats'], { encoding: 'utf8' })
  return [...text.matchAll(/^cmdstat_(\w+):calls=(\d+)/gm)].reduce(
    (sum, [, name = '', calls]) => sum + (sent.has(name) ? Number(calls) : 0),
    0,
  )
}
