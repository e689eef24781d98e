/** What a load test leaves behind: progress while it runs, a summary, and a file in `reports/`. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { type Durations, tableOf } from './durations.ts'

const folder = join(import.meta.dirname, '../../reports')

export interface Report {
  /** One line for people, with the time since the start. */
  say(line: string): void
  /** Prints the summary and writes `reports/load-NAME.json`. */
  finish(figures: Readonly<Record<string, unknown>>, kinds: Readonly<Record<string, Durations>>): void
}

export function startReport(t: ExecutionContext, name: string): Report {
  const startedAt = performance.now()
  const startedOn = new Date().toISOString()
  const seconds = () => Math.round((performance.now() - startedAt) / 100) / 10
  const lines: string[] = []
  return {
    say: line => {
      lines.push(`${seconds()} s  ${line}`)
      t.log(`${seconds()} s  ${line}`)
      // The runner keeps a test's own log until its end; progress is for whoever watches.
      process.stderr.write(`  ${name} ${seconds()} s  ${line}\n`)
    },
    finish: (figures, kinds) => {
      const summaries = Object.entries(kinds).map(([kind, durations]) => [kind, durations.summary()])
      const report = {
        name,
        startedOn,
        seconds: seconds(),
        ...figures,
        ms: Object.fromEntries(summaries),
        lines,
      }
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, `load-${name}.json`), `${JSON.stringify(report, null, 2)}\n`)
      process.stderr.write(`${tableOf(kinds)}\n${JSON.stringify(figures)}\n`)
    },
  }
}
