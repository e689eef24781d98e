/** The control connection of a call over fakes: what is said before it is there, and what its pinned session changes. */
import test, { type ExecutionContext } from 'ava'
import { CallControl, type CallControlParts } from '../../runtime/calls/control.ts'
import { GatewayError } from '../../runtime/core/errors.ts'
import type { Client, UpstreamListener } from '../../runtime/core/ports.ts'
import { createTypeReader } from '../../runtime/events/type.ts'
import { createMetrics } from '../../runtime/observability/metrics.ts'
import { PinnedSession } from '../../runtime/session/pinned-session.ts'
import { openPolicy } from '../../runtime/session/session-policy.ts'
import { limits } from '../session/session-stage.ts'
import { quiet } from '../store/patience.ts'
import { silentAccounts } from '../usage/accounts.ts'

function stage(t: ExecutionContext, pinnedSession: PinnedSession | null = null, stays = false) {
  const seen: string[] = []
  const types: unknown[] = []
  let listener: UpstreamListener | undefined
  const record = {
    ...{ sessionId: 's', callId: 'c', provider: 'p', model: '', owner: 'ada', assistant: '', usage: '' },
    ...{ eventsFrom: 0, eventsTo: 0 },
  }
  const records = {
    holdLease: async () => true,
    releaseLease: async () => undefined,
    note: async () => true,
    end: async () => true,
  }
  const control = new CallControl({
    ...{
      record,
      records,
      limits,
      pinnedSession,
      holder: 'h',
      log: quiet,
      readType: createTypeReader(),
      stays,
      policy: openPolicy,
    },
    metrics: createMetrics({ revision: 'r', replica: 'n' }),
    accounts: silentAccounts(),
    spend: async () => null,
    dial: (isPatient: boolean) => (given: UpstreamListener) => {
      if (listener !== undefined) seen.push(`dials again${isPatient ? ', patiently' : ''}`)
      listener = given
      return () => seen.push('dial aborted')
    },
    pinned: (pinned: string) => void seen.push(`pinned ${pinned}`),
    hangUp: (reason: string) => void seen.push(`hang up: ${reason}`),
    onOver: () => void seen.push('over'),
  } as unknown as CallControlParts)
  t.teardown(() => control.stop())
  const observer: Client = {
    id: 'o',
    send: message => seen.push(`observer gets ${(JSON.parse(String(message)) as { type: string }).type}`) > 0,
    buffered: () => 0,
    probe: () => undefined,
    close: code => void seen.push(`observer closed ${code}`),
  }
  control.join(observer)
  const upstream = {
    send: (message: string | Uint8Array, isBinary?: boolean, type?: string | null) => {
      seen.push(`call gets ${Buffer.from(message as Uint8Array)}`)
      types.push(isBinary === true ? 'bytes' : type)
    },
    buffered: () => 0,
    pause: () => undefined,
    resume: () => undefined,
    giveUp: () => undefined,
    close: (code: number) => void seen.push(`call closed ${code}`),
  }
  const shown = (session: object) =>
    listener?.event(Buffer.from(JSON.stringify({ type: 'session.updated', session })), false)
  return {
    ...{ control, observer, shown, types },
    told: () => seen.splice(0),
    open: () => listener?.opened(upstream),
    /** The control connection is lost. */
    lose: () => listener?.closed(1006, ''),
    fails: () => listener?.failed(new GatewayError('upstream_refused', 'no')),
  }
}

test('what an observer says while the control connection joins is sent once it is there, in order, once', t => {
  const { control, told, open, types } = stage(t)
  t.true(control.send('a', 'x'))
  t.true(control.send('b', 'y'))
  t.deepEqual(told(), [])
  t.is(control.held(), 2 * (1 + 1024))
  open()
  t.deepEqual(told(), ['observer gets sideband_connected', 'call gets a', 'call gets b'])
  t.true(control.send('c', 'x'))
  t.deepEqual(told(), ['call gets c'])
  t.deepEqual(types, ['x', 'y', 'x'], 'nobody has to read the type again')
  t.is(control.held(), 0)
})

test('more than may wait is not taken, and said so', t => {
  const { control, told, open } = stage(t)
  t.true(control.send('x'.repeat(limits.upstreamBufferBytes - 1024), 'x'))
  t.false(control.send('', 'x'))
  open()
  t.is(told().length, 2)
})

test('a control connection that is over sends nothing, and closes what opens after it', t => {
  const { control, told, open } = stage(t)
  control.send('a', 'x')
  void control.stop()
  t.deepEqual(told(), ['dial aborted', 'over'])
  open()
  control.send('b', 'x')
  t.deepEqual(told(), ['call closed 1000'])
})

test('a call that cannot be joined ends the control connection, and its observers are told', t => {
  const { told, fails } = stage(t)
  fails()
  t.deepEqual(told(), ['observer gets error', 'observer closed 1014', 'dial aborted', 'over'])
})

test('what the server’s own side changes is pinned once it is shown; what somebody else changes is put back', t => {
  const { control, told, open, shown } = stage(t, new PinnedSession({ instructions: 'a' }))
  open()
  told()
  control.pinnedSession?.ask({ type: 'session.update', session: { instructions: 'b' } })
  shown({ instructions: 'b' })
  t.deepEqual(told(), ['observer gets openai_event', 'pinned {"instructions":"b"}'])
  shown({ instructions: 'b' })
  t.deepEqual(told(), ['observer gets openai_event'])
  shown({ instructions: 'c' })
  const putBack = '{"type":"session.update","session":{"type":"realtime","instructions":"b"}}'
  t.deepEqual(told(), ['observer gets openai_event', `call gets ${putBack}`])
})

const soon = () => new Promise(resolve => setTimeout(resolve, 50))

test('a control connection that is lost is asked for again, at once and without patience', async t => {
  const { told, open, lose } = stage(t, null, true)
  open()
  lose()
  told()
  const deadline = performance.now() + 10_000
  let seen: string[] = []
  while (seen.length === 0 && performance.now() < deadline) {
    await soon()
    seen = told()
  }
  t.deepEqual(seen, ['dials again'])
})

test('a control connection that ends before it is asked for again is not', async t => {
  const { control, told, open, lose } = stage(t, null, true)
  open()
  lose()
  void control.stop()
  told()
  await soon()
  t.deepEqual(told(), [])
})
