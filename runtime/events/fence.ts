/** Finds JSON objects in Markdown's fenced code blocks (CommonMark 0.31, section 4.5). */
import { backtick, space, tab } from './ascii.ts'
import type { Scan } from './json-cursor.ts'
import { isObject } from './json-object.ts'

/** A line that may open or close a block. */
interface Mark {
  readonly ticks: number
  /** What stands behind the backticks, trimmed. */
  readonly info: string
}

interface Block {
  readonly info: string
  readonly content: string
}

const minTicks = 3
const shortestFence = '`'.repeat(minTicks)
const byteOrderMark = 0xfeff

/**
 * Finds a fenced block whose whole content is a JSON object: the first that is tagged `json` (in any
 * case), else the first of the others. A fence stands on a line of its own, may be indented, is made of
 * backticks, and must be closed; what is inside a block opens no other.
 * @param scan counts the work: at most three steps a character.
 * @returns the object as it is written, without the whitespace around it, or null.
 */
export function fencedObject(text: string, scan: Scan = { steps: 0 }): string | null {
  const first = text.indexOf(shortestFence)
  scan.steps += first < 0 ? text.length : first
  if (first < 0) return null
  const lineStart = text.lastIndexOf('\n', first) + 1
  scan.steps += first - lineStart
  const others: string[] = []
  for (const { info, content } of readBlocks(text, lineStart, scan)) {
    if (!isJsonTag(info)) others.push(content)
    else if (isObject(content, scan)) return content
  }
  return others.find(content => isObject(content, scan)) ?? null
}

function isJsonTag(info: string): boolean {
  return info.split(/\s/, 1)[0]?.toLowerCase() === 'json'
}

/** @param from where a line begins; none before it is a fence */
function* readBlocks(text: string, from: number, scan: Scan): Generator<Block> {
  let opening: (Mark & { readonly contentStart: number }) | null = null
  let end = 0
  for (let start = from; start < text.length; start = end + 1) {
    const lineEnd = text.indexOf('\n', start)
    end = lineEnd < 0 ? text.length : lineEnd
    scan.steps += end + 1 - start
    const mark = readMark(text, start, end)
    if (mark === null) continue
    if (opening === null) {
      opening = { ...mark, contentStart: end + 1 }
    } else if (mark.info === '' && mark.ticks >= opening.ticks) {
      yield { info: opening.info, content: text.slice(opening.contentStart, start).trim() }
      opening = null
    }
  }
}

/** Backticks behind the first run of them make it inline code, not a fence. */
function readMark(text: string, start: number, end: number): Mark | null {
  let at = start
  while (at < end && isIndent(text.charCodeAt(at))) at += 1
  const ticksStart = at
  while (at < end && text.charCodeAt(at) === backtick) at += 1
  const ticks = at - ticksStart
  if (ticks < minTicks) return null
  const info = text.slice(at, end).trim()
  return info.includes('`') ? null : { ticks, info }
}

function isIndent(code: number): boolean {
  return code === space || code === tab || code === byteOrderMark
}
