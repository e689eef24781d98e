/**
 * Loaded before a gateway or a relay (`node --import`): at SIGUSR2 it prints the longest delay of the event loop since the
 * SIGUSR2 before, and its 99th percentile (ms).
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** Delays of the event loop (ms). */
export interface LoopDelay {
  readonly p99: number
  readonly max: number
}

/** What the histogram is asked with; it counts this much as no delay (ms). */
const resolutionMs = 1

const histogram = monitorEventLoopDelay({ resolution: resolutionMs })
histogram.enable()
process.on('SIGUSR2', () => {
  const [p99, max] = [histogram.percentile(99), histogram.max].map(nanos => nanos / 1e6 - resolutionMs)
  histogram.reset()
  process.stdout.write(`${JSON.stringify({ loopDelay: { p99, max } })}\n`)
})
