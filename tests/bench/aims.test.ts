import test from 'ava'
import { aimsOf, isReached } from './aims.ts'
import { figureOf } from './figures.ts'

const of = (what: string, figures: Parameters<typeof aimsOf>[0]) =>
  aimsOf(figures).find(aim => aim.what.startsWith(what))

test('an aim is reached up to its limit, and not beyond', t => {
  const run = (micros: number) => [
    figureOf('up, 400 B', 'gateway', 'µs an event', [micros]),
    figureOf('up, 400 B', 'bare', 'µs an event', [10]),
  ]
  for (const [micros, reached] of [
    [9, true],
    [11, true],
    [11.1, false],
  ] as const) {
    const aim = of('up, 400 B: times the bare relay', run(micros))
    t.is(aim && isReached(aim), reached, `${micros}`)
  }
})

test('two workers are to do more than one, not less', t => {
  const run = (one: number, two: number) => [
    figureOf('most, extracted, 600 B', 'gateway', 'events a second', [one]),
    figureOf('most, extracted, 600 B', 'workers', 'events a second', [two]),
  ]
  const [well, badly] = [of('two workers', run(100, 190)), of('two workers', run(100, 170))]
  t.true(well && isReached(well))
  t.false(badly && isReached(badly))
})

test('what a run has not measured is not reached', t => {
  t.true(aimsOf([]).every(aim => aim.value === null && !isReached(aim)))
})
