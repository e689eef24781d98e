/** Whether a JSON text is read alike by every reader: an object with two members of one name is not. */
import { closeBrace, closeBracket, colon, isSpace, openBrace, openBracket, quote } from './ascii.ts'
import { closingQuote, decodeString } from './member.ts'

/**
 * Looks for an object, at any depth, that has two members of one name (RFC 8259 section 4 leaves open which counts).
 * @param bytes UTF-8 of a JSON text that `parseFields` has read
 */
export function hasRepeatedMember(bytes: Buffer): boolean {
  const names: (Set<string> | null)[] = []
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at]
    if (byte === openBrace) names.push(new Set())
    else if (byte === openBracket) names.push(null)
    else if (byte === closeBrace || byte === closeBracket) names.pop()
    else if (byte === quote) {
      const end = closingQuote(bytes, at + 1)
      const known = names.at(-1) ?? null
      if (known !== null && isKey(bytes, end + 1)) {
        const name = decodeString(bytes, at + 1, end) ?? ''
        if (known.has(name)) return true
        known.add(name)
      }
      at = end
    }
  }
  return false
}

/** Whether a string that ends before `start` names a member: a colon follows no value. */
function isKey(bytes: Buffer, start: number): boolean {
  let at = start
  while (at < bytes.length && isSpace(bytes[at] ?? 0)) at += 1
  return bytes[at] === colon
}
