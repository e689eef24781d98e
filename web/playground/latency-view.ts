/** The latency in figures and charts. */
import { say } from '../language/language.ts'
import { part, showText } from '../page/page.ts'
import { Latency, median } from './latency.ts'
import type { Chart } from './latency-chart.ts'

const refreshMs = 250

/** Figures for everyone, charts for those who see them. */
export class LatencyView {
  readonly #latency = new Latency()
  #charts: { first: Chart; gaps: Chart } | undefined
  #timer = 0

  constructor() {
    // The chart library asks the browser for its language's numbers, and some have none: the figures stay.
    import('./latency-chart.ts').then(
      ({ Chart }) => {
        this.#charts = { first: new Chart('#first-chart', 'points'), gaps: new Chart('#gap-chart', 'bars') }
        this.#show()
      },
      (cause: unknown) => {
        console.info('Charts are unavailable:', cause)
        part('#charts', HTMLElement).hidden = true
        showText(
          part('#charts-words', HTMLElement),
          say('This browser draws no charts; the figures are the same.'),
        )
      },
    )
  }

  asked(): void {
    this.#latency.asked(performance.now())
  }

  delta(): void {
    this.#latency.delta(performance.now())
    if (this.#timer !== 0) return
    this.#timer = window.setTimeout(() => {
      this.#timer = 0
      this.#show()
    }, refreshMs)
  }

  #show(): void {
    const { first, gaps } = this.#latency
    this.#charts?.first.show(first)
    this.#charts?.gaps.show(gaps)
    const figures = {
      'first-last': first.at(-1),
      'first-median': median(first),
      'gap-median': median(gaps),
      'gap-longest': gaps.length === 0 ? undefined : Math.max(...gaps),
    }
    for (const [id, value] of Object.entries(figures))
      part(`#${id}`, HTMLElement).textContent =
        value === undefined ? '–' : `${value.toFixed(value < 10 ? 1 : 0)} ms`
  }
}
