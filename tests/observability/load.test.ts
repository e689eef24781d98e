/** What a process tells the log of its load. */
import test from 'ava'
import { reportLoad } from '../../runtime/observability/load.ts'
import type { Log } from '../../runtime/observability/log.ts'
import { fakeUpstream } from '../gateway/start.ts'
import { severalWorkers } from '../workers/several.ts'

interface Load {
  readonly sessions: number
  readonly loopDelayP99Ms: number
}

test('each worker logs its open sessions and the delay of its event loop, time after time', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await severalWorkers(t, 2, upstream.env)
  const { worker: serving } = await gateway.converseAt('/realtime')
  await upstream.session()
  const busy = await gateway.logged('load.reported', ({ sessions }) => sessions === 1)
  const idle = await gateway.logged('load.reported', ({ worker }) => worker !== busy.worker)
  t.is(idle.sessions, 0)
  t.is(busy.worker, serving)
  for (const { level, loopDelayP99Ms } of [busy, idle]) {
    t.is(level, 'info')
    t.true(Number(loopDelayP99Ms) >= 0)
  }
})

test('an event loop that is held up is told by how much, and only in its own interval', async t => {
  const [startMs, blockMs, intervalMs] = [300, 2000, 2600]
  const traffic = { sessionsOpen: 3 }
  const loads: Load[] = []
  let wake = () => {}
  const log: Log = {
    info: (event, fields) => {
      t.is(event, 'load.reported')
      loads.push(fields as Load)
      wake()
    },
    warn: () => t.fail(),
    error: () => t.fail(),
  }
  const next = () =>
    new Promise<void>(resolve => {
      wake = resolve
    })
  const stop = reportLoad(log, traffic, intervalMs)
  t.teardown(stop)
  // The timer keeps no process running: the test does.
  const running = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(running))
  // The delay is that between two samples: of the first there is none.
  await new Promise(resolve => setTimeout(resolve, startMs))
  const end = performance.now() + blockMs
  while (performance.now() < end);
  await next()
  traffic.sessionsOpen = 1
  await next()
  t.is(loads[0]?.sessions, 3)
  t.true((loads[0]?.loopDelayP99Ms ?? 0) >= blockMs / 2, JSON.stringify(loads))
  t.is(loads[1]?.sessions, 1)
  t.true((loads[1]?.loopDelayP99Ms ?? blockMs) < (loads[0]?.loopDelayP99Ms ?? 0), JSON.stringify(loads))
  stop()
  stop()
})
