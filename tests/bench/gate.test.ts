import test from 'ava'
import { gatedRows, judge, pool, readBaseline } from './gate.ts'
import { ratioOf } from './paired.ts'
import { rows } from './rows.ts'

const baseline = { tolerance: 0.1, reason: 'for the test', ratios: { down: 1, up: 0.5 } }
const passing = (...measured: { row: string; ratio: number }[]) =>
  judge(baseline, measured)
    .filter(({ passes }) => passes)
    .map(({ row }) => row)

test('a ratio passes up to its baseline and the tolerance, and not beyond', t => {
  t.deepEqual(passing({ row: 'down', ratio: 1.1 }, { row: 'up', ratio: 0.56 }), ['down'])
  t.deepEqual(passing({ row: 'down', ratio: 1.11 }, { row: 'up', ratio: 0.2 }), ['up'])
})

test('what was not measured, and what has no baseline, does not pass', t => {
  t.deepEqual(passing({ row: 'down', ratio: 1 }), ['down'])
  t.deepEqual(passing({ row: 'sideways', ratio: 0.1 }), [])
  t.deepEqual(
    judge(baseline, [{ row: 'down', ratio: Number.NaN }]).filter(({ passes }) => passes),
    [],
  )
})

test('a row that is measured again is judged by all of its pairs', t => {
  const pairs = (...costs: number[]) => costs.map(subject => [{ subject, reference: 10 }])
  const first = [
    { row: 'down', pairs: pairs(9) },
    { row: 'up', pairs: pairs(9, 20, 20) },
  ]
  const pooled = pool(first, [{ row: 'up', pairs: pairs(9, 9, 9) }]).map(ratioOf)
  t.deepEqual(
    pooled.map(({ row, ratio }) => [row, ratio]),
    [
      ['down', 0.9],
      ['up', 0.9],
    ],
  )
  t.is(ratioOf({ row: 'up', pairs: pairs(9, 20, 20) }).ratio, 2)
})

test('the baseline has every row that is gated, plain and TLS, and says why it tolerates what it does', t => {
  const { ratios, tolerance, reason } = readBaseline()
  t.deepEqual(Object.keys(ratios).toSorted(), gatedRows.toSorted())
  t.is(gatedRows.length, 8)
  for (const name of gatedRows)
    t.true(
      rows.some(row => row.name === name),
      name,
    )
  t.true(tolerance > 0 && tolerance < 0.5)
  t.true(reason.length > 0)
})
