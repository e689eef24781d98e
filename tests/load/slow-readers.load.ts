import test from 'ava'
import { gather, startTimings } from './caller.ts'
import { startReport } from './report.ts'
import { isStopped, placeOf, rest, wholeOf } from './settings.ts'

const readers = wholeOf('CONNECTIONS', 10)
const unreadMs = 5000
const pollMs = 500

test('readers that stop reading get everything later, and nobody else waits for them', async t => {
  const place = await placeOf(t, { SIMULATOR_RATE: '500' })
  const report = startReport(t, 'slow-readers')
  const slowTimings = startTimings()
  const timings = startTimings()
  const slow = await gather(place, slowTimings, readers)
  const quick = await gather(place, timings, readers)
  const long = process.env.TARGET_URL ? 'Count from one to forty.' : 'count to 400'
  const answers = slow.map(caller => caller.ask(long))
  for (const caller of slow) caller.socket?.pause()
  const end = performance.now() + unreadMs
  while (performance.now() < end && !isStopped()) {
    await Promise.all(quick.map(caller => caller.ask('four')))
    await rest(pollMs)
  }
  const bytes = (await place.gauge?.('process_resident_memory_bytes')) ?? 0
  report.say(`${readers} readers stood still for ${unreadMs} ms; ${Math.round(bytes / 1024 / 1024)} MiB`)
  for (const caller of slow) caller.socket?.resume()
  await Promise.all(answers)
  const callers = [...slow, ...quick]
  await Promise.all(callers.map(caller => caller.leave()))
  const lost = callers.filter(caller => caller.lost !== null).length
  report.finish(
    { readers, lost, bytes },
    { 'slow answer': slowTimings.answer, 'other answer': timings.answer },
  )
  t.is(lost, 0)
})
