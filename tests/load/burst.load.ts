import test from 'ava'
import { gather, startTimings } from './caller.ts'
import { startReport } from './report.ts'
import { isStopped, placeOf, wholeOf } from './settings.ts'

const sockets = wholeOf('CONNECTIONS', 200)
const rounds = 3

test('sockets that all dial and ask at once are all let in and answered', async t => {
  const place = await placeOf(t)
  const report = startReport(t, 'burst')
  const timings = startTimings()
  let answered = 0
  for (let round = 1; round <= rounds && !isStopped(); round += 1) {
    const callers = await gather(place, timings, sockets, sockets)
    await Promise.all(callers.map(caller => caller.ask('two')))
    await Promise.all(callers.map(caller => caller.leave()))
    answered += callers.length
    report.say(`round ${round}: ${callers.length} answered`)
    t.is(callers.filter(caller => caller.lost !== null).length, 0)
  }
  const { heartbeat: _none, ...kinds } = timings
  report.finish({ sockets, answered }, kinds)
})
