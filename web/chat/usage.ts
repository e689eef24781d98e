/** What the caller has used, as `GET /usage` tells it, in words. A gateway that does not tell leaves the page without. */
import type { Access } from '../access/access.ts'
import { language } from '../language/language.ts'

/** In words; undefined where the gateway does not say. */
export interface Usage {
  tokens: string | undefined
  cost: string | undefined
}

/**
 * Asks the gateway what the caller has used.
 * @returns undefined where it does not tell: it knows no such address, or refuses
 */
export async function fetchUsage(access: Access): Promise<Usage | undefined> {
  try {
    const response = await access.fetch('/usage')
    return readUsage(await response.json())
  } catch {
    return undefined
  }
}

/** Reads the rows of `GET /usage`, one for each day, assistant and deployment, and adds them up. Cached input is a part of input. */
export function readUsage(body: unknown): Usage {
  const { usage, currency } = isFields(body) ? body : {}
  const rows = Array.isArray(usage) ? usage.filter(isFields) : []
  const tokens = rows.flatMap(row =>
    Object.entries(row).filter(([name]) => /^(in|out)put_\w+_tokens$/.test(name)),
  )
  const cost = rows.map(row => row.estimated_cost)
  const style = { style: 'currency', currency: String(currency), maximumFractionDigits: 4 } as const
  return {
    tokens: sumOf(tokens.map(([, count]) => count))?.toLocaleString(language),
    cost: currency === undefined ? undefined : sumOf(cost)?.toLocaleString(language, style),
  }
}

/** Adds up the numbers; undefined where there are none. */
function sumOf(values: readonly unknown[]): number | undefined {
  const numbers = values.filter(value => typeof value === 'number')
  return numbers.length === 0 ? undefined : numbers.reduce((sum, value) => sum + value, 0)
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
