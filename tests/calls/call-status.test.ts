import test from 'ava'
import { CallStatus, statusLifeMs } from '../../runtime/calls/call-status.ts'
import { readCallRecord } from '../../runtime/calls/record.ts'
import { type ErrorCode, GatewayError } from '../../runtime/core/errors.ts'

const madeAt = Date.parse('2026-01-01T00:00:00Z')

/** @param upstream what it says to whoever joins */
function stage(upstream: 'goes on' | ErrorCode, fields: Record<string, string> = {}, controlled = false) {
  const seen: string[] = []
  const asked: unknown[] = []
  const clock = { now: madeAt + 60_000 }
  const status = new CallStatus({
    records: { isControlled: async () => controlled },
    dialCall: callId => (listener, headers) => {
      seen.push(`ask ${callId}`)
      asked.push(headers)
      queueMicrotask(() => {
        if (upstream !== 'goes on') return listener.failed(new GatewayError(upstream, 'no'))
        listener.opened({
          send: () => undefined,
          buffered: () => 0,
          pause: () => undefined,
          resume: () => undefined,
          giveUp: () => undefined,
          close: () => seen.push('leave'),
        })
      })
      return () => undefined
    },
    callEnded: async (_, reason) => void seen.push(`ended: ${reason}`),
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    now: () => clock.now,
  })
  const record = readCallRecord('sideband_0', {
    call_id: 'rtc_1',
    connected_at: new Date(madeAt).toISOString(),
    ...fields,
  })
  return { status, record, seen, asked, clock }
}

test('upstream is asked about a call that nobody controls, and what it says holds for a while', async t => {
  const { status, record, seen, clock } = stage('goes on')
  t.is(await status.known(record), null)
  t.deepEqual(await Promise.all([status.isRunning(record), status.isRunning(record)]), [true, true])
  t.is(await status.known(record), true)
  t.deepEqual(seen, ['ask rtc_1', 'leave'])
  clock.now += statusLifeMs
  t.is(await status.isRunning(record), true)
  t.is(seen.length, 4)
})

test('upstream is told who asks about a call', async t => {
  const { status, record, asked } = stage('goes on')
  const passed = { 'OpenAI-Safety-Identifier': 'user-1' }
  await status.isRunning(record, passed)
  t.deepEqual(asked, [passed])
})

test('a call that upstream does not know any more has ended, and is marked so', async t => {
  const { status, record, seen } = stage('call_not_found')
  t.is(await status.isRunning(record), false)
  t.deepEqual(seen, ['ask rtc_1', 'ended: upstream ended it'])
})

test('an upstream that cannot tell leaves it unknown', async t => {
  const { status, record } = stage('upstream_unreachable')
  t.is(await status.isRunning(record), null)
})

test('nobody asks about a call that is controlled, was made a moment ago, has ended, or was never made', async t => {
  const cases: [ReturnType<typeof stage>, boolean][] = [
    [stage('goes on', {}, true), true],
    [stage('goes on', { connected_at: new Date(madeAt + 59_000).toISOString() }), true],
    [stage('goes on', { ended_at: 'x' }), false],
    [stage('goes on', { call_id: '' }), false],
  ]
  for (const [{ status, record, seen }, isRunning] of cases) {
    t.is(await status.isRunning(record), isRunning)
    t.deepEqual(seen, [])
  }
})
