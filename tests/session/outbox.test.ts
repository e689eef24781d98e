/** What is held for an upstream that is not there: bounded, in order, each once. */
import test from 'ava'
import { encodeText, messageBytes, messageOverheadBytes, Outbox } from '../../runtime/session/outbox.ts'

function flushed(outbox: Outbox, maxBytes?: number) {
  const sent: string[] = []
  const isEmpty = outbox.flush((message, isBinary) => {
    sent.push(`${isBinary ? 'bytes ' : ''}${typeof message === 'string' ? message : Buffer.from(message)}`)
  }, maxBytes)
  return { sent, isEmpty }
}

const limits: readonly [what: string, messages: readonly string[], limit: number, held: number][] = [
  ['exactly the limit', ['12345'], 5 + messageOverheadBytes, 1],
  ['one byte more', ['12345'], 4 + messageOverheadBytes, 0],
  ['exactly the limit of two', ['12', '345'], 5 + 2 * messageOverheadBytes, 2],
  ['one byte more with the second', ['12', '345'], 4 + 2 * messageOverheadBytes, 1],
  ['bytes of UTF-8, not characters', ['é'], 1 + messageOverheadBytes, 0],
  ['what costs nothing but its overhead', ['', '', ''], 2 * messageOverheadBytes, 2],
]

for (const [what, messages, limit, held] of limits) {
  test(`the limit: ${what}`, t => {
    const outbox = new Outbox(limit)
    t.deepEqual(
      messages.map(message => outbox.hold(message, false)),
      messages.map((_, place) => place < held),
    )
    t.is(outbox.size, held)
    t.is(
      outbox.bytes,
      messages.slice(0, held).reduce((sum, message) => sum + messageBytes(message) + messageOverheadBytes, 0),
    )
  })
}

test('messages go out in their order, as they came, once', t => {
  const outbox = new Outbox(10_000)
  outbox.hold('a', false)
  outbox.hold(Buffer.from('b'), true)
  outbox.hold('c', false)
  t.deepEqual(flushed(outbox), { sent: ['a', 'bytes b', 'c'], isEmpty: true })
  t.is(outbox.bytes, 0)
  t.is(outbox.size, 0)
  t.deepEqual(flushed(outbox), { sent: [], isEmpty: true })
})

test('a message is a copy: the memory under it is used again', t => {
  const outbox = new Outbox(10_000)
  const memory = Buffer.from('before')
  outbox.hold(memory, false)
  memory.write('after!')
  t.deepEqual(flushed(outbox).sent, ['before'])
})

test('a flush of so many bytes sends at least one message, and what is left goes next', t => {
  const outbox = new Outbox(100_000)
  for (const message of ['a', 'b', 'c', 'd']) outbox.hold(message, false)
  t.deepEqual(flushed(outbox, 1), { sent: ['a'], isEmpty: false })
  t.is(outbox.bytes, 3 * (1 + messageOverheadBytes))
  t.deepEqual(flushed(outbox, 1 + messageOverheadBytes), { sent: ['b'], isEmpty: false })
  t.deepEqual(flushed(outbox, 2 + messageOverheadBytes), { sent: ['c', 'd'], isEmpty: true })
})

test('what is held while a flush sends comes behind, and is told', t => {
  const outbox = new Outbox(100_000)
  outbox.hold('a', false)
  t.false(outbox.flush(message => void (message === 'a' && outbox.hold('b', false))))
  t.deepEqual(flushed(outbox), { sent: ['b'], isEmpty: true })
})

test('nothing is sent, and all of it is free again, once it is cleared', t => {
  const outbox = new Outbox(1 + messageOverheadBytes)
  outbox.hold('a', false)
  outbox.clear()
  t.is(outbox.bytes, 0)
  t.deepEqual(flushed(outbox), { sent: [], isEmpty: true })
  t.true(outbox.hold('b', false))
})

test('a text is written as UTF-8, short or long', t => {
  for (const text of ['', 'é', 'あ'.repeat(64 * 1024), 'あ'.repeat(64 * 1024 + 1)])
    t.true(encodeText(text).equals(Buffer.from(text)))
})
