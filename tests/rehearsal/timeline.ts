/** The picture of a rehearsal: a row for each conversation, its colour the revision, its shape the phase. */
import { type ClientRecord, type Link, type Phase, phases, type Report, type Script } from './types.ts'

const width = 1000
const left = 122
const right = 10
const legendHeight = 46
const lane = 13
const axisHeight = 24

/** Many conversations share this height; few are not stretched to it (px). */
const rowsHeight = 1200
const [lowestRow, highestRow] = [4, 9]
const charWidth = 5.6

/** Rows stand together by what their clients were to be found at. */
const groups: readonly (readonly [Script, string])[] = [
  ['idle', 'idle'],
  ['turns', 'short turns'],
  ['connecting', 'connecting'],
  ['listening', 'being listened to'],
  ['speaking', 'long answers'],
  ['sdk', 'at an SDK address'],
  ['tool', 'waiting for a tool'],
]

/** Top and height of a phase in its row (parts of its height). */
const shapes: Record<Exclude<Phase, 'away'>, readonly [number, number]> = {
  connecting: [0.1, 0.8],
  idle: [0.38, 0.24],
  listening: [0, 1],
  speaking: [0, 1],
  'tool pending': [0.08, 0.84],
}
const shown = phases.filter(phase => phase !== 'away')

/** Draws it as one SVG that needs nothing else. */
export function renderTimeline({ clients, marks, durationMs }: Report): string {
  const names = namesOf(clients)
  const from = marks[0]?.at ?? 0
  const to = Math.max(from + 1, marks.at(-1)?.at ?? durationMs)
  const x = (at: number) => left + ((width - left - right) * (clamp(at, from, to) - from)) / (to - from)
  const labels = placeMarks(marks.map(({ at, what }) => ({ x: x(at), what })))
  const top = legendHeight + (1 + Math.max(0, ...labels.map(label => label.lane))) * lane + 4
  const rows = groups.flatMap(([script]) => clients.filter(client => client.script === script))
  const rowHeight = clamp(rowsHeight / Math.max(1, rows.length), lowestRow, highestRow)
  const bottom = top + rows.length * rowHeight
  return `<svg class="timeline" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${round(bottom + axisHeight)}" role="img" aria-label="Timeline of ${rows.length} conversations by revision and phase; the report's table says the same">
<style>${style}</style>
<defs>${names.map((_, place) => patterns(place)).join('')}</defs>
<rect class="paper" width="100%" height="100%"/>
${legend(names)}
<g class="groups">${renderGroups(clients, top, rowHeight)}</g>
<g class="bars">${renderBars(rows, { names, x, to, top, rowHeight })}</g>
<g class="marks">${labels.map(({ x, what, lane: on, isLast }) => `<line x1="${round(x)}" x2="${round(x)}" y1="${legendHeight + on * lane + 3}" y2="${round(bottom)}"/><text${isLast ? ' text-anchor="end"' : ''} x="${round(isLast ? x - 3 : x + 3)}" y="${legendHeight + on * lane + 11}">${asText(what)}</text>`).join('')}</g>
<g class="axis">${renderAxis(from, to, x, bottom)}</g>
</svg>`
}

/** Revisions; their replicas where there is but one revision. */
export function namesOf(clients: readonly ClientRecord[]): string[] {
  const links = clients.flatMap(({ links }) => links).sort((a, b) => a.openedAt - b.openedAt)
  const revisions = new Set(links.map(({ revision }) => revision))
  return [...(revisions.size > 1 ? revisions : new Set(links.map(({ replica }) => replica)))]
}

interface Scene {
  readonly names: readonly string[]
  readonly x: (at: number) => number
  readonly to: number
  readonly top: number
  readonly rowHeight: number
}

/** One path for each revision and phase, and a tick where a socket begins. */
function renderBars(rows: readonly ClientRecord[], { names, x, to, top, rowHeight }: Scene): string {
  const paths = new Map<string, string>()
  const height = rowHeight - (rowHeight > 5 ? 1.5 : 0.8)
  rows.forEach(({ phases, links }, row) => {
    const y = top + row * rowHeight
    phases.forEach(({ phase, at }, place) => {
      const until = phases[place + 1]?.at ?? to
      const link = links.findLast(({ openedAt }) => openedAt <= until) ?? links[0]
      if (phase === 'away' || link === undefined) return
      const [from, end] = [x(at), x(Math.min(until, link.closedAt ?? until))]
      if (end <= from) return
      const [above, high] = shapes[phase]
      const box = `M${round(from)} ${round(y + above * height)}h${round(Math.max(0.4, end - from))}v${round(high * height)}H${round(from)}z`
      const name = `r${colorOf(names, link)} ${phase.replace(' ', '-')}`
      paths.set(name, `${paths.get(name) ?? ''}${box}`)
    })
    for (const { openedAt } of links)
      paths.set('tick', `${paths.get('tick') ?? ''}M${round(x(openedAt))} ${round(y)}v${round(height)}`)
  })
  return [...paths].map(([name, d]) => `<path class="${name}" d="${d}"/>`).join('')
}

function colorOf(names: readonly string[], { revision, replica }: Link): number {
  return Math.max(0, names.indexOf(revision), names.indexOf(replica)) % colors.length
}

function renderGroups(clients: readonly ClientRecord[], top: number, rowHeight: number): string {
  let y = top
  return groups
    .map(([script, words]) => {
      const count = clients.filter(client => client.script === script).length
      if (count === 0) return ''
      const middle = y + (count * rowHeight) / 2 + 3
      const line = `<line x1="0" x2="${width}" y1="${round(y - 0.4)}" y2="${round(y - 0.4)}"/>`
      y += count * rowHeight
      return `${line}<text x="4" y="${round(middle)}">${words}</text><text class="count" x="${left - 8}" y="${round(middle)}">${count}</text>`
    })
    .join('')
}

function legend(names: readonly string[]): string {
  let x = left
  const entry = (mark: string, words: string) => {
    const at = x
    x += 34 + words.length * charWidth
    return `<g transform="translate(${round(at)} 0)">${mark}<text x="22" y="9">${asText(words)}</text></g>`
  }
  const box = (name: string, [above, high]: readonly [number, number]) =>
    `<path class="${name}" d="M0 ${round(1 + above * 9)}h17v${round(high * 9)}H0z"/>`
  const revisions = names.map((name, place) => entry(box(`r${place % colors.length} speaking`, [0, 1]), name))
  x = left
  const kinds = shown.map(phase => entry(box(`r0 ${phase.replace(' ', '-')}`, shapes[phase]), phase))
  const tick = entry('<path class="tick" d="M8 1v9"/>', 'a socket begins')
  return `<g class="legend"><text x="4" y="17">revision</text><g transform="translate(0 8)">${revisions.join('')}</g><text x="4" y="35">phase</text><g transform="translate(0 26)">${kinds.join('')}${tick}</g></g>`
}

/** Labels that would run into each other stand one above the other. */
function placeMarks(marks: readonly { x: number; what: string }[]): Label[] {
  const ends: number[] = []
  return marks.map(({ x, what }) => {
    const room = what.length * charWidth + 8
    const isLast = x + room > width
    const at = isLast ? x - room : x
    let place = ends.findIndex(end => end <= at)
    if (place < 0) place = ends.length
    ends[place] = at + room
    return { x, what, lane: place, isLast }
  })
}

interface Label {
  readonly x: number
  readonly what: string
  readonly lane: number
  /** There is no room to the right of its line. */
  readonly isLast: boolean
}

function renderAxis(from: number, to: number, x: (at: number) => number, y: number): string {
  const step = [1, 2, 5, 10, 30, 60, 120, 300, 600].find(sec => (to - from) / (sec * 1000) <= 16) ?? 1800
  const ticks: string[] = []
  for (let sec = 0; sec * 1000 <= to - from; sec += step) {
    const at = round(x(from + sec * 1000))
    ticks.push(`<path d="M${at} ${round(y)}v4"/><text x="${at}" y="${round(y + 14)}">${sec} s</text>`)
  }
  return ticks.join('')
}

function patterns(place: number): string {
  return `<pattern id="connecting-${place}" width="3" height="4" patternUnits="userSpaceOnUse"><rect class="r${place}" width="1.4" height="4"/></pattern><pattern id="listening-${place}" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="r${place} soft" width="4" height="4"/><rect class="r${place}" width="2" height="4"/></pattern>`
}

const clamp = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value))
const round = (value: number) => Math.round(value * 10) / 10

export function asText(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')
}

/** By the order in which revisions appear, for light and dark paper: told apart by lightness too. */
const colors: readonly (readonly [string, string])[] = [
  ['#1d4f9f', '#5e94f2'],
  ['#2f9e63', '#a4e6bf'],
  ['#b26a00', '#ffc46b'],
  ['#8a4fbf', '#d3b1f5'],
]

const style = `
.timeline{width:100%;height:auto;display:block;--paper:#fff;--ink:#1a1d21;--faint:#5b6470;--rule:#d5dae0;${colors.map(([light], place) => `--r${place}:${light}`).join(';')}}
@media (prefers-color-scheme:dark){.timeline{--paper:#15181c;--ink:#e8eaed;--faint:#a2abb6;--rule:#343a42;${colors.map(([, dark], place) => `--r${place}:${dark}`).join(';')}}}
.timeline text{font:10px system-ui,sans-serif;fill:var(--ink)}.timeline .paper{fill:var(--paper)}
${colors.map((_, place) => `.timeline .r${place}{fill:var(--r${place});stroke:none}.timeline .r${place}.connecting{fill:url(#connecting-${place})}.timeline .r${place}.listening{fill:url(#listening-${place})}.timeline .r${place}.tool-pending{fill:none;stroke:var(--r${place});stroke-width:.9}`).join('')}
.timeline .idle{opacity:.7}.timeline .soft{opacity:.35}.timeline .tick{stroke:var(--ink);stroke-width:1;fill:none}
.timeline .groups line,.timeline .axis path{stroke:var(--rule);stroke-width:.8}.timeline .count{text-anchor:end;fill:var(--faint)}.timeline .axis text{text-anchor:middle;fill:var(--faint)}
.timeline .marks line{stroke:var(--ink);stroke-width:.8;stroke-dasharray:2 2}
`
