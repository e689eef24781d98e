/**
 * Loaded before a gateway or a relay (`node --import`): at SIGUSR2 it prints how long the event loop was delayed since the
 * SIGUSR2 before, and how long V8 collected garbage (ms).
 */
import { constants, monitorEventLoopDelay, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks'

/** Delays of the event loop (ms). */
export interface LoopDelay {
  readonly p99: number
  readonly max: number
  readonly collections: Collections
}

/** Garbage collections, which stop the event loop (ms). */
export interface Collections {
  readonly total: number
  /** The longest of the young generation. */
  readonly longestMinor: number
  /** The longest of the others. */
  readonly longestMajor: number
}

/** What the histogram is asked with; it counts this much as no delay (ms). */
const resolutionMs = 1

const histogram = monitorEventLoopDelay({ resolution: resolutionMs })
histogram.enable()

const none: Collections = { total: 0, longestMinor: 0, longestMajor: 0 }
let collections = none
const collected = new PerformanceObserver(list => count(list.getEntries()))
collected.observe({ entryTypes: ['gc'] })

/** An entry of type `gc` (Node's documentation, perf_hooks). */
interface CollectionEntry extends PerformanceEntry {
  readonly detail: { readonly kind: number }
}

function count(entries: readonly PerformanceEntry[]): void {
  for (const entry of entries) {
    const { duration, detail } = entry as CollectionEntry
    const isMinor = detail.kind === constants.NODE_PERFORMANCE_GC_MINOR
    const { total, longestMinor, longestMajor } = collections
    collections = {
      total: total + duration,
      longestMinor: isMinor ? Math.max(longestMinor, duration) : longestMinor,
      longestMajor: isMinor ? longestMajor : Math.max(longestMajor, duration),
    }
  }
}

process.on('SIGUSR2', () => {
  count(collected.takeRecords())
  const [p99, max] = [histogram.percentile(99), histogram.max].map(nanos => nanos / 1e6 - resolutionMs)
  process.stdout.write(`${JSON.stringify({ loopDelay: { p99, max, collections } })}\n`)
  histogram.reset()
  collections = none
})
