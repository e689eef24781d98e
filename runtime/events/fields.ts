/** JSON objects that come from outside: read to a bounded depth, so that whatever walks them may recurse. */
import { parseJson } from '../core/json.ts'
import { backslash, closeBrace, closeBracket, openBrace, openBracket, quote } from './ascii.ts'

/** A JSON object whose fields nobody vouches for. */
export type Fields = Record<string, unknown>

/**
 * Levels of objects and lists that are read. `JSON.stringify` recurses and overflows the stack at a few
 * thousand; a tool's JSON Schema, the deepest value of the API, has about a dozen.
 */
export const maxDepth = 64

/** ECMAScript's "JSON.parse source text access", which the language's type files do not know yet. */
interface ExactJson {
  parse(text: string, revive: (key: string, value: unknown, context: { source?: string }) => unknown): unknown
  rawJSON(text: string): object
  isRawJSON(value: unknown): boolean
}

const json = JSON as unknown as ExactJson

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !json.isRawJSON(value)
}

/** Reads a text whose sender nobody vouches for. @returns `otherwise` for what is no string */
export function textOr(value: unknown, otherwise = ''): string {
  return typeof value === 'string' ? value : otherwise
}

/** Leaves out what is undefined. */
export function present(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

/**
 * Reads a JSON object.
 * @param bytes UTF-8; the cost is linear in their number
 * @returns null for anything else, and for an object of more than `maxDepth` levels. Never throws.
 */
export function parseFields(bytes: Buffer): Fields | null {
  if (!isShallow(bytes)) return null
  const value = parseJson(bytes.toString())
  return isFields(value) ? value : null
}

/**
 * Reads a JSON object as `parseFields` does, and keeps numbers that JavaScript cannot hold as they are written: they
 * stand as raw JSON, which `JSON.stringify` writes again.
 */
export function parseExactly(bytes: Buffer): Fields | null {
  const fields = parseFields(bytes)
  if (fields === null || !longNumber.test(bytes.toString())) return fields
  const exact: unknown = json.parse(bytes.toString(), (_key, value, { source }) =>
    typeof value === 'number' && String(value) !== source ? json.rawJSON(source ?? '0') : value,
  )
  return isFields(exact) ? exact : fields
}

/** Sixteen digits are more than 2^53 has; an exponent may be more than a double has. */
const longNumber = /[\d.]{16}|\d[eE]/

/**
 * Whether a JSON text has at most `maxDepth` levels; brackets inside strings do not count.
 * @param bytes UTF-8
 */
export function isShallow(bytes: Buffer): boolean {
  let depth = 0
  let isString = false
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at]
    if (isString) {
      if (byte === backslash) at += 1
      else if (byte === quote) isString = false
    } else if (byte === quote) isString = true
    else if (byte === openBrace || byte === openBracket) {
      depth += 1
      if (depth > maxDepth) return false
    } else if (byte === closeBrace || byte === closeBracket) depth -= 1
  }
  return true
}
