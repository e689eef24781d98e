/** What the caller has used, as `GET /usage` tells it, in words. A gateway that does not tell leaves the page without. */
import type { Access } from '../access/access.ts'
import { language } from '../language/language.ts'

/** In words; undefined where the gateway does not say. */
export interface Usage {
  tokens: string | undefined
  cost: string | undefined
}

/** Field names under which the sums stand. */
const tokenFields = ['tokens', 'total_tokens'] as const
const costFields = ['cost', 'estimated_cost'] as const

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

/** Reads the sums: numbers, or objects of numbers that are added up. `currency`: ISO 4217, US dollars where it is missing. */
export function readUsage(body: unknown): Usage {
  const fields = isFields(body) ? (isFields(body.total) ? { ...body, ...body.total } : body) : {}
  const tokens = sumOf(fields, tokenFields)
  const cost = sumOf(fields, costFields)
  const currency = typeof fields.currency === 'string' ? fields.currency : 'USD'
  return {
    tokens: tokens?.toLocaleString(language),
    cost: cost?.toLocaleString(language, { style: 'currency', currency, maximumFractionDigits: 4 }),
  }
}

function sumOf(fields: Record<string, unknown>, names: readonly string[]): number | undefined {
  const value = names.map(name => fields[name]).find(found => found !== undefined)
  if (typeof value === 'number') return value
  if (!isFields(value)) return undefined
  const numbers = Object.values(value).filter(part => typeof part === 'number')
  return numbers.length === 0 ? undefined : numbers.reduce((sum, part) => sum + part, 0)
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
