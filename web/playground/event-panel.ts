/** The log with its tools: filter, search, pause, export. */
import { say } from '../language/language.ts'
import { countFigures, countWords } from '../page/figures.ts'
import { part } from '../page/page.ts'
import { EventDetail } from './event-detail.ts'
import { EventList } from './event-list.ts'
import { type Entry, EventLog } from './event-log.ts'

const searchDelayMs = 200

/**
 * Joins the parts.
 * @param isDropped whether the gateway's filter would drop an entry
 */
export function createEventPanel(isDropped: (entry: Entry) => boolean) {
  const filter = part('#filter', HTMLInputElement)
  const search = part('#search', HTMLInputElement)
  const pause = part('#pause', HTMLButtonElement)
  const words = part('#events-words', HTMLElement)
  const detail = new EventDetail()
  const list = new EventList({ entries: () => log.shown, onChoose: entry => detail.show(entry), isDropped })
  let frame = 0
  let timer = 0
  const show = () => {
    list.refresh()
    if (frame !== 0) return
    frame = requestAnimationFrame(() => {
      frame = 0
      words.textContent = logWords(log)
    })
  }
  const log = new EventLog(show)
  const choose = () => {
    clearTimeout(timer)
    timer = window.setTimeout(() => log.choose(filter.value, search.value), searchDelayMs)
  }
  filter.oninput = choose
  search.oninput = choose
  pause.onclick = () => {
    const on = pause.ariaPressed !== 'true'
    pause.ariaPressed = String(on)
    pause.textContent = say(on ? 'Go on' : 'Pause')
    log.pause(on)
  }
  part('#clear', HTMLButtonElement).onclick = () => log.clear()
  part('#export', HTMLButtonElement).onclick = () => save(log.toJsonLines())
  return { log, refresh: () => list.refresh() }
}

function logWords({ total, shown, unseen, dropped }: EventLog): string {
  if (total === 0) return say('None yet')
  const parts = [countWords(total, 'event')]
  if (unseen > 0) parts.push(say('{count} since the pause', { count: countFigures(unseen) }))
  if (shown.length < total - unseen) parts.push(say('{count} shown', { count: countFigures(shown.length) }))
  if (dropped > 0) parts.push(say('{count} older ones let go', { count: countFigures(dropped) }))
  return parts.join(say(', '))
}

function save(lines: string): void {
  const url = URL.createObjectURL(new Blob([lines, '\n'], { type: 'application/jsonl' }))
  const link = document.createElement('a')
  link.href = url
  link.download = `events-${new Date().toISOString().replace(/[:.]/g, '-')}.jsonl`
  link.click()
  URL.revokeObjectURL(url)
}
