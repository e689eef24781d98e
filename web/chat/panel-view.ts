/** What an assistant shows beside its words: an array of flat objects is a table, anything else JSON. */
import { language } from '../language/language.ts'
import { copyTemplate, part } from '../page/page.ts'

/** Rows and columns that are shown of a table; more is left out. */
const maxRows = 100
const maxColumns = 8
/** Characters of JSON that are shown. */
const maxJsonChars = 20_000

type Row = Readonly<Record<string, unknown>>

/** A table, and what stands beside it: `{order: […], total: 9}` has the rows of `order`, and the fact `total`. */
export interface Table {
  rows: readonly Row[]
  facts: readonly (readonly [name: string, value: unknown])[]
}

/** Makes the element of a panel. */
export function createPanel(name: string, data: unknown): HTMLElement {
  const element = copyTemplate('#panel-template')
  element.dataset.name = name
  part('.panel-name', HTMLElement, element).textContent = nameWords(name)
  const content = part('.panel-content', HTMLElement, element)
  const table = readTable(data)
  if (table) {
    content.append(createTable(table.rows))
    for (const [fact, value] of table.facts) {
      const line = document.createElement('p')
      line.textContent = `${nameWords(fact)}: ${cellWords(value)}`
      content.append(line)
    }
    return element
  }
  const json = document.createElement('pre')
  json.className = 'json'
  json.textContent = JSON.stringify(data, null, 2)?.slice(0, maxJsonChars) ?? ''
  content.append(json)
  return element
}

/**
 * Reads a table: an array of flat objects, or an object that has one such array and flat values.
 * @returns undefined for anything else
 */
export function readTable(data: unknown): Table | undefined {
  if (areRows(data)) return { rows: data, facts: [] }
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return undefined
  const fields = Object.entries(data)
  const tables = fields.filter(([, value]) => areRows(value))
  const facts = fields.filter(([, value]) => typeof value !== 'object' || value === null)
  const [table] = tables
  if (table === undefined || tables.length > 1 || facts.length + 1 < fields.length) return undefined
  return { rows: table[1] as readonly Row[], facts }
}

function areRows(value: unknown): value is readonly Row[] {
  return Array.isArray(value) && value.length > 0 && value.every(isFlat)
}

function isFlat(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every(field => typeof field !== 'object' || field === null)
  )
}

function createTable(rows: readonly Row[]): HTMLTableElement {
  const columns = [...new Set(rows.flatMap(row => Object.keys(row)))].slice(0, maxColumns)
  const table = document.createElement('table')
  const head = table.createTHead().insertRow()
  for (const column of columns) {
    const cell = document.createElement('th')
    cell.scope = 'col'
    cell.textContent = nameWords(column)
    head.append(cell)
  }
  const body = table.createTBody()
  for (const row of rows.slice(0, maxRows)) {
    const line = body.insertRow()
    for (const column of columns) line.insertCell().textContent = cellWords(row[column])
  }
  return table
}

/** A name of a program as people write it: `order-placed` is "Order placed". */
export function nameWords(name: string): string {
  const words = name.replaceAll(/[-_.]+/g, ' ').trim()
  return words.charAt(0).toLocaleUpperCase(language) + words.slice(1)
}

function cellWords(value: unknown): string {
  if (typeof value === 'number') return value.toLocaleString(language)
  return value === undefined || value === null ? '' : String(value)
}
