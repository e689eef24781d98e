import test from 'ava'
import { createLog, logOptions, withFields } from '../../runtime/observability/log.ts'

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

test('what is named like a secret is in no line, one level deep too; the rest is', t => {
  const lines: string[] = []
  const log = createLog(logOptions('info', { revision: 'r', replica: 'n' }), {
    write: line => void lines.push(line),
  })
  const names = ['authorization', 'apiKey', 'api-key', 'key', 'token', 'ticket', 'sec-websocket-protocol']
  const secrets = Object.fromEntries(names.map(name => [name, 'hunter2']))
  const given = { ...secrets, headers: { ...secrets, origin: 'https://page.example' }, route: '/chat' }
  log.info('client.connected', given)
  log.warn('access.refused', given)
  withFields(log, secrets).error('connection.failed', { status: { token: 'hunter2', code: 1 } })
  const censoredSecrets = Object.fromEntries(names.map(name => [name, '[redacted]']))
  const censored = { ...censoredSecrets, headers: { ...censoredSecrets, origin: 'https://page.example' } }
  const [info, warn, error] = lines.map(line => JSON.parse(line) as object)
  for (const line of [info, warn]) t.like(line, { ...censored, route: '/chat' })
  t.like(error, { ...censoredSecrets, status: { token: '[redacted]', code: 1 } })
  t.false(lines.join().includes('hunter2'))
  t.like(given, { ...secrets, headers: secrets }, 'what was handed in is left as it is')
})
