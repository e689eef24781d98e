/** What sessions that say nothing cost, and how fast they connect. */
import { type Name, startContender } from './contenders.ts'
import { type Figure, figureOf } from './figures.ts'
import { cpuMicros, memoryBytes, mostSessions } from './process-tree.ts'
import { type Encrypted, legsOf, openSessions, type Stage } from './rows.ts'

export interface IdleLoad {
  readonly sessions: number
  readonly names: readonly Name[]
}

/** By which leg is encrypted. The parsing relay holds a session as the bare one does: it is here once. */
const loads: Readonly<Record<'none' | 'upstream', readonly IdleLoad[]>> = {
  none: [
    { sessions: 1000, names: ['gateway', 'bare', 'haproxy'] },
    { sessions: 5000, names: ['gateway', 'bare', 'parse', 'haproxy'] },
    { sessions: 10_000, names: ['gateway', 'bare', 'haproxy'] },
  ],
  upstream: [
    { sessions: 1000, names: ['gateway', 'bare', 'haproxy'] },
    { sessions: 5000, names: ['gateway', 'bare', 'haproxy'] },
  ],
}
const settleMsOfMain = 2500

/** Who pings is asked what that costs: over one interval of the heartbeat (ms), by so many sessions. */
const pingedSessions = 5000
const heartbeatMs = 10_000

export interface IdleOptions {
  /** Which leg is encrypted. */
  readonly encrypted: Exclude<Encrypted, 'client'>
  /** Default: those of the bench. */
  readonly loads?: readonly IdleLoad[]
  /** What opening leaves to be done is over by then (ms; default 2500). */
  readonly settleMs?: number
}

/** Measures each contender in a fresh process for each number of sessions. */
export async function measureIdle(
  stage: Stage,
  isPresent: (name: Name) => boolean,
  { encrypted, loads: asked = loads[encrypted], settleMs = settleMsOfMain }: IdleOptions,
): Promise<Figure[]> {
  const found: Figure[] = []
  const suffix = encrypted === 'none' ? '' : ', TLS'
  for (const { sessions, names } of asked) {
    const count = Math.min(sessions, mostSessions())
    if (count < sessions) console.error(`idle: ${count} for ${sessions}, by the limit of open files`)
    for (const name of names.filter(isPresent)) {
      const contender = await startContender(name, ...legsOf(stage, encrypted))
      const { pid, stop } = contender
      await rest(settleMs)
      const base = memoryBytes(pid ?? 0)
      const ms = await openSessions(stage, contender, count)
      await rest(settleMs)
      const held = await stage.source.ask<number>('sessions', name)
      if (held !== count) throw new Error(`${name} holds ${held} sessions of ${count}`)
      const kilobytes = (memoryBytes(pid ?? 0) - base) / count / 1000
      if (encrypted === 'none' && name === 'gateway' && count === pingedSessions) {
        const before = cpuMicros(pid ?? 0)
        await rest(heartbeatMs)
        const percent = (cpuMicros(pid ?? 0) - before) / heartbeatMs / 10
        found.push(figureOf(`${count} idle sessions`, name, '% of a core', [percent]))
      }
      await stage.clients.ask('close', name)
      stop()
      await rest(settleMs / 3)
      found.push(figureOf(`idle session of ${count}${suffix}`, name, 'kB', [kilobytes]))
      found.push(figureOf(`connects to ${count}${suffix}`, name, 'a second', [(count / ms) * 1000]))
      console.error(`idle ${count}${suffix}: ${name} ${Math.round(kilobytes * 10) / 10} kB a session`)
    }
  }
  return found
}

function rest(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
