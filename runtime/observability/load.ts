/** How busy a process is, told to the log: Azure has no such figures of a replica, and its log is what can be asked. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Log } from './log.ts'
import type { Traffic } from './metrics.ts'

/** Time between two `load.reported` events of a process (ms). */
export const loadIntervalMs = 30_000

/** How often the event loop is looked at (ms): 120 samples an interval, each of which wakes an idle process. */
const sampleMs = 250

const nsPerMs = 1e6

/** How busy the process was since it was last asked. */
export interface Load {
  /** Sessions that are open. */
  readonly sessions: number
  /** By how much the event loop was late, at the 99th percentile (ms). */
  readonly loopDelayP99Ms: number
}

/**
 * Asks at an interval how busy the process is. The timer keeps no process running.
 * @param intervalMs between two questions (ms)
 * @returns stops it; safe to call twice
 */
export function watchLoad(
  traffic: Pick<Traffic, 'sessionsOpen'>,
  intervalMs: number,
  tell: (load: Load) => void,
): () => void {
  const delays = monitorEventLoopDelay({ resolution: sampleMs })
  delays.enable()
  const timer = setInterval(() => {
    // The histogram holds the time between two samples, of which sampleMs is no delay.
    const late = delays.percentile(99) / nsPerMs - sampleMs
    delays.reset()
    tell({ sessions: traffic.sessionsOpen, loopDelayP99Ms: Math.max(0, Math.round(late * 10) / 10) })
  }, intervalMs).unref()
  return () => {
    clearInterval(timer)
    delays.disable()
  }
}

/** Logs `load.reported` at level info, every `intervalMs`. @returns stops it; safe to call twice */
export function reportLoad(
  log: Log,
  traffic: Pick<Traffic, 'sessionsOpen'>,
  intervalMs: number = loadIntervalMs,
): () => void {
  return watchLoad(traffic, intervalMs, load => log.info('load.reported', { ...load }))
}
