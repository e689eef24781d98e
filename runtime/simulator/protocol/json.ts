/** JSON that clients send, to a bounded depth: whatever walks it may recurse. */
import { parseJson } from '../../core/json.ts'
import { isShallow, maxDepth } from '../../events/fields.ts'

export const tooDeep = `nested deeper than ${maxDepth} levels`

/** Whether a JSON text is nested deeper than `maxDepth` levels: reading one of millions takes seconds. */
export function isTooDeep(text: string): boolean {
  return hasManyBrackets(text) && !isShallow(Buffer.from(text))
}

/** Reads a JSON text. @returns undefined for what is none, and for one that is too deep. Never throws. */
export function readJson(text: string): unknown {
  return isTooDeep(text) ? undefined : parseJson(text)
}

/** Whether a text has more opening brackets than levels are allowed; most messages are sound, with one or two. */
function hasManyBrackets(text: string): boolean {
  let left = maxDepth
  for (const bracket of ['{', '[']) {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) {
      if (left === 0) return true
      left -= 1
    }
  }
  return false
}
