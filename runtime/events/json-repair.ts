/** Mends JSON that a model wrote nearly right. */
import { jsonrepair } from 'jsonrepair'
import { isObject, type Scan } from './json-object.ts'

/** Characters of an object that is mended at most: several times the longest answer of a Realtime model. */
const maxMendedLength = 65_536

const space = /[ \t\r\n]+|\/\/[^\n]*|\/\*[\s\S]*?\*\//y
const string = /"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*'|[“”](?:[^“”\\]|\\[\s\S])*[“”]/y
const punctuation = /[{}[\],:]/y
const word = /[\w$.+-]+/y

/**
 * Mends trailing commas, comments, single and smart quotes, Python's words, names without quotes and raw line ends.
 * Only what is whole is mended: each string and each word stands between punctuation, so that nothing has to be guessed
 * and the library's own search, which is not linear for strings without an end, has nothing to search for.
 * @param text one object or array, from bracket to bracket; comments may stand around it
 * @returns valid JSON of the same kind; null for what is no such text, and for more than 65,536 characters
 */
export function repairObject(text: string, arrays: boolean, scan: Scan): string | null {
  if (text.length > maxMendedLength || !isWhole(text, scan)) return null
  try {
    const mended = jsonrepair(text).trim()
    return isObject(mended, arrays, scan) ? mended : null
  } catch {
    return null
  }
}

function isWhole(text: string, scan: Scan): boolean {
  let isAfterValue = false
  let depth = 0
  let roots = 0
  let at = 0
  while (at < text.length) {
    const [kind, end] = readToken(text, at)
    if (kind === null) return false
    if (kind === string || kind === word) {
      if (isAfterValue || depth === 0) return false
      isAfterValue = true
    } else if (kind === punctuation) {
      const sign = text.charAt(at)
      const opens = sign === '{' || sign === '['
      if (opens && isAfterValue) return false
      if (opens) depth += 1
      else if (depth === 0) return false
      if (sign === '}' || sign === ']') depth -= 1
      if (depth === 0) roots += 1
      isAfterValue = sign === '}' || sign === ']'
    }
    at = end
  }
  scan.steps += text.length
  return depth === 0 && roots === 1
}

function readToken(text: string, at: number): [kind: RegExp | null, end: number] {
  for (const kind of [space, string, punctuation, word]) {
    kind.lastIndex = at
    if (kind.test(text)) return [kind, kind.lastIndex]
  }
  return [null, at]
}
