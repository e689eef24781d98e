/** What ticks at an interval: all of it, and no more of it in one turn of the event loop than leaves room for others. */
import test, { type ExecutionContext } from 'ava'
import { systemClock, type Tickable } from '../../runtime/core/clock.ts'
import { patienceMs, until, within } from '../gateway/within.ts'

/** As many that they would hold up the event loop if all of them ticked in one turn. */
const many = 1000

/** So many ticks in one turn hold nobody up. */
const fewEnough = 50

/** Calls `onTick` with the index of what ticks. Each test has an interval, and so a timing wheel, of its own (ms). */
function start(t: ExecutionContext, intervalMs: number, count: number, onTick: (index: number) => void) {
  for (let index = 0; index < count; index += 1) {
    const tickable: Tickable = { tick: () => onTick(index), onFault: fault => t.fail(String(fault)) }
    const slot = systemClock.every(intervalMs, tickable)
    t.teardown(() => slot.delete(tickable))
  }
}

test('those that began together tick in many turns of the event loop, each once an interval', async t => {
  const ticks = new Map<number, number>()
  const all = Promise.withResolvers<void>()
  let ofTurn = 0
  let most = 0
  let isOver = false
  const turn = () => {
    most = Math.max(most, ofTurn)
    ofTurn = 0
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  t.teardown(() => {
    isOver = true
  })
  start(t, 2000, many, index => {
    ofTurn += 1
    ticks.set(index, (ticks.get(index) ?? 0) + 1)
    if (ticks.size === many) all.resolve()
  })
  await within(all.promise, patienceMs, 'not all of them tick')
  await new Promise(resolve => setImmediate(resolve))
  t.true(most > 0 && most <= fewEnough, `${most} in one turn`)
  t.deepEqual([...new Set(ticks.values())], [1])
})

test('what ends while others of its turn tick does not tick any more, and what begins then waits for its interval', async t => {
  const intervalMs = 800
  const ticked: string[] = []
  const late: Tickable = { tick: () => ticked.push('late'), onFault: t.fail }
  const ended: Tickable = { tick: () => ticked.push('ended'), onFault: t.fail }
  let isBegun = false
  start(t, intervalMs, many, index => {
    if (index > 0) return
    ticked.push('first')
    endedSlot.delete(ended)
    if (isBegun) return
    isBegun = true
    const slot = systemClock.every(intervalMs, late)
    t.teardown(() => slot.delete(late))
  })
  const endedSlot = systemClock.every(intervalMs, ended)
  await until(() => ticked.includes('late'), 'what began late does not tick')
  t.deepEqual(ticked, ['first', 'first', 'late'])
})
