/** The control connection of a call over fakes: what is said before it is there, and what its pinned session changes. */
import { mock } from 'node:test'
import test, { type ExecutionContext } from 'ava'
import type { CallTools } from '../../runtime/calls/call-tools.ts'
import { CallControl, type CallControlParts, type CallToolsLink } from '../../runtime/calls/control.ts'
import { type ErrorCode, GatewayError } from '../../runtime/core/errors.ts'
import type { Client, UpstreamListener } from '../../runtime/core/ports.ts'
import { createTypeReader } from '../../runtime/events/type.ts'
import { createMetrics } from '../../runtime/observability/metrics.ts'
import { maxPutBacks, PinnedSession } from '../../runtime/session/pinned-session.ts'
import { openPolicy } from '../../runtime/session/session-policy.ts'
import { until } from '../gateway/within.ts'
import { limits } from '../session/session-stage.ts'
import { quiet } from '../store/patience.ts'
import { silentAccounts } from '../usage/accounts.ts'

function stage(
  t: ExecutionContext,
  pinnedSession: PinnedSession | null = null,
  stays = false,
  parts: Partial<CallControlParts> = {},
) {
  const seen: string[] = []
  /** What waits at the call for the network (bytes). */
  const waiting = { bytes: 0 }
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
    numberWrite: () => ({ field: 'h', number: 1 }),
    lookUp: async () => null,
    claimEnd: async () => true,
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
    ...parts,
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
    buffered: () => waiting.bytes,
    pause: () => undefined,
    resume: () => undefined,
    giveUp: () => undefined,
    close: (code: number) => void seen.push(`call closed ${code}`),
  }
  const shown = (session: object) =>
    listener?.event(Buffer.from(JSON.stringify({ type: 'session.updated', session })), false)
  return {
    ...{ control, observer, shown, types, waiting },
    event: (frame: string, isBinary = false) => listener?.event(Buffer.from(frame), isBinary),
    fault: () => listener?.fault(new Error('broken')),
    told: () => seen.splice(0),
    open: () => listener?.opened(upstream),
    /** The control connection is lost. */
    lose: () => listener?.closed(1006, ''),
    fails: (code: ErrorCode = 'upstream_refused') => listener?.failed(new GatewayError(code, 'no')),
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

for (const isOpen of [false, true]) {
  test(`a call that is over is told to observers once, and ${isOpen ? 'its connection is closed' : 'no more joined'}`, async t => {
    const { control, told, open } = stage(t)
    if (isOpen) open()
    told()
    const written = control.end('hung up')
    void control.end('again')
    void control.stop()
    await written
    const left = isOpen ? 'call closed 1000' : 'dial aborted'
    t.deepEqual(told(), ['observer gets call_ended', 'observer closed 1000', left, 'over'])
  })
}

test('a call that upstream does not know is over', t => {
  const { told, fails } = stage(t, null, true)
  fails('call_not_found')
  t.deepEqual(told(), ['observer gets call_ended', 'observer closed 1000', 'dial aborted', 'over'])
})

test('the control connection ends with the last observer, unless the server must hear the call', t => {
  for (const stays of [false, true]) {
    const { control, observer, told, open } = stage(t, null, stays)
    open()
    const other = { ...observer, id: 'p' }
    control.join(other)
    t.deepEqual(told(), ['observer gets sideband_connected', 'observer gets sideband_connected'])
    control.leave(other)
    t.deepEqual(told(), [])
    control.leave(observer)
    t.deepEqual(told(), stays ? [] : ['call closed 1000', 'over'])
  }
})

test('an observer that joins before the control connection is there is told later', t => {
  const { control, observer, told, open } = stage(t)
  control.join({ ...observer, id: 'p' })
  t.deepEqual(told(), [])
  open()
  t.deepEqual(told(), ['observer gets sideband_connected', 'observer gets sideband_connected'])
})

test('observers get the events of the call, and neither bytes, nor what has no type, nor what comes after the end', t => {
  const { control, told, open, event } = stage(t)
  open()
  told()
  event('{"type":"response.created"}')
  t.deepEqual(told(), ['observer gets openai_event'])
  event('{"type":"response.created"}', true)
  event('{}')
  t.deepEqual(told(), [])
  void control.stop()
  told()
  event('{"type":"response.created"}')
  t.deepEqual(told(), [])
})

test('a session that begins otherwise than it is pinned is put back, and a call that goes on so is hung up', t => {
  const { told, open, event } = stage(t, new PinnedSession({ instructions: 'a' }))
  open()
  told()
  const other = '{"type":"session.created","session":{"instructions":"b"}}'
  for (let count = 0; count < maxPutBacks; count += 1) {
    event(other)
    t.regex(told().at(-1) ?? '', /^call gets .*"instructions":"a"/)
  }
  event(other)
  t.deepEqual(told(), ['observer gets openai_event', 'hang up: its session was tampered with'])
  event('{"type":"session.updated"}')
  event('{"type":"response.created","session":{"instructions":"b"}}')
  t.deepEqual(told(), ['observer gets openai_event', 'observer gets openai_event'])
})

test('what would wait for a call that takes nothing is not taken', t => {
  const { control, told, open, waiting } = stage(t)
  open()
  told()
  waiting.bytes = limits.upstreamBufferBytes
  t.true(control.send('a', 'x'))
  waiting.bytes += 1
  t.false(control.send('b', 'x'))
  t.deepEqual(told(), ['call gets a'])
  t.is(control.held(), limits.upstreamBufferBytes + 1)
})

for (const stays of [false, true]) {
  test(`a fault of the gateway ends the control connection${stays ? ', and a call that must be heard' : ''}`, t => {
    const { told, open, fault } = stage(t, null, stays)
    open()
    told()
    fault()
    const hungUp = stays ? ['hang up: the server could not hear it'] : []
    t.deepEqual(told(), [
      ...['observer gets error', 'observer closed 1011', ...hungUp, 'call closed 1000', 'over'],
    ])
    fault()
    t.deepEqual(told(), [])
  })
}

test.serial('a call that must be heard is asked for again some times, and then hung up', t => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const { told, fails } = stage(t, null, true)
  const seen: string[] = []
  for (let tries = 0; tries < 7; tries += 1) {
    fails()
    mock.timers.tick(10_000)
    seen.push(...told())
  }
  t.deepEqual(seen, [
    ...Array(6).fill('dials again'),
    ...['observer gets error', 'observer closed 1014', 'hang up: the server could not hear it'],
    ...['dial aborted', 'over'],
  ])
})

/** Tools of a call that write down what they are told. */
function toolsOf(t: ExecutionContext, pinned: PinnedSession | null = null) {
  const calls: string[] = []
  let link: CallToolsLink | undefined
  const write = (what: string) => () => void calls.push(what)
  const staged = stage(t, pinned, false, {
    tools: given => {
      link = given
      return {
        update: { message: '{"type":"session.update"}', receipt: () => undefined },
        event: (_frame: Buffer, type: string) => void calls.push(`event ${type}`),
        act: write('act'),
        listen: write('listen'),
        end: write('end'),
        drain: async (ms: number) => void calls.push(`drain ${ms}`),
      } as unknown as CallTools
    },
  })
  return { ...staged, calls, link: () => link as CallToolsLink }
}

test('tools of a call are given their session, act while this replica speaks, and end with the connection', async t => {
  const { control, told, open, lose, event, calls } = toolsOf(t)
  open()
  t.deepEqual(told(), ['call gets {"type":"session.update"}', 'observer gets sideband_connected'])
  await until(() => calls.includes('act'), 'the tools do not act')
  event('{"type":"response.done"}')
  lose()
  open()
  t.deepEqual(calls.splice(0), ['act', 'event response.done', 'listen', 'act'])
  await control.drainTools(500)
  void control.stop()
  t.deepEqual(calls, ['drain 500', 'end'])
})

test('a call without tools has none that drain', async t => {
  await t.notThrowsAsync(stage(t).control.drainTools(10))
})

test('what tools say reaches observers and the call; outputs that it does not take end the connection', t => {
  const { told, open, link, waiting } = toolsOf(t)
  open()
  told()
  t.like(link(), { keepsTools: true, maxHeldBytes: limits.upstreamBufferBytes })
  t.false(toolsOf(t, new PinnedSession({ tools: [] })).link().keepsTools)
  link().tellActivity({ name: 'x' } as unknown as Parameters<CallToolsLink['tellActivity']>[0])
  link().tellEvent('x', 1)
  link().send('output', 'conversation.item.create')
  t.deepEqual(told(), ['observer gets assistant.tool', 'observer gets assistant.event', 'call gets output'])
  waiting.bytes = limits.upstreamBufferBytes + 1
  link().send('output', 'conversation.item.create')
  t.deepEqual(told(), ['observer gets error', 'observer closed 1013', 'call closed 1000', 'over'])
})
