import { readFileSync } from 'node:fs'
import test from 'ava'
import fc from 'fast-check'
import { compileGlob } from '../../runtime/events/glob.ts'

interface Row {
  pattern: string
  type: string
  match: boolean
}

function readRows(name: string): Row[] {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url), 'utf8'))
}

function wrongRows(rows: readonly Row[]): Row[] {
  return rows.filter(({ pattern, type, match }) => compileGlob(pattern)(type) !== match)
}

test('every vector of event types matches as in Python', t => {
  const rows = readRows('glob.json')
  t.is(rows.length, 1944)
  t.deepEqual(wrongRows(rows), [])
})

test('odd sets match as in CPython 3.11', t => {
  const rows = readRows('glob-sets.json')
  t.is(rows.length, 2071)
  t.deepEqual(wrongRows(rows), [])
})

const table: readonly [pattern: string, text: string, match: boolean][] = [
  ['', '', true],
  ['', 'a', false],
  ['*', '', true],
  ['*', 'response.done', true],
  ['response.*', 'response.text.delta', true],
  ['response.*', 'response.', true],
  ['response.*', 'Response.done', false],
  ['*.delta', 'line\nline.delta', true],
  ['?', '\n', true],
  ['?', '😀', true],
  ['?', '\ud83d', true],
  ['??', '😀', false],
  ['[😀-😂]', '😁', true],
  ['[!😀]', '😁', true],
  ['*😀', '\ud83d😀', true],
  ['a\\*', 'a\\bc', true],
  ['a\\*', 'a*', false],
  ['[]]', ']', true],
  ['[!]]', ']', false],
  ['[', '[', true],
  ['[a', '[a', true],
  ['[!]', '[!]', true],
  ['[z-a]', 'm', false],
  ['[!z-a]', 'm', true],
  ['[a-]', '-', true],
  ['{a,b}', 'a', false],
]

for (const [pattern, text, match] of table) {
  const verb = match ? 'matches' : 'does not match'
  test(`${JSON.stringify(pattern)} ${verb} ${JSON.stringify(text)}`, t => {
    t.is(compileGlob(pattern)(text), match)
  })
}

test('many stars against a long text that nearly matches come to an answer', t => {
  const glob = compileGlob(`${'*a'.repeat(60)}b`)
  t.false(glob('a'.repeat(20_000)))
  t.true(glob(`${'a'.repeat(20_000)}b`))
})

/** A pattern as what it means: the reference never reads the written form. */
type Part =
  | { kind: 'star' }
  | { kind: 'any' }
  | { kind: 'literal'; character: string }
  | { kind: 'set'; negated: boolean; members: readonly (readonly [low: string, high: string])[] }

const letter = fc.constantFrom('a', 'b', 'c', '.', '\\', '^', '😀')
const member = fc.oneof(
  letter.map(character => [character, character] as const),
  fc.tuple(letter, letter).filter(([low, high]) => low !== high),
)
const part: fc.Arbitrary<Part> = fc.oneof(
  { weight: 3, arbitrary: letter.map(character => ({ kind: 'literal' as const, character })) },
  { weight: 2, arbitrary: fc.constant({ kind: 'star' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'any' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('set' as const),
      negated: fc.boolean(),
      members: fc.array(member, { minLength: 1, maxLength: 3 }),
    }),
  },
)

function write(one: Part): string {
  if (one.kind === 'star') return '*'
  if (one.kind === 'any') return '?'
  if (one.kind === 'literal') return one.character
  const members = one.members.map(([low, high]) => (low === high ? low : `${low}-${high}`))
  return `[${one.negated ? '!' : ''}${members.join('')}]`
}

function matchSlowly(parts: readonly Part[], characters: readonly string[]): boolean {
  const [first, ...others] = parts
  const [character, ...behind] = characters
  if (first === undefined) return character === undefined
  if (first.kind === 'star') {
    return matchSlowly(others, characters) || (character !== undefined && matchSlowly(parts, behind))
  }
  return character !== undefined && fits(first, character) && matchSlowly(others, behind)
}

function fits(one: Exclude<Part, { kind: 'star' }>, character: string): boolean {
  if (one.kind === 'any') return true
  if (one.kind === 'literal') return one.character === character
  const point = (text: string) => text.codePointAt(0) ?? 0
  const isMember = one.members.some(
    ([low, high]) => point(low) <= point(character) && point(character) <= point(high),
  )
  return isMember !== one.negated
}

test('a glob agrees with a matcher that tries everything', t => {
  const text = fc.array(letter, { maxLength: 8 })
  const property = fc.property(fc.array(part, { maxLength: 7 }), text, (parts, characters) => {
    const pattern = parts.map(write).join('')
    return compileGlob(pattern)(characters.join('')) === matchSlowly(parts, characters)
  })
  t.notThrows(() => fc.assert(property, { numRuns: 3000 }))
})
