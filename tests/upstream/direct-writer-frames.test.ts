/** Frames that are written to a socket of the test's: their bytes, and when their memory is used again. */
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import test from 'ava'
import { DirectWriter } from '../../runtime/upstream/direct-writer.ts'
import { FrameReader, opcodes } from '../wire/frames.ts'

const longestHead = 14
const smallBytes = 8 * 1024
const largeBytes = 128 * 1024

/** A socket that takes everything, or keeps it until `take`. */
function socketOf({ isSecure = false, keeps = false, waiting = 0 } = {}) {
  const frames: Buffer[] = []
  const callbacks: (() => void)[] = []
  const socket = Object.create(isSecure ? TLSSocket.prototype : null) as Socket
  Object.defineProperties(socket, {
    writableLength: { get: () => waiting },
    write: {
      value: (frame: Buffer, written?: () => void) => {
        frames.push(frame)
        if (keeps) waiting += frame.length
        if (written !== undefined) callbacks.push(written)
      },
    },
  })
  return {
    ...{ socket, frames },
    /** The network has all of it. */
    take: () => {
      waiting = 0
      for (const written of callbacks.splice(0)) written()
    },
  }
}

/** Lengths of messages, and how many bytes a frame's head has then, its key included. */
const lengths: readonly (readonly [length: number, headBytes: number])[] = [
  [0, 6],
  [125, 6],
  [126, 8],
  [65_535, 8],
  [65_536, 14],
  [largeBytes - longestHead, 14],
]

for (const [length, headBytes] of lengths) {
  for (const isBinary of [false, true]) {
    test(`a ${isBinary ? 'binary message' : 'text'} of ${length} bytes has a head of ${headBytes}`, t => {
      const { socket, frames } = socketOf()
      const message = Buffer.alloc(length, 'a')
      t.true(new DirectWriter(socket).write(message, isBinary))
      const [frame = Buffer.alloc(0)] = frames
      t.is(frame.length, headBytes + length)
      t.is(frame[0], isBinary ? 0x82 : 0x81)
      t.true(((frame[1] ?? 0) & 0x80) !== 0, 'it is masked')
      const [{ opcode, payload } = { opcode: -1, payload: message }] = new FrameReader().take(frame)
      t.is(opcode, isBinary ? opcodes.binary : opcodes.text)
      t.true(payload.equals(message))
    })
  }
}

test('a message for which there is no memory is left to ws', t => {
  const { socket, frames } = socketOf()
  t.false(new DirectWriter(socket).write(Buffer.alloc(largeBytes - longestHead + 1), false))
  t.deepEqual(frames, [])
})

for (const [what, bytes, sizeBytes] of [
  ['a short message', smallBytes - longestHead, smallBytes],
  ['a longer one', smallBytes - longestHead + 2, largeBytes],
] as const) {
  test(`memory for ${what} is of ${sizeBytes} bytes, and used again once the network has taken all of it`, t => {
    const { socket, frames } = socketOf()
    const writer = new DirectWriter(socket)
    for (const length of [bytes, bytes, bytes - 1]) t.true(writer.write(Buffer.alloc(length), true))
    const [one, two, three] = frames
    t.is(one?.buffer.byteLength, sizeBytes)
    t.true(one === two, 'a view of the same length is made once')
    t.true(three?.buffer === one?.buffer)
    t.is(three?.length, (one?.length ?? 0) - 1)
  })
}

for (const isSecure of [false, true]) {
  test(`what the network keeps is not written over${isSecure ? ', over TLS' : ''}`, t => {
    const { socket, frames, take } = socketOf({ isSecure, keeps: true })
    const writer = new DirectWriter(socket)
    t.true(writer.write(Buffer.from('one'), false))
    t.is(writer.buffered(), 9)
    t.false(writer.write(Buffer.from('two'), false), 'it would overtake what waits')
    const other = socketOf()
    new DirectWriter(other.socket).write(Buffer.from('other'), false)
    t.true(other.frames[0]?.buffer !== frames[0]?.buffer)
    take()
    t.is(writer.buffered(), 0)
    t.true(writer.write(Buffer.from('three'), false))
    take()
    t.is(frames.length, 2)
  })
}

test('behind a single byte that waits nothing is written', t => {
  const { socket, frames } = socketOf({ waiting: 1 })
  t.false(new DirectWriter(socket).write(Buffer.from('x'), false))
  t.deepEqual(frames, [])
})

test('over TLS memory is used again once the network says so, and not before', t => {
  const { socket, frames, take } = socketOf({ isSecure: true })
  const writer = new DirectWriter(socket)
  t.true(writer.write(Buffer.from('one'), false))
  t.false(writer.write(Buffer.from('two'), false))
  take()
  take()
  t.true(writer.write(Buffer.from('two'), false))
  t.true(frames[1]?.buffer === frames[0]?.buffer)
})

test('no more memory is kept than many sockets need at once', t => {
  const stalled = Array.from({ length: 40 }, () => socketOf({ isSecure: true }))
  const writers = stalled.map(({ socket }) => new DirectWriter(socket))
  const write = () => {
    for (const writer of writers) t.true(writer.write(Buffer.from('x'), false))
    const written = stalled.map(({ frames }) => frames.at(-1)?.buffer)
    for (const { take } of stalled) take()
    return written
  }
  const first = write()
  t.is(new Set(first).size, 40, 'each has memory of its own')
  const again = write().filter(buffer => first.includes(buffer))
  t.is(again.length, 32)
})
