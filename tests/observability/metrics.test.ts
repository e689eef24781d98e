import test from 'ava'
import { createMetrics } from '../../runtime/observability/metrics.ts'

const hostileNames = ['x'.repeat(1_000_000), 'line\nbreak', 'quote"', '__proto__', 'constructor', 'other']

test('names that come from upstream are labels that stay short, whatever they are', async t => {
  const metrics = createMetrics({ revision: 'r', replica: 'p' })
  for (const name of hostileNames) metrics.countDropped(name)
  for (let n = 0; n < 10_000; n += 1) metrics.countDropped(`new.event.${n}`)
  const text = await metrics.render()
  const lines = text.split('\n').filter(line => line.startsWith('gateway_events_dropped_total{'))
  t.true(lines.length <= 129, `${lines.length} labels`)
  t.deepEqual(
    lines.filter(line => line.length > 300),
    [],
  )
  const counted = lines.map(line => Number(line.slice(line.lastIndexOf(' '))))
  t.is(
    counted.reduce((sum, count) => sum + count, 0),
    hostileNames.length + 10_000,
  )
  for (const label of ['line\\nbreak', 'quote\\"', '__proto__', 'constructor'])
    t.true(
      lines.some(line => line.includes(`type="${label}"`)),
      label,
    )
})
