/** Globs over event types, as the gateway reads them: the semantics of Python's `fnmatch.fnmatchcase`. */

/**
 * Compiles a glob into a test of a whole text.
 * @param pattern `*` any text, `?` one character, `[seq]` one of, `[!seq]` one not of; case-sensitive
 */
export function compileGlob(pattern: string): (text: string) => boolean {
  const expression = new RegExp(`^${expressionOf(Array.from(pattern))}$`, 'su')
  return text => expression.test(text)
}

/**
 * Compiles several globs, separated by commas: does any match?
 * @returns undefined where there is no pattern at all
 */
export function compileGlobs(patterns: string): ((text: string) => boolean) | undefined {
  const globs = splitGlobs(patterns).map(compileGlob)
  return globs.length === 0 ? undefined : text => globs.some(glob => glob(text))
}

/** The patterns of a comma-separated list. */
export function splitGlobs(patterns: string): string[] {
  return patterns
    .split(',')
    .map(pattern => pattern.trim())
    .filter(pattern => pattern !== '')
}

function expressionOf(pattern: readonly string[]): string {
  let source = ''
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] ?? ''
    const close = character === '[' ? closingBracket(pattern, at) : -1
    if (close >= 0) {
      source += setOf(pattern.slice(at + 1, close))
      at = close
    } else if (character !== '*') source += character === '?' ? '.' : literal(character)
    else if (!source.endsWith('.*')) source += '.*'
  }
  return source
}

/** The `]` of the set that opens at `open`; one that comes first in the set is a member, not the end. */
function closingBracket(pattern: readonly string[], open: number): number {
  const first = pattern[open + 1] === '!' ? open + 2 : open + 1
  return pattern.indexOf(']', pattern[first] === ']' ? first + 1 : first)
}

/** Cut at the hyphens that make a range, join reversed ranges away, then look for the `!`: CPython's order. */
function setOf(members: readonly string[]): string {
  const pieces = dropReversed(cutAtHyphens(members))
  const body = pieces.map(piece => piece.map(literal).join('')).join('-')
  if (body === '') return '(?!)'
  if (body === '!') return '.'
  return body.startsWith('!') ? `[^${body.slice(1)}]` : `[${body}]`
}

function cutAtHyphens(members: readonly string[]): string[][] {
  const pieces: string[][] = []
  let start = 0
  let hyphen = members.indexOf('-', members[0] === '!' ? 2 : 1)
  while (hyphen >= 0) {
    pieces.push(members.slice(start, hyphen))
    start = hyphen + 1
    hyphen = members.indexOf('-', hyphen + 3)
  }
  const rest = members.slice(start)
  if (rest.length > 0 || pieces.length === 0) return [...pieces, rest]
  pieces.at(-1)?.push('-')
  return pieces
}

function dropReversed(pieces: readonly string[][]): string[][] {
  const kept: string[][] = []
  for (const piece of pieces.toReversed()) {
    const [next] = kept
    const low = piece.at(-1)?.codePointAt(0) ?? 0
    if (next && low > (next[0]?.codePointAt(0) ?? 0)) kept[0] = [...piece.slice(0, -1), ...next.slice(1)]
    else kept.unshift(piece)
  }
  return kept
}

/** Any character as itself, in a set or outside. */
function literal(character: string): string {
  return character === '!' || /[\p{L}\p{N}]/u.test(character)
    ? character
    : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
}
