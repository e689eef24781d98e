import test from 'ava'
import { createExtractor, type ExtractorOptions, parseFieldsMap } from '../../runtime/events/extract.ts'
import { matchesAny } from '../../runtime/events/filter.ts'

const done = 'response.output_text.done'
const usual: ExtractorOptions = {
  types: ['response.*'],
  fieldsMap: [],
  textField: 'text',
  strategy: 'fenced_or_bare',
  outputMode: 'replace',
  onFail: 'drop',
}

function frameOf(event: unknown): Buffer {
  return Buffer.from(JSON.stringify(event))
}

function extractFrom(event: Record<string, unknown>, options: Partial<ExtractorOptions> = {}) {
  const type = typeof event.type === 'string' ? event.type : done
  return createExtractor({ ...usual, ...options }).extract(frameOf(event), type)
}

const fenced = 'Order:\n```json\n{"n":2}\n```\n'
const bare = 'Order: {"n":1} for you'
const both = `${bare}\n${fenced}`

/** Text, strategy, and the object that both belong to; null for none. */
const strategies: readonly [ExtractorOptions['strategy'], string, string | null][] = [
  ['fenced_or_bare', bare, '{"n":1}'],
  ['fenced_or_bare', fenced, '{"n":2}'],
  ['fenced_or_bare', both, '{"n":2}'],
  ['fenced_or_bare', 'no order', null],
  ['strict_fence', bare, null],
  ['strict_fence', fenced, '{"n":2}'],
  ['strict_fence', both, '{"n":2}'],
  ['strict_fence', 'no order', null],
  ['first_object', bare, '{"n":1}'],
  ['first_object', fenced, '{"n":2}'],
  ['first_object', both, '{"n":1}'],
  ['first_object', 'no order', null],
]
const modes = ['replace', 'wrap'] as const
const policies = ['drop', 'forward', 'error'] as const

function expectedOutcome(
  json: string | null,
  outputMode: 'replace' | 'wrap',
  onFail: (typeof policies)[number],
) {
  if (json !== null) {
    const wrapped = `{"type":"extracted.json","source_type":"${done}","response_id":"r1","item_id":"i1","payload":${json}}`
    return { kind: 'record', text: outputMode === 'wrap' ? wrapped : json }
  }
  if (onFail !== 'error') return { kind: onFail }
  return {
    kind: 'error',
    text: `{"type":"extracted.json.error","source_type":"${done}","reason":"no_object_found"}`,
  }
}

for (const outputMode of modes) {
  for (const onFail of policies) {
    test(`every strategy works with output mode ${outputMode} and failure policy ${onFail}`, t => {
      for (const [strategy, text, json] of strategies) {
        const event = { type: done, response_id: 'r1', item_id: 'i1', text }
        const outcome = extractFrom(event, { strategy, outputMode, onFail })
        t.deepEqual(outcome, expectedOutcome(json, outputMode, onFail), `${strategy}: ${text}`)
      }
    })
  }
}

test('an extractor concerns the types that its globs match, and none without globs', t => {
  const extractor = createExtractor({ ...usual, types: ['response.*.done', 'error'] })
  t.true(extractor.concerns(done))
  t.true(extractor.concerns('error'))
  t.false(extractor.concerns('response.output_text.delta'))
  t.false(createExtractor({ ...usual, types: [] }).concerns(done))
})

test('globs are matched by the function that is handed in, in the list and in the map', t => {
  const types = ['response.text.done']
  const fieldsMap = parseFieldsMap('response.text.*:words')
  t.false(createExtractor({ ...usual, types, fieldsMap }).concerns(done))
  const extractor = createExtractor({ ...usual, types, fieldsMap, matches: matchesAny })
  t.true(extractor.concerns(done))
  t.deepEqual(extractor.extract(frameOf({ type: done, words: '{"a":1}' }), done), {
    kind: 'record',
    text: '{"a":1}',
  })
})

test('a type is decided once, and only the first 256 types are remembered', t => {
  const asked: string[] = []
  const matches = () => (type: string) => asked.push(type) > 0
  const extractor = createExtractor({ ...usual, matches })
  const types = Array.from({ length: 300 }, (_, index) => `type.${index}`)
  for (const type of [...types, ...types]) t.true(extractor.concerns(type))
  t.is(asked.length, 300 + 44)
})

const fields: readonly [what: string, map: string, event: Record<string, unknown>, json: string | null][] = [
  ['the text field without a map', '', { text: '{"a":1}' }, '{"a":1}'],
  ['the first field that yields', 'response.*:one,two', { two: '{"b":2}', one: '{"a":1}' }, '{"a":1}'],
  ['the next field if one yields nothing', 'response.*:one,two', { one: 'none', two: '{"b":2}' }, '{"b":2}'],
  ['the next field if one is no string', 'response.*:one,two', { one: { a: 1 }, two: '{"b":2}' }, '{"b":2}'],
  ['the text field last', 'response.*:one', { one: 'none', text: '{"c":3}' }, '{"c":3}'],
  ['only the first entry that matches', 'response.*:one;*:two', { two: '{"b":2}' }, null],
  ['the entry that matches', 'error:one;response.*:two', { one: '{"a":1}', two: '{"b":2}' }, '{"b":2}'],
  ['a dotted path', 'response.*:part.text', { part: { text: '{"a":1}' } }, '{"a":1}'],
  [
    'a path through arrays',
    'response.*:response.output.1.content.0.text',
    { response: { output: [{}, { content: [{ text: '{"a":1}' }] }] } },
    '{"a":1}',
  ],
  [
    'the literal name before the path',
    'response.*:a.b',
    { 'a.b': '{"l":1}', a: { b: '{"p":1}' } },
    '{"l":1}',
  ],
  [
    'the path if the literal name is no string',
    'response.*:a.b',
    { 'a.b': 1, a: { b: '{"p":1}' } },
    '{"p":1}',
  ],
  ['no inherited property', 'response.*:constructor.name,text.length,__proto__', { text: 'none' }, null],
  ['no object that is not text', 'response.*:item', { item: { a: 1 } }, null],
]

for (const [what, map, event, json] of fields) {
  test(`fields searched: ${what}`, t => {
    const outcome = extractFrom({ type: done, ...event }, { fieldsMap: parseFieldsMap(map) })
    t.deepEqual(outcome, json === null ? { kind: 'drop' } : { kind: 'record', text: json })
  })
}

const failures: readonly [reason: string, frame: string][] = [
  ['not_json_event', 'hello {"secret":1}'],
  ['not_json_event', '[{"text":"{}"}]'],
  ['not_json_event', '"text"'],
  ['not_json_event', '{"type":"x","text":"secret'],
  ['not_json_event', ''],
  ['no_text_field', '{"type":"x","secret":"{}"}'],
  ['no_text_field', '{"type":"x","text":{"secret":1}}'],
  ['truncated', '{"type":"x","text":"secret {"}'],
  ['truncated', '{"type":"x","text":"{\\"secret\\":{\\"a\\":1},\\"b"}'],
  ['truncated', '{"type":"x","text":"```json\\n{\\"secret\\":{\\"a\\":1},\\"b"}'],
  ['invalid_json', '{"type":"x","text":"{\\"secret\\":{\\"a\\":1},}"}'],
  ['no_object_found', '{"type":"x","text":""}'],
]

for (const [reason, frame] of failures) {
  test(`a failure says ${reason} and nothing of the event: ${frame}`, t => {
    const extractor = createExtractor({ ...usual, onFail: 'error' })
    t.deepEqual(extractor.extract(Buffer.from(frame), 'x"y'), {
      kind: 'error',
      text: `{"type":"extracted.json.error","source_type":"x\\"y","reason":"${reason}"}`,
    })
  })
}
