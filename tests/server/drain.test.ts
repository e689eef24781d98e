/** How a process ends its connections: each is told, each ends, nobody waits for ever. */
import { mock } from 'node:test'
import test, { type ExecutionContext } from 'ava'
import { errorTable } from '../../runtime/core/errors.ts'
import { shutdownSteps } from '../../runtime/core/shutdown.ts'
import { Drain, type Drainable } from '../../runtime/server/drain.ts'

/** Long enough that it never decides a test (ms). */
const neverMs = 60_000

/** Timers are up to so much early or rounded (ms). */
const timerMs = 5

interface Behaviour {
  /** What announcing does; nothing by default. */
  readonly announce?: () => void | Promise<void>
  /** What `drain` does; ends at once by default. */
  readonly end?: (remove: () => void) => void
}

function stage({ lameDuckMs = 0, deadlineMs = neverMs }: { lameDuckMs?: number; deadlineMs?: number } = {}) {
  const lines: [event: string, fields: Record<string, unknown>][] = []
  const write = (event: string, fields: object = {}) => void lines.push([event, { ...fields }])
  const drain = new Drain({ lameDuckMs, deadlineMs, log: { info: write, warn: write, error: write } })
  const told: string[] = []
  const ends: { place: number; turn: number; at: number; deadlineMs: number }[] = []
  let turn = 0
  const turns = setInterval(() => {
    turn += 1
  }, 1)
  turns.unref()
  const add = (count: number, { announce = () => undefined, end = remove => remove() }: Behaviour = {}) =>
    Array.from({ length: count }, (_, place) => {
      const connection: Drainable = {
        announce: deadlineMs => {
          told.push(`${place} announced ${deadlineMs}`)
          return announce()
        },
        drain: deadlineMs => {
          ends.push({ place, turn, at: performance.now(), deadlineMs })
          told.push(`${place} ends`)
          end(() => drain.remove(connection))
        },
      }
      drain.add(connection)
      return connection
    })
  return { drain, add, told, ends, lines }
}

/** Where a batch begins: behind a pause, in another turn of the event loop. */
function firstOfBatches(ends: ReturnType<typeof stage>['ends']): number[] {
  return ends.flatMap(({ place, turn, at }) => {
    const before = ends[place - 1]
    return before === undefined || (turn > before.turn && at - before.at >= 50 - timerMs) ? [place] : []
  })
}

test('while it serves, connections are taken; in a drain and after it they are refused, and told when to ask again', async t => {
  const { drain } = stage()
  t.is(drain.phase, 'serving')
  t.is(drain.refusal(), null)
  const over = drain.begin()
  t.is(drain.phase, 'draining')
  for (const phase of ['draining', 'drained'] as const) {
    t.is(drain.phase, phase)
    t.like(drain.refusal(), { code: 'draining', retryAfterMs: 1000 })
    t.is(errorTable.draining.status, 503)
    await over
  }
})

test('every connection is told the deadline before any ends', async t => {
  const { drain, add, told, lines } = stage()
  add(2)
  await drain.begin()
  t.deepEqual(told, ['0 announced 60000', '1 announced 60000', '0 ends', '1 ends'])
  t.like(lines, [
    ['drain.started', { connections: 2, deadlineMs: neverMs }],
    ['drain.completed', { ended: 2, left: 0 }],
  ])
})

test('many connections are told in several turns of the event loop, all before any ends, and none that has ended', async t => {
  const { drain, add, told } = stage()
  const turns: number[] = []
  let turn = 0
  let isOver = false
  const count = () => {
    turn += 1
    if (!isOver) setImmediate(count)
  }
  setImmediate(count)
  const announce = () => {
    turns.push(turn)
    if (turns.length === 1 && last !== undefined) drain.remove(last)
    if (turns.length === 2) return Promise.reject(new Error('broken'))
  }
  const last = add(100, { announce }).at(-1)
  await drain.begin()
  isOver = true
  t.deepEqual(
    told.slice(0, 99).map(line => line.split(' ').slice(0, 2).join(' ')),
    Array.from({ length: 99 }, (_, place) => `${place} announced`),
  )
  t.true(told.slice(99).every(line => line.endsWith(' ends')))
  const ofTurns = [...Map.groupBy(turns, each => each).values()].map(({ length }) => length)
  t.true(Math.max(...ofTurns) <= 10, `${ofTurns}`)
})

test('none ends before what it is told is written', async t => {
  const written = Promise.withResolvers<void>()
  const { drain, add, told } = stage()
  add(1, { announce: () => written.promise })
  const over = drain.begin()
  await new Promise(resolve => setTimeout(resolve, 20))
  t.deepEqual(told, ['0 announced 60000'])
  written.resolve()
  await over
  t.deepEqual(told, ['0 announced 60000', '0 ends'])
})

const faults: readonly [what: string, announce: () => void | Promise<void>][] = [
  [
    'throws',
    () => {
      throw new Error('broken')
    },
  ],
  ['rejects', () => Promise.reject(new Error('broken'))],
  ['never ends', () => new Promise(() => undefined)],
]

for (const [what, announce] of faults) {
  test(`a connection whose announcement ${what} ends like any other`, async t => {
    const { drain, add, ends } = stage({ deadlineMs: 50 })
    add(1, { announce })
    await drain.begin()
    t.is(ends.length, 1)
    t.is(drain.phase, 'drained')
  })
}

test('a connection that fails to end keeps no other from its end', async t => {
  const { drain, add, ends, lines } = stage({ deadlineMs: 100 })
  const fail = () => {
    throw new Error('broken')
  }
  add(1, { end: fail })
  add(29)
  await drain.begin()
  t.is(ends.length, 30)
  t.deepEqual(
    lines.map(([event]) => event),
    ['drain.started', 'connection.failed', 'drain.completed'],
  )
  t.like(lines.at(-1), ['drain.completed', { ended: 29, left: 1 }])
  t.is(drain.phase, 'drained')
})

test('a drain begins once', async t => {
  const { drain, add, told, lines } = stage()
  add(1)
  await Promise.all([drain.begin(), drain.begin()])
  await drain.begin()
  t.deepEqual(told, ['0 announced 60000', '0 ends'])
  t.is(lines.length, 2)
})

test('connections end in batches, so that their clients do not all come back at once', async t => {
  // Two fifths of it have room for eight batches and a little more: 13 connections each.
  const deadlineMs = 1100
  const { drain, add, ends } = stage({ deadlineMs })
  add(100)
  await drain.begin()
  t.deepEqual(
    ends.map(({ place }) => place),
    Array.from({ length: 100 }, (_, place) => place),
  )
  t.deepEqual(firstOfBatches(ends), [0, 13, 26, 39, 52, 65, 78, 91])
  const [first = 0, last = 0] = [ends[0]?.deadlineMs, ends.at(-1)?.deadlineMs]
  t.true(first <= deadlineMs && last <= first - 7 * (50 - timerMs), 'the deadline stays where it was')
})

for (const deadlineMs of [0, 100, 249]) {
  test(`a drain of ${deadlineMs} ms has no room for two batches: all connections end at once`, async t => {
    const { drain, add, ends } = stage({ deadlineMs })
    add(100)
    await drain.begin()
    t.is(ends.length, 100)
    t.deepEqual(firstOfBatches(ends), [0])
    t.true(
      ends.every(end => end.deadlineMs <= deadlineMs),
      'none is given more time than there is',
    )
  })
}

/** Takes the place of `setTimeout`. @returns lets time pass, and all that comes of it happen */
function mockTimeouts(t: ExecutionContext): (ms: number) => Promise<void> {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  return async ms => {
    mock.timers.tick(ms)
    for (let turn = 0; turn < 5; turn += 1) await new Promise(resolve => setImmediate(resolve))
  }
}

test.serial('an announcement that never ends keeps connections from their end for two seconds', async t => {
  const pass = mockTimeouts(t)
  const { drain, add, ends } = stage()
  add(1, { announce: () => new Promise(() => undefined) })
  const over = drain.begin()
  await pass(1999)
  t.is(ends.length, 0)
  await pass(1)
  t.is(ends.length, 1)
  await over
})

test.serial('a drain waits between two batches, and for nothing behind the last', async t => {
  const pass = mockTimeouts(t)
  const { drain, add, ends } = stage()
  add(20)
  const over = drain.begin()
  await pass(1)
  t.is(ends.length, 10)
  await pass(50)
  t.is(ends.length, 20)
  await over
  t.is(drain.phase, 'drained')
})

test('few connections end ten at a time', async t => {
  const { drain, add, ends } = stage()
  add(21)
  await drain.begin()
  t.deepEqual(firstOfBatches(ends), [0, 10, 20])
})

test('a drain that is given less time than is configured ends within that', async t => {
  const { drain, add, told, lines } = stage({ lameDuckMs: neverMs })
  add(1)
  await drain.begin(100)
  t.is(told[0], '0 announced 100')
  t.like(lines[0], ['drain.started', { connections: 1, deadlineMs: 100 }])
})

test('HTTP is answered for the lame-duck time, whatever ends before', async t => {
  const { drain } = stage({ lameDuckMs: 60 })
  const startedAt = performance.now()
  await drain.begin()
  t.true(performance.now() - startedAt >= 60 - timerMs)
})

test('what has not ended at the deadline, and the time of close frames, is left', async t => {
  const { drain, add, lines } = stage({ deadlineMs: 20 })
  add(1, { end: () => undefined })
  add(1)
  const startedAt = performance.now()
  await drain.begin()
  t.true(performance.now() - startedAt >= 20 + shutdownSteps.closeFramesMs - timerMs)
  t.like(lines.at(-1), ['drain.completed', { ended: 1, left: 1 }])
})

test('the drain is over with its last connection, at once', async t => {
  const { drain, add } = stage()
  const ended = Promise.withResolvers<void>()
  const [first, last] = add(2, { end: () => ended.resolve() })
  let isOver = false
  const over = drain.begin().then(() => {
    isOver = true
  })
  await ended.promise
  if (first === undefined || last === undefined) return t.fail()
  drain.remove(first)
  await new Promise(resolve => setImmediate(resolve))
  t.false(isOver)
  drain.remove(last)
  await over
  t.is(drain.phase, 'drained')
})

test('a connection that comes in a drain is told, ended and counted as those before it', async t => {
  const { drain, add, told, lines } = stage()
  const ended = Promise.withResolvers<() => void>()
  add(1, { end: ended.resolve })
  const over = drain.begin()
  const remove = await ended.promise
  add(1)
  add(1, { announce: () => Promise.reject(new Error('broken')) })
  await new Promise(resolve => setImmediate(resolve))
  t.deepEqual(
    told.slice(2).map(line => line.split(' ').slice(0, 2).join(' ')),
    ['0 announced', '0 announced', '0 ends', '0 ends'],
  )
  remove()
  await over
  t.like(lines[0], ['drain.started', { connections: 1 }])
  t.like(lines.at(-1), ['drain.completed', { ended: 3, left: 0 }])
})

test('a connection that comes in the lame-duck time is waited for, to the deadline', async t => {
  const { drain, add, lines } = stage({ deadlineMs: 20, lameDuckMs: 20 })
  const over = drain.begin()
  add(1, { end: () => undefined })
  await over
  t.like(lines.at(-1), ['drain.completed', { ended: 0, left: 1 }])
})

test.serial(
  'one that comes late has as long to be told as any other, and is not ended where it has left',
  async t => {
    const pass = mockTimeouts(t)
    const { drain, add, ends } = stage()
    const [stays] = add(1, { end: () => undefined })
    const over = drain.begin()
    await pass(1)
    const never = { announce: () => new Promise<void>(() => undefined) }
    const [, leaves] = add(2, never)
    await pass(1999)
    t.is(ends.length, 1)
    if (leaves === undefined || stays === undefined) return t.fail()
    drain.remove(leaves)
    await pass(1)
    t.deepEqual(
      ends.map(({ place }) => place),
      [0, 0],
    )
    drain.remove(stays)
    await over
  },
)

test('a connection that comes when the drain is over is ended, too', async t => {
  const { drain, add, told } = stage({ deadlineMs: 0 })
  await drain.begin()
  add(1)
  await new Promise(resolve => setImmediate(resolve))
  t.deepEqual(told, ['0 announced 0', '0 ends'])
})

test('a drain waits for work that has begun and for what follows from it, until the answer is written', async t => {
  const { drain, add, lines } = stage()
  const work = Promise.withResolvers<string>()
  const steps: string[] = []
  const answered = drain.waitFor(work.promise).then(async answer => {
    steps.push(answer)
    await new Promise(resolve => setImmediate(resolve))
    steps.push('written')
  })
  const failed = drain.waitFor(Promise.reject(new Error('broken')))
  await t.throwsAsync(failed, { message: 'broken' })
  const over = drain.begin().then(() => steps.push('over'))
  for (let turn = 0; turn < 5; turn += 1) await new Promise(resolve => setImmediate(resolve))
  t.deepEqual(steps, [])
  add(1)
  work.resolve('done')
  await Promise.all([answered, over])
  t.deepEqual(steps, ['done', 'written', 'over'])
  t.like(lines.at(-1), ['drain.completed', { left: 0 }])
})

test('work that does not end in time is left, and never more is left than there was', async t => {
  const { drain, lines } = stage({ deadlineMs: 20 })
  const work = new Promise<void>(() => undefined)
  void drain.waitFor(work)
  const over = drain.begin()
  void drain.waitFor(work)
  await over
  t.like(lines.at(-1), ['drain.completed', { ended: 0, left: 2 }])
})
