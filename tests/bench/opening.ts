/**
 * How long a client waits for its 101 and for `session.created`, one client at a time: dialing upstream itself, and through
 * each contender. At the SDK addresses the gateway answers an upgrade when upstream has, so its 101 comes later than that
 * of a relay which dials behind it.
 */
import { type Name, startContender } from './contenders.ts'
import { type Figure, figureOf } from './figures.ts'
import type { Stage } from './rows.ts'

const rounds = 5
const dialsEachRound = 200
const shares = { p50: 0.5, p99: 0.99 }

/** When a client had its 101, and its first event, after it began to dial (ms). */
export interface Opened {
  readonly upgraded: number
  readonly greeted: number
}

const moments = { upgraded: 'the 101', greeted: 'session.created' } as const

/** Measures in rounds that alternate between the contenders. */
export async function measureOpening(
  { clients, upstreams }: Stage,
  isPresent: (name: Name) => boolean,
): Promise<Figure[]> {
  const names = (['direct', 'gateway', 'bare', 'haproxy'] as const).filter(isPresent)
  const contenders = await Promise.all(names.map(name => startContender(name, upstreams.plain)))
  const taken = new Map<Name, Opened[][]>(names.map(name => [name, []]))
  // The first round warms up.
  for (let round = 0; round <= rounds; round += 1) {
    for (const { name, url } of contenders) {
      const opened = await clients.ask<Opened[]>('dial', { url, count: dialsEachRound })
      if (round > 0) taken.get(name)?.push(opened)
    }
  }
  for (const { stop } of contenders) stop()
  console.error('opening: done')
  return Object.entries(moments).flatMap(([moment, label]) =>
    Object.entries(shares).flatMap(([share, part]) =>
      [...taken].map(([name, all]) => {
        const millis = all.map(opened =>
          shareOf(
            opened.map(each => each[moment as keyof Opened]),
            part,
          ),
        )
        return figureOf(`opening, to ${label}, ${share}`, name, 'ms', millis)
      }),
    ),
  )
}

function shareOf(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length * share)] ?? 0
}
