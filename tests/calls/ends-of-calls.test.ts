/** The end of a call, told once with what it has used, whichever replica hears the call and whichever ends it. */
import test, { type ExecutionContext } from 'ava'
import { type ControlOptions, Controls } from '../../runtime/calls/control-route.ts'
import { CallRecords } from '../../runtime/calls/records.ts'
import { GatewayError } from '../../runtime/core/errors.ts'
import type { UpstreamListener } from '../../runtime/core/ports.ts'
import { createTypeReader } from '../../runtime/events/type.ts'
import { createMetrics } from '../../runtime/observability/metrics.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { until } from '../gateway/within.ts'
import { limits } from '../session/session-stage.ts'
import { quiet } from '../store/patience.ts'
import { silentAccounts } from '../usage/accounts.ts'

const upstream = {
  send: () => undefined,
  buffered: () => 0,
  ...{ pause: () => undefined, resume: () => undefined, close: () => undefined, giveUp: () => undefined },
}

async function isHeardBy(records: CallRecords, sessionId: string, holder: string): Promise<boolean> {
  return (await records.isControlled(sessionId)) && !(await records.isHeardElsewhere(sessionId, holder))
}

/** A call, and replicas that may hear it, over one store. */
async function stage(t: ExecutionContext) {
  const store = createMemoryStore()
  t.teardown(() => store.close())
  const told: string[] = []
  const later: (() => void)[] = []
  const call = { goesOn: true, listeners: new Map<string, UpstreamListener>() }
  const leave = () => {
    call.goesOn = false
    for (const listener of [...call.listeners.values()]) listener.closed(1000, '')
  }
  const replica = (name: string) => {
    const records = new CallRecords({
      store,
      quota: { charge: async () => undefined },
      provider: 'p',
      ttlMs: 60_000,
    })
    const accounts = silentAccounts({
      sessionEnded: (_, { responses }) => void told.push(`session ${responses} by ${name}`),
      conversationEnded: (_, { responses, sessions }) =>
        void told.push(`conversation ${responses} in ${sessions} by ${name}`),
    })
    const controls = new Controls({
      ...{ records, accounts, limits, holder: name, log: quiet, readType: createTypeReader() },
      ...{ hearsAll: true, takesCalls: false, pinSession: false, hearsAssistants: false },
      metrics: createMetrics({ revision: 'r', replica: name }),
      dialCall: () => (listener: UpstreamListener) => {
        queueMicrotask(() => {
          if (!call.goesOn) return listener.failed(new GatewayError('call_not_found', 'gone'))
          call.listeners.set(name, listener)
          listener.opened(upstream)
        })
        return () => undefined
      },
      hangUp: async () => {
        leave()
        return true
      },
      spend: async () => null,
      drain: { add: () => undefined, remove: () => undefined },
      refusal: () => null,
      toolsOf: () => null,
      after: (_ms: number, run: () => void) => {
        later.push(run)
        return () => undefined
      },
    } as unknown as ControlOptions)
    t.teardown(() => controls.close())
    return { records, controls }
  }
  const [a, b] = [replica('a'), replica('b')]
  const id = await a.records.create('ada', 'credential:ada')
  const made = { callId: 'rtc_1', model: 'm', pinned: '', address: '' }
  await a.records.connect(await a.records.find(id, 'ada'), made)
  const record = () => a.records.find(id, 'ada')
  const hear = async (name: 'a' | 'b', { controls }: typeof a) => {
    controls.watch(await record())
    await until(() => call.listeners.has(name), 'it does not join')
  }
  await hear('a', a)
  await until(() => isHeardBy(a.records, id, 'a'), 'nobody speaks')
  return {
    ...{ a, b, call, told, later, leave, record, hear },
    answer: () => {
      const usage = { input_tokens: 6, output_tokens: 4, total_tokens: 10 }
      const frame = Buffer.from(JSON.stringify({ type: 'response.done', response: { usage } }))
      for (const listener of call.listeners.values()) listener.event(frame, false)
    },
    isTold: () => until(() => told.length >= 2, 'no end is told'),
    /** Whatever may still tell something has done so. */
    settled: () => Promise.all([a, b].map(({ controls }) => controls.close())),
  }
}

const byA = ['session 1 by a', 'conversation 1 in 1 by a']
const byB = ['session 1 by b', 'conversation 1 in 1 by b']

test('a call that another replica hangs up than the one that hears it', async t => {
  const { b, told, answer, leave, record, isTold, settled } = await stage(t)
  answer()
  leave()
  await b.controls.callEnded(await record(), 'hung up')
  await isTold()
  await settled()
  t.deepEqual(told, byA)
})

test('a call that upstream ends, and that one replica counts and another one observes', async t => {
  const { b, told, answer, leave, record, hear, isTold, settled } = await stage(t)
  await hear('b', b)
  answer()
  await b.records.end(await record(), 'upstream ended it')
  leave()
  await isTold()
  await settled()
  t.deepEqual(told, byA)
})

test('a call that must be heard, and that its replica gives up', async t => {
  const { call, told, answer, isTold, settled } = await stage(t)
  answer()
  call.listeners.get('a')?.fault(new Error('broken'))
  await isTold()
  await settled()
  t.deepEqual(told, byA)
})

test('a call that is hung up when the replica that heard it is gone', async t => {
  const { a, b, told, answer, record, settled } = await stage(t)
  answer()
  await a.controls.close()
  t.deepEqual(told, [])
  await b.controls.callEnded(await record(), 'hung up')
  await b.controls.callEnded(await record(), 'hung up')
  await settled()
  t.deepEqual(told, byB)
})

test('a call that goes on where another replica takes it over', async t => {
  const { a, b, told, answer, record, hear, call, settled } = await stage(t)
  answer()
  await a.controls.close()
  call.listeners.clear()
  await hear('b', b)
  await until(async () => isHeardBy(b.records, (await record()).sessionId, 'b'), 'nobody speaks')
  answer()
  await b.controls.callEnded(await record(), 'hung up')
  await settled()
  t.deepEqual(told, ['session 2 by b', 'conversation 2 in 1 by b'])
})

test('a call that is hung up while the lease of a replica that was killed still runs', async t => {
  const { a, b, told, later, answer, record, isTold, settled } = await stage(t)
  answer()
  await a.controls.close()
  const { sessionId } = await record()
  t.true(await b.records.holdLease(sessionId, 'killed'))
  await b.controls.callEnded(await record(), 'hung up')
  t.deepEqual(told, [], 'it could tell the end itself')
  t.is(later.length, 1)
  await b.records.releaseLease(sessionId, 'killed')
  later[0]?.()
  await isTold()
  await settled()
  t.deepEqual(told, byB)
})

test('a call whose end a replica observes while the lease of one that was killed still runs', async t => {
  const { a, b, call, told, later, answer, record, hear, leave, isTold, settled } = await stage(t)
  answer()
  await a.controls.close()
  call.listeners.clear()
  const { sessionId } = await record()
  t.true(await b.records.holdLease(sessionId, 'killed'))
  await hear('b', b)
  leave()
  await until(() => later.length === 1, 'it is not tried again')
  t.deepEqual(told, [])
  await b.records.releaseLease(sessionId, 'killed')
  later[0]?.()
  await isTold()
  await settled()
  t.deepEqual(told, byB)
})
