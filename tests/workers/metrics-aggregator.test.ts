import test from 'ava'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { createMetrics } from '../../runtime/observability/metrics.ts'
import { MetricsAggregator } from '../../runtime/workers/metrics-aggregator.ts'

const place = { revision: 'r', replica: 'p' }
const now = { answered: 2, silent: 0, replaced: 0 }
const none = new Set<number>()

/** What a worker that did so much would tell. */
function countsOf(done: number, seconds: number[] = []) {
  const registry = new Registry()
  registry.setDefaultLabels(place)
  const registers = [registry]
  new Counter({ name: 'done_total', help: 'Done', registers, labelNames: ['kind'] }).inc({ kind: 'a' }, done)
  new Gauge({ name: 'open', help: 'Open', registers }).set(done)
  const histogram = new Histogram({ name: 'took_seconds', help: 'Took', registers, buckets: [1, 2] })
  for (const second of seconds) histogram.observe(second)
  new Gauge({
    name: 'build_info',
    help: 'Build',
    registers,
    labelNames: ['version'],
    aggregator: 'first',
  }).set({ version: '1' }, 1)
  return registry.getMetricsAsJSON()
}

const lines = (text: string) => text.split('\n').filter(line => line !== '' && !line.startsWith('#'))

test('counters, gauges and histograms are added, and an info stands once', async t => {
  const tally = new MetricsAggregator()
  tally.note(1, await countsOf(3, [0.5, 5]))
  tally.note(2, await countsOf(4, [1.5]))
  t.deepEqual(lines(await tally.render(none, place, now)), [
    'done_total{kind="a",revision="r",replica="p"} 7',
    'open{revision="r",replica="p"} 7',
    'took_seconds_bucket{le="1",revision="r",replica="p"} 1',
    'took_seconds_bucket{le="2",revision="r",replica="p"} 2',
    'took_seconds_bucket{le="+Inf",revision="r",replica="p"} 3',
    'took_seconds_sum{revision="r",replica="p"} 7',
    'took_seconds_count{revision="r",replica="p"} 3',
    'build_info{version="1",revision="r",replica="p"} 1',
    'gateway_workers{revision="r",replica="p"} 2',
    'gateway_workers_silent{revision="r",replica="p"} 0',
    'gateway_workers_replaced_total{revision="r",replica="p"} 0',
  ])
})

test('a sum never goes back: not when workers die one after another, not while one is silent', async t => {
  const tally = new MetricsAggregator()
  const sum = async (silent = none) => {
    const text = lines(await tally.render(silent, place, now)).join('\n')
    return [/^done_total.* (\d+)$/m, /^took_seconds_count.* (\d+)$/m, /^open.* (\d+)$/m].map(figure =>
      Number(figure.exec(text)?.[1]),
    )
  }
  tally.note(1, await countsOf(3, [1]))
  tally.note(2, await countsOf(4, [1]))
  t.deepEqual(await sum(), [7, 2, 7])
  t.deepEqual(await sum(new Set([2])), [7, 2, 3])
  tally.retire(1)
  tally.retire(2)
  tally.retire(2)
  t.deepEqual(await sum(), [7, 2, Number.NaN])
  tally.note(1, await countsOf(10))
  t.deepEqual(await sum(), [17, 2, 10])
})

test('what one gateway tells has the same names and figures as the sum of one', async t => {
  const metrics = createMetrics(place)
  metrics.traffic.sessionsTotal = 5
  metrics.countDropped('response.done')
  const tally = new MetricsAggregator()
  tally.note(1, await metrics.counts())
  const own = (text: string) => lines(text).filter(line => /^gateway_(?!workers)/.test(line))
  t.deepEqual(own(await tally.render(none, place, now)), own(await metrics.render()))
})
