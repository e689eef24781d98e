/** The table of clients in the documents. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Client, talks, versionOf } from './roster.ts'
import { notServed, type Outcome } from './run.ts'

export const tableFile = join(import.meta.dirname, '../../docs/endpoints/sdk.md')

const begin = '<!-- clients: begin -->'
const end = '<!-- clients: end -->'

/** Renders what a run found. */
export function renderTable(outcomes: readonly Outcome[]): string {
  const head = ['client', 'version', 'what to set', 'model of its own', ...talks]
  const rows = outcomes.map(({ client, faults }) => [
    ...describe(client),
    ...talks.map(talk => {
      const fault = faults.get(talk)
      if (fault === undefined) return '–'
      if (fault === null) return 'yes'
      return fault === notServed ? notServed : '**no**'
    }),
  ])
  return [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n')
}

/** The cells that need no run. */
export function describe(client: Client): string[] {
  const { name, setting, ownModel } = client
  const module = client.runtime === 'node' ? 'npm' : 'PyPI'
  return [
    name,
    `\`${client.package}\` ${versionOf(client)} (${module})`,
    setting,
    ownModel === null ? '–' : `\`${ownModel}\``,
  ]
}

/** The table as the documents have it. @throws Error where the marks are missing */
export function readTable(): string {
  const text = readFileSync(tableFile, 'utf8')
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`"${tableFile}" needs ${begin} and ${end} around the table`)
  return text.slice(from + begin.length, to).trim()
}

/** Puts a table into the documents. */
export function writeTable(table: string): void {
  const text = readFileSync(tableFile, 'utf8')
  writeFileSync(
    tableFile,
    text.replace(readTable(), () => table),
  )
}
