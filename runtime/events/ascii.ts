/** The characters that JSON's grammar is written in (RFC 8259), as bytes and as UTF-16 code units. */
export const tab = 0x09
export const lineFeed = 0x0a
export const carriageReturn = 0x0d
export const space = 0x20
export const quote = 0x22
export const plus = 0x2b
export const comma = 0x2c
export const minus = 0x2d
export const dot = 0x2e
export const zero = 0x30
export const nine = 0x39
export const colon = 0x3a
export const upperE = 0x45
export const openBracket = 0x5b
export const backslash = 0x5c
export const closeBracket = 0x5d
export const backtick = 0x60
export const lowerE = 0x65
export const lowerU = 0x75
export const openBrace = 0x7b
export const closeBrace = 0x7d
export const lastAscii = 0x7f

/** Tells whether JSON allows a character between its tokens. */
export function isSpace(code: number): boolean {
  return code <= space && (code === space || code === lineFeed || code === carriageReturn || code === tab)
}
