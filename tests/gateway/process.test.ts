import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { converse } from './converse.ts'
import { gatewayProcess } from './process.ts'
import { fakeUpstream } from './start.ts'

test('a faulty environment stops the start with every fault and no stack', async t => {
  const fault = await t.throwsAsync(gatewayProcess(t, { PORT: 'eighty', REALTIME_AUTO_CLOSE: '?' }))
  t.regex(fault?.message ?? '', /exited with 1/)
  t.regex(fault?.message ?? '', /has 2 faults[\s\S]*PORT: [\s\S]*REALTIME_AUTO_CLOSE: /)
  t.notRegex(fault?.message ?? '', /\n {4}at /)
})

test('a named prompt file that is missing stops the start with its setting and its path', async t => {
  const fault = await t.throwsAsync(gatewayProcess(t, { REALTIME_MENU_PATH: 'menu/none.json' }))
  t.regex(fault?.message ?? '', /exited with 1 [\s\S]*REALTIME_MENU_PATH: [\s\S]*menu\/none.json/)
})

test('every log line is JSON with revision and replica, and holds nothing of the conversation or the key', async t => {
  const upstream = await fakeUpstream(t)
  const names = { CONTAINER_APP_REVISION: 'rev-7', CONTAINER_APP_REPLICA_NAME: 'rep-7' }
  const gateway = await gatewayProcess(t, { ...upstream.env, ...names, REALTIME_ALLOWED_EVENT_TYPES: '*' })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  talk.send('my private words')
  const session = await upstream.session()
  session.send({ type: 'response.output_text.delta', delta: 'private answer' })
  session.send({ type: 'response.done' })
  await talk.closed
  gateway.child.kill('SIGTERM')
  await gateway.exited
  for (const line of gateway.lines) t.like(line, { revision: 'rev-7', replica: 'rep-7' })
  t.notRegex(JSON.stringify(gateway.lines), /private|a-test-key/)
  const names_ = gateway.lines.map(({ event }) => event)
  for (const event of ['client.connected', 'bridge.connected', 'bridge.completed', 'connection.closed'])
    t.true(names_.includes(event), event)
  const closed = gateway.lines.find(({ event }) => event === 'connection.closed')
  t.like(closed, { code: 1000, by: 'gateway', eventsDown: 3 })
  t.is(typeof closed?.ms, 'number')
})

test('--tls serves https and wss with a certificate of its own', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-tls-'))
  const gateway = await gatewayProcess(t, { HOME: folder }, ['--tls'])
  t.regex(gateway.url, /^https:/)
  const talk = await converse(t, `${gateway.socketUrl}/chat`, { rejectUnauthorized: false })
  talk.send({ type: 'heartbeat' })
  t.is((await talk.next()).type, 'heartbeat-ack')
})
