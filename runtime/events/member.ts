/**
 * Finds a member of a JSON object in its bytes (RFC 8259). Only the structure is looked at: strings are
 * skipped from quote to quote, nested values by depth, and nothing behind the member is read.
 * Throughout, the end of the bytes stands for "not found".
 */

import {
  backslash,
  closeBrace,
  closeBracket,
  colon,
  comma,
  isSpace,
  openBrace,
  openBracket,
  quote,
  space,
} from './ascii.ts'

/** The longest way to write one character of a JSON string is `\u0074`. */
const maxEscapeBytes = 6

/**
 * Finds the value of the first top-level member with a name.
 * @param bytes UTF-8 of a JSON text, whitespace and escaped keys included.
 * @param name ASCII, without a quote or backslash.
 * @returns the index of the value's first byte; the length of `bytes` if there is no such member, or
 *   the text is not an object or breaks before it.
 */
export function findValue(bytes: Buffer, name: string): number {
  const at = skipSpace(bytes, 0)
  if (at >= bytes.length || bytes[at] !== openBrace) return bytes.length
  return findMember(bytes, skipSpace(bytes, at + 1), name)
}

/** Finds the value of the first member with a name. @param start of a member, its quote included */
function findMember(bytes: Buffer, start: number, name: string): number {
  let at = start
  while (at < bytes.length && bytes[at] === quote) {
    const close = closingQuote(bytes, at + 1)
    const separator = skipSpace(bytes, close + 1)
    if (separator >= bytes.length || bytes[separator] !== colon) return bytes.length
    const value = skipSpace(bytes, separator + 1)
    if (isNamed(bytes, at + 1, close, name)) return value
    const next = skipSpace(bytes, skipValue(bytes, value))
    if (next >= bytes.length || bytes[next] !== comma) return bytes.length
    at = skipSpace(bytes, next + 1)
  }
  return bytes.length
}

/**
 * Tells whether an object has more than one member of a name. JSON leaves open which of them counts (RFC 8259 section 4):
 * what one reader checks, another may not act upon.
 * @param bytes UTF-8 of a JSON text; the cost is that of one search for quotes
 * @param name as of `findValue`
 */
export function isRepeated(bytes: Buffer, name: string): boolean {
  const first = findValue(bytes, name)
  if (first >= bytes.length) return false
  const next = skipSpace(bytes, skipValue(bytes, first))
  if (next >= bytes.length || bytes[next] !== comma) return false
  return findMember(bytes, skipSpace(bytes, next + 1), name) < bytes.length
}

/**
 * Finds the quote that ends the string whose first byte is at `start`: the first one that does not stand
 * after an odd number of backslashes.
 * @returns its index; the length of `bytes` if the string has no end.
 */
export function closingQuote(bytes: Buffer, start: number): number {
  let close = bytes.indexOf(quote, start)
  while (close >= 0) {
    let before = close - 1
    while (before >= start && bytes[before] === backslash) before -= 1
    if ((close - before) % 2 === 1) return close
    close = bytes.indexOf(quote, close + 1)
  }
  return bytes.length
}

/**
 * Decodes the UTF-8 and the escapes of a string's content.
 * @returns null where an escape is not JSON's, or a control character is not escaped.
 */
export function decodeString(bytes: Buffer, start: number, end: number): string | null {
  try {
    return JSON.parse(`"${bytes.toString('utf8', start, end)}"`)
  } catch {
    return null
  }
}

/** Compares bytes with a text, byte by character; a text that is not ASCII is never the same. */
export function isSame(bytes: Uint8Array, start: number, length: number, text: string): boolean {
  if (length !== text.length) return false
  for (let at = 0; at < length; at += 1) if (bytes[start + at] !== text.charCodeAt(at)) return false
  return true
}

/** Compares a key as it is written; only a key that is the name up to a backslash is decoded. */
function isNamed(bytes: Buffer, start: number, end: number, name: string): boolean {
  const length = end - start
  for (let at = 0; at < name.length; at += 1) {
    const byte = bytes[start + at]
    if (byte === name.charCodeAt(at)) continue
    const mayBeEscaped = byte === backslash && length <= name.length * maxEscapeBytes
    return mayBeEscaped && decodeString(bytes, start, end) === name
  }
  return length === name.length
}

/** Finds the end of the value at `start`: the byte behind it. */
function skipValue(bytes: Buffer, start: number): number {
  if (start >= bytes.length) return bytes.length
  const first = bytes[start]
  if (first === quote) return closingQuote(bytes, start + 1) + 1
  if (first === openBrace || first === openBracket) return skipNested(bytes, start)
  let at = start
  while (at < bytes.length && !endsScalar(bytes[at] ?? comma)) at += 1
  return at === start ? bytes.length : at
}

/** Whether a byte cannot be a part of a number or a literal. */
export function endsScalar(byte: number): boolean {
  return byte <= space || byte === comma || byte === closeBrace || byte === closeBracket || byte === quote
}

function skipNested(bytes: Buffer, start: number): number {
  let depth = 0
  let at = start
  while (at < bytes.length) {
    const byte = bytes[at]
    if (byte === quote) at = closingQuote(bytes, at + 1)
    else if (byte === openBrace || byte === openBracket) depth += 1
    else if (byte === closeBrace || byte === closeBracket) depth -= 1
    at += 1
    if (depth === 0) return at
  }
  return bytes.length
}

function skipSpace(bytes: Buffer, start: number): number {
  let at = start
  while (at < bytes.length && isSpace(bytes[at] ?? 0)) at += 1
  return at
}
