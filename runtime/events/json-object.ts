/**
 * Finds JSON objects and arrays in running text, in time linear in its length whatever it holds.
 * Written here, as parsers want text that begins and ends with the object.
 */
import * as ascii from './ascii.ts'

/** Counts the characters looked at, for those who want to see that the work is linear. */
export interface Scan {
  steps: number
}

/** A piece of text that begins as an object or an array does. */
export interface Candidate {
  readonly start: number
  /** Index behind the bracket that closes it; `unclosed` where the text ends first. */
  readonly end: number
}

export const unclosed = -1

const apostrophe = 0x27
const slash = 0x2f
const asterisk = 0x2a
const smartQuotes = [0x201c, 0x201d]

/**
 * Lists what begins as an object does, outermost first and in order; nothing inside one is listed, valid or not, and
 * nothing behind one that the text leaves open.
 * @param arrays lists arrays whose first element is an object or an array, too
 * @param scan counts the work: at most three steps a character
 */
export function* candidates(text: string, arrays: boolean, scan: Scan): Generator<Candidate> {
  let start = opening(text, 0, arrays, scan)
  while (start >= 0) {
    const end = closeOf(text, start, scan)
    yield { start, end }
    if (end === unclosed) return
    start = opening(text, end, arrays, scan)
  }
}

/**
 * Finds the end of the object or array at `start` by its brackets. Those in strings do not count, nor those in the
 * comments and single-quoted strings that models write and JSON does not have.
 * @returns the index behind the closing bracket, or `unclosed`
 */
export function closeOf(text: string, start: number, scan: Scan): number {
  const open = text.charCodeAt(start)
  const close = open === ascii.openBrace ? ascii.closeBrace : ascii.closeBracket
  let depth = 0
  let before = ascii.comma
  let at = start
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === open) depth += 1
    else if (code === close) {
      depth -= 1
      if (depth === 0) break
    }
    at = isQuoting(code, before) ? endOfString(text, at, code) : endOfComment(text, at, before)
    if (!ascii.isSpace(code)) before = code
    at += 1
  }
  scan.steps += Math.min(at + 1, text.length) - start
  return at < text.length ? at + 1 : unclosed
}

/** Tells whether a text is one valid JSON object (or array, where `arrays`), from its first character to its last. */
export function isObject(text: string, arrays = false, scan: Scan = { steps: 0 }): boolean {
  const isEnclosed = text.startsWith('{') && text.endsWith('}')
  if (!isEnclosed && !(arrays && text.startsWith('[') && text.endsWith(']'))) return false
  scan.steps += text.length
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function opening(text: string, from: number, arrays: boolean, scan: Scan): number {
  if (!arrays) {
    const brace = text.indexOf('{', from)
    scan.steps += (brace < 0 ? text.length : brace + 1) - from
    return brace
  }
  let at = from
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === ascii.openBrace) break
    if (code !== ascii.openBracket) continue
    let inner = at
    while (text.charCodeAt(inner) === ascii.openBracket || ascii.isSpace(text.charCodeAt(inner))) inner += 1
    if (text.charCodeAt(inner) === ascii.openBrace) break
    // Of `[[[x` no bracket opens an array of objects.
    at = inner - 1
  }
  scan.steps += Math.min(at + 1, text.length) - from
  return at < text.length ? at : -1
}

/** An apostrophe or a smart quote opens a string only where a key or a value may stand; elsewhere it is a word's. */
function isQuoting(code: number, before: number): boolean {
  if (code === ascii.quote) return true
  return (code === apostrophe || smartQuotes.includes(code)) && mayPrecedeString(before)
}

function mayPrecedeString(code: number): boolean {
  return (
    code === ascii.openBrace || code === ascii.openBracket || code === ascii.comma || code === ascii.colon
  )
}

/** @returns the index of the closing quote; the text's length if there is none */
function endOfString(text: string, start: number, open: number): number {
  if (open === ascii.quote) return endOfQuoted(text, start)
  const isEnd = (code: number) => (smartQuotes.includes(open) ? smartQuotes.includes(code) : code === open)
  for (let at = start + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === ascii.backslash) at += 1
    else if (isEnd(code)) return at
  }
  return text.length
}

/** Nearly all strings are quoted so: native code looks for the quote, in a tenth of the time. */
function endOfQuoted(text: string, start: number): number {
  let at = text.indexOf('"', start + 1)
  while (at >= 0 && isEscaped(text, at, start)) at = text.indexOf('"', at + 1)
  return at < 0 ? text.length : at
}

/** Whether an odd number of backslashes stands before a character. @param start of the string, whose quote is none */
function isEscaped(text: string, at: number, start: number): boolean {
  let first = at
  while (first - 1 > start && text.charCodeAt(first - 1) === ascii.backslash) first -= 1
  return (at - first) % 2 === 1
}

/** @returns the index of the comment's last character; `at` where no comment begins */
function endOfComment(text: string, at: number, before: number): number {
  // `https://` outside of a string is no comment.
  if (text.charCodeAt(at) !== slash || before === ascii.colon) return at
  const kind = text.charCodeAt(at + 1)
  if (kind !== slash && kind !== asterisk) return at
  const end = kind === slash ? text.indexOf('\n', at) : text.indexOf('*/', at + 2)
  return end < 0 ? text.length : kind === slash ? end : end + 1
}
