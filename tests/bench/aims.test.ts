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

test('rows of TLS, storms and slow events have aims, by the names of their figures', t => {
  const cases = [
    ['down, 6.4 kB, client TLS', 'down, 6.4 kB, client TLS: times the bare relay', [10, 11]],
    ['up, 400 B, client TLS', 'up, 400 B, client TLS: times the bare relay', [10, 11]],
    ['tails, 5000 sessions, p99.9', "tails, 5000 sessions, p99.9: times the bare relay's", [12.5, 13]],
    ['storm of 5000: connects', 'storm of 5000: connects, times the bare relay', [9, 8.9]],
    [
      'storm of 5000: the last one served',
      "storm of 5000: the last one served, times the bare relay's",
      [20, 21],
    ],
  ] as const
  for (const [row, what, [reached, missed]] of cases)
    for (const value of [reached, missed]) {
      const aim = of(what, [figureOf(row, 'gateway', '', [value]), figureOf(row, 'bare', '', [10])])
      t.is(aim && isReached(aim), value === reached, `${what}: ${value}`)
    }
  const delay = 'drain of 5000: longest delay of the next event loop'
  for (const ms of [100, 101]) {
    const aim = of(delay, [figureOf(delay, 'gateway', 'ms', [ms])])
    t.is(aim && isReached(aim), ms === 100, `${ms}`)
  }
})

test('memory, a crowd that talks and the start of the image have limits of their own', t => {
  const idle = 'capacity, 10000 idle: memory of a session, without garbage'
  const cases = [
    [idle, 'workers', '10,000 idle sessions', [10, 10.1]],
    [idle, 'gateway', '10,000 idle sessions', [10, 10.1]],
    ['capacity, 5000 talking: that, times 100 sessions', 'gateway', 'over 5000 talking', [1.2, 1.21]],
    ['start to ready, warm', 'image', 'start of the image', [400, 401]],
  ] as const
  for (const [row, contender, what, [reached, missed]] of cases)
    for (const value of [reached, missed]) {
      const aim = of(what, [figureOf(row, contender, '', [value])])
      t.is(aim && isReached(aim), value === reached, `${what}: ${value}`)
    }
})

test('what a run has not measured is not reached', t => {
  t.true(aimsOf([]).every(aim => aim.value === null && !isReached(aim)))
})
