/** What is counted of a call, what of it is written, and by whom, over records that only note what they are told. */
import { mock } from 'node:test'
import test, { type ExecutionContext } from 'ava'
import { type CallActivityParts, createCallActivity } from '../../runtime/calls/activity.ts'
import { type Activity, readCallRecord } from '../../runtime/calls/record.ts'
import { leaseMs } from '../../runtime/calls/records.ts'
import { GatewayError } from '../../runtime/core/errors.ts'
import { createMetrics } from '../../runtime/observability/metrics.ts'
import type { NumberedWrite } from '../../runtime/store/store.ts'
import { silentAccounts } from '../usage/accounts.ts'

const writeIntervalMs = 500

interface Told {
  /** Whether this replica has the lease. */
  speaks: boolean
  /** Whether the store is away. */
  isAway: boolean
  /** Whether the store does what is asked, and its answers are lost. */
  isMute: boolean
  /** Whether the store has lost the session. */
  isLost: boolean
  /** Whether another replica has marked the call as over. */
  isEnded: boolean
  /** Whether another replica has told the end. */
  isEndTold: boolean
  /** Who has the lease. */
  holder: string | null
  /** What is stored of the account. */
  stored: string
  spent: GatewayError | Error | null
}

/** What a record says of its call, besides what each says here. */
type Fields = Readonly<Record<string, string>>

function stage(
  t: ExecutionContext,
  changed: Partial<Told> = {},
  { fields = {}, parts = {} }: { fields?: Fields; parts?: Partial<CallActivityParts> } = {},
) {
  const told: Told = {
    ...{ speaks: true, isAway: false, isMute: false, isLost: false, isEnded: false, spent: null },
    ...{ isEndTold: false, holder: 'h', stored: fields.usage ?? '' },
    ...changed,
  }
  const seen: string[] = []
  const notes: Activity[] = []
  const spoken: boolean[] = []
  const usages: (string | null)[] = []
  const numbers: number[] = []
  let lastNumber = 0
  const answer = async <Value>(words: string, value: () => Value): Promise<Value> => {
    seen.push(words)
    if (told.isAway) throw new GatewayError('store_unavailable', 'away')
    return value()
  }
  const metrics = createMetrics({ revision: 'r', replica: 'n' })
  const record = readCallRecord('s', {
    call_id: 'c',
    connected_at: new Date(Date.now() - 5000).toISOString(),
    events_from_openai: '10',
    events_to_openai: '20',
    input_tokens: '30',
    ...fields,
  })
  const activity = createCallActivity(
    {
      accounts: silentAccounts(),
      records: {
        holdLease: (id: string, holder: string) => answer(`lease ${id} ${holder}`, () => told.speaks),
        releaseLease: (id: string, holder: string) => answer(`release ${id} ${holder}`, () => undefined),
        numberWrite: (writer: string) => {
          lastNumber += 1
          return { field: writer, number: lastNumber }
        },
        note: async (_: unknown, counted: Activity, usage: string | null, once?: NumberedWrite) => {
          const known = await answer('note', () => !told.isLost)
          notes.push(counted)
          usages.push(usage)
          if (once !== undefined) numbers.push(once.number)
          if (told.isMute) throw new GatewayError('store_unavailable', 'the answer is lost')
          return known
        },
        restore: (_: unknown, totals: Activity, once?: NumberedWrite) =>
          answer(
            `restore ${once?.number}: ${totals.eventsFrom} ${totals.eventsTo} ${totals.inputTokens}`,
            () => {
              told.isLost = false
            },
          ),
        end: (_: unknown, reason: string) => answer(`end ${reason}`, () => !told.isEnded),
        lookUp: async (id: string) =>
          readCallRecord(id, { ...fields, usage: told.stored, ended_at: told.isEnded ? 'then' : '' }),
        isHeardElsewhere: async (_: string, holder: string) => told.holder !== null && told.holder !== holder,
        claimEnd: async () => {
          const isFirst = !told.isEndTold
          told.isEndTold = true
          return isFirst
        },
      } as never,
      holder: 'h',
      log: {
        info: event => void seen.push(event),
        warn: event => void seen.push(event),
        error: () => undefined,
      },
      metrics,
      spend: async (_, tokens) => {
        seen.push(`spend ${tokens.tokens}`)
        if (told.spent instanceof GatewayError || told.spent === null) return told.spent
        throw told.spent
      },
      ...parts,
    },
    record,
    {
      onSpent: error => void seen.push(`spent: ${error.code}`),
      onSpeaks: speaks => void spoken.push(speaks),
    },
  )
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(async () => {
    await activity.stop()
    mock.timers.reset()
  })
  const settle = async () => {
    for (let turn = 0; turn < 5; turn += 1) await new Promise(resolve => setImmediate(resolve))
  }
  return {
    ...{ activity, told, notes, usages, numbers, spoken, metrics, settle },
    seen: () => seen.splice(0),
    hear: (type = 'x', fields: object = {}) =>
      activity.noteEvent(type, Buffer.from(JSON.stringify({ type, ...fields }))),
    pass: async (ms: number) => {
      mock.timers.tick(ms)
      await settle()
    },
  }
}

const counts = (eventsFrom: number, eventsTo: number, more: Partial<Activity> = {}): Activity => ({
  ...{ eventsFrom, eventsTo, inputTokens: 0, outputTokens: 0, lastEventType: '' },
  ...more,
})
const usage = { response: { usage: { input_tokens: 3, output_tokens: 4, total_tokens: 7 } } }

test.serial(
  'who speaks is asked first, then counts are written twice a second, as long as there are any',
  async t => {
    const { activity, seen, notes, hear, pass, settle } = stage(t)
    activity.start()
    activity.start()
    await settle()
    t.deepEqual(seen(), ['lease s h'])
    t.is(hear('a'), '{"events_from_openai":11,"events_to_openai":20}')
    activity.noteSent()
    t.is(hear('b'), '{"events_from_openai":12,"events_to_openai":21}')
    await pass(writeIntervalMs - 1)
    t.deepEqual(notes, [])
    await pass(1)
    t.deepEqual(notes, [counts(2, 1, { lastEventType: 'b' })])
    await pass(2 * writeIntervalMs)
    t.is(notes.length, 1)
    activity.noteSent()
    await pass(writeIntervalMs)
    t.deepEqual(notes[1], counts(0, 1, { lastEventType: 'b' }))
    t.deepEqual(seen(), ['note', 'note'])
  },
)

test.serial('the lease is said again three times in its life, and given back once at the end', async t => {
  const { activity, seen, pass, settle } = stage(t)
  activity.start()
  await settle()
  seen()
  await pass(leaseMs / 3 - 1)
  t.deepEqual(seen(), [])
  await pass(1)
  t.deepEqual(seen(), ['lease s h'])
  await activity.stop()
  t.deepEqual(seen(), ['release s h'])
  await pass(leaseMs)
  t.deepEqual(seen(), [])
})

test.serial(
  'a replica without the lease writes what was sent through it, and nothing that others hear too',
  async t => {
    const { activity, seen, notes, hear, pass, settle, metrics } = stage(t, { speaks: false })
    activity.start()
    await settle()
    seen()
    activity.noteSent()
    hear('response.done', usage)
    hear('conversation.item.input_audio_transcription.completed', { usage: { total_tokens: 9 } })
    await pass(writeIntervalMs)
    const lastEventType = 'conversation.item.input_audio_transcription.completed'
    t.deepEqual(notes, [counts(0, 1, { lastEventType })])
    t.deepEqual(seen(), ['note'])
    t.is(metrics.traffic.callInputTokens + metrics.traffic.callOutputTokens, 0)
  },
)

test.serial('tokens of answers and of transcriptions are counted and spent', async t => {
  const { activity, seen, notes, hear, pass, settle, metrics } = stage(t)
  activity.start()
  await settle()
  seen()
  hear('response.created', usage)
  hear('response.done', usage)
  hear('response.done', usage)
  await pass(writeIntervalMs)
  t.deepEqual(notes, [counts(3, 0, { inputTokens: 6, outputTokens: 8, lastEventType: 'response.done' })])
  t.deepEqual(seen(), ['note', 'spend 7', 'spend 7'])
  t.deepEqual([metrics.traffic.callInputTokens, metrics.traffic.callOutputTokens], [6, 8])
  hear('conversation.item.input_audio_transcription.completed', {
    usage: { input_tokens: 5, total_tokens: 9 },
  })
  await settle()
  t.deepEqual(seen(), ['spend 9'])
  t.is(metrics.traffic.transcriptionSeconds, 0)
  t.is(metrics.traffic.transcriptionInputTokens, 5)
})

for (const [what, spent, last] of [
  ['are the day’s last', new GatewayError('limit_reached', 'spent'), 'spent: limit_reached'],
  ['cannot be counted', new Error('away'), 'limit.uncounted'],
] as const) {
  test.serial(`tokens that ${what} are told: of an answer, and of a transcription`, async t => {
    const { activity, seen, hear, pass, settle } = stage(t, { spent })
    activity.start()
    await settle()
    seen()
    hear('response.done', usage)
    await pass(writeIntervalMs)
    t.deepEqual(seen(), ['note', 'spend 7', last])
    hear('conversation.item.input_audio_transcription.completed', { usage: { seconds: 0.25 } })
    await settle()
    t.deepEqual(seen(), ['spend 3', last])
  })
}

test.serial(
  'while the store is away counts are kept, with what comes meanwhile, and written when it is back',
  async t => {
    const { activity, told, seen, notes, hear, pass, settle, metrics } = stage(t)
    activity.start()
    await settle()
    told.isAway = true
    hear('response.done', usage)
    activity.noteSent()
    await pass(writeIntervalMs)
    t.deepEqual(notes, [])
    t.is(metrics.traffic.callInputTokens, 0)
    activity.noteSent()
    await pass(writeIntervalMs)
    told.isAway = false
    hear('response.done', usage)
    await pass(writeIntervalMs)
    const each = counts(1, 1, { inputTokens: 3, outputTokens: 4, lastEventType: 'response.done' })
    t.deepEqual(notes, [each, each])
    t.is(metrics.traffic.callInputTokens, 6)
    seen()
    await pass(writeIntervalMs)
    t.deepEqual(seen(), [])
  },
)

test.serial(
  'the last type is told also where only what was sent follows, and the store was away between',
  async t => {
    const { activity, told, notes, hear, pass, settle } = stage(t)
    activity.start()
    await settle()
    told.isAway = true
    hear('a')
    await pass(writeIntervalMs)
    activity.noteSent()
    told.isAway = false
    await pass(writeIntervalMs)
    t.deepEqual(notes, [counts(1, 0, { lastEventType: 'a' }), counts(0, 1, { lastEventType: 'a' })])
  },
)

test.serial(
  'a write that is not confirmed is repeated as it was, under its number, and counts once',
  async t => {
    const { activity, told, seen, notes, numbers, hear, pass, settle, metrics } = stage(t)
    activity.start()
    await settle()
    seen()
    told.isMute = true
    hear('response.done', usage)
    await pass(writeIntervalMs)
    hear('response.done', usage)
    await pass(writeIntervalMs)
    t.deepEqual([metrics.traffic.callInputTokens, seen()], [0, ['note', 'note']])
    told.isMute = false
    await pass(writeIntervalMs)
    t.deepEqual(numbers, [1, 1, 1, 2])
    const each = counts(1, 0, { inputTokens: 3, outputTokens: 4, lastEventType: 'response.done' })
    t.deepEqual(notes, [each, each, each, each])
    t.deepEqual(seen(), ['note', 'spend 7', 'note', 'spend 7'])
    t.is(metrics.traffic.callInputTokens, 6)
  },
)

test.serial('a write that is not confirmed is repeated at a stop, though nothing came behind it', async t => {
  const { activity, told, numbers, hear, pass, settle } = stage(t)
  activity.start()
  await settle()
  told.isMute = true
  hear('response.done', usage)
  await pass(writeIntervalMs)
  told.isMute = false
  await activity.stop()
  t.deepEqual(numbers, [1, 1])
})

test.serial('what is repeated after the lease is lost replaces no usage of who has it now', async t => {
  const { activity, told, usages, hear, pass, settle } = stage(t)
  activity.start()
  await settle()
  told.isMute = true
  hear('response.done', usage)
  await pass(writeIntervalMs)
  told.isMute = false
  told.speaks = false
  await pass(leaseMs / 3)
  hear('response.done', usage)
  await pass(writeIntervalMs)
  t.regex(usages[0] ?? '', /"responses":1/)
  t.deepEqual(usages.slice(-1), [null])
})

test.serial(
  'a session that the store has lost is written anew with all that was counted, and the lease is taken again',
  async t => {
    const { activity, told, seen, hear, pass, settle } = stage(t)
    activity.start()
    await settle()
    seen()
    told.isLost = true
    hear('response.done', usage)
    activity.noteSent()
    await pass(writeIntervalMs)
    t.deepEqual(seen(), ['note', 'restore 1: 11 21 33', 'lease s h', 'spend 7'])
  },
)

test.serial('at the end of a call what is left is written before it is marked as over', async t => {
  const { activity, seen, hear, settle, metrics } = stage(t)
  activity.start()
  await settle()
  seen()
  hear()
  await activity.end('hung up')
  await activity.stop()
  t.deepEqual(seen(), ['note', 'end hung up', 'sideband.call.ended', 'release s h'])
  t.true(metrics.traffic.callSeconds >= 5 && metrics.traffic.callSeconds < 60)
})

test.serial('an end that cannot be written rejects nothing, nor does a stop', async t => {
  const { activity, told, settle } = stage(t)
  activity.start()
  await settle()
  told.isAway = true
  await t.notThrowsAsync(activity.end('hung up'))
  await t.notThrowsAsync(activity.stop())
})

test.serial('while the store is away nobody can tell who speaks: it stays with who spoke', async t => {
  const { activity, told, notes, hear, pass, settle } = stage(t)
  activity.start()
  await settle()
  told.isAway = true
  await pass(leaseMs / 3)
  told.isAway = false
  hear()
  await pass(writeIntervalMs)
  t.deepEqual(notes, [counts(1, 0, { lastEventType: 'x' })])
})

/** What is told of a session at its end. */
function accountsOf() {
  const ended: Record<string, unknown>[] = []
  return {
    ended,
    accounts: silentAccounts({ sessionEnded: (_, summary) => void ended.push({ ...summary }) }),
  }
}

/** What a record and the session say of model and assistant, and what the account of the call says of them. */
const named: readonly (readonly [fields: Fields, session: object, assistant: string, deployment: string])[] =
  [
    [{}, {}, 'default', 'unknown'],
    [{ assistant: 'sales', model: 'gpt-realtime' }, { model: 'gpt-other' }, 'sales', 'gpt-realtime'],
    [{}, { model: 'gpt-realtime' }, 'default', 'gpt-realtime'],
  ]
for (const type of ['session.created', 'session.updated'])
  for (const [fields, session, assistant, deployment] of named)
    test.serial(
      `a call is accounted to ${assistant} and ${deployment}, and its end is told once: ${type} ${JSON.stringify(fields)}`,
      async t => {
        const { ended, accounts } = accountsOf()
        const { activity, hear, pass, settle } = stage(t, {}, { fields, parts: { accounts } })
        activity.start()
        await settle()
        hear('other', { session: { model: 'gpt-strange' } })
        hear(type, { session })
        hear('response.done', usage)
        await pass(writeIntervalMs)
        await activity.end('hung up')
        t.is(ended.length, 1)
        t.like(ended[0], { session_id: 's', assistant, route: 'call', responses: 1 })
        t.like(ended[0], { ended_by: 'upstream', code: 1000 })
        t.true(JSON.stringify(ended[0]?.usage).includes(`"${deployment}"`), JSON.stringify(ended[0]))
      },
    )

/** An account that another replica has stored. */
const stored = JSON.stringify({ id: 'c1', startedAt: 1000, sessions: 1, responses: 4, toolCalls: 2 })

/** Who tells an end: what others did, and the responses of the end that this replica tells; null: it tells none. */
const ends: readonly (readonly [what: string, told: Partial<Told>, responses: number | null])[] = [
  ['has the lease', {}, 1],
  ['has the lease, and another one marked it', { isEnded: true }, 1],
  ['has the lease, and another one told it', { isEnded: true, isEndTold: true }, null],
  ['has no lease, and another one has', { speaks: false, holder: 'other', stored }, null],
  ['has no lease, and nobody has', { speaks: false, holder: null, stored }, 4],
  [
    'has no lease, nobody has, and another one told it',
    { speaks: false, holder: null, isEndTold: true },
    null,
  ],
  ['does not know that it has the lease', { speaks: false, stored }, 4],
  ['took the lease of a replica that is gone', { stored }, 5],
]
for (const [what, changed, responses] of ends)
  test.serial(`the end of a call is told once or left to others by a replica that ${what}`, async t => {
    const { ended, accounts } = accountsOf()
    const { activity, hear, pass, settle } = stage(t, changed, { parts: { accounts } })
    activity.start()
    await settle()
    hear('response.done', usage)
    await pass(writeIntervalMs)
    await activity.end('hung up')
    await activity.stop()
    t.deepEqual(
      ended.map(summary => summary.responses),
      responses === null ? [] : [responses],
    )
  })

for (const [what, changed, isTold] of [
  ['a call that goes on', {}, false],
  ['a call that another one marked as over', { isEnded: true }, true],
  ['a call that another one marked as over and has the lease of', { isEnded: true, speaks: false }, false],
  ['a call whose end is told', { isEnded: true, isEndTold: true }, false],
] as const)
  test.serial(`a replica that leaves ${what} ${isTold ? 'tells its end' : 'tells no end'}`, async t => {
    const { ended, accounts } = accountsOf()
    const { activity, hear, settle } = stage(t, changed, { parts: { accounts } })
    activity.start()
    await settle()
    hear('response.done', usage)
    await activity.stop()
    await activity.stop()
    t.deepEqual(
      ended.map(summary => summary.responses),
      isTold ? [1] : [],
    )
  })

test.serial(
  'a call is one session, whoever hears it: its end has what others counted, and when they began',
  async t => {
    const { ended, accounts } = accountsOf()
    const conversations: Record<string, unknown>[] = []
    const conversationEnded = (_: string, summary: object) => void conversations.push({ ...summary })
    const { activity, hear, settle } = stage(
      t,
      { stored },
      { parts: { accounts: { ...accounts, conversationEnded } } },
    )
    activity.start()
    await settle()
    hear('response.done', usage)
    await activity.end('hung up')
    const whole = {
      started_at: '1970-01-01T00:00:01.000Z',
      responses: 5,
      tool_calls: 2,
      conversation_id: 'c1',
    }
    t.like(ended[0], { session_id: 's', ...whole })
    t.like(conversations[0], { sessions: 1, ...whole })
  },
)

test.serial(
  'a call goes on with what was used of it before, and usage is written with what it came from',
  async t => {
    const first = stage(t)
    first.activity.start()
    await first.settle()
    first.hear('response.done', usage)
    await first.pass(writeIntervalMs)
    t.is(first.usages.length, 1)
    const stored = first.usages[0] ?? ''
    t.regex(stored, /"responses":1/)
    await first.activity.stop()
    mock.timers.reset()
    const next = stage(t, {}, { fields: { usage: stored } })
    next.activity.start()
    await next.settle()
    next.hear('response.done', usage)
    await next.pass(writeIntervalMs)
    t.regex(next.usages[0] ?? '', /"responses":2/)
  },
)

test.serial(
  'where a call is followed its trace is written as soon as this replica speaks, and its end is told',
  async t => {
    const ends: unknown[] = []
    const follower = { ended: (end: unknown) => void ends.push(end) }
    const follow = () => follower as never
    const { activity, notes, usages, settle, spoken, seen } = stage(t, {}, { parts: { follow } })
    t.is(activity.follower as unknown, follower)
    activity.start()
    await settle()
    t.deepEqual(notes, [counts(0, 0)])
    t.is(typeof usages[0], 'string')
    t.deepEqual(spoken, [true])
    t.deepEqual(seen(), ['lease s h', 'note'])
    await activity.end('hung up')
    await activity.stop()
    t.deepEqual(ends, [
      { by: 'upstream', code: 1000 },
      { by: 'gateway', code: 1000 },
    ])
    mock.timers.reset()
    const silent = stage(t, { speaks: false }, { parts: { follow } })
    silent.activity.start()
    await silent.settle()
    t.deepEqual([silent.notes, silent.spoken], [[], []])
  },
)

test.serial('a stop writes what is left, and nothing is written or said after it', async t => {
  const { activity, notes, seen, settle, hear, pass } = stage(t)
  activity.start()
  await settle()
  hear('a')
  await activity.stop()
  t.deepEqual(notes, [counts(1, 0, { lastEventType: 'a' })])
  t.deepEqual(seen(), ['lease s h', 'note', 'release s h'])
  hear('b')
  await pass(leaseMs)
  t.deepEqual(seen(), [])
})
