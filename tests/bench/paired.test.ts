import test from 'ava'
import { type Comparison, ratioOf } from './paired.ts'

/** Pairs of processes, each of one round before a reference of 10 µs. */
const pairsOf = (...ratios: number[]): Comparison => ({
  row: 'up, 400 B',
  pairs: ratios.map(ratio => [{ subject: ratio * 10, reference: 10 }]),
})

test('a ratio is the middle of the pairs of processes, and each of its own rounds', t => {
  const slowForAWhile = [
    { subject: 11, reference: 10 },
    { subject: 33, reference: 30 },
    { subject: 22, reference: 10 },
  ]
  const { ratio, low, high } = ratioOf({ row: 'a', pairs: [slowForAWhile] })
  t.deepEqual([ratio, low, high], [1.1, 1.1, 1.1])
  t.like(ratioOf(pairsOf(1.3, 1, 1.1)), { ratio: 1.1, low: 1, high: 1.3, subject: 11, reference: 10 })
})

test('the interval leaves out what may lie beside the median with less than one chance in twenty', t => {
  const sixPairs = ratioOf(pairsOf(0.9, 1, 1, 1, 1, 1.1))
  t.deepEqual(sixPairs.surely, [0.9, 1.1])
  // 2 * (1 + 10) / 1024 is below 0.05, 2 * (1 + 10 + 45) / 1024 is above.
  const tenPairs = ratioOf(pairsOf(0.5, 0.9, 1, 1, 1, 1, 1, 1, 1.1, 2))
  t.deepEqual(tenPairs.surely, [0.9, 1.1])
  t.deepEqual([tenPairs.low, tenPairs.high], [0.5, 2])
})
