/** Memory of sessions that say nothing, and how fast they connect. */
import { type Name, startContender } from './contenders.ts'
import { type Figure, figureOf } from './figures.ts'
import { memoryBytes } from './process-tree.ts'
import type { Stage } from './rows.ts'

const counts = [1000, 5000]
const settleMs = 3000

/** Measures each contender in a fresh process for each number of sessions. */
export async function measureIdle(
  { source, clients }: Stage,
  port: number,
  isPresent: (name: Name) => boolean,
): Promise<Figure[]> {
  const names = (['gateway', 'bare', 'parse', 'haproxy'] as const).filter(isPresent)
  const found: Figure[] = []
  for (const count of counts) {
    for (const name of names) {
      const { url, pid, stop } = await startContender(name, port)
      await rest(settleMs)
      const base = memoryBytes(pid ?? 0)
      const ms = await clients.ask<number>('open', { group: name, url, count })
      await rest(settleMs)
      const held = await source.ask<number>('sessions', name)
      if (held !== count) throw new Error(`${name} holds ${held} sessions of ${count}`)
      const kilobytes = (memoryBytes(pid ?? 0) - base) / count / 1000
      await clients.ask('close', name)
      stop()
      await rest(settleMs / 3)
      found.push(figureOf(`idle session of ${count}`, name, 'kB', [kilobytes]))
      found.push(figureOf(`connects to ${count}`, name, 'a second', [(count / ms) * 1000]))
      console.error(`idle ${count}: ${name} ${Math.round(kilobytes * 10) / 10} kB a session`)
    }
  }
  return found
}

function rest(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
