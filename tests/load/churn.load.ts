import test from 'ava'
import { Caller, startTimings } from './caller.ts'
import { startReport } from './report.ts'
import { isStopped, placeOf, wholeOf } from './settings.ts'

const atOnce = wholeOf('CONNECTIONS', 25)
const durationSec = wholeOf('DURATION_SEC', 12)

/** The first part of the run fills caches and compiles; after it, memory may vary by this much. */
const settledPart = 0.4
const allowedGrowthBytes = 48 * 1024 * 1024

test('callers that come, ask once and go leave nothing behind', async t => {
  const place = await placeOf(t, { SIMULATOR_RATE: '1000' })
  const report = startReport(t, 'churn')
  const timings = startTimings()
  const startedAt = performance.now()
  const memory: { part: number; bytes: number }[] = []
  let calls = 0
  let saidAt = 0
  for (;;) {
    const part = (performance.now() - startedAt) / (durationSec * 1000)
    if (part >= 1 || isStopped()) break
    const callers = Array.from({ length: atOnce }, () => new Caller(place, timings))
    await Promise.all(callers.map(caller => caller.dial()))
    await Promise.all(callers.map(caller => caller.ask('three')))
    await Promise.all(callers.map(caller => caller.leave()))
    t.is(callers.filter(caller => caller.lost !== null).length, 0)
    calls += callers.length
    const bytes = (await place.gauge?.('process_resident_memory_bytes')) ?? 0
    memory.push({ part, bytes })
    if (performance.now() - saidAt < 2000) continue
    saidAt = performance.now()
    report.say(`${calls} calls, ${Math.round(bytes / 1024 / 1024)} MiB`)
  }
  const highest = (from: number, to: number) =>
    Math.max(...memory.filter(({ part }) => part >= from && part < to).map(({ bytes }) => bytes))
  const { heartbeat: _none, ...kinds } = timings
  report.finish({ calls, settledBytes: highest(0, settledPart), endBytes: highest(0.8, 1) }, kinds)
  if (place.gauge === null || isStopped()) return
  t.is(await place.gauge('gateway_sessions'), 0)
  t.true(highest(0.8, 1) < highest(0, settledPart) + allowedGrowthBytes, 'memory grows')
})
