/** How busy a process is, told to the log: Azure has no such figures of a replica, and its log is what can be asked. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Log } from './log.ts'
import type { Traffic } from './metrics.ts'

/** Time between two `load.reported` events of a process (ms). */
export const loadIntervalMs = 30_000

/** How often the event loop is looked at (ms): 120 samples an interval, each of which wakes an idle process. */
const sampleMs = 250

const nsPerMs = 1e6

/**
 * Logs `load.reported` at level info: `sessions` that are open, and `loopDelayP99Ms`, by which the event loop was late
 * in the interval, at the 99th percentile (ms). The timer keeps no process running.
 * @param intervalMs between two events (ms)
 * @returns stops it; safe to call twice
 */
export function reportLoad(
  log: Log,
  traffic: Pick<Traffic, 'sessionsOpen'>,
  intervalMs: number = loadIntervalMs,
): () => void {
  const delays = monitorEventLoopDelay({ resolution: sampleMs })
  delays.enable()
  const timer = setInterval(() => {
    // The histogram holds the time between two samples, of which sampleMs is no delay.
    const late = delays.percentile(99) / nsPerMs - sampleMs
    log.info('load.reported', {
      sessions: traffic.sessionsOpen,
      loopDelayP99Ms: Math.max(0, Math.round(late * 10) / 10),
    })
    delays.reset()
  }, intervalMs).unref()
  return () => {
    clearInterval(timer)
    delays.disable()
  }
}
