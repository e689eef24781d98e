/** The report as one page that needs nothing else: a picture of every connection, and the same as a table. */
import { remembers } from './proofs.ts'
import { asText, renderTimeline } from './timeline.ts'
import { type ClientRecord, type Proof, phases, type Report } from './types.ts'

export function renderReport(report: Report): string {
  const { title, startedAt, figures, events, proofs, options } = report
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
<p class="lead">${passed} of ${proofs.length} proofs passed. ${figures.clients} conversations over ${figures.sockets} sockets, ${figures.turns} numbered turns: ${figures.lost} lost, ${figures.doubled} doubled, ${figures.cut} in flight at a close and asked again, ${figures.forgotten} conversations without their memory.</p>
<p>${events.seen} words, sounds and events: ${events.lost} lost, ${events.doubled} doubled, ${events.disordered} out of order; ${events.cut} of them in answers that broke off.</p>
<p>From close to resumed: ${figures.gapMs.p50} ms median, ${figures.gapMs.p99} ms at the 99th percentile. Began ${asText(startedAt)}, took ${Math.round(report.durationMs / 1000)} s; ${asText(String(options.sessions))} conversations at the start${options.target === null ? `, grace ${asText(String(options.grace))} s` : ''}.</p>
<p>${figures.redials} times somebody dialled again, ${figures.peakRedials} times within the worst second. Close codes: ${asText(codesOf(figures.closeCodes))}.${figures.unheardWords > 0 ? ` ${figures.unheardWords} words were missing when answers broke off.` : ''}</p>
${renderPhases(report)}
<section aria-labelledby="proofs"><h2 id="proofs">Proofs</h2>${proofs.map(renderProof).join('\n')}</section>
<section aria-labelledby="timeline"><h2 id="timeline">Every connection</h2><div class="scroll" tabindex="0" role="region" aria-labelledby="timeline">${renderTimeline(report)}</div></section>
<section aria-labelledby="table"><h2 id="table">The same as a table</h2>${renderTable(report.clients)}</section>
</main>
</body>
</html>
`
}

/** `1012 (40), 1006 (2)`; `none` where no socket was closed. */
export function codesOf(closeCodes: Readonly<Record<string, number>>): string {
  const codes = Object.entries(closeCodes).map(([code, count]) => `${code} (${count})`)
  return codes.join(', ') || 'none'
}

/** What the old replica held when it was told to go. */
function renderPhases({ phases: found }: Report): string {
  if (found === null) return ''
  const cells = phases.filter(phase => phase !== 'away')
  return `<table class="phases"><caption>Conversations on the old replica when it was told to go</caption><thead><tr>${cells.map(phase => `<th scope="col">${phase}</th>`).join('')}</tr></thead><tbody><tr>${cells.map(phase => `<td>${found[phase]}</td>`).join('')}</tr></tbody></table>`
}

function renderProof({ name, passed, meaning, evidence }: Proof): string {
  return `<article class="${passed ? 'passed' : 'failed'}"><h3>${passed ? 'Passed' : 'Failed'}: ${asText(name)}</h3><p>${asText(meaning)}</p><ul>${evidence.map(line => `<li>${asText(line)}</li>`).join('')}</ul></article>`
}

function renderTable(clients: readonly ClientRecord[]): string {
  const rows = clients.map(client => {
    const { id, script, cohort, links, turns, events, gaps, faults } = client
    const path = links
      .map(({ revision, replica, code }) => `${revision} ${replica}${code === null ? '' : ` (${code})`}`)
      .join(' → ')
    const answered = turns.filter(({ answers }) => answers === 1).length
    const knows = remembers(client) ? 'yes' : 'no'
    const cells = [
      id,
      script,
      cohort,
      path,
      `${answered} of ${turns.length}`,
      `${events.seen}, ${events.lost}, ${events.doubled}`,
      gaps.map(gap => `${gap} ms`).join(', ') || '–',
      knows,
      faults.join('; ') || '–',
    ]
    return `<tr>${cells.map(cell => `<td>${asText(String(cell))}</td>`).join('')}</tr>`
  })
  const heads = [
    'client',
    'script',
    'opened with',
    'revision and replica (close code)',
    'turns answered once',
    'events seen, lost, doubled',
    'gaps',
    'remembers all',
    'faults',
  ]
  return `<div class="scroll" tabindex="0" role="region" aria-labelledby="table"><table><thead><tr>${heads.map(head => `<th scope="col">${head}</th>`).join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`
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
#timeline + .scroll svg { min-width: 760px } .phases { width: auto; margin: 12px 0 } caption { text-align: left; color: var(--faint) }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-size: .85rem; width: 100% } th, td { text-align: left; padding: 3px 8px; border-bottom: 1px solid var(--rule); white-space: nowrap }
@media print { .scroll { overflow: visible } td { white-space: normal } }
`
