/** The list of events: however long the log is, only the lines in sight are on the page. */
import { say, type Words } from '../language/language.ts'
import { secondsWords } from '../page/figures.ts'
import { copyTemplate, part } from '../page/page.ts'
import type { Entry } from './event-log.ts'

/** Height of a line (CSS px); the style sheet has the same. */
const rowPx = 32
const spareRows = 6

const arrows = { in: '↓', out: '↑', note: '·' } as const
const spoken: Record<Entry['direction'], Words> = { in: 'received', out: 'sent', note: 'note' }

/** What the list is told and tells. */
export interface EventListOptions {
  entries(): readonly Entry[]
  onChoose(entry: Entry): void
  /** Whether the gateway's filter would drop it: such a line is shown faint. */
  isDropped(entry: Entry): boolean
}

/** A list box in which one entry is chosen, by pointer or keyboard. */
export class EventList {
  readonly #options: EventListOptions
  readonly #list = part('#events', HTMLElement)
  readonly #space = part('#events-space', HTMLElement)
  readonly #rows: HTMLElement[] = []
  #chosen = 0
  #follows = true
  /** Where this list itself scrolled to last: such a scroll is not the person's. */
  #ownTop = 0
  #frame = 0

  constructor(options: EventListOptions) {
    this.#options = options
    this.#list.onscroll = () => this.#listOnScroll()
    this.#list.onkeydown = event => this.#listOnKey(event)
    this.#list.onclick = ({ target }) => {
      const row = target instanceof Element ? target.closest<HTMLElement>('.event') : null
      if (row) this.#choose(Number(row.dataset.index))
    }
    new ResizeObserver(() => this.refresh()).observe(this.#list)
  }

  /** Draws anew, once a frame. */
  refresh(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#draw())
  }

  #listOnScroll(): void {
    const { scrollHeight, clientHeight, scrollTop } = this.#list
    if (scrollTop === this.#ownTop) return
    this.#follows = scrollHeight - clientHeight - scrollTop < rowPx
    this.refresh()
  }

  #draw(): void {
    this.#frame = 0
    const entries = this.#options.entries()
    this.#space.style.height = `${entries.length * rowPx}px`
    if (this.#follows) {
      this.#list.scrollTop = this.#list.scrollHeight
      this.#ownTop = this.#list.scrollTop
    }
    const first = Math.max(0, Math.floor(this.#list.scrollTop / rowPx) - spareRows)
    const count = Math.ceil(this.#list.clientHeight / rowPx) + 2 * spareRows
    const visible = entries.slice(first, first + count)
    while (this.#rows.length < visible.length) this.#addRow()
    for (const [place, row] of this.#rows.entries()) {
      const entry = visible[place]
      row.hidden = entry === undefined
      if (entry) this.#fill(row, entry, first + place, entries.length)
    }
    const isChosenInSight = visible.some(({ id }) => id === this.#chosen)
    if (isChosenInSight) this.#list.setAttribute('aria-activedescendant', `event-${this.#chosen}`)
    else this.#list.removeAttribute('aria-activedescendant')
  }

  #addRow(): void {
    const row = copyTemplate('#event-template')
    this.#rows.push(row)
    this.#space.append(row)
  }

  #fill(row: HTMLElement, entry: Entry, index: number, total: number): void {
    const { id, at, direction, type, summary, size, count } = entry
    row.style.transform = `translateY(${index * rowPx}px)`
    row.id = `event-${id}`
    row.dataset.index = String(index)
    row.dataset.direction = direction
    row.dataset.kind = type === 'error' ? 'error' : ''
    row.dataset.dropped = String(this.#options.isDropped(entry))
    row.ariaSelected = String(id === this.#chosen)
    row.ariaPosInSet = String(index + 1)
    row.ariaSetSize = String(total)
    const shown = {
      when: secondsWords(at),
      type: count > 1 ? `${type} ×${count}` : type,
      summary,
      size: sizeWords(size),
    }
    part('.arrow', HTMLElement, row).textContent = arrows[direction]
    for (const [name, text] of Object.entries(shown)) part(`.${name}`, HTMLElement, row).textContent = text
    // Who says aloud what is seen must be understood: the name holds the whole line.
    const fate = row.dataset.dropped === 'true' ? say(', dropped on /realtime') : ''
    row.ariaLabel = `${say(spoken[direction])} ${Object.values(shown).join(' ')}${fate}`
  }

  #listOnKey(event: KeyboardEvent): void {
    const entries = this.#options.entries()
    const at = entries.findIndex(({ id }) => id === this.#chosen)
    const page = Math.max(1, Math.floor(this.#list.clientHeight / rowPx) - 1)
    const last = entries.length - 1
    const from = at < 0 ? last + 1 : at
    const targets: Record<string, number> = {
      ArrowUp: from - 1,
      ArrowDown: at < 0 ? last : at + 1,
      PageUp: from - page,
      PageDown: at < 0 ? last : at + page,
      Home: 0,
      End: last,
    }
    const target = targets[event.key]
    if (target === undefined || last < 0) return
    event.preventDefault()
    this.#choose(Math.min(last, Math.max(0, target)))
  }

  #choose(index: number): void {
    const entry = this.#options.entries()[index]
    if (!entry) return
    this.#chosen = entry.id
    this.#reveal(index)
    this.refresh()
    this.#options.onChoose(entry)
  }

  #reveal(index: number): void {
    const { clientHeight, scrollTop } = this.#list
    const top = index * rowPx
    if (top < scrollTop) this.#list.scrollTop = top
    else if (top + rowPx > scrollTop + clientHeight) this.#list.scrollTop = top + rowPx - clientHeight
  }
}

function sizeWords(size: number): string {
  return size < 1000 ? String(size) : `${(size / 1000).toFixed(size < 100_000 ? 1 : 0)}k`
}
