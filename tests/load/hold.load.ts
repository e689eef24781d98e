import test from 'ava'
import { type Caller, gather, startTimings } from './caller.ts'
import { startReport } from './report.ts'
import { isStopped, placeOf, restUntil, wholeOf } from './settings.ts'

const isLocal = !process.env.TARGET_URL
const connections = wholeOf('CONNECTIONS', 5)
const durationSec = wholeOf('DURATION_SEC', isLocal ? 12 : 300)
const pingIntervalSec = wholeOf('PING_INTERVAL_SEC', Math.min(30, Math.ceil(durationSec / 4)))

/** A real model's answers cost money: one at the start, one at the end, and one in so many pings. */
const pingsBetweenTurns = 10

test('sockets stay open, are answered now and then, and none is lost', async t => {
  const place = await placeOf(t)
  const report = startReport(t, 'hold')
  const timings = startTimings()
  const faults: string[] = []
  const callers = await gather(place, timings, connections)
  const lost = () => callers.filter(caller => caller.lost !== null)
  const all = (run: (caller: Caller) => Promise<void>) =>
    Promise.all(callers.map(caller => run(caller).catch((fault: Error) => faults.push(fault.message))))
  const end = performance.now() + durationSec * 1000
  await all(caller => caller.ask('Say one short word.'))
  for (let pings = 1; performance.now() < end && !isStopped() && lost().length === 0; pings += 1) {
    report.say(`${connections - lost().length} of ${connections} open, ${faults.length} faults`)
    await restUntil(Math.min(end, performance.now() + pingIntervalSec * 1000))
    await all(caller => (pings % pingsBetweenTurns === 0 ? caller.ask('Another word.') : caller.beat()))
  }
  if (!isStopped() && lost().length === 0) await all(caller => caller.ask('Say goodbye.'))
  await Promise.all(callers.map(caller => caller.leave()))
  const moved = callers.reduce((sum, caller) => sum + caller.moved, 0)
  const losses = lost().map(caller => caller.lost)
  report.finish({ connections, moved, lost: losses, faults, stopped: isStopped() }, { ...timings })
  t.deepEqual(losses, [], 'sockets were lost')
  t.deepEqual(faults, [], 'turns or pings were not answered')
})
