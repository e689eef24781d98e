/** An answer is heard to its end, and no longer than a minute is waited for that. */
import { mock } from 'node:test'
import test, { type ExecutionContext } from 'ava'
import { Playout } from '../../runtime/calls/playout.ts'
import { Rejoin } from '../../runtime/calls/rejoin.ts'

function stage(isRunning = false) {
  const responses = { isRunning }
  const playout = new Playout(responses)
  const ran: string[] = []
  const wait = (name = 'then') => playout.whenSilent(() => void ran.push(name))
  return { responses, playout, ran, wait }
}

/** What happens after something is to run in silence, and whether it has run then. */
const rows: readonly (readonly [
  what: string,
  isRunning: boolean,
  before: readonly string[],
  after: readonly string[],
  hasRun: boolean,
])[] = [
  ['nothing runs or plays', false, [], [], true],
  ['an answer runs', true, [], [], false],
  ['an answer runs and plays', true, ['output_audio_buffer.started'], [], false],
  ['an answer plays', false, ['output_audio_buffer.started'], [], false],
  ['an answer plays, and something else happens', false, ['output_audio_buffer.started'], ['x'], false],
  ['an answer has played', false, ['output_audio_buffer.started', 'output_audio_buffer.stopped'], [], true],
  ['an answer stops to play', false, ['output_audio_buffer.started'], ['output_audio_buffer.stopped'], true],
  ['an answer is cut', false, ['output_audio_buffer.started'], ['output_audio_buffer.cleared'], true],
  [
    'an answer runs that stops to play',
    true,
    ['output_audio_buffer.started'],
    ['output_audio_buffer.stopped'],
    false,
  ],
  ['the next answer plays', false, ['output_audio_buffer.stopped', 'output_audio_buffer.started'], [], false],
]

for (const [what, isRunning, before, after, hasRun] of rows) {
  test(`${what}: what waits for silence has ${hasRun ? '' : 'not '}run`, t => {
    const { playout, ran, wait } = stage(isRunning)
    t.teardown(() => playout.stop())
    for (const type of before) playout.note(type)
    wait()
    for (const type of after) playout.note(type)
    t.deepEqual(ran, hasRun ? ['then'] : [])
  })
}

test('what waits for an answer runs once, with the event that ends it', t => {
  const { responses, playout, ran, wait } = stage(true)
  wait()
  playout.note('response.output_audio.delta')
  t.deepEqual(ran, [])
  responses.isRunning = false
  playout.note('response.done')
  playout.note('response.done')
  t.deepEqual(ran, ['then'])
})

test('what waits later takes the place of what waited, and nothing runs after a stop', t => {
  const { responses, playout, ran, wait } = stage(true)
  wait('first')
  wait('second')
  responses.isRunning = false
  playout.note('response.done')
  t.deepEqual(ran, ['second'])
  responses.isRunning = true
  wait('third')
  playout.stop()
  playout.stop()
  responses.isRunning = false
  playout.note('response.done')
  t.deepEqual(ran, ['second'])
})

function mockTimers(t: ExecutionContext): void {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
}

test.serial('an answer that never ends is waited for a minute', t => {
  mockTimers(t)
  const { ran, wait } = stage(true)
  wait()
  mock.timers.tick(59_999)
  t.deepEqual(ran, [])
  mock.timers.tick(1)
  t.deepEqual(ran, ['then'])
  mock.timers.tick(120_000)
  t.deepEqual(ran, ['then'])
})

test.serial('of what waited before, no deadline is left', t => {
  mockTimers(t)
  const { playout, ran, wait } = stage(true)
  wait('first')
  mock.timers.tick(30_000)
  wait('second')
  mock.timers.tick(30_000)
  t.deepEqual(ran, [])
  playout.stop()
  mock.timers.tick(60_000)
  t.deepEqual(ran, [])
})

/** A clock for `performance.now`, set by hand. */
function handClock(t: ExecutionContext) {
  const clock = { now: 1000 }
  const { now } = performance
  performance.now = () => clock.now
  t.teardown(() => {
    performance.now = now
  })
  return clock
}

const inVain = (rejoin: Rejoin) => Array.from({ length: 8 }, () => rejoin.next())

/** Waits as they may be at random: from half of the longest to all of it (ms). */
const longest = [0, 250, 500, 1000, 2000, 4000]

function areWaits(t: ExecutionContext, waits: readonly (number | null)[]): void {
  t.deepEqual(
    waits.map(wait => wait !== null),
    [true, true, true, true, true, true, false, false],
  )
  for (const [place, most] of longest.entries()) {
    const wait = waits[place] as number
    t.true(wait >= most / 2 && wait <= most, `try ${place + 1}: ${wait} of ${most} ms`)
  }
}

test.serial(
  'a lost control connection is asked for at once, then five times later and later, and given up',
  t => {
    handClock(t)
    const rejoin = new Rejoin()
    rejoin.opened()
    areWaits(t, inVain(rejoin))
  },
)

test.serial('one that held for ten seconds is counted anew, once; one that held for less is not', t => {
  const clock = handClock(t)
  const rejoin = new Rejoin()
  for (let n = 0; n < 4; n += 1) rejoin.next()
  rejoin.opened()
  clock.now += 9999
  t.true((rejoin.next() ?? 0) >= 1000, 'the fifth try')
  rejoin.opened()
  clock.now += 10_000
  areWaits(t, inVain(rejoin))
  clock.now += 60_000
  t.is(rejoin.next(), null, 'it has not opened again')
})
