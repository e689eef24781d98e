/** `GET /usage`: what the caller used, by the day, assistant and deployment; `?all` for an operator; JSON or CSV. */
import { GatewayError } from '../core/errors.ts'
import type { Principal } from '../core/ports.ts'
import { type HttpAnswer, type HttpHandler, type HttpRequest, jsonAnswer } from '../server/http.ts'
import { dayOf, daysBetween, keptDays, type UsageLedger, type UsageRow } from '../usage/ledger.ts'
import { describedKinds, describeTally } from '../usage/tally.ts'

export interface UsagePageOptions {
  readonly ledger: Pick<UsageLedger, 'read' | 'readAll'>
  readonly currency: string
  /** Unix time (ms). */
  readonly now: () => number
  /** Names of principals that may see the usage of all. */
  readonly operators: ReadonlySet<string>
  /** Its holders may, too. */
  readonly operatorRole: string | undefined
}

/**
 * Makes the handler. `from` and `to` are days (UTC, default today); `format=csv`, or `Accept: text/csv`, answers CSV.
 * The handler throws `forbidden` for `all` by a caller that is no operator, `bad_request`, `store_unavailable`.
 */
export function createUsagePage(options: UsagePageOptions): HttpHandler {
  const { ledger, currency } = options
  return async request => {
    const { query, principal = anonymous } = request
    const isAll = query.has('all')
    if (isAll && !isOperator(principal, options))
      throw new GatewayError('forbidden', 'Only an operator may see the usage of all callers')
    const { from, to, days } = readDays(query, options.now())
    const rows = isAll ? await ledger.readAll(days) : await ledger.read(principal.name, days)
    if (wantsCsv(request)) return csvAnswer(rows, currency)
    const usage = rows.map(({ tally, ...of }) => ({ ...of, ...describeTally(tally) }))
    return jsonAnswer(200, { from, to, currency, note: 'Costs are estimates.', usage })
  }
}

function isOperator(
  { name, roles = [] }: Principal,
  { operators, operatorRole }: Pick<UsagePageOptions, 'operators' | 'operatorRole'>,
): boolean {
  return operators.has(name) || (operatorRole !== undefined && roles.includes(operatorRole))
}

const anonymous: Principal = { name: 'anonymous', by: 'none' }

const dayPattern = /^\d{4}-\d{2}-\d{2}$/

/** @throws GatewayError `bad_request` */
function readDays(query: URLSearchParams, now: number): { from: string; to: string; days: string[] } {
  const today = dayOf(now)
  const read = (name: string, otherwise: string) => {
    const day = query.get(name) ?? otherwise
    if (!dayPattern.test(day) || Number.isNaN(Date.parse(day)) || dayOf(Date.parse(day)) !== day)
      throw new GatewayError('bad_request', `"${name}": must be a day, such as ${today}`)
    return day
  }
  const to = read('to', today)
  const from = read('from', to)
  if (from > to) throw new GatewayError('bad_request', '"from": must not be later than "to"')
  const days = daysBetween(from, to)
  if (days.at(-1) !== to)
    throw new GatewayError('bad_request', `"from": may be ${keptDays} days before "to" at most`)
  return { from, to, days }
}

function wantsCsv({ query, headers }: HttpRequest): boolean {
  const format = query.get('format')
  if (format !== null && format !== 'csv' && format !== 'json')
    throw new GatewayError('bad_request', '"format": must be "json" or "csv"')
  return format === null ? (headers.get('accept') ?? '').startsWith('text/csv') : format === 'csv'
}

function csvAnswer(rows: readonly UsageRow[], currency: string): HttpAnswer {
  const of = ['day', 'principal', 'assistant', 'deployment'] as const
  const lines = rows.map(row => {
    const told = describeTally(row.tally)
    return [...of.map(name => cellOf(row[name])), ...describedKinds.map(kind => told[kind]), currency].join(
      ',',
    )
  })
  const head = [...of, ...describedKinds, 'currency'].join(',')
  return {
    status: 200,
    headers: { 'Content-Type': 'text/csv; charset=utf-8', 'Cache-Control': 'no-store' },
    body: `${[head, ...lines].join('\r\n')}\r\n`,
  }
}

/** Characters, some of them in full width, that make a spreadsheet take what follows for a formula (OWASP, CSV Injection). */
const startsFormula = /^[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]/

/** What RFC 4180 asks to quote, and what separates cells in other locales' spreadsheets. */
const needsQuotes = /[",;\t\r\n]/

function cellOf(text: string): string {
  const plain = startsFormula.test(text) ? `'${text}` : text
  return needsQuotes.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain
}
