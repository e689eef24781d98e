import test from 'ava'
import { aimsOf, isReached } from './aims.ts'
import { makeEvent, turnBegins } from './events.ts'
import { figureOfPairs } from './paired.ts'
import { tracedRows, untraced } from './tracing.ts'

test('an event with tracing on, or in vain, is to cost five hundredths more at most', t => {
  for (const variant of ['on', 'away'])
    for (const row of tracedRows)
      for (const [subject, reached] of [
        [10.4, true],
        [10.6, false],
      ] as const) {
        const pairs = [0.5, 1, 2].map(load => [{ subject: subject * load, reference: 10 * load }])
        const figure = figureOfPairs(`tracing ${variant}`, untraced, { row, pairs })
        const aim = aimsOf([figure]).find(({ value }) => value !== null)
        t.is(aim?.what, `tracing ${variant}, ${row}: times untraced`)
        t.is(aim && isReached(aim), reached, `${variant}, ${row}, ${subject}`)
      }
})

test('a turn is the beginning and the end of one response', t => {
  const ends = makeEvent('turn', 1000)
  t.is(ends.length, 1000)
  const [begun, done] = [JSON.parse(turnBegins.toString()), JSON.parse(ends.toString())]
  t.deepEqual([begun.type, done.type], ['response.created', 'response.done'])
  t.is(begun.response.id, done.response.id)
})
