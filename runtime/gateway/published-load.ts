/**
 * Publishes how loaded this process is, for an autoscaler that reads a Redis list.
 *
 * A replica is full with `sessionsPerReplica` open sessions, or when its event loop is late by `fullLoopDelayMs`,
 * whichever comes first, and then has `unitsOfFullReplica` units. The list of a revision has as many entries as all of
 * its replicas have units together, so that an autoscaler that wants `unitsOfFullReplica` entries a replica adds one
 * where they are full on average.
 */
import { unitsOfFullReplica } from '../core/contract.ts'
import { describeFault, enter, type FaultOwner } from '../core/fault-boundary.ts'
import { type Load, watchLoad } from '../observability/load.ts'
import type { Log } from '../observability/log.ts'
import type { Traffic } from '../observability/metrics.ts'
import type { Store } from '../store/store.ts'

/** An event loop that is late by this much at the 99th percentile belongs to a full replica (ms): people begin to hear it. */
export const fullLoopDelayMs = 100

/** One replica asks for no more than this many at once, however late its event loop is. */
const mostReplicas = 3

/** Time between two publications (ms). */
const publishIntervalMs = 10_000

/** A process that has said nothing for so long counts no more (ms). */
const unitsTtlMs = 35_000

export interface PublishedLoad {
  readonly store: Pick<Store, 'publishUnits'>
  readonly traffic: Pick<Traffic, 'sessionsOpen'>
  readonly log: Log
  /** Of a whole replica. */
  readonly sessionsPerReplica: number
  /** How many processes share the replica's sessions. */
  readonly processes: number
  /** The revision, whose replicas are counted together. */
  readonly group: string
  /** This process. */
  readonly member: string
  readonly intervalMs?: number
}

/** How many units one of a replica's processes has. */
export function unitsOf(
  { sessions, loopDelayP99Ms }: Load,
  { sessionsPerReplica, processes }: Pick<PublishedLoad, 'sessionsPerReplica' | 'processes'>,
): number {
  // Nobody is there: an app that may scale to zero does.
  if (sessions === 0) return 0
  const bySessions = (sessions * processes) / sessionsPerReplica
  const byDelay = Math.min(mostReplicas, loopDelayP99Ms / fullLoopDelayMs)
  return (Math.max(bySessions, byDelay) * unitsOfFullReplica) / processes
}

/**
 * Publishes at an interval, until it is stopped. A store that is away is told to the log, and tried again.
 * @returns stops it, and takes this process off the list; safe to call twice
 */
export function publishLoad(published: PublishedLoad): () => void {
  const { store, traffic, log, group, member, intervalMs = publishIntervalMs } = published
  const owner: FaultOwner = {
    onFault: fault => log.warn('load.unpublished', describeFault(fault)),
  }
  const publish = (units: number) =>
    enter(owner, () => store.publishUnits?.(group, member, units, unitsTtlMs))
  const stop = watchLoad(traffic, intervalMs, load => publish(unitsOf(load, published)))
  let state: 'publishing' | 'stopped' = 'publishing'
  return () => {
    if (state === 'stopped') return
    state = 'stopped'
    stop()
    publish(0)
  }
}
