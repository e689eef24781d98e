/** The chart of a run: what one event costs each contender, as an SVG that needs nothing from elsewhere. */
import type { Figure } from './figures.ts'

/** Gateways of all kinds have one colour: the row says which it is. */
const series = [
  { label: 'this gateway', colour: 'gateway', contenders: ['gateway', 'dialect', 'chat', 'workers'] },
  { label: 'bare relay', colour: 'bare', contenders: ['bare'] },
  { label: 'parsing relay', colour: 'parse', contenders: ['parse'] },
  { label: 'HAProxy', colour: 'haproxy', contenders: ['haproxy'] },
]

const width = 760
const barsFrom = 180
const barsTo = 690
const barHeight = 12
const barStep = 15
const rowGap = 14
const headHeight = 84
const footHeight = 16

const style = `
svg { --ground: #ffffff; --ink: #1f2328; --soft: #59636e; --line: #d1d9e0; --gateway: #0969da; --bare: #8c959f; --parse: #bf8700; --haproxy: #1a7f37 }
@media (prefers-color-scheme: dark) {
svg { --ground: #0d1117; --ink: #f0f6fc; --soft: #9198a1; --line: #3d444d; --gateway: #4493f8; --bare: #7d8590; --parse: #d29922; --haproxy: #3fb950 }
}
text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: var(--ink) }
.title { font-size: 16px; font-weight: 600 } .soft { fill: var(--soft) } .end { text-anchor: end }
.ground { fill: var(--ground) } .line { stroke: var(--line) }
${series.map(({ colour }) => `.${colour} { fill: var(--${colour}) }`).join(' ')}
`

/**
 * Draws one group of bars a row, of its medians in µs an event.
 * @throws Error when the run had no such row
 */
export function chartOf(figures: readonly Figure[]): string {
  const costs = figures.filter(({ unit }) => unit === 'µs an event')
  const highest = Math.max(...costs.map(({ median }) => median))
  if (!(highest > 0)) throw new Error('--chart: this run has no row of CPU; ask for one with --only')
  const rows = [...Map.groupBy(costs, ({ row }) => row)]
  let top = headHeight
  const groups = rows.map(([row, members]) => {
    const group = groupOf(row, members, top, highest)
    top += members.length * barStep + rowGap
    return group
  })
  const height = top + footHeight
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title what">
<title id="title">CPU of relaying one event</title>
<desc id="what">${rows.map(([row, members]) => escapeText(`${row}: ${wordsOf(members)}`)).join('. ')}.</desc>
<style>${style}</style>
<rect class="ground" width="${width}" height="${height}"/>
<text class="title" x="16" y="30">CPU of relaying one event (µs)</text>
<text class="soft" x="16" y="50">Medians of one run of npm run bench; shorter is cheaper.</text>
${legend()}
<line class="line" x1="${barsFrom}" x2="${barsFrom}" y1="${headHeight}" y2="${top - rowGap}"/>
${groups.join('\n')}
</svg>
`
}

function legend(): string {
  return series
    .map(({ label, colour }, index) => {
      const x = barsFrom + index * 120
      return `<rect class="${colour}" x="${x}" y="62" width="${barHeight}" height="${barHeight}" rx="2"/><text x="${x + 18}" y="72">${label}</text>`
    })
    .join('\n')
}

function groupOf(row: string, members: readonly Figure[], top: number, highest: number): string {
  const label = `<text class="end" x="${barsFrom - 10}" y="${top + (members.length * barStep) / 2 + 3}">${escapeText(row)}</text>`
  const bars = inOrder(members).map(({ contender, median }, index) => {
    const y = top + index * barStep
    const length = Math.round((median / highest) * (barsTo - barsFrom) * 10) / 10
    const bar = `<rect class="${seriesOf(contender)?.colour}" x="${barsFrom}" y="${y}" width="${length}" height="${barHeight}" rx="2"/>`
    return `${bar}<text x="${barsFrom + length + 6}" y="${y + 10}">${microsOf(median)}${nameBeside(contender, members)}</text>`
  })
  return [label, ...bars].join('')
}

/** Two bars of one colour in a row are told apart. */
function nameBeside(contender: string, members: readonly Figure[]): string {
  const alike = members.filter(other => seriesOf(other.contender) === seriesOf(contender))
  if (alike.length < 2) return ''
  return contender === 'workers' ? ' with two workers' : ' with one'
}

function inOrder(members: readonly Figure[]): Figure[] {
  const place = (contender: string) => series.findIndex(({ contenders }) => contenders.includes(contender))
  return members.toSorted((a, b) => place(a.contender) - place(b.contender))
}

function seriesOf(contender: string) {
  return series.find(({ contenders }) => contenders.includes(contender))
}

function wordsOf(members: readonly Figure[]): string {
  return inOrder(members)
    .map(({ contender, median }) => `${contender} ${microsOf(median)}`)
    .join(', ')
}

function microsOf(median: number): string {
  return median < 100 ? median.toFixed(1) : String(Math.round(median))
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
