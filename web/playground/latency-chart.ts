/** Charts of times. */
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { part } from '../page/page.ts'

const chartHeightPx = 150
/** Answers and deltas are counted, so the axis has no halves. */
const wholeSteps = [1, 2, 5, 10, 20, 50, 100, 200, 500]

/** One chart; made anew when its size or the page's colours change. */
export class Chart {
  readonly #place: HTMLElement
  readonly #kind: 'points' | 'bars'
  #values: readonly number[] = []
  #plot: uPlot | undefined

  constructor(selector: string, kind: 'points' | 'bars') {
    this.#place = part(selector, HTMLElement)
    this.#kind = kind
    new ResizeObserver(() => this.#make()).observe(this.#place)
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#make())
  }

  show(values: readonly number[]): void {
    this.#values = [...values]
    if (this.#plot) this.#plot.setData(this.#data())
    else this.#make()
  }

  #data(): uPlot.AlignedData {
    return [this.#values.map((_, index) => index + 1), [...this.#values]]
  }

  #make(): void {
    this.#plot?.destroy()
    this.#plot = undefined
    const width = this.#place.clientWidth
    if (this.#values.length === 0 || width === 0) return
    // A style sheet resolves the theme's colours; a canvas cannot.
    const { color, caretColor, borderTopColor } = getComputedStyle(this.#place)
    const axis = { stroke: color, grid: { stroke: borderTopColor, width: 1 }, ticks: { show: false } }
    const isBars = this.#kind === 'bars'
    const paths = isBars && uPlot.paths.bars ? uPlot.paths.bars({ size: [0.7, 20] }) : () => null
    this.#plot = new uPlot(
      {
        width,
        height: chartHeightPx,
        legend: { show: false },
        cursor: { show: false },
        scales: {
          x: { time: false, range: (_, first, last) => [first - 0.5, last + 0.5] },
          y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] },
        },
        axes: [
          { ...axis, incrs: wholeSteps },
          { ...axis, size: 50 },
        ],
        series: [
          {},
          {
            stroke: caretColor,
            fill: caretColor,
            width: 2,
            paths,
            points: { show: !isBars, size: 8, fill: caretColor },
          },
        ],
      },
      this.#data(),
      this.#place,
    )
  }
}
