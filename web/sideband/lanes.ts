/** The time axis on the page. Rows are drawn once a frame, however many events come. */
import { say } from '../language/language.ts'
import { countWords, secondsWords } from '../page/figures.ts'
import { copyTemplate, part } from '../page/page.ts'
import type { RealtimeEvent } from '../page/realtime-event.ts'
import { type Direction, type Lane, maxRows, type Row, Timeline } from './timeline.ts'

const nearEndPx = 60
/** More of one event than this is not shown (characters). */
const maxJsonChars = 50_000

/** Two columns of events. */
export class Lanes {
  readonly #timeline = new Timeline()
  readonly #list = part('#lanes', HTMLOListElement)
  readonly #words = part('#events-words', HTMLElement)
  readonly #elements = new Map<number, HTMLElement>()
  readonly #changed = new Set<Row>()
  #start = performance.now()
  #counts: Record<Lane, number> = { webrtc: 0, control: 0 }
  #frame = 0

  constructor() {
    part('#clear', HTMLButtonElement).onclick = () => this.#clear()
  }

  /** The time axis begins anew. */
  restart(): void {
    this.#start = performance.now()
    this.#clear()
  }

  add(lane: Lane, direction: Direction, event: RealtimeEvent): void {
    this.#counts[lane]++
    this.#changed.add(this.#timeline.add(lane, direction, event, performance.now() - this.#start))
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#draw())
  }

  #clear(): void {
    this.#timeline.clear()
    this.#changed.clear()
    this.#elements.clear()
    this.#list.replaceChildren()
    this.#counts = { webrtc: 0, control: 0 }
    this.#tell()
  }

  #draw(): void {
    this.#frame = 0
    const { scrollHeight, clientHeight, scrollTop } = this.#list
    const isNearEnd = scrollHeight - clientHeight - scrollTop < nearEndPx
    const kept = new Set(this.#timeline.rows)
    for (const row of this.#changed) if (kept.has(row)) this.#drawRow(row)
    this.#changed.clear()
    while (this.#list.childElementCount > maxRows) this.#list.firstElementChild?.remove()
    if (this.#elements.size > maxRows * 2)
      for (const id of [...this.#elements.keys()].slice(0, maxRows)) this.#elements.delete(id)
    if (isNearEnd) this.#list.scrollTop = this.#list.scrollHeight
    this.#tell()
  }

  #drawRow(row: Row): void {
    const element = this.#elements.get(row.id) ?? this.#make(row)
    for (const lane of ['webrtc', 'control'] as const) {
      const passage = row.lanes[lane]
      const cell = part(`.${lane}`, HTMLElement, element)
      if (!passage) continue
      const arrow = row.direction === 'out' ? '↑\u00a0' : '↓\u00a0'
      // A name may break behind its dots and underscores, and only there.
      const pieces = row.type.split(/(?<=[._])/).flatMap(piece => [piece, document.createElement('wbr')])
      const times = passage.count > 1 ? ` ×${passage.count}` : ''
      const lateMs = Math.round(passage.at - row.at)
      const late = lateMs > 0 ? ` +${lateMs} ms` : ''
      cell.dataset.direction = row.direction
      cell.replaceChildren(arrow, ...pieces, `${times}${late}`)
    }
  }

  #make(row: Row): HTMLElement {
    const element = copyTemplate('#lane-row-template')
    part('time', HTMLElement, element).textContent = secondsWords(row.at)
    const details = part('details', HTMLDetailsElement, element)
    details.ontoggle = () => {
      const json = JSON.stringify(row.first, null, 2)
      part('.json', HTMLElement, element).textContent = json.slice(0, maxJsonChars)
    }
    this.#elements.set(row.id, element)
    this.#list.append(element)
    return element
  }

  #tell(): void {
    const { webrtc, control } = this.#counts
    this.#words.textContent =
      webrtc + control === 0
        ? say('No events yet. Open a row to see its JSON.')
        : say('{webrtc} by WebRTC, {control} by control. Open a row to see its JSON.', {
            webrtc: countWords(webrtc, 'event'),
            control: countWords(control, 'event'),
          })
  }
}
