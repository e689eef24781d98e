/** The drawing of the two paths: a wire is dark, connected, or lit by what travels on it. */
import { part } from '../page/page.ts'

/** `call`: between the gateway and the Realtime API. */
export type Wire = 'sound' | 'channel' | 'control' | 'call'

const litMs = 450

/** The drawing on the page. */
export class Drawing {
  readonly #timers: Record<Wire, number> = { sound: 0, channel: 0, control: 0, call: 0 }

  /** @param on whether the wire is connected */
  connect(wire: Wire, on: boolean): void {
    const { dataset } = elementOf(wire)
    dataset.state = on ? 'on' : 'off'
    if (!on) delete dataset.flow
  }

  /** Something travels. @param direction as this page sees it */
  light(wire: Wire, direction: 'in' | 'out'): void {
    const { dataset } = elementOf(wire)
    dataset.flow = direction
    clearTimeout(this.#timers[wire])
    this.#timers[wire] = window.setTimeout(() => delete dataset.flow, litMs)
  }
}

function elementOf(wire: Wire): SVGGElement {
  return part(`[data-wire=${wire}]`, SVGGElement)
}
