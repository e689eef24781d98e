/** JSON objects that come from outside: read to a bounded depth, so that whatever walks them may recurse. */
import { backslash, closeBrace, closeBracket, openBrace, openBracket, quote } from './ascii.ts'

/** A JSON object whose fields nobody vouches for. */
export type Fields = Record<string, unknown>

/**
 * Levels of objects and lists that are read. `JSON.stringify` recurses and overflows the stack at a few
 * thousand; a tool's JSON Schema, the deepest value of the API, has about a dozen.
 */
export const maxDepth = 64

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
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
  try {
    const value: unknown = JSON.parse(bytes.toString())
    return isFields(value) ? value : null
  } catch {
    return null
  }
}

/** Whether a JSON text has at most `maxDepth` levels; brackets inside strings do not count. */
function isShallow(bytes: Buffer): boolean {
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
