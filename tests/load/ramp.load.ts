import test from 'ava'
import { type Caller, gather, startTimings } from './caller.ts'
import { Durations } from './durations.ts'
import { startReport } from './report.ts'
import { isStopped, placeOf, wholeOf } from './settings.ts'

const top = wholeOf('CONNECTIONS', 200)
const steps = [0.05, 0.25, 0.5, 1].map(part => Math.max(1, Math.round(top * part)))

test('with more and more sockets every turn is still answered', async t => {
  const place = await placeOf(t)
  const report = startReport(t, 'ramp')
  const answers: Record<string, Durations> = {}
  const callers: Caller[] = []
  for (const step of steps) {
    if (isStopped()) break
    const answer = new Durations()
    callers.push(...(await gather(place, { ...startTimings(), answer }, step - callers.length)))
    answers[`${step} sockets`] = answer
    await Promise.all(callers.map(caller => answer.of(() => caller.ask('one'))))
    report.say(`${step} sockets, answers within ${answer.summary().p99} ms (p99)`)
  }
  await Promise.all(callers.map(caller => caller.leave()))
  const lost = callers.filter(caller => caller.lost !== null).length
  report.finish({ sockets: callers.length, lost }, answers)
  t.is(lost, 0)
})
