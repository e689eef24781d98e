/** The rows in which CPU is counted, and how one is measured. */
import { join } from 'node:path'
import { type Commanded, startCommanded } from './command.ts'
import type { Contender, Name, Starting } from './contenders.ts'
import type { Kind } from './events.ts'
import { cpuMicros } from './process-tree.ts'
import type { Upstream, Upstreams } from './source.ts'

export interface Row {
  readonly name: string
  readonly way: 'down' | 'up'
  readonly kind: Kind
  readonly bytes: number
  readonly perSecond: number
  readonly contenders: readonly Name[]
  /** Default `none`. */
  readonly encrypted?: Encrypted
  /** Another row has warmed up what this one takes. */
  readonly isWarm?: boolean
  /** How many processes of the gateway and of the bare relay measure it, one after another (default 5). */
  readonly processes?: number
  /** The row that an aim compares this one with: their rounds alternate. */
  readonly beside?: string
}

/** Which leg of a session is encrypted by TLS. */
export type Encrypted = 'none' | 'upstream' | 'client'

export const encryptedLegOf = ({ encrypted = 'none' }: Row): Encrypted => encrypted

/** Before which upstream, and how, a contender is started whose sessions have that leg encrypted. */
export function legsOf({ upstreams }: Stage, encrypted: Encrypted): readonly [Upstream, Starting] {
  const upstream = encrypted === 'upstream' ? upstreams.tls : upstreams.plain
  return [upstream, { clientCertificate: encrypted === 'client' ? upstreams.tls.certificate : null }]
}

const relays: readonly Name[] = ['gateway', 'bare', 'parse', 'haproxy']

/** Paces at which the slowest contender is busy for less than half of the time. */
const sizes = [
  { label: '400 B', bytes: 400, perSecond: 25_000 },
  { label: '6.4 kB', bytes: 6400, perSecond: 12_000 },
  { label: '64 kB', bytes: 64_000, perSecond: 1600, processes: 3 },
]

/** With TLS the bare relay takes twice as long: half of the pace. */
const secureSizes = sizes.map(size => ({ ...size, perSecond: size.perSecond / 2 }))

/** Up, small events cost the gateway nearly what it may: more processes tell more surely on which side. */
const processesOfNearest = 10

/** As many as there is time for in 90 s, which these four rows take. */
const processesOfClientTls = 3

export const rows: readonly Row[] = [
  ...sizes.map(
    ({ label, ...size }, index): Row => ({
      name: `down, ${label}`,
      way: 'down',
      kind: 'audio',
      ...size,
      contenders: relays,
      isWarm: index > 0,
    }),
  ),
  ...sizes.map(
    ({ label, ...size }, index): Row => ({
      name: `up, ${label}`,
      way: 'up',
      kind: 'append',
      ...size,
      ...(label === '400 B' && { processes: processesOfNearest }),
      contenders: relays,
      isWarm: index > 0,
    }),
  ),
  ...(['down', 'up'] as const).flatMap(way =>
    secureSizes.map(
      ({ label, ...size }, index): Row => ({
        name: `${way}, ${label}, TLS`,
        way,
        kind: way === 'down' ? 'audio' : 'append',
        ...size,
        encrypted: 'upstream',
        contenders: ['gateway', 'bare', 'haproxy'],
        isWarm: index > 0,
      }),
    ),
  ),
  ...(['down', 'up'] as const).flatMap(way =>
    secureSizes.slice(0, 2).map(
      ({ label, ...size }, index): Row => ({
        name: `${way}, ${label}, client TLS`,
        way,
        kind: way === 'down' ? 'audio' : 'append',
        ...size,
        encrypted: 'client',
        contenders: ['gateway', 'bare', 'haproxy'],
        isWarm: index > 0,
        processes: processesOfClientTls,
      }),
    ),
  ),
  { ...row('dropped, 6.4 kB', 'dropped', 6400, 12_000, ['gateway', 'bare']), beside: 'down, 6.4 kB' },
  row('extraction, 2 kB', 'record', 2000, 12_000, ['gateway', 'bare']),
  row('dialect, 6.4 kB', 'audio', 6400, 12_000, ['dialect', 'bare']),
  row('/chat down, 6.4 kB', 'audio', 6400, 12_000, ['chat', 'bare']),
  row('two workers, 6.4 kB', 'audio', 6400, 12_000, ['workers', 'gateway', 'bare']),
]

function row(name: string, kind: Kind, bytes: number, perSecond: number, contenders: readonly Name[]): Row {
  return { name, way: 'down', kind, bytes, perSecond, contenders }
}

export interface Stage {
  readonly source: Commanded
  readonly clients: Commanded
  readonly upstreams: Upstreams
}

/** Starts the processes of upstream and of the clients, which live as long as this one unless they are killed before. */
export async function startStage(): Promise<Stage> {
  const start = (file: string) => startCommanded(join(import.meta.dirname, file))
  const [source, clients] = [await start('source.ts'), await start('clients.ts')]
  return { source, clients, upstreams: await source.ask<Upstreams>('upstreams') }
}

/** Opens sessions through a contender, besides those that it has. @returns how long that took (ms) */
export function openSessions({ clients }: Stage, contender: Contender, count: number): Promise<number> {
  const { group, url, opening } = contender
  return clients.ask('open', { group, url, count, ...opening })
}

const pollMs = 10
const longestWaitMs = 30_000

/** Waits until a group has received so many events. @throws Error when it does not in time */
export function untilReceived(to: Commanded, group: string, goal: number): Promise<void> {
  return untilCounted(() => to.ask<number>('received', group), goal, group)
}

/** The same of a group whose clients are in several processes. @param count asks all of them */
export async function untilCounted(count: () => Promise<number>, goal: number, group: string): Promise<void> {
  const deadline = performance.now() + longestWaitMs
  while ((await count()) < goal) {
    if (performance.now() > deadline) throw new Error(`${group} did not deliver all events`)
    await new Promise(resolve => setTimeout(resolve, pollMs))
  }
}

/** Relays one row's events through one contender. @returns its CPU for each event (µs) */
export async function measureRow(
  { source, clients }: Stage,
  contender: Contender,
  { way, kind, bytes, perSecond }: Row,
  seconds: number,
  sessions: number,
): Promise<number> {
  const { group, pid } = contender
  const [from, to] = way === 'down' ? [source, clients] : [clients, source]
  const count = Math.round(perSecond * seconds)
  const arriving = kind === 'dropped' ? sessions : count
  const goal = (await to.ask<number>('received', group)) + arriving
  const before = pid === null ? 0 : cpuMicros(pid)
  await from.ask('send', { group, kind, bytes, count, perSecond })
  await untilReceived(to, group, goal)
  return pid === null ? 0 : (cpuMicros(pid) - before) / count
}
