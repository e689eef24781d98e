/** Reads the tokens of JSON one after the other, as strictly as JSON.parse (RFC 8259). */
import * as ascii from './ascii.ts'

/** Counts the characters looked at, for those who want to see that the work is linear. */
export interface Scan {
  steps: number
}

const literals: Readonly<Record<string, string>> = { t: 'rue', f: 'alse', n: 'ull' }
const simpleEscapes = '"\\/bfnrt'
const hexDigits = '0123456789abcdefABCDEF'
const unicodeEscapeDigits = 4

/** A place in a text. Where a reading fails, the place is right behind the character that was wrong. */
export class JsonCursor {
  readonly #text: string
  readonly #scan: Scan
  /** Index of the next character to look at (UTF-16 code units). */
  position = 0

  constructor(text: string, scan: Scan) {
    this.#text = text
    this.#scan = scan
  }

  /** Takes one character. NaN at the end of the text, which equals nothing and is in no range. */
  take(): number {
    this.#scan.steps += 1
    const code = this.#text.charCodeAt(this.position)
    this.position += 1
    return code
  }

  /** Takes one character, the first that is not whitespace. */
  takeVisible(): number {
    let code = this.take()
    while (ascii.isSpace(code)) code = this.take()
    return code
  }

  /** Reads a string behind its first quote. */
  readString(): boolean {
    for (;;) {
      const code = this.take()
      if (code === ascii.quote) return true
      if (code === ascii.backslash) {
        if (!this.#readEscape()) return false
      } else if (!(code >= ascii.space)) return false
    }
  }

  /** Reads a number, `true`, `false` or `null` behind its first character. */
  readScalar(first: number): boolean {
    const rest = literals[String.fromCharCode(first)]
    if (rest === undefined) return this.#readNumber(first)
    for (let at = 0; at < rest.length; at += 1) if (this.take() !== rest.charCodeAt(at)) return false
    return true
  }

  #readEscape(): boolean {
    const code = this.take()
    if (code !== ascii.lowerU) return includes(simpleEscapes, code)
    for (let at = 0; at < unicodeEscapeDigits; at += 1) if (!includes(hexDigits, this.take())) return false
    return true
  }

  #readNumber(first: number): boolean {
    let code = first === ascii.minus ? this.take() : first
    if (!isDigit(code)) return false
    code = code === ascii.zero ? this.take() : this.#takeDigits()
    if (code === ascii.dot) {
      if (!isDigit(this.take())) return false
      code = this.#takeDigits()
    }
    if (code === ascii.lowerE || code === ascii.upperE) {
      code = this.take()
      if (!isDigit(code === ascii.plus || code === ascii.minus ? this.take() : code)) return false
      this.#takeDigits()
    }
    this.position -= 1
    return true
  }

  /** Takes digits, and the character behind them. */
  #takeDigits(): number {
    let code = this.take()
    while (isDigit(code)) code = this.take()
    return code
  }
}

function isDigit(code: number): boolean {
  return code >= ascii.zero && code <= ascii.nine
}

function includes(characters: string, code: number): boolean {
  return characters.includes(String.fromCharCode(code))
}
