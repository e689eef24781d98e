/**
 * What a replica holds: memory of 10,000 idle sessions, with the kernel's part of it; CPU of 5,000 that talk; and whether the
 * model of capacity that the infrastructure scales by (`infra/capacity.ts`) foretells the CPU of a process at three counts.
 */
import { join } from 'node:path'
import { setTimeout as rest } from 'node:timers/promises'
import { predictCpu } from '../../infra/capacity.ts'
import { type Commanded, startCommanded } from './command.ts'
import { type Contender, type Name, startContender } from './contenders.ts'
import { type Figure, figureOf } from './figures.ts'
import { kernelBytes } from './kernel-memory.ts'
import { cpuMicros, memoryBytes, mostSessions, signalTree } from './process-tree.ts'
import { openSessions, type Stage, untilCounted } from './rows.ts'
import { schedule } from './scheduling.ts'

export interface CapacityOptions {
  /** Sessions that say nothing. */
  readonly idle: number
  /** Sessions that talk, the fewest first: the last count is compared with the first. */
  readonly talking: readonly number[]
  /** How long the CPU of those that talk is counted (s). */
  readonly seconds: number
  /** What opening leaves to be done is over by then (ms). */
  readonly settleMs: number
  /** How long the CPU of those that say nothing is counted: each is pinged once in 10 s (ms). */
  readonly idleMs: number
}

const ofMain: CapacityOptions = {
  ...{ idle: 10_000, talking: [100, 500, 2000, 5000] },
  ...{ seconds: 4, settleMs: 2000, idleMs: 10_000 },
}

/** Of one session that talks. The machine also runs source and clients: the pace of a real one is 13. */
const eventsPerSecond = 2
const eventBytes = 6400

/** A process of clients holds so many. */
const sessionsOfClients = 5000

/** Measures all of it, each count in a fresh process. @throws Error where sessions are missing */
export async function measureCapacity(stage: Stage, options: CapacityOptions = ofMain): Promise<Figure[]> {
  const crowds = await startCrowds(Math.max(options.idle, ...options.talking))
  try {
    return [
      ...(await measureIdleMemory(stage, crowds, options)),
      ...(await measureTalking(stage, crowds, options)),
    ]
  } finally {
    for (const { child } of crowds) child.kill('SIGKILL')
  }
}

async function startCrowds(sessions: number): Promise<Commanded[]> {
  const file = join(import.meta.dirname, 'clients.ts')
  const count = Math.ceil(sessions / sessionsOfClients)
  const crowds = await Promise.all(Array.from({ length: count }, () => startCommanded(file)))
  schedule('batch', crowds)
  return crowds
}

/** Opens sessions by as many processes of clients as they need. @returns how long that took (ms) */
async function openAll(
  stage: Stage,
  crowds: readonly Commanded[],
  contender: Contender,
  sessions: number,
): Promise<number> {
  const startedAt = performance.now()
  for (let opened = 0; opened < sessions; opened += sessionsOfClients) {
    const clients = crowds[opened / sessionsOfClients]
    if (clients === undefined) throw new Error(`no clients for ${sessions} sessions`)
    await openSessions({ ...stage, clients }, contender, Math.min(sessionsOfClients, sessions - opened))
  }
  const ms = performance.now() - startedAt
  const held = await stage.source.ask<number>('sessions', contender.group)
  if (held !== sessions) throw new Error(`${contender.group} holds ${held} sessions of ${sessions}`)
  return ms
}

async function closeAll(crowds: readonly Commanded[], { group, stop }: Contender): Promise<void> {
  await Promise.all(crowds.map(clients => clients.ask('close', group)))
  stop()
}

/** By two workers where the limit of open files is below what one process needs: they are what a stack's replica has. */
async function measureIdleMemory(
  stage: Stage,
  crowds: readonly Commanded[],
  { idle: sessions, settleMs, idleMs }: CapacityOptions,
): Promise<Figure[]> {
  const name: Name = sessions > mostSessions() ? 'workers' : 'gateway'
  const starting = { environment: unlimited, collectsGarbage: true }
  const contender = await startContender(name, stage.upstreams.plain, starting)
  await rest(settleMs)
  const pid = contender.pid ?? 0
  const memory = memoryBytes(pid)
  const live = await liveBytes(pid, settleMs)
  const kernel = kernelBytes()
  const ms = await openAll(stage, crowds, contender, sessions)
  await rest(settleMs)
  const own = (memoryBytes(pid) - memory) / sessions / 1000
  // Of a session's four sockets two are the gateway's.
  const ofKernel = kernel === null ? null : ((kernelBytes() ?? 0) - kernel) / 2 / sessions / 1000
  const cpu = cpuMicros(pid)
  await rest(idleMs)
  const idleMicros = (cpuMicros(pid) - cpu) / (idleMs / 1000) / sessions
  const ofLive = ((await liveBytes(pid, settleMs)) - live) / sessions / 1000
  await closeAll(crowds, contender)
  console.error(
    `capacity: ${sessions} idle in ${name}: ${own.toFixed(1)} kB, ${ofLive.toFixed(1)} without garbage, kernel ${ofKernel?.toFixed(1)} kB`,
  )
  const row = `capacity, ${sessions} idle`
  return [
    figureOf(`${row}: memory of the process before`, name, 'MB', [memory / 1e6]),
    figureOf(`${row}: memory of a session`, name, 'kB', [own]),
    figureOf(`${row}: memory of a session, without garbage`, name, 'kB', [ofLive]),
    ...(ofKernel === null
      ? []
      : [figureOf(`${row}: the kernel's memory of a session`, name, 'kB', [ofKernel])]),
    figureOf(`${row}: CPU of a session`, name, 'µs a second', [idleMicros]),
    figureOf(`${row}: connects`, name, 'a second', [(sessions / ms) * 1000]),
  ]
}

/** Resident memory once the garbage is collected (bytes). */
async function liveBytes(pid: number, settleMs: number): Promise<number> {
  signalTree(pid, 'SIGUSR2')
  await rest(settleMs)
  return memoryBytes(pid)
}

async function measureTalking(
  stage: Stage,
  crowds: readonly Commanded[],
  { talking, seconds, settleMs }: CapacityOptions,
): Promise<Figure[]> {
  const found: Figure[] = []
  let ofFewest: number | null = null
  for (const sessions of talking) {
    const contender = await startContender('gateway', stage.upstreams.plain, { environment: unlimited })
    const pid = contender.pid ?? 0
    const before = memoryBytes(pid)
    await openAll(stage, crowds, contender, sessions)
    await rest(settleMs)
    // The faster one first: it has V8 compile what it runs.
    const same = await relay(stage, crowds, contender, Math.max(...talking) * eventsPerSecond, seconds)
    const own = await relay(stage, crowds, contender, sessions * eventsPerSecond, seconds)
    const memory = (memoryBytes(pid) - before) / sessions / 1000
    await closeAll(crowds, contender)
    await rest(settleMs)
    ofFewest ??= same.eventMicros
    const measured = (own.eventMicros * own.perSecond) / microsOfPercent
    const predicted = predictCpu(sessions, own.perSecond / sessions, 1) / microsOfPercent
    console.error(
      `capacity: ${sessions} talking: ${measured.toFixed(1)} % of a core, predicted ${predicted.toFixed(1)}`,
    )
    const row = `capacity, ${sessions} talking`
    found.push(
      figureOf(`${row}: CPU`, 'gateway', '% of a core', [measured]),
      figureOf(`${row}: CPU, predicted`, 'gateway', '% of a core', [predicted]),
      figureOf(`${row}: predicted, times measured`, 'gateway', 'times', [predicted / measured]),
      figureOf(`${row}: an event at the pace of the most`, 'gateway', 'µs', [same.eventMicros]),
      figureOf(`${row}: that, times ${talking[0]} sessions`, 'gateway', 'times', [
        same.eventMicros / ofFewest,
      ]),
      figureOf(`${row}: memory of a session`, 'gateway', 'kB', [memory]),
    )
  }
  return found
}

/**
 * Relays events to all sessions in turn. @returns CPU of an event (µs), and the pace that was kept: a machine that is busy
 * with other work falls behind
 */
async function relay(
  { source }: Stage,
  crowds: readonly Commanded[],
  { group, pid }: Contender,
  perSecond: number,
  seconds: number,
): Promise<{ eventMicros: number; perSecond: number }> {
  const count = perSecond * seconds
  const received = async () => {
    const all = await Promise.all(crowds.map(clients => clients.ask<number>('received', group)))
    return all.reduce((sum, each) => sum + each, 0)
  }
  const goal = (await received()) + count
  const startedAt = performance.now()
  const before = cpuMicros(pid ?? 0)
  await source.ask('send', { group, kind: 'audio', bytes: eventBytes, count, perSecond })
  await untilCounted(received, goal, group)
  const eventMicros = (cpuMicros(pid ?? 0) - before) / count
  const taken = Math.max(seconds, (performance.now() - startedAt) / 1000)
  return { eventMicros, perSecond: count / taken }
}

/** One hundredth of a core (µs a second). */
const microsOfPercent = 10_000

/** All clients have one address. */
const unlimited = { LIMIT_SESSIONS_PER_ADDRESS: '100000' }
