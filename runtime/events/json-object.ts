/**
 * Finds JSON objects in running text, in time linear in its length whatever it holds.
 *
 * What a model writes is nearly always right at its first `{`: that one is matched by braces alone and
 * left to JSON.parse, several times as fast as reading characters. All else goes to the reader below.
 *
 * Why that is linear: an attempt to read an object from a `{` settles the fate of each `{` it meets outside
 * strings (closed: an object; still open: fails at the same place), and those are not tried again. So an
 * untried one stands inside a string of each earlier attempt that passes over it. Two attempts that meet
 * like that stay opposite, one in a string and the other not: a quote turns both, a backslash ends the
 * one outside. There are but two such states, so at most two attempts pass over any place.
 */
import * as ascii from './ascii.ts'
import { JsonCursor, type Scan } from './json-cursor.ts'

interface Span {
  readonly start: number
  readonly end: number
}

/** What may come next; `failed` ends an attempt. */
type State = 'first_key' | 'key' | 'first_element' | 'value' | 'after_value' | 'failed'

const failed = -1
const settled = 1
/** Stands for a `[` among the starts of what is open. */
const anArray = -1

/**
 * Finds the first `{…}` that is a valid JSON object: of all such the one that starts first.
 * @param text anything; an object may stand in prose, in an array, or in what an invalid one quotes.
 * @param scan counts the work: at most seven steps a character.
 * @returns the object exactly as it is written, or null.
 */
export function firstObject(text: string, scan: Scan = { steps: 0 }): string | null {
  const likely = untilMatchingBrace(text, scan)
  if (likely === null || isObject(likely, scan)) return likely
  const found = new ObjectReader(text, scan).first()
  return found === null ? null : text.slice(found.start, found.end)
}

/** Tells whether a text is one valid JSON object, from its first character to its last. */
export function isObject(text: string, scan: Scan = { steps: 0 }): boolean {
  if (!text.startsWith('{') || !text.endsWith('}')) return false
  scan.steps += text.length
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** Takes what stands from the first `{` to the `}` that would match it; to the end of the text where none does. */
function untilMatchingBrace(text: string, scan: Scan): string | null {
  const start = text.indexOf('{')
  if (start < 0) return null
  let at = start
  let depth = 0
  do {
    const code = text.charCodeAt(at)
    if (code === ascii.quote) at = closingQuote(text, at + 1)
    else if (code === ascii.openBrace) depth += 1
    else if (code === ascii.closeBrace) depth -= 1
    at += 1
  } while (depth > 0 && at < text.length)
  scan.steps += at
  return text.slice(start, at)
}

/** The first quote that does not stand after an odd number of backslashes; the text's length if there is none. */
function closingQuote(text: string, start: number): number {
  for (let close = text.indexOf('"', start); close >= 0; close = text.indexOf('"', close + 1)) {
    let before = close - 1
    while (before >= start && text.charCodeAt(before) === ascii.backslash) before -= 1
    if ((close - before) % 2 === 1) return close
  }
  return text.length
}

class ObjectReader {
  readonly #text: string
  readonly #scan: Scan
  readonly #cursor: JsonCursor
  /** Starts of the objects and arrays that are open, outermost first. */
  #open: number[] = []
  /** One byte a character, `settled` for each `{` inside an attempted object; made with the first. */
  #fates: Uint8Array | null = null
  /** Of the objects completed inside failed attempts the one that starts first. */
  #completed: Span | null = null

  constructor(text: string, scan: Scan) {
    this.#text = text
    this.#scan = scan
    this.#cursor = new JsonCursor(text, scan)
  }

  first(): Span | null {
    let start = this.#nextBrace(0)
    while (start >= 0) {
      if (this.#completed?.start === start) return this.#completed
      const end = this.#fates?.[start] === settled ? failed : this.attempt(start)
      if (end !== failed) return { start, end }
      start = this.#nextBrace(start + 1)
    }
    return null
  }

  /** Reads one object from the `{` at `start`. Returns the place behind it, or `failed`. */
  attempt(start: number): number {
    this.#open = []
    this.#cursor.position = start
    let state: State = 'value'
    do {
      state = this.#advance(state)
      if (state === 'failed') return failed
    } while (this.#open.length > 0)
    return this.#cursor.position
  }

  #nextBrace(from: number): number {
    const at = this.#text.indexOf('{', from)
    this.#scan.steps += (at < 0 ? this.#text.length : at + 1) - from
    return at
  }

  #advance(state: State): State {
    const code = this.#cursor.takeVisible()
    if (state === 'after_value') return this.#afterValue(code)
    if (state === 'first_key' && code === ascii.closeBrace) return this.#close()
    if (state === 'first_element' && code === ascii.closeBracket) return this.#close()
    return state === 'value' || state === 'first_element' ? this.#value(code) : this.#key(code)
  }

  #key(code: number): State {
    if (code !== ascii.quote || !this.#cursor.readString()) return 'failed'
    return this.#cursor.takeVisible() === ascii.colon ? 'value' : 'failed'
  }

  #value(code: number): State {
    if (code === ascii.openBrace) return this.#openObject(this.#cursor.position - 1)
    if (code === ascii.openBracket) {
      this.#open.push(anArray)
      return 'first_element'
    }
    const isRead = code === ascii.quote ? this.#cursor.readString() : this.#cursor.readScalar(code)
    return isRead ? 'after_value' : 'failed'
  }

  #afterValue(code: number): State {
    const inArray = this.#open.at(-1) === anArray
    if (code === ascii.comma) return inArray ? 'value' : 'key'
    return code === (inArray ? ascii.closeBracket : ascii.closeBrace) ? this.#close() : 'failed'
  }

  #openObject(start: number): State {
    if (this.#open.length > 0) {
      this.#fates ??= new Uint8Array(this.#text.length)
      this.#fates[start] = settled
    }
    this.#open.push(start)
    return 'first_key'
  }

  #close(): State {
    const start = this.#open.pop() ?? anArray
    if (start !== anArray && start < (this.#completed?.start ?? Number.POSITIVE_INFINITY)) {
      this.#completed = { start, end: this.#cursor.position }
    }
    return 'after_value'
  }
}
