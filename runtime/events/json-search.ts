/**
 * Finds the JSON object of an answer in the words that a model wrote.
 * Written here, as libraries read text that is JSON or nearly is (`jsonrepair` mends it here), and find none within words.
 */
import { type Block, readBlocks } from './fence.ts'
import { candidates, closeOf, isObject, type Scan, unclosed } from './json-object.ts'
import { repairObject } from './json-repair.ts'

/**
 * How the JSON is found: in a fenced block only, the first valid object anywhere, or the one and else
 * the other.
 */
export type JsonStrategy = 'fenced_or_bare' | 'strict_fence' | 'first_object'

export interface JsonSearch {
  readonly strategy: JsonStrategy
  /** Of several objects, which one is the answer. `last` passes over examples that precede it. Default: `first`. */
  readonly pick?: 'first' | 'last'
  /** Takes arrays at top level, too: in a fence any, elsewhere those of objects. Default: false. */
  readonly arrays?: boolean
  /** Mends what is nearly valid, where nothing valid is found. Default: false. */
  readonly repair?: boolean
}

/** `truncated`: the text ends inside of the object. */
export type SearchFailure = 'no_object_found' | 'invalid_json' | 'truncated'

export type Found =
  | { readonly kind: 'found'; readonly json: string; readonly repaired: boolean }
  | { readonly kind: 'missing'; readonly reason: SearchFailure }

/** Invalid objects of one text that are tried to be mended; in prose, braces seldom hold an object. */
const maxRepairs = 8

/**
 * Finds one JSON object, in time linear in the text's length whatever it holds. Never one inside another that is
 * invalid or has no end.
 * @param scan counts the work: at most twelve steps a character
 * @returns the object exactly as the text has it (big numbers, order and space are kept) unless it was repaired
 */
export function searchJson(text: string, search: JsonSearch, scan: Scan = { steps: 0 }): Found {
  if (search.strategy === 'first_object') return searchBare(text, search, scan)
  const blocks = readBlocks(text, scan)
  const cut = blocks.at(-1)
  if (cut?.isOpen && cut.isJson && failureIn(cut.content, scan) === 'truncated') return missing('truncated')
  const closed = blocks.filter(({ isOpen }) => !isOpen)
  const tagged = closed.filter(({ isJson }) => isJson)
  const others = closed.filter(({ isJson }) => !isJson)
  const isStrict = search.strategy === 'strict_fence'
  // Of an answer that ends with its object, an example may stand in a block without a tag.
  const groups = isStrict || search.pick !== 'last' ? [tagged, others] : [tagged]
  for (const group of groups) {
    const json = pickBlock(group, search, scan)
    if (json !== null) return json
  }
  return isStrict ? missing(worstOf(blocks, scan)) : searchBare(text, search, scan)
}

function pickBlock(blocks: readonly Block[], search: JsonSearch, scan: Scan): Found | null {
  const { pick, arrays = false, repair = false } = search
  const contents = blocks.map(({ content }) => content)
  if (pick === 'last') contents.reverse()
  const valid = contents.find(content => isObject(content, arrays, scan))
  if (valid !== undefined) return found(valid)
  return repair ? firstRepaired(contents, arrays, scan) : null
}

function searchBare(text: string, search: JsonSearch, scan: Scan): Found {
  const { pick, arrays = false, repair = false } = search
  let last: string | null = null
  let reason: SearchFailure = 'no_object_found'
  const invalid: string[] = []
  for (const { start, end } of candidates(text, arrays, scan)) {
    if (end === unclosed) {
      // What the answer was going to be is cut; an earlier object is not it.
      if (pick === 'last') return missing('truncated')
      reason = 'truncated'
      break
    }
    const json = text.slice(start, end)
    if (isObject(json, arrays, scan)) {
      if (pick !== 'last') return found(json)
      last = json
    } else {
      reason = 'invalid_json'
      if (pick === 'last' && invalid.length === maxRepairs) invalid.shift()
      if (invalid.length < maxRepairs) invalid.push(json)
    }
  }
  if (last !== null) return found(last)
  if (pick === 'last') invalid.reverse()
  const repaired = repair ? firstRepaired(invalid, arrays, scan) : null
  return repaired ?? missing(reason)
}

function firstRepaired(texts: readonly string[], arrays: boolean, scan: Scan): Found | null {
  for (const text of texts.slice(0, maxRepairs)) {
    const json = repairObject(text, arrays, scan)
    if (json !== null) return { kind: 'found', json, repaired: true }
  }
  return null
}

function worstOf(blocks: readonly Block[], scan: Scan): SearchFailure {
  const reasons = blocks.map(({ content }) => failureIn(content, scan))
  return reasons.find(reason => reason === 'truncated') ?? reasons.at(-1) ?? 'no_object_found'
}

/** Says what is wrong with a block that holds no valid object. */
function failureIn(content: string, scan: Scan): SearchFailure {
  if (!content.startsWith('{')) return 'no_object_found'
  return closeOf(content, 0, scan) === unclosed ? 'truncated' : 'invalid_json'
}

const found = (json: string): Found => ({ kind: 'found', json, repaired: false })
const missing = (reason: SearchFailure): Found => ({ kind: 'missing', reason })
