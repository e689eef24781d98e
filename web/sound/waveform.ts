/** Draws the last seconds of a sound as bars that move to the left. */

const barMs = 40
const barPx = 3
const gapPx = 2
/** Speech rarely passes this root mean square: the full height. */
const loudLevel = 0.3
const quietestBar = 0.06

/** A picture of one sound on one canvas; its colour is the canvas's own text colour. */
export class Waveform {
  readonly #canvas: HTMLCanvasElement
  readonly #analyser: () => AnalyserNode | undefined
  #levels: number[] = []
  #frame = 0
  #lastBar = 0

  /** @param analyser the sound; undefined while there is none */
  constructor(canvas: HTMLCanvasElement, analyser: () => AnalyserNode | undefined) {
    this.#canvas = canvas
    this.#analyser = analyser
  }

  /** Starts or stops the movement. Someone who asked for little motion sees none. */
  run(on: boolean): void {
    const isStill = matchMedia('(prefers-reduced-motion: reduce)').matches
    if (on && !isStill && this.#frame === 0) this.#frame = requestAnimationFrame(now => this.#draw(now))
    if (on || this.#frame === 0) return
    cancelAnimationFrame(this.#frame)
    this.#frame = 0
    this.#levels = []
    this.#paint()
  }

  #draw(now: number): void {
    this.#frame = requestAnimationFrame(next => this.#draw(next))
    if (now - this.#lastBar < barMs) return
    this.#lastBar = now
    this.#levels.push(levelOf(this.#analyser()))
    this.#paint()
  }

  #paint(): void {
    const { width, height } = this.#fit()
    const context = this.#canvas.getContext('2d')
    if (!context) return
    context.clearRect(0, 0, width, height)
    context.fillStyle = getComputedStyle(this.#canvas).color
    const step = (barPx + gapPx) * devicePixelRatio
    const bars = Math.floor(width / step)
    this.#levels = this.#levels.slice(-bars)
    for (const [index, level] of this.#levels.toReversed().entries()) {
      const tall = Math.max(quietestBar, Math.min(1, level / loudLevel)) * height
      context.fillRect(width - (index + 1) * step, (height - tall) / 2, barPx * devicePixelRatio, tall)
    }
  }

  #fit(): { width: number; height: number } {
    const width = Math.round(this.#canvas.clientWidth * devicePixelRatio)
    const height = Math.round(this.#canvas.clientHeight * devicePixelRatio)
    if (this.#canvas.width !== width) this.#canvas.width = width
    if (this.#canvas.height !== height) this.#canvas.height = height
    return { width, height }
  }
}

/** Root mean square of what an analyser hears now, 0 to 1. */
export function levelOf(analyser: AnalyserNode | undefined): number {
  if (!analyser) return 0
  const wave = new Float32Array(analyser.fftSize)
  analyser.getFloatTimeDomainData(wave)
  return Math.sqrt(wave.reduce((sum, sample) => sum + sample * sample, 0) / wave.length)
}
