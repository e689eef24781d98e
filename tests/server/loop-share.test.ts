/** How long one client may keep the event loop, over a clock that the test moves. */
import test from 'ava'
import { callBytes, LoopShare } from '../../runtime/server/loop-share.ts'

const turnMs = 50

/** Calls that make the clocks be read once. */
const callsPerCheck = (64 * 1024) / callBytes.message

function stage() {
  const clock = { wall: 0, cpu: 0 }
  let turnOver: (() => void)[] = []
  const share = new LoopShare({
    turnMs,
    monotonicNow: () => clock.wall,
    cpuMs: () => clock.cpu,
    afterTurn: run => turnOver.push(run),
  })
  const endTurn = () => {
    const due = turnOver
    turnOver = []
    for (const run of due) run()
  }
  /** One reading of the clocks in a client's run, so much time after the last. */
  const run = (client: object, use: ReturnType<typeof LoopShare.use> | null, ms: number, cpuPart = 1) => {
    clock.wall += ms
    clock.cpu += ms * cpuPart
    let admitted = true
    for (let call = 0; call < callsPerCheck; call += 1)
      admitted = share.admits(client, use, callBytes.message) && admitted
    return admitted
  }
  return { share, run, endTurn, clock }
}

test('a run within the limit is admitted, one above it is not', t => {
  const s = stage()
  const [client, use] = [{}, LoopShare.use()]
  t.true(s.run(client, use, 0))
  t.true(s.run(client, use, turnMs))
  t.false(s.run(client, use, 1))
})

test('a new turn begins a new run', t => {
  const s = stage()
  const [client, use] = [{}, LoopShare.use()]
  for (let turn = 0; turn < 5; turn += 1) {
    t.true(s.run(client, use, 0))
    t.true(s.run(client, use, turnMs))
    s.endTurn()
  }
})

test('another client in between begins a new run', t => {
  const s = stage()
  const [client, other, use] = [{}, {}, LoopShare.use()]
  t.true(s.run(client, use, 0))
  t.true(s.run(client, use, turnMs))
  t.true(s.run(other, LoopShare.use(), 1))
  t.true(s.run(client, use, 1))
  t.true(s.run(client, use, turnMs))
})

test('time in which the machine was busy elsewhere is nobody’s', t => {
  const s = stage()
  const [client, use] = [{}, LoopShare.use()]
  t.true(s.run(client, use, 0))
  t.true(s.run(client, use, 10 * turnMs, 0.04))
  t.false(s.run(client, use, 10 * turnMs, 0.04))
})

for (const [others, admitted] of [
  [true, false],
  [false, true],
] as const) {
  test(`half of a second in short runs is ${admitted ? 'admitted while nobody else is there' : 'too much while others wait'}`, t => {
    const s = stage()
    const [client, other, use, otherUse] = [{}, {}, LoopShare.use(), LoopShare.use()]
    const runs: boolean[] = []
    for (let turn = 0; turn < 14; turn += 1) {
      if (others) s.run(other, otherUse, 0)
      runs.push(s.run(client, use, 0), s.run(client, use, turnMs - 10))
      s.endTurn()
    }
    t.is(runs.every(Boolean), admitted)
  })
}

test('requests, which are told apart by address alone, may take half as long', t => {
  const s = stage()
  const client = {}
  t.true(s.run(client, null, 0))
  t.true(s.run(client, null, turnMs / 2))
  t.false(s.run(client, null, 1))
})

test('a run is long when it has taken half of what is allowed', t => {
  const s = stage()
  const client = {}
  s.run(client, LoopShare.use(), 0)
  s.run(client, LoopShare.use(), turnMs / 2)
  t.false(s.share.isLong)
  s.run(client, LoopShare.use(), 1)
  t.true(s.share.isLong)
  s.endTurn()
  t.false(s.share.isLong)
})

test('0 lifts the limit', t => {
  const share = new LoopShare({
    turnMs: 0,
    monotonicNow: () => t.fail() as never,
    cpuMs: () => 0,
    afterTurn: () => undefined,
  })
  const client = {}
  for (let call = 0; call < 1000; call += 1) t.true(share.admits(client, LoopShare.use(), 1024 * 1024))
})
