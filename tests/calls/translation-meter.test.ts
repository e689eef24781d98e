/** What is counted of a call that translates, over an upstream that does as it is told, and with a clock of the test's. */
import { mock } from 'node:test'
import test, { type ExecutionContext } from 'ava'
import { createTranslationMeters } from '../../runtime/calls/translation-meter.ts'
import { type ErrorCode, GatewayError } from '../../runtime/core/errors.ts'
import type { UpstreamListener } from '../../runtime/core/ports.ts'
import { eventType } from '../../runtime/events/type.ts'
import { createMetrics } from '../../runtime/observability/metrics.ts'
import { collectGarbage } from '../core/unending-answer.ts'
import { silentAccounts } from '../usage/accounts.ts'

/** One try to join. */
interface Join {
  readonly isPatient: boolean
  readonly listener: UpstreamListener
  /** Of its listener. */
  fault(): void
  open(): void
  fail(code: ErrorCode): void
  say(event: object): void
  close(): void
}

interface Given {
  readonly isLimited?: boolean
  readonly spent?: boolean
  readonly hangs?: boolean
  /** Called when a meter says that its call is over. */
  readonly onEnded?: () => void
}

function stage(
  t: ExecutionContext,
  { isLimited = false, spent = false, hangs = true, onEnded = () => undefined }: Given = {},
) {
  const joins: Join[] = []
  const seen: string[] = []
  const metrics = createMetrics({ revision: 'r', replica: 'n' })
  let now = 1_000_000
  mock.timers.enable({ apis: ['setInterval', 'setTimeout'] })
  mock.method(performance, 'now', () => now)
  t.teardown(() => {
    mock.timers.reset()
    mock.restoreAll()
  })
  const meters = createTranslationMeters({
    dial: (callId, isPatient) => (listener, headers) => {
      seen.push(`join ${callId} ${headers?.['x-test']}`)
      joins.push({
        isPatient,
        listener,
        fault: () => listener.fault(new Error('broken')),
        open: () =>
          listener.opened({
            send: () => undefined,
            buffered: () => 0,
            pause: () => undefined,
            resume: () => undefined,
            close: code => void seen.push(`leave ${code}`),
            giveUp: () => undefined,
          }),
        fail: code => listener.failed(new GatewayError(code, code)),
        say: event => listener.event(Buffer.from(JSON.stringify(event)), false),
        close: () => listener.closed(1000, ''),
      })
      return () => void seen.push('abort')
    },
    readType: frame => eventType(Buffer.from(frame)),
    accounts: {
      ...silentAccounts(),
      sessionEnded: (_, { ended_by, error, usage, route, code }) => {
        seen.push(`ended by ${ended_by} ${error} ${JSON.stringify(usage)}`)
        t.deepEqual([route, code], ['call', 1000])
        onEnded()
      },
    },
    metrics,
    log: {
      info: () => undefined,
      warn: (event, fields) => void seen.push(`${event} ${(fields as { code?: string }).code ?? ''}`.trim()),
      error: event => void seen.push(event),
    },
    spend: async ({ owner, address }, { tokens }) => {
      seen.push(`spend ${owner} ${address} ${tokens}`)
      return spent ? new GatewayError('limit_reached', 'spent') : null
    },
    hangUp: async (callId, passed) => {
      seen.push(`hang up ${callId} ${passed['x-test']}`)
      if (!hangs) throw new GatewayError('upstream_unreachable', 'away')
      return true
    },
    isLimited,
    now: () => now,
  })
  const payer = { owner: 'me', address: '127.0.0.1' }
  meters.watch({ callId: 'rtc_1', payer, model: 'gpt-realtime-translate', passed: { 'x-test': 'y' } })
  return {
    joins,
    seen,
    meters,
    seconds: () => metrics.traffic.translationSeconds,
    pass: (ms: number) => {
      now += ms
      mock.timers.tick(ms)
    },
    settle: () => new Promise<void>(resolve => setImmediate(resolve)),
    last: () => {
      const join = joins.at(-1)
      if (join === undefined) throw new Error('nobody joined')
      return join
    },
  }
}

test.serial(
  'a call is joined at once, with patience, and counted until upstream does not know it any more',
  t => {
    const { joins, seen, last, pass, seconds } = stage(t)
    t.true(last().isPatient)
    last().open()
    pass(4000)
    last().close()
    pass(0)
    t.is(joins.length, 2)
    t.false(last().isPatient)
    last().fail('call_not_found')
    t.is(seconds(), 4)
    t.deepEqual(seen.slice(0, 2), ['join rtc_1 y', 'join rtc_1 y'])
    t.regex(seen.join('\n'), /ended by upstream null .*"translation_seconds":4/)
    pass(60_000)
    t.is(seconds(), 4)
  },
)

test.serial('a long call is counted as it goes on, for whoever made it', async t => {
  const { seen, last, pass, seconds, settle } = stage(t)
  last().open()
  pass(10_000)
  t.is(seconds(), 10)
  pass(10_000)
  t.is(seconds(), 20)
  await settle()
  t.deepEqual(
    seen.filter(line => line.startsWith('spend')),
    ['spend me 127.0.0.1 100', 'spend me 127.0.0.1 100'],
  )
})

test.serial('a connection that is lost and found again leaves no gap', t => {
  const { last, pass, seconds, meters } = stage(t)
  last().open()
  pass(1000)
  last().close()
  pass(0)
  last().fail('upstream_unreachable')
  pass(2000)
  last().open()
  pass(1000)
  meters.close()
  t.is(seconds(), 4)
})

test.serial('a connection that is lost is not closed again', t => {
  const { seen, last, pass, meters } = stage(t)
  last().open()
  pass(1000)
  last().close()
  meters.close()
  t.false(seen.includes('leave'))
})

test.serial('the gateway leaves a call that goes on, and counts it until then; twice is once', t => {
  const { seen, last, pass, seconds, meters } = stage(t)
  last().open()
  pass(3000)
  meters.close()
  meters.close()
  t.is(seconds(), 3)
  t.deepEqual(
    seen.filter(line => /^leave|^abort/.test(line)),
    ['leave 1000'],
  )
  t.is(seen.filter(line => line.startsWith('ended by gateway')).length, 1)
  last().close()
  last().fail('upstream_unreachable')
  last().fail('call_not_found')
  pass(60_000)
  t.is(seconds(), 3)
  t.is(seen.filter(line => line.startsWith('join')).length, 1)
  t.false(seen.some(line => line.startsWith('translation.call.unmetered')))
})

test.serial('a meter that is closed while its end is told ends once', t => {
  const staged = stage(t, { onEnded: () => staged.meters.close() })
  staged.last().open()
  staged.meters.close()
  t.is(staged.seen.filter(line => line.startsWith('ended')).length, 1)
})

test.serial(
  'a call that the gateway leaves before it is joined is given up; what opens later is closed',
  t => {
    const { seen, last, pass, seconds, meters } = stage(t)
    meters.close()
    t.deepEqual(seen, ['join rtc_1 y', 'abort', 'ended by gateway null []'])
    last().open()
    pass(60_000)
    t.is(seen.at(-1), 'leave 1000')
    t.is(seconds(), 0)
  },
)

test.serial('a call that the gateway leaves before it is joined again is not joined again', t => {
  const { joins, last, pass, meters } = stage(t)
  last().open()
  last().close()
  meters.close()
  pass(60_000)
  t.is(joins.length, 1)
})

test.serial('what comes between the loss of a connection and the end of the call is not counted', t => {
  const { seen, last, pass, seconds } = stage(t)
  last().open()
  pass(1000)
  last().close()
  pass(2000)
  last().fail('call_not_found')
  t.is(seconds(), 1)
  t.regex(seen.at(-1) ?? '', /^ended by upstream null .*gpt-realtime-translate/)
})

for (const [ms, usage] of [
  [0, null],
  [500, 0.5],
] as const) {
  test.serial(`of a call of ${ms} ms ${usage ?? 'no'} seconds are counted`, t => {
    const { seen, last, pass, seconds, meters } = stage(t)
    last().open()
    pass(ms)
    meters.close()
    t.is(seconds(), usage ?? 0)
    const end = seen.find(line => line.startsWith('ended')) ?? ''
    if (usage === null) t.is(end, 'ended by gateway null []')
    else t.regex(end, /"translation_seconds":0\.5/)
  })
}

test.serial('a connection that held for long is as good as a new one', t => {
  const { joins, seen, last, pass } = stage(t)
  for (let losses = 0; losses < 10; losses += 1) {
    last().open()
    pass(10_000)
    last().close()
    pass(0)
  }
  t.is(joins.length, 11)
  t.false(seen.some(line => line.startsWith('ended')))
})

test.serial('a fault of the gateway ends what is counted, once', t => {
  const { seen, last, pass, seconds } = stage(t)
  last().open()
  pass(1000)
  last().fault()
  t.true(seen.includes('translation.call.unmetered internal'))
  t.is(seen.filter(line => line.startsWith('ended by upstream internal')).length, 1)
  last().fault()
  t.is(seen.filter(line => line === 'connection.failed').length, 2)
  t.is(seen.filter(line => line.startsWith('translation.call.unmetered')).length, 1)
  t.is(seconds(), 1)
})

test.serial('a meter whose call is over is not kept', async t => {
  const { joins, last, meters } = stage(t)
  const meter = new WeakRef(last().listener)
  last().fail('call_not_found')
  joins.length = 0
  await collectGarbage()
  t.is(meter.deref(), undefined)
  meters.close()
})

test.serial('a call that cannot be joined is told of, and goes on where no budget depends on it', t => {
  for (const code of ['call_not_found', 'upstream_refused'] as const) {
    const { joins, seen, last, seconds } = stage(t)
    last().fail(code)
    t.is(joins.length, 1)
    t.is(seconds(), 0)
    t.true(seen.includes(`translation.call.unmetered ${code}`))
    t.true(seen.includes(`ended by upstream ${code} []`))
    t.false(seen.includes('hang up rtc_1 y'))
    mock.timers.reset()
  }
})

test.serial('where a budget depends on it, it is hung up; a hang-up that fails is told of', async t => {
  const { seen, last, settle } = stage(t, { isLimited: true, hangs: false })
  last().fail('upstream_refused')
  await settle()
  t.true(seen.includes('hang up rtc_1 y'))
  t.true(seen.includes('upstream.failed'))
})

test.serial('an upstream that refuses after the upgrade is not counted', t => {
  const { joins, seen, last, pass, seconds } = stage(t, { isLimited: true })
  last().open()
  last().say({ type: 'error', error: { code: 'call_id_not_found' } })
  pass(2000)
  last().close()
  pass(60_000)
  t.is(joins.length, 1)
  t.is(seconds(), 0)
  t.true(seen.includes('translation.call.unmetered upstream_lost'))
  t.true(seen.includes('hang up rtc_1 y'))
})

test.serial(
  'an upstream that refuses a further connection is given up, though an earlier one brought events',
  t => {
    const { joins, seen, last, pass, seconds } = stage(t)
    last().open()
    last().say({ type: 'session.created' })
    pass(1000)
    last().close()
    pass(0)
    last().open()
    last().say({ type: 'error', error: { code: 'call_id_not_found' } })
    last().close()
    pass(60_000)
    t.is(joins.length, 2)
    t.true(seen.includes('translation.call.unmetered upstream_lost'))
    t.is(seconds(), 1, 'what was heard before is counted')
  },
)

test.serial('an error in the middle of a call refuses nothing', t => {
  const { joins, last, pass } = stage(t)
  last().open()
  last().say({ type: 'session.output_transcript.delta', delta: 'hola' })
  last().say({ type: 'error', error: {} })
  last().close()
  pass(0)
  t.is(joins.length, 2)
})

test.serial('the last of a budget ends the call', async t => {
  const { seen, last, pass, settle } = stage(t, { isLimited: true, spent: true })
  last().open()
  pass(10_000)
  await settle()
  t.true(seen.includes('hang up rtc_1 y'))
})

test.serial('a budget that is spent by what the gateway counts as it leaves ends no call', async t => {
  const { seen, last, pass, settle, meters } = stage(t, { isLimited: true, spent: true })
  last().open()
  pass(1000)
  meters.close()
  await settle()
  t.true(seen.some(line => line.startsWith('spend')))
  t.false(seen.includes('hang up rtc_1 y'))
})

test.serial('an upstream that stays away is given up after some tries', t => {
  const { joins, seen, last, pass } = stage(t)
  last().open()
  last().close()
  for (let tries = 0; tries < 20; tries += 1) {
    pass(5000)
    if (seen.some(line => line.startsWith('ended'))) break
    last().fail('upstream_unreachable')
  }
  t.is(joins.length, 7)
  t.true(seen.includes('translation.call.unmetered upstream_unreachable'))
})
