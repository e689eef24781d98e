import test from 'ava'
import fc from 'fast-check'
import { createTypeReader, eventType, fieldBytes } from '../../runtime/events/type.ts'

const bytes = (text: string) => Buffer.from(text)

const table: readonly [what: string, frame: string, type: string | null][] = [
  ['it comes first', '{"type":"session.created","event_id":"e"}', 'session.created'],
  ['behind another string', '{"event_id":"e","type":"error"}', 'error'],
  ['behind a number, a literal and an empty string', '{"a":-1.5e3,"b":null,"c":"","type":"x"}', 'x'],
  ['behind nested values', '{"a":{"type":"no","b":[{"type":"no"}]},"c":[[]],"type":"yes"}', 'yes'],
  ['behind brackets in strings', '{"a":["]}",{"b":"{["}],"type":"x"}', 'x'],
  ['behind escaped quotes', String.raw`{"a":"\"type\":\"no\"","b":"\\","c":"\\\"","type":"x"}`, 'x'],
  ['with whitespace anywhere', ' \t\r\n{ "a" : [ 1 , 2 ] ,\n "type" \t:\r\n "x" }', 'x'],
  ['with its key escaped', String.raw`{"\u0074ype":"x"}`, 'x'],
  ['with all of its key escaped', String.raw`{"\u0074\u0079\u0070\u0065":"x"}`, 'x'],
  ['with its value escaped', String.raw`{"type":"a\u002eb\"\\\/\n"}`, 'a.b"\\/\n'],
  ['with Unicode in its value', '{"type":"型.😀"}', '型.😀'],
  ['with half a surrogate pair in its value', String.raw`{"type":"\ud83d"}`, '\ud83d'],
  ['empty', '{"type":""}', ''],
  ['twice: the first', '{"type":"first","type":"second"}', 'first'],
  ['only as a prefix of other keys', '{"type_":"no","typ":"no","Type":"no","":"no"}', null],
  ['only nested', '{"event":{"type":"no"}}', null],
  ['only as a value', '{"a":"type","b":"no"}', null],
  ['a number', '{"type":1}', null],
  ['null', '{"type":null}', null],
  ['an object', '{"type":{"type":"no"}}', null],
  ['with no end', '{"type":"response.do', null],
  ['with an escape that is not JSON', String.raw`{"type":"\x41"}`, null],
  ['with a raw control character', '{"type":"a\nb"}', null],
  ['behind a key that is not quoted', '{a:1,"type":"no"}', null],
  ['behind a missing colon', '{"a" 1,"type":"no"}', null],
  ['behind a missing value', '{"a":,"type":"no"}', null],
  ['behind a missing comma', '{"a":1 "type":"no"}', null],
  ['behind a semicolon', '{"a":"b";"type":"no"}', null],
  ['behind a string with no end', '{"a":"b,"type":"no"}', null],
  ['behind an object with no end', '{"a":{"b":1,"type":"no"', null],
  ['behind the end of the object', '{},"type":"no"}', null],
  ['in an array', '["type","no"]', null],
  ['in an array of events', '[{"type":"no"}]', null],
  ['behind a byte order mark', '\ufeff{"type":"no"}', null],
  ['in a string', '"{\\"type\\":\\"no\\"}"', null],
  ['nowhere: an empty object', '{}', null],
  ['nowhere: an empty frame', '', null],
  ['nowhere: only whitespace', ' \n', null],
  ['nowhere: not JSON', 'hello', null],
  ['before what is broken', '{"type":"x",,,', 'x'],
]

for (const [what, frame, type] of table) {
  test(`${type === null ? 'no type is' : 'the type is'} read: ${what}`, t => {
    const readType = createTypeReader()
    t.is(eventType(bytes(frame)), type)
    t.is(eventType(new Uint8Array(bytes(frame))), type)
    t.is(readType(bytes(frame)), type)
    t.is(readType(bytes(frame)), type)
  })
}

test('a frame that is a part of a larger memory is read within its own bounds', t => {
  const memory = new Uint8Array(bytes('{"type":"no"}{"type":"yes"}","a":1}'))
  t.is(eventType(memory.subarray(13, 27)), 'yes')
  t.is(eventType(memory.subarray(13, 25)), null)
  t.is(createTypeReader()(memory.subarray(13, 25)), null)
})

test('a reader that remembers tells apart types that share a place in its memory', t => {
  const readType = createTypeReader()
  const types = Array.from({ length: 3000 }, (_, index) => `response.${index.toString(36)}.delta`)
  for (const type of [...types, ...types.toReversed(), 'long'.repeat(50), 'long'.repeat(50)]) {
    t.is(readType(bytes(JSON.stringify({ type }))), type)
  }
})

test('a reader that remembers is not misled by what it decoded', t => {
  const readType = createTypeReader()
  const characters = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index))
  const stems = characters.flatMap(one => characters.map(other => `abc${one}${other}`))
  const wrong = stems
    .flatMap(stem => [`${stem}\\`, `${stem}"x`])
    .filter(type => {
      return readType(bytes(JSON.stringify({ type }))) !== type
    })
  t.deepEqual(wrong, [])
})

/** JSON text of an object, with whitespace anywhere and any character of its strings escaped. */
type Choose = () => number

function writeValue(value: unknown, choose: Choose): string {
  const gap = () => ['', '', '', ' ', '\n', '\t\r '][choose() % 6] ?? ''
  if (Array.isArray(value)) {
    return `[${gap()}${value.map(one => writeValue(one, choose)).join(`${gap()},${gap()}`)}${gap()}]`
  }
  if (typeof value === 'object' && value !== null) return writeObject(Object.entries(value), choose)
  return typeof value === 'string' ? writeString(value, choose) : JSON.stringify(value)
}

function writeObject(entries: readonly (readonly [string, unknown])[], choose: Choose): string {
  const gap = () => ['', '', ' ', '\r\n'][choose() % 4] ?? ''
  const members = entries.map(
    ([key, value]) =>
      `${gap()}${writeString(key, choose)}${gap()}:${gap()}${writeValue(value, choose)}${gap()}`,
  )
  return `${gap()}{${members.length === 0 ? gap() : members.join(',')}}${gap()}`
}

function writeString(text: string, choose: Choose): string {
  if (choose() % 3 > 0) return JSON.stringify(text)
  const units = Array.from({ length: text.length }, (_, index) => text.charCodeAt(index))
  return `"${units.map(unit => `\\u${unit.toString(16).padStart(4, '0')}`).join('')}"`
}

const keys = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('type_', 'typ', 'Type', 'delta', 'event_id', 'a"b', '\\', 'x\\"', '__proto__', '1'),
)
const members = fc.uniqueArray(fc.tuple(keys, fc.jsonValue()), { selector: ([key]) => key, maxLength: 6 })
const choices = fc.infiniteStream(fc.nat()).map(
  (stream): Choose =>
    () =>
      stream.next().value ?? 0,
)

test('for any JSON object the type is the one that JSON.parse finds', t => {
  const readType = createTypeReader()
  const types = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('error', 'session.created'))
  const property = fc.property(members, types, fc.nat(), choices, (others, type, place, choose) => {
    const entries = others.filter(([key]) => key !== 'type')
    const all = entries.toSpliced(place % (entries.length + 1), 0, ['type', type])
    const frame = bytes(writeObject(all, choose))
    t.is(JSON.parse(frame.toString()).type, type)
    return eventType(frame) === type && readType(frame) === type
  })
  t.notThrows(() => fc.assert(property, { numRuns: 2000 }))
})

test('for any JSON value without a string type there is none', t => {
  const withoutType = fc.oneof(
    members.map(entries => Object.fromEntries(entries.filter(([key]) => key !== 'type'))),
    fc
      .jsonValue()
      .filter(value => typeof value !== 'string')
      .map(type => ({ a: 1, type })),
    fc.array(fc.jsonValue()),
    fc.string(),
  )
  const property = fc.property(withoutType, choices, (value, choose) => {
    return eventType(bytes(writeValue(value, choose))) === null
  })
  t.notThrows(() => fc.assert(property, { numRuns: 1000 }))
})

test('no bytes make a reading throw, and cut frames never yield another type', t => {
  const readType = createTypeReader()
  const cut = fc.tuple(members, choices, fc.nat()).map(([others, choose, end]) => {
    const text = writeObject([...others.filter(([key]) => key !== 'type'), ['type', 'x.y']], choose)
    return bytes(text).subarray(0, end % (bytes(text).length + 1))
  })
  const soup = fc
    .array(fc.constantFrom('{', '}', '[', ']', '"', '\\', ':', ',', 'type', '"type":"', ' ', '1', '\\u0074'))
    .map(parts => bytes(parts.join('')))
  const anything = fc.property(fc.oneof(fc.uint8Array(), soup), frame => {
    const type = eventType(frame)
    fieldBytes(frame, 'type')
    return readType(frame) === type && (type === null || typeof type === 'string')
  })
  t.notThrows(() => fc.assert(anything, { numRuns: 3000 }))
  const truncated = fc.property(cut, frame => [null, 'x.y'].includes(eventType(frame)))
  t.notThrows(() => fc.assert(truncated, { numRuns: 1000 }))
})

test('a megabyte of quotes, backslashes or brackets before the type is skipped', t => {
  const count = 1_000_000
  for (const value of ['"'.repeat(count), '\\'.repeat(count), '{[]}'.repeat(count), '\\"'.repeat(count)]) {
    t.is(eventType(bytes(JSON.stringify({ a: value, type: 'x' }))), 'x')
  }
  t.is(eventType(bytes(`{"a":${'['.repeat(count)}${']'.repeat(count)},"type":"x"}`)), 'x')
  t.is(eventType(bytes(`{"a":${'['.repeat(count)},"type":"x"}`)), null)
})
