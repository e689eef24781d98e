/** Where frames begin and end: heads one by one, and streams in pieces of any size. */
import test from 'ava'
import fc from 'fast-check'
import { FrameBoundary, readFrameHead } from '../../runtime/upstream/frame-boundary.ts'
import { encodeFrame, opcodes } from '../wire/frames.ts'

const payload = fc
  .oneof(fc.nat(130), fc.integer({ min: 65_530, max: 65_540 }))
  .map(length => Buffer.alloc(length, 0x81))

/** Whole messages as a server sends them: of one frame or of two with a ping between, and pings. */
const message = fc.oneof(
  payload.map(bytes => encodeFrame({ opcode: opcodes.text, payload: bytes, isMasked: false })),
  fc
    .tuple(payload, payload)
    .map(([one, two]) =>
      Buffer.concat([
        encodeFrame({ opcode: opcodes.binary, payload: one, isFinal: false, isMasked: false }),
        encodeFrame({ opcode: opcodes.ping, isMasked: false }),
        encodeFrame({ opcode: opcodes.continuation, payload: two, isMasked: false }),
      ]),
    ),
  fc.constant(encodeFrame({ opcode: opcodes.ping, payload: Buffer.from('x'), isMasked: false })),
)

test('behind whole messages a message may begin, however the stream is cut', t => {
  const shares = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 })
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 6 }), shares, (messages, cuts) => {
      const stream = Buffer.concat(messages)
      const ends = [...cuts.map(share => Math.floor(share * stream.length)), stream.length]
      const boundary = new FrameBoundary()
      let from = 0
      for (const end of ends.sort((a, b) => a - b)) {
        boundary.pass(stream.subarray(from, end))
        from = end
      }
      t.true(boundary.isReached)
      boundary.pass(Buffer.from([0x81]))
      t.false(boundary.isReached)
    }),
    { numRuns: 50 },
  )
})

test('a part of a head is kept, though its memory is used again', t => {
  const boundary = new FrameBoundary()
  const first = Buffer.from([0x81])
  boundary.pass(first)
  first.fill(0)
  boundary.pass(Buffer.from([1, 0x61]))
  t.true(boundary.isReached)
  const fragment = Buffer.from([0x01, 126, 0])
  boundary.pass(fragment)
  fragment.fill(0xff)
  boundary.pass(Buffer.from([1, 0x61]))
  t.false(boundary.isReached, 'more of the message follows')
  boundary.pass(Buffer.from([0x80, 0]))
  t.true(boundary.isReached)
})

/** What came last of a stream, and whether a message may begin behind it. */
const streams: readonly (readonly [what: string, bytes: readonly number[], isReached: boolean])[] = [
  ['nothing', [], true],
  ['a text', [0x81, 1, 0x61], true],
  ['an empty text', [0x81, 0], true],
  ['half a head', [0x81], false],
  ['half a length', [0x81, 126, 0], false],
  ['half a payload', [0x81, 2, 0x61], false],
  ['a first fragment', [0x01, 1, 0x61], false],
  ['a fragment in the middle', [0x01, 1, 0x61, 0x00, 1, 0x61], false],
  ['a last fragment', [0x01, 1, 0x61, 0x80, 1, 0x61], true],
  ['a ping', [0x89, 0], true],
  ['a ping between fragments', [0x01, 1, 0x61, 0x89, 0], false],
  ['a close', [0x88, 0], true],
  ['a masked text', [0x81, 0x81, 1, 2, 3, 4, 0x61], true],
  ['half a mask', [0x81, 0x81, 1, 2, 3], false],
]

for (const [what, bytes, isReached] of streams) {
  test(`behind ${what} ${isReached ? 'a message may begin' : 'none begins'}`, t => {
    for (const size of [bytes.length || 1, 1]) {
      const boundary = new FrameBoundary()
      for (let at = 0; at < bytes.length; at += size) boundary.pass(Buffer.from(bytes.slice(at, at + size)))
      t.is(boundary.isReached, isReached)
    }
  })
}

/** Heads, and what is read from each: bytes of head and payload, whole text, final, control. */
const heads: readonly (readonly [number[], number, number, boolean, boolean, boolean])[] = [
  [[0x81, 0], 2, 0, true, true, false],
  [[0x81, 125], 2, 125, true, true, false],
  [[0x81, 126, 0, 126], 4, 126, true, true, false],
  [[0x81, 126, 0xff, 0xff], 4, 65_535, true, true, false],
  [[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0], 10, 65_536, true, true, false],
  [[0x81, 127, 0, 0, 0, 1, 0, 0, 0, 2], 10, 2 ** 32 + 2, true, true, false],
  [[0x81, 0x81, 1, 2, 3, 4], 6, 1, false, true, false],
  [[0xc1, 1], 2, 1, false, true, false],
  [[0x91, 1], 2, 1, false, true, false],
  [[0x01, 1], 2, 1, false, false, false],
  [[0x00, 1], 2, 1, false, false, false],
  [[0x80, 1], 2, 1, false, true, false],
  [[0x82, 1], 2, 1, false, true, false],
  [[0x88, 0], 2, 0, false, true, true],
  [[0x87, 0], 2, 0, false, true, false],
  [[0x8a, 0], 2, 0, false, true, true],
]

for (const [head, bytes, payloadBytes, isWholeText, isFinal, isControl] of heads) {
  test(`the head ${Buffer.from(head).toString('hex')}: ${payloadBytes} bytes follow`, t => {
    const expected = { bytes, payloadBytes, isWholeText, isFinal, isControl }
    t.deepEqual(readFrameHead(Buffer.from(head)), expected)
    t.deepEqual(readFrameHead(Buffer.from([...head, 0])), expected)
    t.is(readFrameHead(Buffer.from(head.slice(0, -1))), null)
  })
}

test('a head is read only when it is whole', t => {
  const head = Buffer.from([0x81, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70])
  for (let length = 0; length < 10; length += 1) t.is(readFrameHead(head.subarray(0, length)), null)
  t.deepEqual(readFrameHead(head), {
    bytes: 10,
    payloadBytes: 70_000,
    isWholeText: true,
    isFinal: true,
    isControl: false,
  })
})
