import test from 'ava'
import { lineOf, startChild } from '../gateway/child.ts'
import { until } from '../gateway/within.ts'
import { askLoopDelay, loopDelayFile } from './contenders.ts'
import { startStage } from './rows.ts'
import { measureTails } from './tails.ts'

test('the slowest events are measured beside the bare relay, with what holds them up', async t => {
  const stage = await startStage()
  t.teardown(() => {
    stage.source.child.kill('SIGKILL')
    stage.clients.child.kill('SIGKILL')
  })
  const figures = await measureTails(stage, {
    loads: [{ sessions: 20, eventsPerSecond: 10, pings: 2 }],
    ...{ heartbeatSec: 1, rounds: 1, warmUp: { count: 100, perSecond: 1000 }, settleMs: 10 },
  })
  const of = (row: string, contender: string) =>
    figures.find(figure => figure.row === `tails, 20 sessions, ${row}` && figure.contender === contender)
      ?.median ?? Number.NaN
  for (const contender of ['gateway', 'bare']) {
    const [half, most] = [of('p50', contender), of('p99.9', contender)]
    t.true(half > 0 && half <= most, `${contender}: ${half}, ${most}`)
    t.true(of('longest delay of the event loop', contender) > 0, contender)
    const [total, minor, major] = [
      of('garbage collection in all', contender),
      of('longest minor garbage collection', contender),
      of('longest major garbage collection', contender),
    ]
    t.true(total >= Math.max(minor, major) && minor >= 0 && major >= 0, contender)
  }
})

test('a process tells how long its event loop was delayed, and garbage collected, since it was last asked', async t => {
  const collecting = "globalThis.gc(); console.log('collected'); setInterval(() => undefined, 1000)"
  const args = ['--expose-gc', '--import', loopDelayFile, '--eval', collecting]
  const child = startChild(t, process.execPath, args)
  await lineOf(child, line => line === 'collected' || undefined, 'the process collects no garbage')
  // Node tells of a collection some turns of the event loop later.
  await until(async () => {
    const { total, longestMajor } = (await askLoopDelay(child)).collections
    return longestMajor > 0 && total >= longestMajor
  }, 'the process does not tell of its collection')
  t.is((await askLoopDelay(child)).collections.longestMajor, 0)
})
