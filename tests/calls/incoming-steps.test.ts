/** What a webhook of a telephone call does, step by step, over an upstream, records and a store that a test plays. */
import { mock } from 'node:test'
import test, { type ExecutionContext } from 'ava'
import { answerCall } from '../../runtime/calls/answering.ts'
import { createIncoming, type IncomingOptions } from '../../runtime/calls/incoming.ts'
import { GatewayError } from '../../runtime/core/errors.ts'
import { signWebhook } from '../../runtime/simulator/telephone/webhook.ts'

const key = 'a secret of two parties'
const nowMs = 1_700_000_000_000
const rememberMs = 73 * 60 * 60_000
const actWithinMs = 60_000
const answerWithinMs = 1500
const retryMs = 500
const tryWithinMs = 8000
const maxBytes = 64 * 1024
const maxArriving = 64

const session = { type: 'realtime', model: 'm', instructions: 'Be brief' } as const
const accepting = { kind: 'accept', session, greeting: null } as const
const anyNumber = { header: null, matches: () => true }

const nextTurn = () => new Promise(resolve => setImmediate(resolve))

/** Takes all turns that follow from what has happened; no timer is due meanwhile. */
async function settled(): Promise<void> {
  for (let turns = 0; turns < 20; turns += 1) await nextTurn()
}

function stage(t: ExecutionContext, changed: Partial<IncomingOptions> = {}) {
  mock.timers.enable({ apis: ['setTimeout'] })
  let now = 0
  const clock = mock.method(performance, 'now', () => now)
  t.teardown(() => {
    mock.timers.reset()
    clock.mock.restore()
  })
  const seen: string[] = []
  const logged: object[] = []
  /** How much a drain would wait for. */
  let waited = 0
  const refused: string[] = []
  const entries = new Map<string, string>()
  const told = {
    /** What the next requests to upstream come to; afterwards: done. */
    accept: [] as (() => boolean | Promise<boolean>)[],
    reject: [] as (() => boolean)[],
    hangUp: [] as (() => boolean)[],
    admit: () => undefined as unknown,
    connect: () => true as boolean,
    set: () => undefined as unknown,
  }
  const record = (sessionId: string, owner: string) => ({ sessionId, owner, provider: 'p' })
  const log = (event: string, fields: object = {}) => void logged.push({ event, ...fields })
  const metrics = {
    traffic: { webhooksReceived: 0 },
    countWebhookRefused: (why: string) => refused.push(why),
  }
  const options = {
    calls: {
      accept: async (id: string, given: object) => {
        seen.push(`accept ${id} ${JSON.stringify(given)}`)
        return told.accept.shift()?.() ?? true
      },
      reject: async (id: string, status: number) => {
        seen.push(`reject ${id} ${status}`)
        await settled()
        return told.reject.shift()?.() ?? true
      },
      hangUp: async (id: string) => {
        for (let turns = 0; turns < 3; turns += 1) await nextTurn()
        seen.push(`hang up ${id}`)
        return told.hangUp.shift()?.() ?? true
      },
    },
    records: {
      create: async (owner: string, account: string, more: object) => {
        seen.push(`create ${owner} ${account} ${JSON.stringify(more)}`)
        return 's1'
      },
      find: async (id: string, owner: string) => record(id, owner),
      connect: async (_: object, given: object) => {
        seen.push(`connect ${JSON.stringify(given)}`)
        return told.connect()
      },
      end: async (_: object, reason: string) => {
        await nextTurn()
        seen.push(`end: ${reason}`)
      },
    },
    callMade: ({ sessionId }: { sessionId: string }) => void seen.push(`made ${sessionId}`),
    send: (_: object, event: object) => void seen.push(`send ${JSON.stringify(event)}`),
    admit: async ({ owner, address }: { owner: string; address: string }) => {
      seen.push(`admit ${owner} ${address}`)
      told.admit()
    },
    store: {
      claim: async (claim: string, value: string, ttlMs: number) => {
        t.is(ttlMs, actWithinMs)
        if (entries.has(claim)) return false
        entries.set(claim, value)
        return true
      },
      get: async (claim: string) => entries.get(claim) ?? null,
      set: async (claim: string, value: string, ttlMs: number) => {
        t.is(ttlMs, rememberMs)
        told.set()
        await nextTurn()
        entries.set(claim, value)
      },
      delete: async (claim: string) => {
        await nextTurn()
        entries.delete(claim)
      },
    },
    webhookKeys: [Buffer.from(key)],
    rules: [{ ...anyNumber, policy: accepting }],
    assistants: { find: () => null },
    settings: { voice: 'marin', textOnly: true },
    deployment: 'one',
    refusal: () => null,
    waitFor: <T>(work: Promise<T>) => {
      waited += 1
      const over = () => {
        waited -= 1
      }
      work.then(over, over)
      return work
    },
    now: () => nowMs,
    log: { info: log, warn: log, error: log },
    metrics,
    ...changed,
  }
  const incoming = createIncoming(options as unknown as IncomingOptions)
  const answering = { callId: 'rtc_1', session, owner: 'me', account: 'credential:me', address: '192.0.2.1' }
  const deliver = (
    body: string,
    { id = 'wh_1', announced = body.length, secret = key, arrived = Promise.resolve() } = {},
  ) => {
    const { headers } = signWebhook(secret, id, nowMs / 1000, body)
    const reading = { hasBegun: false }
    const answer = incoming({
      address: '192.0.2.1',
      headers: new Map(Object.entries({ ...headers, 'content-length': String(announced) })),
      readBody: async () => {
        reading.hasBegun = true
        await arrived
        return Buffer.from(body)
      },
    } as never)
    const outcome = Promise.resolve(answer).then(
      ({ status, body }) => ({ status, ...(JSON.parse(String(body)) as { outcome: string }) }),
      (fault: unknown) => fault as Error & { code?: string; retryAfterMs?: number },
    )
    return Object.assign(outcome, { reading })
  }
  return {
    ...{ seen, logged, refused, entries, told, metrics, incoming, deliver },
    /** Answers the call for somebody who asks for it. */
    answer: () => answerCall(options as never, answering),
    /** Delivers the webhook of a call. */
    ring: (headers: readonly SipHeader[] = from, given = {}) => deliver(callOf('rtc_1', headers), given),
    states: () => [...entries.values()],
    waited: () => waited,
    pass: async (ms: number) => {
      for (let left = ms; left > 0; left -= Math.min(left, retryMs)) {
        now += Math.min(left, retryMs)
        mock.timers.tick(Math.min(left, retryMs))
        await settled()
      }
    },
  }
}

interface SipHeader {
  readonly name: string
  readonly value: string
}

const from: readonly SipHeader[] = [{ name: 'From', value: '<sip:+15550100@carrier.example>' }]
const callOf = (callId: string, sip_headers: readonly SipHeader[] | undefined = from) =>
  JSON.stringify({ type: 'realtime.call.incoming', data: { call_id: callId, sip_headers } })
const acceptance = `accept rtc_1 ${JSON.stringify(session)}`
const admission = 'admit telephone caller:602cd7fbbe41688e'
const creation = 'create telephone credential:telephone {"assistant":"","isPinned":false}'
const pinned = JSON.stringify({ instructions: 'Be brief', tools: [] })
const connection = `connect ${JSON.stringify({ callId: 'rtc_1', model: 'm', pinned, address: 'caller:602cd7fbbe41688e' })}`
const refusal = (code: ConstructorParameters<typeof GatewayError>[0], upstreamStatus?: number) =>
  new GatewayError(code, code, upstreamStatus === undefined ? {} : { upstreamStatus })
const fails = (fault: Error) => (): never => {
  throw fault
}

test.serial('a call is admitted, remembered, answered, watched and greeted, in this order', async t => {
  const greeting = 'Say hello'
  const rules = [{ ...anyNumber, policy: { ...accepting, greeting } }]
  const { ring, seen, entries, logged, metrics } = stage(t, { rules })
  t.like(await ring(), { status: 200, outcome: 'answered' })
  const greeted = JSON.stringify({ type: 'response.create', response: { instructions: greeting } })
  t.deepEqual(seen, [admission, creation, acceptance, connection, 'made s1', `send ${greeted}`])
  t.deepEqual(
    [...entries].map(([claim, state]) => [claim.replace(/[0-9a-f]{64}/, 'HASH'), state]),
    [
      ['webhook:HASH', 'done'],
      ['incoming:rtc_1', 'done'],
    ],
  )
  t.is(metrics.traffic.webhooksReceived, 1)
  t.deepEqual(logged, [
    { event: 'sideband.call.answered', session_id: 's1', call_id: 'rtc_1', provider: 'p' },
    { event: 'sideband.call.incoming', call_id: 'rtc_1', outcome: 'answered' },
  ])
})

test.serial('where the caller speaks first nobody is greeted', async t => {
  const { ring, seen } = stage(t)
  await ring()
  t.is(seen.at(-1), 'made s1')
})

const sales = {
  ...{ name: 'sales', isPinned: true, deployment: null, session: {}, greeting: 'Greet' },
  instructions: ({ caller }: { caller: string }) => `Serve ${caller}`,
}

test.serial(
  'a call for an assistant is a session of it; without its folder the call is rejected',
  async t => {
    const rules = [{ ...anyNumber, policy: { kind: 'assistant' as const, name: 'sales' } }]
    for (const [deployment, model] of [
      [null, 'one'],
      ['two', 'two'],
    ] as const) {
      const assistants = { find: (name: string) => (name === 'sales' ? { ...sales, deployment } : null) }
      const { ring, seen, logged } = stage(t, { rules, assistants: assistants as never })
      t.like(await ring(), { outcome: 'answered' })
      t.is(seen[1], 'create telephone credential:telephone {"assistant":"sales","isPinned":true}')
      const given = JSON.parse(seen[2]?.replace('accept rtc_1 ', '') ?? '{}')
      t.like(given, { type: 'realtime', model, instructions: 'Serve telephone' })
      t.regex(seen.at(-1) ?? '', /"Serve telephone\\n\\nGreet"/)
      t.like(logged.at(-1), { outcome: 'answered', assistant: 'sales' })
      mock.timers.reset()
      mock.restoreAll()
    }
    const { ring, seen, logged, states } = stage(t, { rules })
    t.like(await ring(), { outcome: 'rejected' })
    t.deepEqual(seen, ['reject rtc_1 503'])
    t.deepEqual(logged, [
      { event: 'sideband.call.incoming', call_id: 'rtc_1', outcome: 'rejected', assistant: 'sales' },
    ])
    t.deepEqual(states(), ['done', 'done'])
  },
)

const rejecting = (status: number) => ({ kind: 'reject' as const, status })
const dialled = { header: null, matches: (number: string) => number === '+15550199', policy: rejecting(480) }
const department = {
  ...{ header: 'x-department', policy: rejecting(481) },
  matches: (value: string) => value === 'sales',
}
/** Headers of a call, and the status that it is rejected with. */
const calls: readonly (readonly [what: string, headers: readonly SipHeader[], status: number])[] = [
  ['no number', [], 404],
  ['another number', [{ name: 'To', value: '<sip:+15550100@sip.example>' }], 404],
  ['a SIP address', [{ name: 'To', value: '<sip:+15550199@sip.example>' }], 480],
  ['a SIPS address', [{ name: 'to', value: 'SIPS:+15550199;transport=tls' }], 480],
  ['a telephone number', [{ name: 'TO', value: 'tel:+15550199' }], 480],
  ['a bare number', [{ name: 'To', value: '+15550199' }], 480],
  ['a bare number with a parameter', [{ name: 'To', value: '+15550199;tag=1' }], 480],
  ['a name with a colon', [{ name: 'To', value: '"Hotel:Paris" <sip:+15550199@sip.example>' }], 480],
  ['a name that is an address', [{ name: 'To', value: '"<sip:+1@a>" <sip:+15550199@b>;tag=1' }], 480],
  ['a name with quotes', [{ name: 'To', value: String.raw`"\" <sip:+1@a> \\" <sip:+15550199@b>` }], 480],
  ['a name with a quote', [{ name: 'To', value: '"a" <sip:+1@a>" <sip:+15550199@b>' }], 480],
  ['a parameter that is an address', [{ name: 'To', value: '<sip:+15550199@b>;x="<sip:+1@a>"' }], 480],
  ['the number as a name', [{ name: 'To', value: '"sip:+15550199 desk" <sip:+1@a>' }], 404],
  ['the number in another header', [{ name: 'From', value: 'tel:+15550199' }], 404],
  ['a header', [{ name: 'X-Department', value: 'sales' }], 481],
  ['a header of another value', [{ name: 'X-Department', value: 'Sales' }], 404],
  ['another header of the value', [{ name: 'X-Other', value: 'sales' }], 404],
  [
    'a header and a number',
    [
      { name: 'X-Department', value: 'sales' },
      { name: 'To', value: 'tel:+15550199' },
    ],
    480,
  ],
]
for (const [what, headers, status] of calls)
  test.serial(`the first rule that fits a call counts: ${what}`, async t => {
    const { ring, seen, logged } = stage(t, { rules: [dialled, department] })
    t.like(await ring(headers), { status: 200, outcome: 'rejected' })
    t.deepEqual(seen, [`reject rtc_1 ${status}`])
    t.deepEqual(logged, [{ event: 'sideband.call.incoming', call_id: 'rtc_1', outcome: 'rejected' }])
  })

for (const value of [
  'tel:+15550100',
  'sip:+15550100@carrier.example;tag=1',
  '"sip:1 x" <sip:+15550100@carrier.example>;tag=2',
  '"sip:2 x" <sips:+15550100@carrier.example>;tag=3',
  '"<tel:3>" <sip:+15550100@carrier.example>',
])
  test.serial(`a caller is counted by the number, whatever is displayed: ${value}`, async t => {
    const { ring, seen } = stage(t)
    await ring([{ name: 'From', value }])
    t.is(seen[0], admission)
  })

test.serial('a call without headers is one for no number', async t => {
  const { deliver, seen } = stage(t, { rules: [dialled] })
  t.like(await deliver('{"type":"realtime.call.incoming","data":{"call_id":"rtc_1"}}'), {
    outcome: 'rejected',
  })
  t.deepEqual(seen, ['reject rtc_1 404'])
})

/** What upstream, the records or the limits say, what is done then, and what the vendor is told. */
type Told = ReturnType<typeof stage>['told']
const away = refusal('store_unavailable')
const failures: readonly (readonly [
  what: string,
  happen: (told: Told) => void,
  done: readonly string[],
  outcome: string,
])[] = [
  [
    'it does not ring any more',
    told => void told.accept.push(() => false),
    [admission, creation, acceptance, 'end: not answered'],
    'gone',
  ],
  [
    'its owner may make none now',
    told => {
      told.admit = fails(refusal('limit_reached'))
    },
    [admission, 'reject rtc_1 486'],
    'rejected',
  ],
  [
    'its owner may make none now, and it rings no more',
    told => {
      told.admit = fails(refusal('limit_reached'))
      told.reject.push(() => false)
    },
    [admission, 'reject rtc_1 486'],
    'gone',
  ],
  [
    'upstream refuses it',
    told => void told.accept.push(fails(refusal('upstream_refused', 400))),
    [admission, creation, acceptance, 'end: not answered', 'reject rtc_1 503'],
    'upstream_refused',
  ],
  [
    'upstream refuses it, and to reject it',
    told => {
      told.accept.push(fails(refusal('upstream_refused', 400)))
      told.reject.push(fails(refusal('upstream_refused', 400)))
    },
    [admission, creation, acceptance, 'end: not answered', 'reject rtc_1 503', 'hang up rtc_1'],
    'upstream_refused',
  ],
  [
    'upstream refuses everything',
    told => {
      told.accept.push(fails(refusal('upstream_refused', 400)))
      told.reject.push(fails(refusal('upstream_refused', 404)))
      told.hangUp.push(fails(refusal('upstream_refused', 404)))
    },
    [admission, creation, acceptance, 'end: not answered', 'reject rtc_1 503', 'hang up rtc_1'],
    'upstream_refused',
  ],
  [
    'the store is away',
    told => {
      told.admit = fails(away)
    },
    [admission, 'reject rtc_1 503'],
    'store_unavailable',
  ],
  [
    'it cannot be remembered',
    told => {
      told.connect = fails(away)
    },
    [
      ...[admission, creation, acceptance, connection, 'hang up rtc_1', 'end: could not be remembered'],
      'reject rtc_1 503',
    ],
    'store_unavailable',
  ],
  [
    'it is over before it is remembered',
    told => {
      told.connect = () => false
    },
    [
      ...[admission, creation, acceptance, connection, 'hang up rtc_1', 'end: could not be remembered'],
      'reject rtc_1 503',
    ],
    'store_unavailable',
  ],
  [
    'its account may store no more',
    told => {
      told.connect = fails(refusal('limit_reached'))
    },
    [
      ...[admission, creation, acceptance, connection, 'hang up rtc_1', 'end: could not be remembered'],
      'reject rtc_1 486',
    ],
    'rejected',
  ],
  [
    'the gateway itself fails',
    told => {
      told.admit = fails(new TypeError('broken'))
    },
    [admission],
    'broken',
  ],
]
for (const [what, happen, done, expected] of failures)
  test.serial(`a call that cannot be answered: ${what}`, async t => {
    const { ring, seen, told, states, logged, refused } = stage(t)
    happen(told)
    const answer = (await ring()) as { outcome?: string; code?: string; message?: string }
    t.is(answer.outcome ?? answer.code ?? answer.message, expected)
    t.deepEqual(seen, [...done])
    const isActedOn = answer.outcome !== undefined
    t.deepEqual(states(), isActedOn ? ['done', 'done'] : [], 'what failed may be delivered again')
    t.deepEqual(refused, isActedOn ? [] : [answer.code ?? 'internal'])
    t.like(logged.at(-1), {
      event: 'sideband.call.incoming',
      call_id: 'rtc_1',
      outcome: isActedOn ? expected : 'failed',
    })
  })

test.serial('an upstream that may yet answer is asked again at an interval, up to a deadline', async t => {
  const { ring, seen, told, pass } = stage(t)
  const tries = 2 + tryWithinMs / retryMs
  for (let times = 0; times < 2 * tries; times += 1)
    told.accept.push(fails(refusal('upstream_unavailable', 503)))
  const answer = ring()
  await settled()
  const asked = () => seen.filter(line => line === acceptance).length
  t.is(asked(), 1)
  await pass(retryMs - 1)
  t.is(asked(), 1)
  await pass(1)
  t.is(asked(), 2)
  await pass(4 * tryWithinMs)
  t.is(asked(), tries)
  t.like(await answer, { outcome: 'pending' })
  t.is(seen.at(-1), 'reject rtc_1 503')
})

/** What upstream says first, and then to the next try. */
const seconds: readonly (readonly [what: string, first: Error, then: Error, isAnswered: boolean])[] = [
  ['no answer, then decided', refusal('upstream_timeout'), refusal('upstream_refused', 409), true],
  ['no answer, then malformed', refusal('upstream_timeout'), refusal('upstream_refused', 400), true],
  ['no answer, then forbidden', refusal('upstream_timeout'), refusal('upstream_refused', 403), false],
  ['no answer, then lost', refusal('upstream_timeout'), refusal('upstream_refused'), false],
  ['busy, then decided', refusal('upstream_unavailable', 503), refusal('upstream_refused', 409), false],
]
for (const [what, first, then, isAnswered] of seconds)
  test.serial(`an earlier try may have answered the call unheard: ${what}`, async t => {
    const { ring, told, pass, seen } = stage(t)
    told.accept.push(fails(first), fails(then))
    const answer = ring()
    await settled()
    await pass(retryMs)
    t.is(seen.includes('made s1'), isAnswered)
    t.like(await answer, isAnswered ? { outcome: 'answered' } : { code: 'upstream_refused' })
  })

test.serial('where nobody has tried before, a call that is decided was not answered here', async t => {
  const { answer, told, seen } = stage(t)
  told.accept.push(fails(refusal('upstream_refused', 409)))
  await t.throwsAsync(answer(), { code: 'upstream_refused' })
  t.deepEqual(seen.slice(1), [acceptance, 'end: not answered'])
})

test.serial('a fault that will not pass, or is not of upstream, is not tried again', async t => {
  for (const fault of [refusal('store_unavailable'), refusal('upstream_refused', 503), new TypeError('x')]) {
    const { ring, told, seen } = stage(t)
    told.accept.push(fails(fault))
    t.is((await ring()) as unknown, fault)
    t.is(seen.filter(line => line === acceptance).length, 1)
    mock.timers.reset()
    mock.restoreAll()
  }
})

test.serial('a vendor is not kept waiting; what is done later is remembered', async t => {
  const { ring, told, pass, states, seen } = stage(t)
  const accepted = Promise.withResolvers<boolean>()
  told.accept.push(() => accepted.promise)
  const answer = ring()
  let isAnswered = false
  void answer.then(() => {
    isAnswered = true
  })
  await settled()
  await pass(answerWithinMs - 1)
  t.false(isAnswered)
  await pass(1)
  t.like(await answer, { status: 200, outcome: 'pending' })
  t.deepEqual(states(), ['pending', 'pending'])
  t.like(await ring(), { code: 'conflict', retryAfterMs: 1000 })
  accepted.resolve(true)
  await settled()
  t.deepEqual(states(), ['done', 'done'])
  t.like(await ring(), { outcome: 'duplicate' })
  t.is(seen.filter(line => line === acceptance).length, 1)
})

test.serial('what fails after the vendor was answered is remembered too, and logged', async t => {
  const { ring, told, pass, states, logged } = stage(t)
  const accepted = Promise.withResolvers<boolean>()
  told.accept.push(() => accepted.promise)
  const answer = ring()
  await settled()
  await pass(answerWithinMs)
  t.like(await answer, { outcome: 'pending' })
  accepted.reject(refusal('upstream_refused', 400))
  await settled()
  await settled()
  t.deepEqual(states(), ['done', 'done'])
  t.like(logged.at(-1), { event: 'sideband.call.incoming', call_id: 'rtc_1', outcome: 'failed' })
})

test.serial('a webhook is acted on once, and so is a call: the states of both', async t => {
  const { ring, entries, states, told, seen } = stage(t)
  t.like(await ring(), { outcome: 'answered' })
  t.like(await ring(), { outcome: 'duplicate' })
  // Another webhook of the same call.
  t.like(await ring(from, { id: 'wh_2' }), { outcome: 'duplicate' })
  t.deepEqual(states(), ['done', 'done', 'done'])
  entries.set('incoming:rtc_1', 'pending')
  t.like(await ring(from, { id: 'wh_3' }), { code: 'conflict', retryAfterMs: 1000 })
  t.is(entries.size, 3, 'it may be delivered again')
  entries.clear()
  told.set = fails(away)
  t.like(await ring(), { outcome: 'answered' })
  t.deepEqual(states(), ['pending', 'pending'])
  t.is(seen.filter(line => line === acceptance).length, 2)
})

test.serial(
  'a drain waits for a webhook until it is acted on and remembered, also after its answer',
  async t => {
    const { ring, told, pass, states, waited } = stage(t)
    const accepted = Promise.withResolvers<boolean>()
    told.accept.push(() => accepted.promise)
    const answer = ring()
    await settled()
    t.is(waited(), 1)
    await pass(answerWithinMs)
    t.like(await answer, { outcome: 'pending' })
    await settled()
    t.is(waited(), 1)
    accepted.resolve(true)
    await settled()
    t.deepEqual(states(), ['done', 'done'])
    t.is(waited(), 0)
  },
)

test.serial('a replica that takes nothing new claims nothing', async t => {
  const { ring, entries, seen } = stage(t, { refusal: () => refusal('draining') })
  t.like(await ring(), { code: 'draining' })
  t.deepEqual([entries.size, seen], [0, []])
})

test.serial('a body is bounded as it is announced, and as it comes', async t => {
  const { deliver, refused } = stage(t)
  const other = JSON.stringify({ type: 'other' })
  const filled = other.padEnd(maxBytes)
  t.like(await deliver(filled), { outcome: 'ignored' })
  const announced = deliver(other, { announced: maxBytes + 1 })
  t.like(await announced, { code: 'message_too_big' })
  t.false(announced.reading.hasBegun)
  t.like(await deliver(`${filled} `, { announced: 0 }), { code: 'message_too_big' })
  t.deepEqual(refused, ['message_too_big', 'message_too_big'])
})

test.serial(
  'so many bodies may be on their way at once: of more the oldest is refused, until others have come',
  async t => {
    const { deliver, refused, metrics } = stage(t)
    const other = JSON.stringify({ type: 'other' })
    for (let round = 1; round <= 2; round += 1) {
      const arrived = Promise.withResolvers<void>()
      const given = { arrived: arrived.promise }
      const all = Array.from({ length: maxArriving }, () => deliver(other, given))
      await settled()
      t.is(refused.length, round - 1)
      all.push(deliver(other, given))
      t.like(await all[0], { code: 'memory_exhausted', retryAfterMs: 1000 })
      arrived.resolve()
      const answers = await Promise.all(all.slice(1))
      t.true(answers.every(answer => 'outcome' in answer && answer.outcome === 'ignored'))
    }
    t.deepEqual(refused, ['memory_exhausted', 'memory_exhausted'])
    t.is(metrics.traffic.webhooksReceived, 2 * (maxArriving + 1))
  },
)

/** Webhooks that are not taken: why, by its label, and what their sender is told. */
const strange: readonly (readonly [
  what: string,
  body: string,
  secret: string,
  label: string,
  words: RegExp,
])[] = [
  ['forged', callOf('rtc_1'), 'another', 'wrong_signature', /not signed as it must be/],
  ['not JSON', '{', key, 'not_json', /^The body is not JSON/],
  ['without a type', '{}', key, 'bad_request', /"type"/],
  ['without a call', '{"type":"realtime.call.incoming"}', key, 'bad_request', /"data"/],
  ['with a strange id', callOf('../hangup'), key, 'bad_request', /"data.call_id": is not the id of a call/],
  [
    'with too many headers',
    callOf('rtc_1', Array(1001).fill({ name: 'a', value: 'b' })),
    ...([key, 'bad_request', /"data.sip_headers"/] as const),
  ],
]
for (const [what, body, secret, label, words] of strange)
  test.serial(`a webhook that is not taken: ${what}`, async t => {
    const { deliver, refused, seen, entries, logged } = stage(t)
    const answer = await deliver(body, { secret })
    t.true(answer instanceof GatewayError)
    t.regex((answer as GatewayError).message, words)
    t.deepEqual([refused, seen, entries.size], [[label], [], 0])
    const warned = { event: 'webhook.refused', address: '192.0.2.1' }
    if (label === 'wrong_signature') t.like(logged, [warned])
    else t.deepEqual(logged, [])
  })

test.serial('a thousand headers are not too many', async t => {
  const { deliver } = stage(t)
  const headers = [...from, ...Array<SipHeader>(999).fill({ name: 'a', value: 'b' })]
  t.like(await deliver(callOf('rtc_1', headers)), { outcome: 'answered' })
})
