/** The tables of the simulator's behaviour, read from the English page and written in Japanese. */
import { behaviours, columns, headings, sources } from './japanese-behaviour.ts'
import { readPage } from './pages.ts'

const page = 'docs/simulator/behaviour.md'

/** The sections of the English page, with the cells of each row. */
export function readBehaviour(): { heading: string; rows: string[][] }[] {
  return readPage(page)
    .split(/^## /m)
    .slice(1)
    .map(section => {
      const [heading = '', ...lines] = section.split('\n')
      const [, , ...rows] = lines.filter(line => line.startsWith('|'))
      return { heading, rows: rows.map(row => row.slice(2, -2).split(' | ')) }
    })
}

/** @throws Error with the texts of the English page that `japanese-behaviour.ts` does not have */
export function renderJapaneseBehaviour(sections = readBehaviour()): string {
  const untranslated: string[] = []
  const find = (texts: Readonly<Record<string, string>>, english: string) => {
    if (!(english in texts)) untranslated.push(english)
    return texts[english] ?? ''
  }
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const parts = sections.map(({ heading, rows }) => {
    const translated = rows.map(([behaviour = '', source = '', held = '']) =>
      row([find(behaviours, behaviour), find(sources, source), held]),
    )
    return [`## ${find(headings, heading)}`, '', row(columns), '|---|---|---|', ...translated].join('\n')
  })
  if (untranslated.length > 0)
    throw new Error(`tests/documents/japanese-behaviour.ts has no text for: ${untranslated.join('; ')}`)
  return parts.join('\n\n')
}
