/** What all workers counted, as one: a sum that never goes back, whoever of them has died. */
import { AggregatorRegistry, Counter, Gauge, type Registry } from 'prom-client'
import type { Counts } from '../observability/metrics.ts'

export interface WorkersNow {
  /** How many answered. */
  readonly answered: number
  /** How many run, and did not. */
  readonly silent: number
  /** Since start. */
  readonly replaced: number
}

/** These only grow; a sum that went back would read as a restart. */
const growing: ReadonlySet<string> = new Set(['counter', 'histogram', 'summary'])

export class MetricsAggregator {
  readonly #last = new Map<number, Counts>()
  /** Of workers that are gone. */
  #past: Promise<Counts> = Promise.resolve([])

  /** What a worker counted so far. */
  note(worker: number, counts: Counts): void {
    this.#last.set(worker, counts)
  }

  /** A worker is gone; what it counted, as far as it was ever told, stays. */
  retire(worker: number): void {
    const last = this.#last.get(worker)
    if (last === undefined) return
    this.#last.delete(worker)
    this.#past = this.#past.then(past =>
      AggregatorRegistry.aggregate([past, growingOf(last)]).getMetricsAsJSON(),
    )
  }

  /**
   * Adds all up: counters, gauges, histograms; of what describes the process, the first, mean, least or most.
   * @param silent workers that did not answer: their counters stand as they last were, their gauges are left out
   * @returns Prometheus text exposition format
   */
  async render(
    silent: ReadonlySet<number>,
    labels: Record<string, string>,
    now: WorkersNow,
  ): Promise<string> {
    const past = await this.#past
    const parts = [...this.#last].map(([worker, counts]) => (silent.has(worker) ? growingOf(counts) : counts))
    const sum: Registry = AggregatorRegistry.aggregate([...parts, past])
    describe(sum, labels, now)
    return sum.metrics()
  }
}

const growingOf = (counts: Counts): Counts => counts.filter(({ type }) => growing.has(String(type)))

function describe(sum: Registry, labels: Record<string, string>, now: WorkersNow): void {
  const parts = { registers: [sum], labelNames: Object.keys(labels) }
  new Gauge({ ...parts, name: 'gateway_workers', help: 'Workers whose figures are in these' }).set(
    labels,
    now.answered,
  )
  new Gauge({
    ...parts,
    name: 'gateway_workers_silent',
    help: 'Workers that did not tell their figures',
  }).set(labels, now.silent)
  new Counter({
    ...parts,
    name: 'gateway_workers_replaced_total',
    help: 'Workers that ended and were replaced',
  }).inc(labels, now.replaced)
}
