import { runInNewContext } from 'node:vm'
import test from 'ava'
import fc from 'fast-check'
import { type JsonStrategy, searchJson } from '../../runtime/events/json-search.ts'
import { patienceMs } from '../gateway/within.ts'

/** Steps a character, as the docstrings of the searches promise. */
const promised: Readonly<Record<JsonStrategy, number>> = {
  first_object: 6,
  strict_fence: 9,
  fenced_or_bare: 12,
}
const picks = ['first', 'last'] as const
const strategies = ['first_object', 'strict_fence', 'fenced_or_bare'] as const

/** What a line, an attempt or the end of the text may cost beyond its characters. */
const slack = 8

function stepsOf(text: string, strategy: JsonStrategy, pick: 'first' | 'last'): number {
  const scan = { steps: 0 }
  searchJson(text, { strategy, pick, arrays: true, repair: true }, scan)
  return scan.steps
}

function staysLinear(text: string): boolean {
  return strategies.every(strategy =>
    picks.every(pick => stepsOf(text, strategy, pick) <= promised[strategy] * text.length + slack),
  )
}

/** A search whose steps grow by the square would take ten thousand times what is promised (bytes). */
const longText = 100_000

const units: readonly string[] = [
  ...['{', '}', '"', '`', '[', '\\', '\n', ' ', '1', 'é', '😀'],
  ...[
    '{"a":',
    '{"{',
    '{ ',
    '{"',
    '"{',
    '{"a":[',
    '{"a":[{"a":[',
    '{"a":{}',
    '{"a":{},',
    '{"":1,',
    '{"":"{',
    '{""',
    '{"\\"',
  ],
  ...[
    '{"{":{"{":',
    '{\\"',
    '\\"{',
    '{"\\\\"',
    '{"a":"{\\"b\\":{',
    '{"a":-',
    '{"a":1.',
    '{"a":tru',
    '{"a":"\\u00',
    '[{',
    '[[{"',
  ],
  ...[
    '```json\n{"a":\n```\n',
    '```\n{',
    '```json\n',
    '```json\n{',
    '```{',
    '`{"',
    '```json\n{"a":"```"\n',
    '```\n```\n',
    '```{}``` ',
    '```{} x ',
    '```x``` ',
    '~~~{"a":',
    '`````{}````` ```{}``` ',
    '```json {"a ``` ',
    '[[{',
    '[ ',
    "{'a':'",
    '{"a":1,} ',
    '{//',
    '{/*',
    '{“',
  ],
]

for (const unit of units) {
  test(`a long run of ${JSON.stringify(unit)} takes a bounded number of steps a character`, t => {
    const text = unit.repeat(longText / unit.length)
    t.true(staysLinear(text))
    t.true(staysLinear(`{"a":${text}`))
    t.true(staysLinear(`{"${text}`))
    t.true(staysLinear(`\`\`\`json\n${text}\n\`\`\``))
  })
}

/** Work within one regular expression is no step: of this many characters, that of the square would take hours. */
const endlessText = 1_000_000

for (const mark of ['`', '~'])
  test(`a run of ${mark} without end, behind which a word stands, is read in time`, t => {
    const text = `${mark.repeat(endlessText)}x`
    const search = () => strategies.map(strategy => searchJson(text, { strategy }).kind)
    t.deepEqual(
      [...runInNewContext('search()', { search }, { timeout: patienceMs })],
      ['missing', 'missing', 'missing'],
    )
  })

test('long runs inside objects that fail are not read again for each of them', t => {
  for (const filler of ['1', ' ', 'x', '[', '"', '\\\\', '{}', '{"a":1},']) {
    const run = filler.repeat(1000 / filler.length)
    for (const opening of ['{', '{"', '{"a":', '{"a":[', '{"a":{"b":[', '"{"']) {
      t.true(staysLinear((opening + run).repeat(200)), JSON.stringify([opening, filler]))
      t.true(staysLinear(opening.repeat(1000) + run.repeat(100)), JSON.stringify([opening, filler]))
    }
  }
})

const piece = fc.constantFrom(
  ...[
    '{',
    '}',
    '[',
    ']',
    '"',
    ':',
    ',',
    '\\',
    ' ',
    '\n',
    '1',
    '-',
    'e',
    '.',
    'true',
    '```',
    '```json\n',
    '\n```\n',
  ],
  ...['{"', '"a":', '{"a":', '{"a":[', '"{', '\\"', '{}', '{"a":1}', '\\u0041'],
)

test('any soup, and any soup repeated, takes a bounded number of steps a character', t => {
  const soup = fc.string({ unit: piece, maxLength: 300 })
  t.notThrows(() => fc.assert(fc.property(soup, staysLinear), { numRuns: 2000 }))
  const repeated = fc.tuple(
    fc.string({ unit: piece, maxLength: 4 }),
    fc.string({ unit: piece, minLength: 1, maxLength: 8 }),
  )
  const property = fc.property(repeated, ([start, unit]) => staysLinear(start + unit.repeat(500)))
  t.notThrows(() => fc.assert(property, { numRuns: 2000 }))
})
