import test from 'ava'
import { createLog, logOptions } from '../../runtime/observability/log.ts'

test('what strangers write, paths and names of a query, is cut: a line stays short', t => {
  const lines: string[] = []
  const log = createLog(logOptions('info', { revision: 'r', replica: 'n' }), {
    write: line => void lines.push(line),
  })
  const query = Array.from({ length: 2000 }, (_, at) => `name${at}`)
  log.info('client.connected', { route: `/sideband/control/${'x'.repeat(12_000)}`, query, count: 3 })
  log.warn('access.refused', { query: ['y'.repeat(12_000)] })
  const [first = '', second = ''] = lines
  t.true(first.length < 1200, `${first.length} characters`)
  t.true(second.length < 1200, `${second.length} characters`)
  const { query: names, count } = JSON.parse(first) as { query: string[]; count: number }
  t.is(names[0], 'name0')
  t.is(names.at(-1), '…')
  t.is(count, 3)
})
