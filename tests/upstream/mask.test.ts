import { createRequire } from 'node:module'
import test from 'ava'
import fc from 'fast-check'
import { type Mask, mask, maskByBytes } from '../../runtime/upstream/mask.ts'

const bytes = (length: { minLength?: number; maxLength: number }) => fc.uint8Array(length)

test('what is masked is what RFC 6455 says, at any place, also of a view into other memory', t => {
  const property = fc.property(
    bytes({ maxLength: 300 }),
    bytes({ minLength: 4, maxLength: 4 }),
    fc.nat(20),
    fc.nat(20),
    (source, key, offset, skipped) => {
      const view = source.subarray(Math.min(skipped, source.length))
      const expected = Buffer.alloc(340, 1)
      for (const [at, byte] of view.entries()) expected[offset + at] = byte ^ (key[at % 4] as number)
      for (const way of [mask, maskByBytes] as Mask[]) {
        const output = Buffer.alloc(340, 1)
        way(view, key, output, offset, view.length)
        t.deepEqual(output, expected)
      }
    },
  )
  t.notThrows(() => fc.assert(property))
})

test('it is done in native code where npm could install that', t => {
  const { mask: native } = createRequire(import.meta.url)('bufferutil') as { mask: Mask }
  t.is(mask, native)
})
