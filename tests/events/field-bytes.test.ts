import test from 'ava'
import fc from 'fast-check'
import { fieldBytes, indexField } from '../../runtime/events/type.ts'

const bytes = (text: string) => Buffer.from(text)

test('the bytes of a field are a view of the frame, not a copy', t => {
  const frame = bytes('{"type":"response.output_audio.delta","item_id":"i","delta":"QUJD"}')
  const delta = fieldBytes(frame, 'delta')
  t.is(delta?.toString(), 'QUJD')
  t.is(delta?.buffer, frame.buffer)
  t.is(fieldBytes(new Uint8Array(frame), 'item_id')?.toString(), 'i')
})

const fieldTable: readonly [what: string, frame: string, content: string | null][] = [
  ['an empty string', '{"delta":""}', ''],
  ['not ASCII', '{"delta":"型😀"}', '型😀'],
  ['with its key escaped', String.raw`{"\u0064elta":"AA=="}`, 'AA=='],
  ['given twice', '{"delta":"first","delta":"second"}', 'first'],
  ['with an escape in it', String.raw`{"delta":"A\/B"}`, null],
  ['with an escaped quote in it', String.raw`{"delta":"A\"B"}`, null],
  ['not a string', '{"delta":1}', null],
  ['absent', '{"type":"x"}', null],
  ['nested', '{"a":{"delta":"x"}}', null],
  ['with no end', '{"delta":"AAAA', null],
  ['in no object', '"delta"', null],
]

for (const [what, frame, content] of fieldTable) {
  test(`${content === null ? 'no bytes' : 'the bytes'} of a field are given: ${what}`, t => {
    t.is(fieldBytes(bytes(frame), 'delta')?.toString() ?? null, content)
  })
}

const fields = fc.uniqueArray(fc.tuple(fc.string(), fc.jsonValue()), { selector: ([key]) => key })

test('the bytes of any string field are its JSON text, unless that is escaped', t => {
  const property = fc.property(fields, fc.string({ unit: 'binary' }), fc.nat(), (others, delta, place) => {
    const entries = others.filter(([key]) => key !== 'delta')
    const all = entries.toSpliced(place % (entries.length + 1), 0, ['delta', delta])
    const plain = JSON.stringify(delta).slice(1, -1)
    const frame = bytes(`{${all.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`)}}`)
    return (fieldBytes(frame, 'delta')?.toString() ?? null) === (plain.includes('\\') ? null : plain)
  })
  t.notThrows(() => fc.assert(property, { numRuns: 1000 }))
})

const indexes: readonly [json: string, index: number | null][] = [
  ['{"at":0}', 0],
  ['{"at":12,"x":1}', 12],
  ['{"x":{"at":3},"at" : 7 }', 7],
  ['{"at":123456789012345}', 123_456_789_012_345],
  ['{"at":1234567890123456}', null],
  ['{"at":-1}', null],
  ['{"at":1.5}', null],
  ['{"at":1e3}', null],
  ['{"at":"1"}', null],
  ['{"at":null}', null],
  ['{"at":12', null],
  ['{"x":1}', null],
  ['', null],
]

for (const [json, index] of indexes) {
  test(`the whole number of ${json || 'nothing'} is ${index}`, t => {
    t.is(indexField(Buffer.from(json), 'at'), index)
    t.is(indexField(new Uint8Array(Buffer.from(json)), 'at'), index)
  })
}
