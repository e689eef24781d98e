/** Keys and calls that are made for somebody, over an upstream and records that a test plays. */
import test from 'ava'
import {
  accountOf,
  assistantOf,
  type CreateCallOptions,
  createCall,
  mintKey,
  purposeOf,
  refuseWhileDraining,
  requestedBy,
  withoutAnswers,
} from '../../runtime/calls/create-call.ts'
import { GatewayError } from '../../runtime/core/errors.ts'
import type { HttpRequest } from '../../runtime/server/http.ts'

const withTools = { name: 'clerk', tools: ['stamp'], mcp: [], isPinned: true }
const withMcp = { ...withTools, tools: [], mcp: [{}] }
const withoutTools = { ...withTools, tools: [] }
const turns = (turn_detection?: unknown) => ({ type: 'realtime', audio: { input: { turn_detection } } })

/** A session and its assistant, and how the session finds turns without and with answers; null: it stays as it is. */
const sessions: readonly (readonly [
  what: string,
  session: Record<string, unknown>,
  assistant: object | null,
  begins: object | null,
])[] = [
  ['of no assistant', turns(), null, null],
  ['of an assistant without tools', turns(), withoutTools, null],
  ['that says nothing of audio', { type: 'realtime' }, withTools, { type: 'server_vad' }],
  ['with tools over MCP', { type: 'realtime' }, withMcp, { type: 'server_vad' }],
  ['with audio that is none', { audio: 'x' }, withTools, { type: 'server_vad' }],
  ['with input that is none', { audio: { input: 'x' } }, withTools, { type: 'server_vad' }],
  ['that says nothing of turns', turns(), withTools, { type: 'server_vad' }],
  [
    'of its own turns',
    turns({ type: 'semantic_vad', eagerness: 'low' }),
    withTools,
    {
      type: 'semantic_vad',
      eagerness: 'low',
    },
  ],
  ['that answers', turns({ type: 'x', create_response: true }), withTools, { type: 'x' }],
  ['that does not answer', turns({ type: 'x', create_response: false }), withTools, null],
  ['that finds no turns', turns(null), withTools, null],
]
for (const [what, session, assistant, begins] of sessions)
  test(`a session begins without answering, or as it is: ${what}`, t => {
    const given = withoutAnswers(session, assistant as never)
    if (begins === null) return t.deepEqual(given, { session })
    const { audio } = given.session as { audio: { input: object } }
    t.deepEqual(audio.input, { turn_detection: { ...begins, create_response: false } })
    t.deepEqual(JSON.parse(given.turnDetection ?? ''), { ...begins, create_response: true })
    t.is(given.session.type, session.type)
  })

test('what else a session says of audio stays', t => {
  const audio = { output: { voice: 'marin' }, input: { format: 'pcm', turn_detection: { type: 'x' } } }
  const { session } = withoutAnswers({ audio }, withTools as never)
  const turn_detection = { type: 'x', create_response: false }
  t.deepEqual(session.audio as object, { ...audio, input: { format: 'pcm', turn_detection } })
})

const asking: HttpRequest = {
  ...{ method: 'POST', path: '/', id: '', query: new URLSearchParams(), address: '192.0.2.1' },
  ...{ headers: new Map([['openai-safety-identifier', 'user-1']]), body: Buffer.alloc(0) },
}
const passed = { 'OpenAI-Safety-Identifier': 'user-1' }

test('who asks is named to the limits, to upstream and to the records', t => {
  t.is(accountOf(asking), 'credential:anonymous')
  t.is(accountOf({ ...asking, account: 'credential:key' }), 'credential:key')
  t.deepEqual(requestedBy({ safety: 'client' }, asking), { address: '192.0.2.1', passed })
  t.deepEqual(assistantOf(null), { assistant: '', isPinned: false })
  t.deepEqual(assistantOf(withTools as never), { assistant: 'clerk', isPinned: true })
  t.is(purposeOf({ type: 'transcription' }), 'transcription')
  t.is(purposeOf({ type: 'realtime' }), 'conversation')
  t.is(purposeOf({}), 'conversation')
})

test('a replica that drains makes nothing, and waits for what it makes already', async t => {
  const seen: string[] = []
  let refusal: GatewayError | null = null
  const waitFor = <T>(work: Promise<T>) => {
    seen.push('the drain waits')
    return work
  }
  const handler = refuseWhileDraining({ refusal: () => refusal, waitFor } as CreateCallOptions, async () => {
    seen.push('made')
    return { status: 200 }
  })
  t.deepEqual(await handler(asking), { status: 200 })
  refusal = new GatewayError('draining', 'draining')
  t.throws(() => handler(asking), { code: 'draining' })
  t.deepEqual(seen, ['made', 'the drain waits'])
})

/** What is asked of a key and what upstream shows of its session, and what is remembered of it. */
const settings = { instructions: 'Be brief', tools: [{ name: 'add' }] }
const keys: readonly (readonly [
  what: string,
  asked: Record<string, unknown>,
  shown: object | undefined,
  use: object,
  minted: object,
  pinned: object | null,
])[] = [
  ['a session', settings, undefined, {}, { model: '' }, settings],
  ['a session of a model', { model: 'm' }, undefined, {}, { model: 'm' }, { tools: [] }],
  ['a session that is shown', {}, settings, {}, { model: '' }, settings],
  ['a prompt', { prompt: { id: 'p' } }, undefined, {}, { model: '' }, { tools: [], prompt: { id: 'p' } }],
  ['no prompt', { prompt: null }, undefined, {}, { model: '' }, { tools: [] }],
  ['an alias', {}, undefined, { alias: 'a' }, { model: '', alias: 'a' }, { tools: [] }],
  ['a pinned session', {}, undefined, { isPinned: true }, { model: '', isPinned: true }, { tools: [] }],
  ['an assistant', {}, undefined, { assistant: withTools }, { model: '', assistant: 'clerk' }, { tools: [] }],
  ['a transcription', { type: 'transcription' }, settings, {}, { model: '', purpose: 'transcription' }, null],
]
for (const [what, asked, session, use, minted, pinned] of keys)
  test(`a key is minted, and remembered for whom: ${what}`, async t => {
    const seen: unknown[] = []
    const key = { value: 'ek_1', expiresAt: 7, raw: { session } }
    const options = {
      calls: {
        mintKey: async (...given: unknown[]) => {
          seen.push(given)
          return key
        },
      },
      ephemeralKeys: {
        remember: async (...given: unknown[]) => {
          await new Promise(resolve => setImmediate(resolve))
          seen.push(given)
        },
      },
      safety: 'client',
    }
    const made = await mintKey(options as never, asking, { session: asked }, use)
    const text = JSON.stringify(pinned)
    t.deepEqual(made as object, { ...key, model: (minted as { model: string }).model, pinned: text })
    const owner = { name: 'anonymous', by: 'none' }
    t.deepEqual(seen, [
      [{ session: asked }, passed],
      ['ek_1', { owner, ...minted, pinned: text }, 7, 'credential:anonymous'],
    ])
  })

test('a key is remembered for the principal who asks for it', async t => {
  const owners: unknown[] = []
  const principal = { name: 'key:ada', by: 'key' } as const
  const options = {
    calls: { mintKey: async () => ({ value: 'ek_1', expiresAt: 7, raw: {} }) },
    ephemeralKeys: { remember: async (_: string, { owner }: { owner: object }) => void owners.push(owner) },
    safety: 'client',
  }
  await mintKey(options as never, { ...asking, principal }, { session: {} })
  t.deepEqual(owners, [principal])
})

function stage() {
  const seen: string[] = []
  const lines: object[] = []
  const told = { session: () => undefined as unknown, connect: () => true, hangUp: () => true }
  const record = { sessionId: 's1', owner: 'me' }
  const options = {
    calls: {
      offer: async (...given: unknown[]) => {
        seen.push(`offer ${JSON.stringify(given)}`)
        return { sdp: 'answer', callId: 'rtc_1' }
      },
      hangUp: async (...given: unknown[]) => {
        await new Promise(resolve => setImmediate(resolve))
        seen.push(`hang up ${JSON.stringify(given)}`)
        return told.hangUp()
      },
    },
    records: {
      connect: async (_: object, given: object) => {
        seen.push(`connect ${JSON.stringify(given)}`)
        return told.connect()
      },
      find: async (...given: unknown[]) => {
        seen.push(`find ${given}`)
        return record
      },
    },
    log: { info: (event: string, fields: object) => void lines.push({ event, ...fields }) },
    target: { provider: 'p' },
    callMade: ({ sessionId }: { sessionId: string }, headers: object) =>
      void seen.push(`made ${sessionId} ${JSON.stringify(headers)}`),
  }
  const make = (more: object = {}) =>
    createCall(
      options as never,
      { sdp: 'offer', filtered: true, address: '192.0.2.1', passed },
      { value: 'ek_1', model: 'm', pinned: '{}', ...more },
      async () => {
        told.session()
        return record as never
      },
    )
  return { seen, lines, told, make }
}

const offered = `offer ${JSON.stringify(['offer', 'ek_1', true, passed])}`
const connected = (more: object = {}) =>
  `connect ${JSON.stringify({ callId: 'rtc_1', model: 'm', pinned: '{}', address: '192.0.2.1', ...more })}`
const hungUp = `hang up ${JSON.stringify(['rtc_1', passed])}`

test('a call is offered, connected with its session and watched', async t => {
  const { seen, lines, make } = stage()
  t.deepEqual(await make(), { sdp: 'answer', callId: 'rtc_1' })
  t.deepEqual(seen, [offered, connected(), 'find s1,me', `made s1 ${JSON.stringify(passed)}`])
  const fields = { session_id: 's1', call_id: 'rtc_1', provider: 'p' }
  const state = { webrtc_connected: true, websocket_connected: false }
  t.deepEqual(lines, [{ event: 'sideband.webrtc.connected', ...fields, ...state }])
  const turning = stage()
  await turning.make({ turnDetection: '{}' })
  t.is(turning.seen[1], connected({ turnDetection: '{}' }))
})

/** Why a call is not connected with its session, and what its maker is told. */
type Told = ReturnType<typeof stage>['told']
const failing = (code: 'limit_reached' | 'store_unavailable') => (): never => {
  throw new GatewayError(code, 'x')
}
const failures: readonly (readonly [what: string, happen: (told: Told) => void, code: string])[] = [
  [
    'it has none',
    told => void Object.assign(told, { session: failing('store_unavailable') }),
    'store_unavailable',
  ],
  ['it is gone', told => void Object.assign(told, { connect: () => false }), 'store_unavailable'],
  [
    'too much is stored',
    told => void Object.assign(told, { connect: failing('limit_reached') }),
    'limit_reached',
  ],
  [
    'upstream does not hang it up either',
    told => void Object.assign(told, { connect: () => false, hangUp: failing('store_unavailable') }),
    'store_unavailable',
  ],
]
for (const [what, happen, code] of failures)
  test(`a call that cannot be connected with its session is hung up: ${what}`, async t => {
    const { seen, lines, told, make } = stage()
    happen(told)
    await t.throwsAsync(make(), { code })
    t.is(seen.at(-1), hungUp)
    t.deepEqual(lines, [])
  })
