/** `npm run rehearse`: a rollout on this machine, or watched at a deployed gateway, with a report. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { installServers } from './install-servers.ts'
import { help, type Options, readOptions } from './options.ts'
import { Rehearsal } from './plan.ts'
import { PortableRun } from './portable.ts'
import { summaryOf } from './portable-proofs.ts'
import { eventsOf, figuresOf, proofsOf } from './proofs.ts'
import { renderReport } from './report.ts'
import { TargetRun } from './target.ts'
import { renderTimeline } from './timeline.ts'
import type { Report } from './types.ts'

const options = readOptionsOrExit()
if (!options.any) installServers()
const startedAt = new Date().toISOString()
const began = performance.now()
const report = options.target === null ? await rehearse() : await watch(options.target)
mkdirSync(options.out, { recursive: true })
writeFileSync(join(options.out, 'report.json'), `${JSON.stringify(report, null, 1)}\n`)
writeFileSync(join(options.out, 'timeline.svg'), `${renderTimeline(report)}\n`)
writeFileSync(join(options.out, 'index.html'), renderReport(report))
for (const { name, passed, evidence } of report.proofs) {
  console.log(`${passed ? 'passed' : 'FAILED'}  ${name}`)
  for (const line of evidence) console.log(`        ${line}`)
}
if (options.any) console.log(`\n${summaryOf(report)}`)
console.log(`\n${join(options.out, 'index.html')}`)
process.exit(report.proofs.every(({ passed }) => passed) ? 0 : 1)

async function rehearse(): Promise<Report> {
  const outcome = await new Rehearsal(options, console.log).run()
  return {
    title: `Rollout rehearsal: ${options.mode}`,
    startedAt,
    durationMs: Math.round(performance.now() - began),
    options: { ...options },
    marks: outcome.marks,
    clients: outcome.clients,
    proofs: proofsOf(options, outcome),
    figures: figuresOf(outcome.clients),
    events: eventsOf(outcome.clients),
    phases: outcome.phases,
  }
}

async function watch(target: string): Promise<Report> {
  const Run = options.any ? PortableRun : TargetRun
  const { marks, clients, proofs } = await new Run(target, options, console.log).run()
  const durationMs = Math.round(performance.now() - began)
  return {
    title: `${options.any ? 'Restart' : 'Rollout'} of ${withoutQuery(target)}`,
    startedAt,
    durationMs,
    options: { ...options },
    marks,
    clients,
    proofs,
    figures: figuresOf(clients),
    events: eventsOf(clients),
    phases: null,
  }
}

/** A query may hold what is nobody's business. */
function withoutQuery(target: string): string {
  return target.replace(/\?.*$/, '')
}

function readOptionsOrExit(): Options {
  try {
    const options = readOptions(process.argv.slice(2))
    if (options !== null) return options
    console.log(help)
    process.exit(0)
  } catch (fault) {
    console.error(`${fault instanceof Error ? fault.message : fault}\n\n${help}`)
    process.exit(2)
  }
}
