import test from 'ava'
import fc from 'fast-check'
import { base64Field, isBase64 } from '../../runtime/events/base64.ts'

const alphabet = /^[A-Za-z0-9+/]*={0,2}$/

/** Base64 of any length, and the same with some characters changed. */
const nearly = fc
  .tuple(
    fc.uint8Array({ maxLength: 200 }),
    fc.array(fc.tuple(fc.nat(), fc.constantFrom(...'A+/=-_ \n\t"\\\0\u007fé'))),
    fc.nat(3),
  )
  .map(([bytes, changes, cut]) => {
    const text = [...Buffer.from(bytes).toString('base64')]
    for (const [place, character] of changes) if (text.length > 0) text[place % text.length] = character
    return text.slice(0, Math.max(0, text.length - cut)).join('')
  })

test('what is told to be base64 is of its alphabet, and all that is of its alphabet is told to be', t => {
  const property = fc.property(
    nearly,
    fc.constantFrom('utf8', 'latin1'),
    (text, encoding) => isBase64(Buffer.from(text, encoding)) === alphabet.test(text),
  )
  t.notThrows(() => fc.assert(property, { numRuns: 5000 }))
})

test('one wrong byte anywhere in base64 of any size is seen', t => {
  for (const size of [3, 4800, 4801, 48 * 1024, 48 * 1024 + 1, 300_000]) {
    const base64 = Buffer.from(Buffer.alloc(size, 0xa5).toString('base64'))
    t.true(isBase64(base64), `${size}`)
    for (const place of [0, 1, base64.length >> 1, base64.length - 3]) {
      for (const byte of [0x0a, 0x20, 0x22, 0x2d, 0x3d, 0x5c, 0x5f, 0x80, 0xff]) {
        const spoiled = Buffer.from(base64)
        spoiled[place] = byte
        t.false(isBase64(spoiled), `${size}: ${byte} at ${place}`)
      }
    }
  }
})

test('base64 of a field that is not escaped is a view of the event, not a copy', t => {
  const frame = Buffer.from('{"type":"response.output_audio.delta","delta":"QUJD"}')
  t.is(base64Field(frame, 'delta')?.buffer, frame.buffer)
})

test('a field yields base64 or nothing, and never throws', t => {
  const property = fc.property(fc.oneof(fc.jsonValue(), nearly), value => {
    const base64 = base64Field(Buffer.from(JSON.stringify({ type: 'x', delta: value })), 'delta')
    return (base64?.toString() ?? null) === (typeof value === 'string' && alphabet.test(value) ? value : null)
  })
  t.notThrows(() => fc.assert(property, { numRuns: 2000 }))
})
