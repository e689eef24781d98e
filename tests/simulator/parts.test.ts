import test from 'ava'
import fc from 'fast-check'
import { Clock } from '../../runtime/simulator/clock.ts'
import { argumentsFor } from '../../runtime/simulator/model/arguments.ts'
import { numberInWords, numberOf } from '../../runtime/simulator/model/numbers.ts'
import { Timeline } from '../../runtime/simulator/session/timeline.ts'
import { aLawOf, muLawOf, sampleOfALaw, sampleOfMuLaw } from '../../runtime/simulator/voice/g711.ts'
import { createSpeechSynthesizer, wordsOf } from '../../runtime/simulator/voice/speaker.ts'

test('G.711 has the values of the standard', t => {
  t.deepEqual([0, 32_124, -32_124].map(muLawOf), [0xff, 0x80, 0x00])
  t.deepEqual([0xff, 0x80, 0x00].map(sampleOfMuLaw), [0, 32_124, -32_124])
  t.deepEqual([0, 32_256, -32_256].map(aLawOf), [0xd5, 0xaa, 0x2a])
  t.deepEqual([0xd5, 0xaa, 0x2a].map(sampleOfALaw), [8, 32_256, -32_256])
})

test('every G.711 byte survives decoding and encoding', t => {
  for (let byte = 0; byte < 256; byte++) {
    t.is(aLawOf(sampleOfALaw(byte)), byte)
    // Mu-law has two zeros.
    if (byte !== 0x7f) t.is(muLawOf(sampleOfMuLaw(byte)), byte)
  }
})

test('words joined are the text, whatever it is', t => {
  const speaker = createSpeechSynthesizer(1)
  const text = fc.string({ unit: 'grapheme', maxLength: 60 })
  t.notThrows(() => fc.assert(fc.property(text, said => wordsOf(said).join('') === said)))
  const spoken = fc.property(text, said => {
    const chunks = [...speaker.speak(said, 'alloy', 1)]
    const whole = chunks.map(chunk => chunk.text).join('') === said
    return whole && chunks.every(chunk => chunk.ms > 20 && chunk.ms <= 330)
  })
  t.notThrows(() => fc.assert(spoken, { numRuns: 30 }))
})

test('a long text is made into sound as it is spoken, not before', t => {
  const text = Array.from({ length: 20_000 }, (_, index) => `word${index}`).join(' ')
  const before = process.memoryUsage().arrayBuffers
  const [first] = createSpeechSynthesizer(1).speak(text, 'alloy', 1)
  t.is(first?.text, 'word0')
  t.true(process.memoryUsage().arrayBuffers - before < 5_000_000)
})

test('deeds are done in the order of their times, however late the clock', async t => {
  const clock = new Clock()
  const timeline = new Timeline(clock, problem => t.fail(String(problem)))
  const done: string[] = []
  await new Promise<void>(resolve => {
    timeline.during(() => {
      timeline.after(3, () => done.push('third'))
      timeline.after(1, () => {
        done.push('first')
        timeline.after(1, () => done.push('second'))
      })
      timeline.after(3, () => done.push('fourth'))
      timeline.after(4, resolve)
      timeline.after(2, () => done.push('never'))()
    })
  })
  t.deepEqual(done, ['first', 'second', 'third', 'fourth'])
  timeline.stop()
  timeline.after(0, () => t.fail())
  clock.stop()
})

test('numbers go to words and back', t => {
  t.is(numberInWords(0), 'zero')
  t.is(numberInWords(21), 'twenty-one')
  t.is(numberInWords(342), 'three hundred forty-two')
  t.is(numberInWords(1000), 'one thousand')
  for (let value = 1; value < 1000; value++) t.is(numberOf(numberInWords(value)), value)
  t.is(numberOf('5000'), 1000)
  t.is(numberOf('umpteen'), null)
})

test('arguments fit their schema', t => {
  const schema = {
    type: 'object',
    properties: {
      city: { type: 'string' },
      unit: { enum: ['C', 'F'] },
      days: { type: 'integer', minimum: 1, maximum: 7 },
      when: { type: 'string', format: 'date' },
      deep: { $ref: '#/$defs/deep' },
      maybe: { anyOf: [{ type: 'null' }, { type: 'boolean' }] },
      list: { type: 'array', items: { const: 'x' } },
    },
    required: ['city', 'unit', 'days', 'when', 'deep', 'maybe', 'list'],
    $defs: { deep: { type: 'object', properties: { name: { type: 'string' } } } },
  }
  t.deepEqual(argumentsFor(schema, 'weather in New York for 12 days'), {
    city: 'New York',
    unit: 'C',
    days: 7,
    when: '2026-01-15',
    deep: { name: 'Ada' },
    maybe: true,
    list: ['x'],
  })
  t.deepEqual(argumentsFor(undefined, ''), {})
  const endless = { type: 'object', properties: { self: { $ref: '#' } } }
  t.notThrows(() => argumentsFor(endless, ''))
})
