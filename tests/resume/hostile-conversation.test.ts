/** What a client says that cannot be kept: it goes on to upstream, and ends nobody's session. */
import test from 'ava'
import { conversationLimits } from '../../runtime/resume/conversation-limits.ts'
import { converse } from '../gateway/converse.ts'
import { gatewayProcess } from '../gateway/process.ts'
import { fakeUpstream, gatewayFor } from '../gateway/start.ts'
import { severalWorkers } from '../workers/several.ts'

/** `session.update` whose settings are 5,000 levels deep (30 kB). */
const deepUpdate = `{"type":"session.update","session":{"type":"realtime","a":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}}`

/** Two workers that end six times in a row each are given up, and the supervisor with them. */
const attempts = 12

const everyEvent = { REALTIME_ALLOWED_EVENT_TYPES: '*', REALTIME_AUTO_CLOSE: 'false' }

test('settings 5,000 levels deep leave the process and the other sessions as they are', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayProcess(t, { ...upstream.env, ...everyEvent })
  const other = await converse(t, `${gateway.socketUrl}/realtime`)
  const ofOther = await upstream.session()
  const talk = await converse(t, `${gateway.socketUrl}/realtime?resume=`)
  await talk.until('session.ticket')
  const session = await upstream.session()
  talk.send(deepUpdate)
  const refused = (await talk.until('error')).at(-1) as { error?: { message?: string } } | undefined
  t.regex(refused?.error?.message ?? '', /deeper than 64 levels/)
  session.send({ type: 'rate_limits.updated' })
  await talk.until('rate_limits.updated')
  ofOther.send({ type: 'rate_limits.updated' })
  await other.until('rate_limits.updated')
  t.is(gateway.child.exitCode, null)
})

test('with two workers, settings 5,000 levels deep in more sessions than a worker may be started anew end no process', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await severalWorkers(t, 2, { ...upstream.env, ...everyEvent })
  const other = await converse(t, `${gateway.socketUrl}/realtime`)
  const ofOther = await upstream.session()
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const talk = await converse(t, `${gateway.socketUrl}/realtime?resume=`)
    await talk.until('session.ticket')
    await upstream.session()
    talk.send(deepUpdate)
    await talk.until('error')
    talk.socket.close()
  }
  ofOther.send({ type: 'rate_limits.updated' })
  await other.until('rate_limits.updated')
  t.false(gateway.lines.some(({ event }) => event === 'worker.exited'))
  t.is(gateway.child.exitCode, null)
})

/** `session.update` with more than is kept of settings. */
const largeUpdate = JSON.stringify({
  type: 'session.update',
  session: { type: 'realtime', instructions: 'x'.repeat(conversationLimits.settings + 1) },
})

test('settings that could not be kept do not hinder a renewal, and the client is told', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...everyEvent })
  const talk = await converse(t, `${gateway.socketUrl}/realtime?resume=`)
  await talk.until('session.ticket')
  const session = await upstream.session()
  talk.send(largeUpdate)
  talk.send(largeUpdate)
  while ((await session.next()).text !== largeUpdate) t.log('the session begins')
  session.socket.close(1001, 'going away')
  await upstream.session()
  t.deepEqual((await talk.until('session.renewed')).at(-1), {
    type: 'session.renewed',
    items: 0,
    asked_again: false,
    settings_kept: false,
  })
  const lines = gateway.lines.filter(({ event }) => event === 'conversation.settings_dropped')
  t.is(lines.length, 1)
})
