/** Finds a JSON object in an answer's text, the way the gateway's default strategy does. */

import { fencedObject } from '../../runtime/events/fence.ts'

/**
 * The object in a fenced block, the one tagged `json` first; else the first balanced object. Takes time in proportion
 * to the text.
 * @returns undefined where there is none
 */
export function findJson(text: string): object | undefined {
  const fenced = fencedObject(text)
  return (fenced === null ? undefined : asObject(fenced)) ?? firstObject(text)
}

function firstObject(text: string): object | undefined {
  let start = text.indexOf('{')
  while (start >= 0) {
    const end = closingBrace(text, start)
    // Without an end here there is none for what opens later inside it either.
    const value = end < 0 ? undefined : asObject(text.slice(start, end + 1))
    if (value) return value
    start = text.indexOf('{', end < 0 ? text.length : end + 1)
  }
  return undefined
}

/** The brace that closes the one at `start`; braces in strings do not count. */
function closingBrace(text: string, start: number): number {
  let depth = 0
  let inString = false
  for (let at = start; at < text.length; at++) {
    const character = text[at]
    if (inString && character === '\\') at++
    else if (character === '"') inString = !inString
    else if (!inString && character === '{') depth++
    else if (!inString && character === '}' && --depth === 0) return at
  }
  return -1
}

function asObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}
