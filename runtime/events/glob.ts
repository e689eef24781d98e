/**
 * Globs over event types, with the semantics of Python's `fnmatch.fnmatchcase`
 * (https://docs.python.org/3/library/fnmatch.html): characters are code points, `*` crosses dots and
 * line ends, nothing is escaped by a backslash.
 * Written here, as libraries match paths, with other rules, and by regular expressions whose time is not linear.
 */

/** A run of code points, both ends included. */
type Range = readonly [low: number, high: number]

interface CharacterSet {
  readonly negated: boolean
  readonly ranges: readonly Range[]
}

/** One element of a pattern: a literal character is a set of one. */
type Element = 'star' | 'any' | CharacterSet

const lastBmpCodePoint = 0xffff

/**
 * Compiles a glob into a test of a whole text.
 * Every pattern is legal: an unclosed `[` stands for itself, a reversed range such as `[z-a]` is empty.
 * The test takes at most pattern length × text length steps, whatever the pattern.
 * @param pattern `*` any text, `?` one character, `[seq]` one of, `[!seq]` one not of; case-sensitive.
 * @returns whether the whole of `text` matches.
 */
export function compileGlob(pattern: string): (text: string) => boolean {
  const elements = parseGlob(Array.from(pattern))
  return text => matchElements(elements, text)
}

/** Only the last star is ever given more text: an earlier one has already found its shortest fit. */
function matchElements(elements: readonly Element[], text: string): boolean {
  let at = 0
  let position = 0
  let retryElement = -1
  let retryPosition = 0
  while (position < text.length) {
    const element = elements[at]
    if (element === 'star') {
      at += 1
      retryElement = at
      retryPosition = position
    } else if (element !== undefined && admits(element, text.codePointAt(position) ?? 0)) {
      at += 1
      position += widthAt(text, position)
    } else if (retryElement >= 0) {
      retryPosition += widthAt(text, retryPosition)
      at = retryElement
      position = retryPosition
    } else {
      return false
    }
  }
  return elements.slice(at).every(element => element === 'star')
}

function widthAt(text: string, position: number): 1 | 2 {
  return (text.codePointAt(position) ?? 0) > lastBmpCodePoint ? 2 : 1
}

function admits(element: Exclude<Element, 'star'>, point: number): boolean {
  if (element === 'any') return true
  return element.ranges.some(([low, high]) => low <= point && point <= high) !== element.negated
}

function parseGlob(pattern: readonly string[]): Element[] {
  const elements: Element[] = []
  let at = 0
  while (at < pattern.length) {
    const character = pattern[at] ?? ''
    const close = character === '[' ? closingBracket(pattern, at) : -1
    if (close >= 0) {
      elements.push(parseSet(pattern.slice(at + 1, close)))
      at = close + 1
      continue
    }
    if (character === '*') elements.push('star')
    else if (character === '?') elements.push('any')
    else elements.push({ negated: false, ranges: [single(character)] })
    at += 1
  }
  return elements
}

/** Finds the `]` of the set opened at `open`; one that comes first in the set is a member, not the end. */
function closingBracket(pattern: readonly string[], open: number): number {
  let first = open + 1
  if (pattern[first] === '!') first += 1
  return pattern.indexOf(']', pattern[first] === ']' ? first + 1 : first)
}

/**
 * Reads what stands between the brackets the way CPython's `fnmatch.translate` does: cut at the hyphens
 * that make a range, then drop empty ranges, then look for the `!`. Done in another order, odd sets
 * such as `[b-a!x]` come out differently.
 */
function parseSet(members: readonly string[]): CharacterSet {
  const pieces = dropEmptyRanges(cutAtRanges(members))
  const [head = []] = pieces
  const negated = head[0] === '!'
  const first = negated ? head.slice(1) : head
  const ranges: Range[] = first.map(single)
  let low = first.at(-1)
  for (const piece of pieces.slice(1)) {
    const [high = ''] = piece
    ranges.push(low === undefined ? single('-') : [pointOf(low), pointOf(high)])
    ranges.push(...piece.map(single))
    low = piece.at(-1)
  }
  return { negated, ranges }
}

/** Cuts `a-cx-z` into `a`, `cx`, `z`: each cut is a range from the last of one to the first of the next. */
function cutAtRanges(members: readonly string[]): string[][] {
  const pieces: string[][] = []
  let start = 0
  let hyphen = members.indexOf('-', members[0] === '!' ? 2 : 1)
  while (hyphen >= 0) {
    pieces.push(members.slice(start, hyphen))
    start = hyphen + 1
    hyphen = members.indexOf('-', hyphen + 3)
  }
  const rest = members.slice(start)
  if (rest.length > 0) return [...pieces, rest]
  return [...pieces.slice(0, -1), [...(pieces.at(-1) ?? []), '-']]
}

/** Joins, from the last to the first, two pieces whose range is reversed, without its two ends. */
function dropEmptyRanges(pieces: readonly string[][]): string[][] {
  const kept: string[][] = []
  let next: string[] | undefined
  for (const piece of pieces.toReversed()) {
    if (next !== undefined && pointOf(piece.at(-1)) > pointOf(next[0])) {
      next = [...piece.slice(0, -1), ...next.slice(1)]
      continue
    }
    if (next !== undefined) kept.unshift(next)
    next = piece
  }
  return next === undefined ? kept : [next, ...kept]
}

function single(character: string): Range {
  return [pointOf(character), pointOf(character)]
}

function pointOf(character = ''): number {
  return character.codePointAt(0) ?? 0
}
