import { readFileSync } from 'node:fs'
import test from 'ava'
import fc from 'fast-check'
import { isObject } from '../../runtime/events/json-object.ts'
import type { JsonStrategy } from '../../runtime/events/json-search.ts'
import { findJson } from './find-json.ts'

interface Row {
  text: string
  strategy: JsonStrategy
  expect: unknown
}

const rows: Row[] = JSON.parse(readFileSync(new URL('../vectors/extract.json', import.meta.url), 'utf8'))

function parsed(json: string | null): unknown {
  return json === null ? null : JSON.parse(json)
}

/** Where the earlier implementation found nothing, and a later valid object or a looser fence is found now. */
const foundNow: readonly [text: string, strategy: JsonStrategy, object: unknown][] = [
  ['{not json} {"b":2}', 'fenced_or_bare', { b: 2 }],
  ['{not json} {"b":2}', 'first_object', { b: 2 }],
  ['```json {"inline":1} ```', 'strict_fence', { inline: 1 }],
  ['call {f} then {"a":1}', 'fenced_or_bare', { a: 1 }],
  ['call {f} then {"a":1}', 'first_object', { a: 1 }],
  ['```json\n{"a":1}```', 'strict_fence', { a: 1 }],
  ['~~~json\n{"a":1}\n~~~', 'strict_fence', { a: 1 }],
]

test('each of the 165 vectors that expects an object yields it', t => {
  t.is(rows.length, 165)
  for (const { text, strategy, expect } of rows.filter(row => row.expect !== null)) {
    t.deepEqual(parsed(findJson(text, strategy)), expect, `${strategy}: ${text.slice(0, 80)}`)
  }
})

test('of the vectors that expect nothing exactly seven yield one now', t => {
  const differing = rows.filter(
    ({ text, strategy, expect }) => expect === null && findJson(text, strategy) !== null,
  )
  t.deepEqual(
    differing.map(({ text, strategy }) => [text, strategy, parsed(findJson(text, strategy))]),
    foundNow.map(row => [...row]),
  )
})

const bare: readonly [what: string, text: string, json: string | null][] = [
  ['big numbers', 'x {"n":12345678901234567890.10} y', '{"n":12345678901234567890.10}'],
  ['spaces, order and repeated keys', '{ "b" : 1,\r\n"a":2, "b":3 }', '{ "b" : 1,\r\n"a":2, "b":3 }'],
  ['the first by its start, not by its end', '{"a":{"b":1}}{"c":1}', '{"a":{"b":1}}'],
  ['one inside an invalid one', '{bad {"a":{"b":1}} }', null],
  ['one inside one with a comma too many', '{"order":{"item":"pizza"},"n":2,}', null],
  ['one inside an unfinished one', '{"x":[{"a":1},{"b":', null],
  ['one behind one that never ends', 'he said { and {"a":1}', null],
  ['one that an invalid one has in quotes', '{"say {"a":1}', null],
  ['one behind an invalid one', '{"a":1,} or {"a":2}', '{"a":2}'],
  ['one behind an invalid one with an apostrophe', '{don\'t} {"a":2}', '{"a":2}'],
  ['one behind a quote with no end', 'he said " and {"a":1}', '{"a":1}'],
  [
    'every kind of value',
    '{"a":[null,true,false,-0,1.5E+9,"\\u00e9\\n",{},[]]}',
    '{"a":[null,true,false,-0,1.5E+9,"\\u00e9\\n",{},[]]}',
  ],
  ['a number with a leading zero', '{"a":01}', null],
  ['a number with a bare dot', '{"a":1.}', null],
  ['a number with an empty exponent', '{"a":1e}', null],
  ['a lone minus', '{"a":-}', null],
  ['an escape that JSON lacks', '{"a":"\\x41"}', null],
  ['a short Unicode escape', '{"a":"\\u12g4"}', null],
  ['a raw line end in a string', '{"a":"b\nc"}', null],
  ['a trailing comma in an array', '{"a":[1,]}', null],
  ['brackets that do not pair', '{"a":[1}]', null],
  ['a wrong literal', '{"a":nul}', null],
  ['space that JSON does not know', '{\u00a0"a":1}', null],
  ['astral characters', '前 {"😀":"😀"}', '{"😀":"😀"}'],
  ['half a surrogate pair', '{"a":"\ud83d"}', '{"a":"\ud83d"}'],
  ['a byte order mark', '\ufeff{"a":1}', '{"a":1}'],
]

for (const [what, text, json] of bare) {
  test(`first_object yields ${json === null ? 'nothing' : 'the object as it is written'}: ${what}`, t => {
    t.is(findJson(text, 'first_object'), json)
  })
}

/** Pieces of JSON and of its ruins. */
const soup = fc.string({
  unit: fc.constantFrom(
    ...['{', '{', '}', '}', '[', ']', '"', '"', ':', ',', '\\', '\\"', ' ', '\n', '0', '-1.5e3', 'true', 'a'],
    ...[
      '"a":',
      '{"a":',
      '{"a":1}',
      '{"',
      '":',
      '\\u0041',
      '```',
      '```json\n',
      '\n```\n',
      '{}',
      '"{"',
      '\u0001',
    ],
  ),
  maxLength: 40,
})

function isObjectByParsing(text: string): boolean {
  if (!text.startsWith('{') || !text.endsWith('}')) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** The first outermost pair of braces that holds an object, one character after the other. */
function firstObjectByTrying(text: string): string | null {
  let start = -1
  let depth = 0
  let isString = false
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at]
    if (isString && character === '\\') at += 1
    else if (depth > 0 && character === '"') isString = !isString
    else if (!isString && character === '{') {
      if (depth === 0) start = at
      depth += 1
    } else if (!isString && character === '}' && depth > 0) {
      depth -= 1
      const json = text.slice(start, at + 1)
      if (depth === 0 && isObjectByParsing(json)) return json
    }
  }
  return null
}

test('in any soup the object found is the first valid one that no other contains', t => {
  const property = fc.property(soup, text => findJson(text, 'first_object') === firstObjectByTrying(text))
  t.notThrows(() => fc.assert(property, { numRuns: 5000 }))
})

test('a text is an object exactly when JSON.parse says so', t => {
  const damaged = fc
    .tuple(
      fc.object().map(value => JSON.stringify(value)),
      fc.nat(),
      soup,
    )
    .map(
      ([json, place, piece]) =>
        json.slice(0, place % (json.length + 1)) +
        piece.slice(0, 1) +
        json.slice((place % (json.length + 1)) + (place % 2)),
    )
  const property = fc.property(fc.oneof(soup, damaged), text => isObject(text) === isObjectByParsing(text))
  t.notThrows(() => fc.assert(property, { numRuns: 5000 }))
})

test('any object in any words that have no brace is found as it is written', t => {
  const words = fc.string({ unit: 'binary' }).map(text => text.replaceAll('{', ''))
  const property = fc.property(words, fc.object(), fc.nat(3), words, (before, object, indent, behind) => {
    const json = JSON.stringify(object, null, indent)
    return findJson(before + json + behind, 'first_object') === json
  })
  t.notThrows(() => fc.assert(property, { numRuns: 1000 }))
})
