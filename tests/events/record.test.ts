import test from 'ava'
import fc from 'fast-check'
import { createExtractor, type ExtractorOptions, parseFieldsMap } from '../../runtime/events/extract.ts'

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

const modes = ['replace', 'wrap'] as const
const policies = ['drop', 'forward', 'error'] as const

const ids: readonly [
  what: string,
  event: Record<string, unknown>,
  responseId: string | null,
  itemId: string | null,
][] = [
  ['named by the event', { response_id: 'r', item_id: 'i' }, 'r', 'i'],
  ['absent', {}, null, null],
  ['not strings', { response_id: 1, item_id: null }, null, null],
  ['of the response and the item that it carries', { response: { id: 'r' }, item: { id: 'i' } }, 'r', 'i'],
]

for (const [what, event, responseId, itemId] of ids) {
  test(`a wrapped record has the ids of its event: ${what}`, t => {
    const outcome = extractFrom({ type: done, text: '{"a":1}', ...event }, { outputMode: 'wrap' })
    t.is(outcome.kind, 'record')
    t.deepEqual(outcome.kind === 'record' && JSON.parse(outcome.text), {
      type: 'extracted.json',
      source_type: done,
      response_id: responseId,
      item_id: itemId,
      payload: { a: 1 },
    })
  })
}

test('of an answer that comes in deltas no delta yields, and the whole text does', t => {
  const text = 'Here:\r\n```json\r\n{"items":[{"name":"ラテ 😀","n":2}]}\r\n```\r\n'
  const fieldsMap = parseFieldsMap('*.delta:delta')
  for (const onFail of policies) {
    const extractor = createExtractor({ ...usual, fieldsMap, onFail })
    for (let start = 0; start < text.length; start += 5) {
      const event = { type: 'response.output_text.delta', delta: text.slice(start, start + 5) }
      t.is(extractor.extract(frameOf(event), event.type).kind, onFail)
    }
    t.deepEqual(extractor.extract(frameOf({ type: done, text }), done), {
      kind: 'record',
      text: '{"items":[{"name":"ラテ 😀","n":2}]}',
    })
  }
})

test('an object at the end of five megabytes is found', t => {
  const text = `${'Well {now}, "let" me think. '.repeat(180_000)}{"a":{"b":[1,2]}}`
  t.true(text.length > 5_000_000)
  t.deepEqual(extractFrom({ type: done, text }), { kind: 'record', text: '{"a":{"b":[1,2]}}' })
})

test('numbers, spaces and order of the payload stay as the model wrote them', t => {
  const json = '{ "z": 123456789012345678901234567890.50,\n  "a": 1e999 }'
  t.deepEqual(extractFrom({ type: done, text: `So: ${json}.` }), { kind: 'record', text: json })
})

test('a record is the same object after UTF-8, half surrogate pairs included', t => {
  const strings = fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }))
  const halves = fc.string({ unit: fc.constantFrom('\ud83d', '\ude00', '😀', 'é', '\ufeff', '\u2028') })
  const property = fc.property(strings, halves, fc.constantFrom(...modes), (object, half, outputMode) => {
    const json = JSON.stringify({ ...object, x: 'HALF' }).replace('HALF', () => half)
    const outcome = extractFrom({ type: done, text: `\ufeff${json}` }, { outputMode })
    if (outcome.kind !== 'record') return false
    const sent: unknown = JSON.parse(Buffer.from(outcome.text).toString())
    t.deepEqual(outputMode === 'wrap' ? (sent as { payload: unknown }).payload : sent, JSON.parse(json))
    return true
  })
  t.notThrows(() => fc.assert(property, { numRuns: 500 }))
})

test('no frame makes an extraction throw', t => {
  const extractor = createExtractor({ ...usual, onFail: 'error', outputMode: 'wrap' })
  const frames = fc.oneof(
    fc.uint8Array(),
    fc.json().map(json => Buffer.from(json)),
  )
  const property = fc.property(frames, frame =>
    ['record', 'error'].includes(extractor.extract(frame, done).kind),
  )
  t.notThrows(() => fc.assert(property, { numRuns: 1000 }))
})
