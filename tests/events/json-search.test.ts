/** What a model wrote nearly right, several objects in one answer, arrays, and schemas. */
import test from 'ava'
import fc from 'fast-check'
import { createExtractor, type ExtractorOptions } from '../../runtime/events/extract.ts'
import { repairObject } from '../../runtime/events/json-repair.ts'
import { compileSchema } from '../../runtime/events/json-schema.ts'
import { type JsonSearch, searchJson } from '../../runtime/events/json-search.ts'
import { findJson } from './find-json.ts'

const repair = { repair: true }

/** What models get wrong, and what they meant. */
const wrong: readonly [what: string, text: string, meant: unknown][] = [
  ['a comma too many', '{"order":{"item":"pizza"},"n":2,}', { order: { item: 'pizza' }, n: 2 }],
  ['a comma too many in a list', '{"n":[1,2,],}', { n: [1, 2] }],
  ['comments', '{"a":1, // a "note" with a }\n "b":2 /* { */}', { a: 1, b: 2 }],
  ['single quotes', "{'a': 'x}', 'b': {'c': 1}}", { a: 'x}', b: { c: 1 } }],
  ["Python's words", '{"a":True,"b":False,"c":None}', { a: true, b: false, c: null }],
  ['smart quotes', '{“a”: “x}”}', { a: 'x}' }],
  ['a raw line end', '{"a":"x\ny"}', { a: 'x\ny' }],
  ['names without quotes', '{a: 1}', { a: 1 }],
]

for (const [what, json, meant] of wrong) {
  test(`${what}: nothing is found, least of all something inside; mended, it is marked`, t => {
    for (const text of [json, `Here: ${json} Enjoy!`, `\`\`\`json\n${json}\n\`\`\``]) {
      t.deepEqual(searchJson(text, { strategy: 'fenced_or_bare' }), {
        kind: 'missing',
        reason: 'invalid_json',
      })
      const found = searchJson(text, { strategy: 'fenced_or_bare', ...repair })
      t.true(found.kind === 'found' && found.repaired, text)
      t.deepEqual(found.kind === 'found' && JSON.parse(found.json), meant)
    }
  })
}

test('what is valid is never mended, and what is cut is not completed', t => {
  const strategy = 'fenced_or_bare'
  t.deepEqual(searchJson('{\'a\':1} {"b":1e400}', { strategy, ...repair }), {
    kind: 'found',
    json: '{"b":1e400}',
    repaired: false,
  })
  for (const text of ['{"a":1,"b":[', "{'a':1,", '```json\n{"a":1,"b":\n```', 'x {"n":1} ```json\n{"a":1,'])
    t.deepEqual(searchJson(text, { strategy, pick: 'last', ...repair }), {
      kind: 'missing',
      reason: 'truncated',
    })
})

test('a json fence that is cut hides the example before it', t => {
  const text = 'Like {"n":1}:\n```json\n{"n":2,"items":['
  t.deepEqual(searchJson(text, { strategy: 'fenced_or_bare' }), { kind: 'missing', reason: 'truncated' })
})

test('nothing is guessed: braces around words are no object', t => {
  for (const text of [
    '{f}',
    '{name} and {place}',
    '{"a":"say "hi" now"}',
    '{"a" "b"}',
    '{"a":1}{',
    '{`a`:1}',
  ])
    t.is(repairObject(text, false, { steps: 0 }), null, text)
})

test('what is mended is valid and keeps its digits, whatever it was; the time is bounded', t => {
  const pieces = fc.constantFrom(
    ...['{', '}', '[', ']', ',', ':', '"a"', "'a'", '“a”', '"http://x"', 'True', '12345678901234567890'],
    ...['//\n', '/*', '*/', '"', "'", '\\', '\n', ' ', 'a', '-', '{"a":', '}'],
  )
  const soup = fc.tuple(fc.string({ unit: pieces, maxLength: 12 }), fc.nat(400))
  const property = fc.property(soup, ([unit, times]) => {
    const text = `{"a":[${unit.repeat(times)}]}`
    const begun = performance.now()
    const mended = repairObject(text, false, { steps: 0 })
    // Repeated work would take minutes; a busy machine takes less than this.
    return performance.now() - begun < 5000 && (mended === null || typeof JSON.parse(mended) === 'object')
  })
  t.notThrows(() => fc.assert(property, { numRuns: 500 }))
  t.is(repairObject('{"n":12345678901234567890,}', false, { steps: 0 }), '{"n":12345678901234567890}')
})

const picks: readonly [text: string, search: Omit<JsonSearch, 'strategy'>, json: string | null][] = [
  ['Like {"n":1}. So: {"n":2}', {}, '{"n":1}'],
  ['Like {"n":1}. So: {"n":2}', { pick: 'last' }, '{"n":2}'],
  ['<think>{"n":1}</think>{"n":2}', { pick: 'last' }, '{"n":2}'],
  ['```\n{"n":1}\n```\nSo: {"n":2}', { pick: 'last' }, '{"n":2}'],
  ['```\n{"n":1}\n```\nSo: {"n":2}', {}, '{"n":1}'],
  ['```json\n{"n":1}\n```\nor {"n":2}', { pick: 'last' }, '{"n":1}'],
  ['```json\n{"n":1}\n```\n```json\n{"n":2}\n```', { pick: 'last' }, '{"n":2}'],
  ['{"n":1} {"n":2,}', { pick: 'last' }, '{"n":1}'],
  ["{'n':1,} {'n':2,}", { pick: 'last', ...repair }, '{"n":2}'],
  ['[{"n":1},{"n":2}]', {}, '{"n":1}'],
  ['[{"n":1},{"n":2}]', { arrays: true }, '[{"n":1},{"n":2}]'],
  ['As [1] says: [ {"n":1} ]', { arrays: true }, '[ {"n":1} ]'],
  ['[[{"n":1}]]', { arrays: true }, '[[{"n":1}]]'],
  ['[see {"n":1}', { arrays: true }, '{"n":1}'],
  ['[{"n":1},{"n":', { arrays: true }, null],
  ['```json\n[1,2]\n```', { arrays: true }, '[1,2]'],
  ['```json\n[1,2]\n```', {}, null],
  ["[{'n':1},]", { arrays: true, ...repair }, '[{"n":1}]'],
]

for (const [text, search, json] of picks) {
  test(`${JSON.stringify(text)} with ${JSON.stringify(search)} yields ${json}`, t => {
    t.is(findJson(text, 'fenced_or_bare', search), json)
  })
}

test('strict_fence takes the last fence, too', t => {
  const text = '```\n{"n":1}\n```\n{"n":2}\n```\n{"n":3}\n```\n{"n":4}'
  t.is(findJson(text, 'strict_fence', { pick: 'last' }), '{"n":3}')
})

const done = 'response.output_text.done'
const usual: ExtractorOptions = {
  ...{ types: ['response.*'], fieldsMap: [], textField: 'text', strategy: 'fenced_or_bare' },
  ...{ outputMode: 'wrap', onFail: 'error' },
}
const extract = (text: string, options: Partial<ExtractorOptions>) => {
  const frame = Buffer.from(JSON.stringify({ type: done, text }))
  const outcome = createExtractor({ ...usual, ...options }).extract(frame, done)
  return 'text' in outcome ? JSON.parse(outcome.text) : outcome
}

test('a wrapped record says that it was mended, and only then', t => {
  t.like(extract('{"a":1,}', repair), { type: 'extracted.json', repaired: true, payload: { a: 1 } })
  t.false('repaired' in extract('{"a":1}', repair))
})

test('what does not fit the schema is a failure that says where', t => {
  const misfit = compileSchema(
    JSON.stringify({
      type: 'object',
      required: ['items'],
      properties: { items: { type: 'array', items: { $ref: '#/$defs/item' } } },
      $defs: { item: { type: 'object', properties: { size: { enum: ['small', 'large'] } } } },
    }),
  )
  t.like(extract('{"items":[{"size":"small"}]}', { misfit }), { payload: { items: [{ size: 'small' }] } })
  t.is(extract('{"items":[{"size":"small"},{"size":"huge"}]}', { misfit }).reason, 'schema:/items/1/size')
  t.is(extract('{"n":1}', { misfit }).reason, 'schema:')
  const deep = `{"items":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
  t.regex(extract(deep, { misfit }).reason, /^schema:/)
})

test('a schema that is none is refused', t => {
  for (const text of ['', '[]', '{"$ref":"#/nowhere"}']) t.throws(() => compileSchema(text), undefined, text)
})
