import test from 'ava'
import { figureOf, timesOf } from './figures.ts'

const micros = (...rounds: number[]) => figureOf('row', 'one', 'µs an event', rounds)

test('a figure is the middle of its rounds', t => {
  t.like(micros(3, 1, 2), { median: 2, low: 1, high: 3 })
  t.like(micros(4, 1, 2, 3), { median: 2.5, low: 1, high: 4 })
  t.like(micros(7), { median: 7, low: 7, high: 7 })
})

test('figures are compared round by round, so a machine that is slow for a while changes nothing', t => {
  t.is(timesOf(micros(10, 20, 40), micros(5, 10, 20)), 2)
  t.is(timesOf(micros(10, 10, 30, 30, 30), micros(10, 10, 30, 30, 30)), 1)
  t.is(timesOf(micros(2, 2, 9), micros(1, 1)), 2)
})

test('what was not measured is compared with nothing', t => {
  t.is(timesOf(undefined, micros(1)), null)
  t.is(timesOf(micros(1), undefined), null)
  t.is(timesOf(micros(), micros(1)), null)
})
