/** The report as one page that needs nothing else: a picture of every connection, and the same as a table. */
import type { ClientRecord, Link, Proof, Report } from './types.ts'

const width = 1000
const rowHeight = 6
const top = 24
const left = 60

/** By place in the list of replicas that were seen: told apart by lightness too, for print. */
const colors = ['#1f5fbf', '#2f9e63', '#b8860b', '#8a4fbf']

export function renderReport(report: Report): string {
  const { title, startedAt, figures, proofs, options } = report
  const passed = proofs.filter(proof => proof.passed).length
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${asText(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${asText(title)}</h1>
<p class="lead">${passed} of ${proofs.length} proofs passed. ${figures.clients} conversations over ${figures.sockets} sockets, ${figures.turns} numbered turns: ${figures.lost} lost, ${figures.doubled} doubled, ${figures.cut} broken off and asked again, ${figures.forgotten} conversations without their memory.</p>
<p>From close to resumed: ${figures.gapMs.p50} ms median, ${figures.gapMs.p99} ms at the 99th percentile. Began ${asText(startedAt)}; mode ${asText(String(options.mode))}, grace ${asText(String(options.grace))} s.</p>
<section aria-labelledby="proofs"><h2 id="proofs">Proofs</h2>${proofs.map(renderProof).join('\n')}</section>
<section aria-labelledby="timeline"><h2 id="timeline">Every connection</h2>${renderTimeline(report)}</section>
<section aria-labelledby="table"><h2 id="table">The same as a table</h2>${renderTable(report.clients)}</section>
</main>
</body>
</html>
`
}

function renderProof({ name, passed, meaning, evidence }: Proof): string {
  return `<article class="${passed ? 'passed' : 'failed'}"><h3>${passed ? 'Passed' : 'Failed'}: ${asText(name)}</h3><p>${asText(meaning)}</p><ul>${evidence.map(line => `<li>${asText(line)}</li>`).join('')}</ul></article>`
}

function renderTimeline({ clients, marks, durationMs }: Report): string {
  const end = Math.max(1, marks.at(-1)?.at ?? durationMs)
  const x = (at: number) => left + ((width - left - 10) * Math.min(at, end)) / end
  const replicas = [...new Set(clients.flatMap(({ links }) => links.map(({ replica }) => replica)))].sort()
  const color = (replica: string) => colors[replicas.indexOf(replica) % colors.length] ?? '#666'
  const height = top + clients.length * rowHeight + 10
  const bars = clients.flatMap((client, row) =>
    client.links.map(link => renderBar(client, link, row, x, end, color)),
  )
  const lines = marks.map(
    ({ at, what }, place) =>
      `<g><line x1="${x(at)}" x2="${x(at)}" y1="${top - 4}" y2="${height}"/><text x="${x(at) + 2}" y="${place % 2 === 0 ? 9 : 19}">${asText(what)}</text></g>`,
  )
  const key = replicas.map(
    replica => `<li><span style="background:${color(replica)}"></span>${asText(replica)}</li>`,
  )
  return `<ul class="key">${key.join('')}<li><span class="busy"></span>an answer under way</li></ul>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Timeline of ${clients.length} conversations, coloured by replica; the table below says the same"><g class="bars">${bars.join('')}</g><g class="marks">${lines.join('')}</g></svg>`
}

function renderBar(
  client: ClientRecord,
  { replica, openedAt, closedAt }: Link,
  row: number,
  x: (at: number) => number,
  end: number,
  color: (replica: string) => string,
): string {
  const y = top + row * rowHeight
  const until = closedAt ?? end
  const busy = client.turns
    .filter(({ askedAt, answeredAt }) => askedAt < until && (answeredAt ?? end) > openedAt)
    .map(({ askedAt, answeredAt }) => {
      const [from, to] = [Math.max(askedAt, openedAt), Math.min(answeredAt ?? end, until)]
      return `<rect class="busy" x="${x(from).toFixed(1)}" y="${y}" width="${Math.max(0.6, x(to) - x(from)).toFixed(1)}" height="${rowHeight - 1}"/>`
    })
  const bar = `<rect fill="${color(replica)}" x="${x(openedAt).toFixed(1)}" y="${y}" width="${Math.max(0.6, x(until) - x(openedAt)).toFixed(1)}" height="${rowHeight - 1}"/>`
  return `${bar}${busy.join('')}`
}

function renderTable(clients: readonly ClientRecord[]): string {
  const rows = clients.map(({ id, phase, cohort, links, turns, gaps, faults, memory }) => {
    const path = links
      .map(({ replica, code }) => `${replica}${code === null ? '' : ` (${code})`}`)
      .join(' → ')
    const answered = turns.filter(({ answers }) => answers === 1).length
    const knows = memory !== null && memory.expected.join() === memory.remembered.join() ? 'yes' : 'no'
    const cells = [
      id,
      phase,
      cohort,
      path,
      `${answered} of ${turns.length}`,
      gaps.map(gap => `${gap} ms`).join(', ') || '–',
      knows,
      faults.join('; ') || '–',
    ]
    return `<tr>${cells.map(cell => `<td>${asText(String(cell))}</td>`).join('')}</tr>`
  })
  const heads = [
    'client',
    'phase',
    'opened with',
    'replicas (close code)',
    'turns answered once',
    'gaps',
    'remembers all',
    'faults',
  ]
  return `<div class="scroll" tabindex="0" role="region" aria-labelledby="table"><table><thead><tr>${heads.map(head => `<th scope="col">${head}</th>`).join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`
}

function asText(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')
}

const style = `
:root { color-scheme: light dark; --ink: #1a1d21; --paper: #fff; --faint: #5b6470; --rule: #d5dae0; --good: #1d7a46; --bad: #b3261e }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --paper: #15181c; --faint: #a2abb6; --rule: #343a42; --good: #5fc98d; --bad: #ff8a80 } }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper) }
main { max-width: 1080px; margin: 0 auto; padding: 24px 16px 64px }
h1 { font-size: 1.6rem; margin: 0 0 8px } h2 { font-size: 1.2rem; margin: 32px 0 8px } h3 { font-size: 1rem; margin: 0 }
.lead { font-size: 1.1rem } p { margin: 4px 0 }
article { border-left: 4px solid var(--rule); padding: 4px 12px; margin: 12px 0 } article ul { margin: 4px 0; padding-left: 18px; color: var(--faint) }
.passed { border-color: var(--good) } .passed h3 { color: var(--good) } .failed { border-color: var(--bad) } .failed h3 { color: var(--bad) }
svg { width: 100%; height: auto; display: block } svg text { font: 9px system-ui, sans-serif; fill: var(--ink) } .marks line { stroke: var(--ink); stroke-width: .6; stroke-dasharray: 2 2 }
rect.busy, .key .busy { fill: #ffd35c; background: #ffd35c }
.key { list-style: none; display: flex; gap: 16px; padding: 0; flex-wrap: wrap } .key span { display: inline-block; width: 14px; height: 10px; margin-right: 6px }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-size: .85rem; width: 100% } th, td { text-align: left; padding: 3px 8px; border-bottom: 1px solid var(--rule); white-space: nowrap }
@media print { .scroll { overflow: visible } td { white-space: normal } }
`
