/** How fast a bystander is answered while somebody floods the gateway, by kind of flood. */

import { allKinds, emptyFragments } from '../fairness/kinds.ts'
import {
  floodOnce,
  startBystander,
  startFlooder,
  startGatewayChild,
  startSimulatorChild,
} from '../fairness/stage.ts'

const floodMs = 3000
/** What the bystander is to be answered in, at the 99th percentile, in all kinds but the one that no process sees (ms). */
const aimMs = 100

interface Line {
  readonly kind: string
  readonly reads: boolean
  readonly times: readonly number[]
  readonly unanswered: number
  readonly connections: number
  /** How connections ended, as the flooder or the gateway saw it. */
  readonly ends: readonly string[]
  readonly megabytes: number
}

/**
 * Floods a fresh gateway in each kind, by a client that reads and by one that never does, and prints what a bystander saw.
 * @returns whether every kind is within the aim
 */
export async function measureFairness(isAsked: (kind: string) => boolean): Promise<boolean> {
  const found: Line[] = []
  for (const { name } of allKinds.filter(({ name }) => isAsked(name)))
    for (const reads of [true, false]) found.push(await measureKind(name, reads))
  for (const { times, ...line } of found) console.log(JSON.stringify({ ...line, ...summarise(times) }))
  printLines(found)
  return found.every(line => line.kind === emptyFragments.name || isWithin(line))
}

async function measureKind(kind: string, reads: boolean): Promise<Line> {
  const teardowns: (() => unknown)[] = []
  const stage = { teardown: (run: () => unknown) => void teardowns.push(run) }
  try {
    const gateway = await startGatewayChild(stage, await startSimulatorChild(stage))
    const [bystander, flooder] = [await startBystander(stage, gateway.url), await startFlooder(stage)]
    await bystander.watch()
    const flooding = { kind, reads, leastMs: floodMs, mostMs: floodMs }
    const { flooded, ends } = await floodOnce(gateway, flooder, flooding).catch(died)
    // A bystander that was closed, or whose gateway has died, has no times to tell.
    const watched = await bystander.stop().catch(() => ({ times: [], sent: 1, answered: 0 }))
    const line = {
      ...{ kind, reads, times: watched.times, unanswered: watched.sent - watched.answered },
      ...{ connections: flooded.connections, megabytes: Math.round(flooded.bytes / 1e6) },
      ends: [...new Set([...Object.keys(flooded.ends), ...Object.keys(ends)])],
    }
    console.error(`${kind}, ${reads ? 'reads' : 'never reads'}: p99 ${summarise(line.times).p99} ms`)
    return line
  } finally {
    for (const teardown of teardowns) await teardown()
  }
}

/** What is told of a flood that the gateway did not outlive. */
function died(fault: Error): Awaited<ReturnType<typeof floodOnce>> {
  const flooded = { connections: 0, refused: 0, bytes: 0, longestMs: 0, ends: {} }
  return { flooded, ends: { [fault.message]: 1 } }
}

function isWithin({ times, unanswered }: Line): boolean {
  return unanswered === 0 && times.length > 0 && summarise(times).p99 <= aimMs
}

function summarise(times: readonly number[]): { p50: number; p99: number; max: number } {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) =>
    Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN) * 10) /
    10
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}

function printLines(lines: readonly Line[]): void {
  console.log(
    '\n| flood | client | p50 (ms) | p99 (ms) | most (ms) | unanswered | connections | MB | ended by | |',
  )
  console.log(`|${'---|'.repeat(10)}`)
  for (const line of lines) {
    const { p50, p99, max } = summarise(line.times)
    const aim = line.kind === emptyFragments.name ? '–' : isWithin(line) ? 'reached' : 'not reached'
    const who = line.reads ? 'reads' : 'never reads'
    console.log(
      `| ${line.kind} | ${who} | ${p50} | ${p99} | ${max} | ${line.unanswered} | ${line.connections} | ${line.megabytes} | ${line.ends.join(', ')} | ${aim} |`,
    )
  }
}
