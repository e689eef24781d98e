/** What a store answers: text that nobody stored, refusals, and nothing at all. */
import fc from 'fast-check'
import { startSimulatorChild } from '../fairness/stage.ts'
import { ask, converse } from '../gateway/converse.ts'
import { within } from '../gateway/within.ts'
import { encodeFrame, opcodes } from '../wire/frames.ts'
import { openPeer } from '../wire/peer.ts'
import { answerMs, assertEnding, assertRefusal, startFuzzedGateway } from './gateway-target.ts'
import type { StoreAnswer, StoreAnswers } from './odd-store.ts'
import type { Surface } from './surface.ts'
import { jsonBody, storedText } from './values.ts'

interface StoredInput {
  readonly answers: StoreAnswers
  readonly does:
    | 'resumes'
    | 'asks'
    | 'makes a key'
    | 'shows a key'
    | 'takes a ticket'
    | 'lists sessions'
    | 'controls'
    | 'hangs up'
  readonly path: '/chat' | '/realtime'
}

const truth = fc.constant<StoreAnswer>({ kind: 'true' })
const text = fc.oneof(
  { weight: 2, arbitrary: jsonBody },
  { weight: 4, arbitrary: storedText },
  fc.constantFrom(
    'null',
    '{}',
    '[]',
    '{"version":1}',
    '{"items":[null]}',
    '{"items":[{}],"owner":"anonymous"}',
    '',
  ),
)
const value = (all: fc.Arbitrary<unknown>): fc.Arbitrary<StoreAnswer> =>
  all.map(value => ({ kind: 'value' as const, value }))
const failing = fc.constantFrom<StoreAnswer>({ kind: 'unavailable' }, { kind: 'never' })
const answersOf = (values: fc.Arbitrary<unknown>) =>
  fc.array(fc.oneof({ weight: 3, arbitrary: value(values) }, { weight: 2, arbitrary: truth }, failing), {
    maxLength: 3,
  })
const resumeRecord = fc.record({
  conversation: fc.constantFrom('conversation', '', 'x'),
  owner: fc.constantFrom('anonymous', 'anonymous', 'somebody', ''),
  claim: fc.constantFrom('', 'x'),
  spent: fc.constantFrom('', '', '1'),
})
const oddFields = fc.dictionary(
  fc.constantFrom(
    'owner',
    'account',
    'call',
    'created',
    'ended',
    'events_from',
    'holder',
    '__proto__',
    'sessionId',
    'callId',
  ),
  fc.string({ unit: 'binary', maxLength: 12 }),
  { maxKeys: 5, noNullPrototype: true },
)

const fields = fc.oneof(resumeRecord, oddFields)

/** A ticket that is good, and a conversation that is anything. */
const goodTicket: fc.Arbitrary<StoreAnswers> = text.map(conversation => ({
  read: [{ kind: 'value' as const, value: { conversation: 'c', owner: 'anonymous', claim: '', spent: '' } }],
  update: [{ kind: 'value' as const, value: true }],
  get: [{ kind: 'value' as const, value: conversation }],
  compareAndSet: [{ kind: 'value' as const, value: true }],
}))

/** Each operation's answers have the type that its contract says; what they hold is anything. */
const answers: fc.Arbitrary<StoreAnswers> = fc.record(
  {
    get: answersOf(fc.oneof(text, fc.constant(null))),
    take: answersOf(fc.oneof(text, fc.constant(null))),
    read: answersOf(fc.oneof(fields, fc.constant(null))),
    page: answersOf(
      fc.record({
        members: fc.array(fc.string({ unit: 'binary', maxLength: 20 }), { maxLength: 4 }),
        total: fc.nat(),
      }),
    ),
    compareAndSet: answersOf(fc.boolean()),
    claim: answersOf(fc.boolean()),
    renew: answersOf(fc.boolean()),
    update: answersOf(fc.boolean()),
    charge: answersOf(fc.boolean()),
    increment: answersOf(fc.oneof(fc.integer(), fc.double())),
    set: fc.array(fc.oneof(truth, failing), { maxLength: 3 }),
    create: fc.array(fc.oneof(truth, failing), { maxLength: 3 }),
    delete: fc.array(fc.oneof(truth, failing), { maxLength: 3 }),
    list: fc.array(fc.oneof(truth, failing), { maxLength: 3 }),
  },
  { requiredKeys: [] },
)

export const stored: Surface<StoredInput> = {
  name: 'stored',
  batch: 10,
  inputs: fc.record({
    answers: fc.oneof(answers, goodTicket),
    does: fc.constantFrom<StoredInput['does'][]>(
      ...(['resumes', 'resumes', 'resumes', 'asks', 'makes a key', 'shows a key', 'takes a ticket'] as const),
      ...(['lists sessions', 'controls', 'hangs up'] as const),
    ),
    path: fc.constantFrom('/chat' as const, '/realtime' as const),
  }),
  start: async t => {
    const upstream = await startSimulatorChild(t)
    const limits = { LIMIT_STORED_ENTRIES_PER_OWNER: '100000' }
    const gateway = await startFuzzedGateway(t, { ...upstream, ...limits, FUZZ_STORE: 'odd' })
    const bystander = await converse(t, `${gateway.url.replace('http', 'ws')}/chat`)
    const answerStore = (answers: StoreAnswers) => gateway.process.ask('answerStore', answers)
    let [before, asked]: [Promise<unknown>, number] = [Promise.resolve(), 0]
    const playOne = async (input: StoredInput) => {
      await answerStore(input.answers)
      await act(gateway.url, gateway.port, input, () => answerStore({}))
      await answerStore({})
    }
    return {
      // One at a time: the store answers for one input.
      play: input => {
        const played = before.then(() => within(playOne(input), answerMs, 'somebody waits in vain'))
        before = played.catch(() => undefined)
        return played
      },
      check: async () => {
        asked += 1
        const { transcript } = await within(
          ask(bystander, `bystander ${asked}`),
          answerMs,
          'the bystander has no answer',
        )
        if (transcript !== `You said: bystander ${asked}`)
          throw new Error(`the bystander was answered ${transcript}`)
        await gateway.check()
      },
      finish: gateway.finish,
    }
  },
}

/** A store that never answers is waited for so long (ms); then it refuses, as one whose connection is lost. */
const unansweredMs = 100

async function act(
  url: string,
  port: number,
  { does, path }: StoredInput,
  letGo: () => Promise<unknown>,
): Promise<void> {
  const timer = setTimeout(() => void letGo(), unansweredMs)
  try {
    if (does === 'resumes' || does === 'asks')
      await talk(port, does === 'asks' ? path : `${path}?resume=${ticket}`)
    else if (does === 'shows a key') await talk(port, `/v1/realtime?model=gpt-realtime`)
    else if (does === 'controls') await talk(port, `/sideband/control/${sessionId}`)
    else await request(url, does)
  } finally {
    clearTimeout(timer)
  }
}

/** Of the right shape, and never given to anybody. */
const ticket = 'A'.repeat(32)
const sessionId = 'sideband_0123456789abcdef'

const asked: Readonly<Partial<Record<StoredInput['does'], readonly [method: string, path: string]>>> = {
  'makes a key': ['POST', '/v1/realtime/client_secrets'],
  'takes a ticket': ['POST', '/ticket'],
  'lists sessions': ['GET', '/sideband/sessions'],
  'hangs up': ['DELETE', `/sideband/session/${sessionId}`],
}

async function request(url: string, does: StoredInput['does']): Promise<void> {
  const [method, path] = asked[does] ?? ['GET', '/healthz']
  const body = method === 'POST' ? { body: '{}', headers: { 'Content-Type': 'application/json' } } : {}
  const response = await fetch(`${url}${path}`, { method, ...body })
  const text = await response.text()
  if (response.status === 500) throw new Error(`${method} ${path} is answered with 500: ${text}`)
}

/** Says something, and leaves once something was answered. */
async function talk(port: number, path: string): Promise<void> {
  const peer = await openPeer(port, path)
  if (peer === null) throw new Error('a legal upgrade was cut')
  if (typeof peer === 'number') return assertRefusal(peer)
  await peer.write(
    encodeFrame({ opcode: opcodes.text, payload: Buffer.from('{"text":"hi"}'), isMasked: true }),
  )
  await peer.first(({ opcode }) => opcode === opcodes.text)
  await peer.write(encodeFrame({ opcode: opcodes.close, isMasked: true }))
  assertEnding(await peer.ended, false)
  peer.socket.destroy()
}
