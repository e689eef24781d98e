/** How long reading from upstream may keep the event loop, over a clock that the test moves. */
import test from 'ava'
import { ReadingShare } from '../../runtime/upstream/reading-share.ts'

const turnMs = 10

/** Bytes that make the clock be read. */
const checkedBytes = 64 * 1024

function stage() {
  const clock = { ms: 0, readings: 0 }
  let turnOver: (() => void)[] = []
  const share = new ReadingShare({
    turnMs,
    monotonicNow: () => {
      clock.readings += 1
      return clock.ms
    },
    afterTurn: run => turnOver.push(run),
  })
  const endTurn = () => {
    const due = turnOver
    turnOver = []
    for (const run of due) run()
    return due.length
  }
  /** One that has so many frames, each of which takes so long. */
  const reader = (frames: number, eachMs: number, bytes = checkedBytes) => {
    const own = {
      left: frames,
      goOn() {
        while (own.left > 0) {
          own.left -= 1
          clock.ms += eachMs
          if (!share.admits(own, bytes) && own.left > 0) return share.defer(own)
        }
      },
    }
    return own
  }
  return { share, clock, endTurn, reader }
}

test('what takes longer than a turn may is handed out in several', t => {
  const s = stage()
  const reader = s.reader(100, 4)
  reader.goOn()
  let turns = 1
  while (reader.left > 0) {
    const before = { left: reader.left, at: s.clock.ms }
    t.is(s.endTurn(), 1)
    t.true(reader.left < before.left)
    t.true(s.clock.ms - before.at < turnMs + 4)
    turns += 1
  }
  t.true(turns > 20)
  s.endTurn()
  t.is(s.endTurn(), 0, 'a turn is waited for in which there is nothing to do')
})

test('frames that take no time are handed out in one turn, however many they are', t => {
  const s = stage()
  const reader = s.reader(1000, 0)
  reader.goOn()
  t.is(reader.left, 0)
})

test('a turn is one for all readers, and whoever waits for it longest goes on first', t => {
  const s = stage()
  const readers = Array.from({ length: 4 }, () => s.reader(6, 4))
  const lefts = () => readers.map(({ left }) => left)
  for (const reader of readers) reader.goOn()
  // The first one had the turn; the others find it over at their first look at the clock.
  t.deepEqual(lefts(), [2, 5, 5, 5])
  // What is over after two leaves a third of a turn to the next.
  s.endTurn()
  t.deepEqual(lefts(), [0, 4, 5, 5])
  s.endTurn()
  t.deepEqual(lefts(), [0, 4, 2, 5])
  s.endTurn()
  t.deepEqual(lefts(), [0, 4, 2, 2])
  s.endTurn()
  t.deepEqual(lefts(), [0, 1, 2, 2])
  while (lefts().some(left => left > 0)) t.is(s.endTurn(), 1)
})

test('what comes in small pieces to many readers needs no clock', t => {
  const s = stage()
  const readers = Array.from({ length: 10 }, () => s.reader(1, 1, 400))
  for (let round = 0; round < 100; round += 1)
    for (const reader of readers) {
      reader.left = 1
      reader.goOn()
    }
  t.is(s.clock.readings, 0)
})
