/** What `/chat` does, cell by cell: state and input in, effects and next state out. Nothing is sent anywhere. */
import test from 'ava'
import fc from 'fast-check'
import {
  audioInputOf,
  type ChatEffect,
  type ChatInput,
  type ChatState,
  createChatReducer,
  firstChatState,
  holdsTurn,
  type SessionView,
} from '../../runtime/chat/chat-state.ts'
import { GatewayError } from '../../runtime/core/errors.ts'
import type { AudioInputSettings } from '../../runtime/dialect/dialect.ts'

const audioInput: AudioInputSettings = {
  turnDetection: { type: 'server_vad', silence_duration_ms: 300 },
  transcription: 'scribe',
}
const settings = { audioInput, dialect: 'ga', label: 'Test', textOnly: false } as const
const reduce = createChatReducer(settings)

/** A session between answers; rows say what differs. */
const open: SessionView = { phase: 'open', isPending: false, isWanted: false, isRenewing: false }
const idle: SessionView = { ...open, phase: 'idle' }
const draining: SessionView = { ...open, phase: 'draining' }

const bytesPerMs = 48
const spoken = (ms: number) => [{ itemId: 'item_1', contentIndex: 0, bytes: ms * bytesPerMs }]

/** States by the words of the tables; each is reached in a conversation. */
const states = {
  idle: firstChatState,
  asked: { ...firstChatState, answer: 'asked' },
  answering: { ...firstChatState, answer: 'answering', spoken: spoken(1000) },
  /** Interrupted before its response began. */
  cancelling: { ...firstChatState, answer: 'cancelling' },
  /** Interrupted while its response ran. */
  cancelled: { ...firstChatState, answer: 'cancelling', isCancelled: true, spoken: spoken(1000) },
  'push silent': { ...firstChatState, talks: true },
  'push speaking': { ...firstChatState, talks: true, speech: 'speaking', unspentBytes: 300 * bytesPerMs },
  'push just begun': { ...firstChatState, talks: true, speech: 'speaking', unspentBytes: 99 * bytesPerMs },
  'push refused': { ...firstChatState, talks: true, speech: 'refused' },
  'push speaking over an answer': {
    ...firstChatState,
    ...{ talks: true, speech: 'speaking', unspentBytes: 300 * bytesPerMs, answer: 'answering' },
  },
  'open silent': { ...firstChatState, talks: true, mode: 'open' },
  'open with audio': { ...firstChatState, talks: true, mode: 'open', unspentBytes: 48 },
  'open speaking': { ...firstChatState, talks: true, mode: 'open', speech: 'speaking', unspentBytes: 48 },
  'open refused': { ...firstChatState, talks: true, mode: 'open', speech: 'refused' },
} as const satisfies Record<string, ChatState>

const base64 = Buffer.from('AAAA')
const audio: ChatInput = { type: 'audio', base64 }
const say: ChatInput = { type: 'message', text: 'hi' }
const interrupt: ChatInput = { type: 'interrupt' }
const created: ChatInput = { type: 'response.created' }
const text: ChatInput = { type: 'response.output_text.delta', delta: 'a' }
const transcript: ChatInput = { type: 'response.output_audio_transcript.delta', delta: 'a' }
const sound = (itemId = 'item_2', contentIndex = 0, bytes: Buffer | null = base64): ChatInput => {
  return { type: 'response.output_audio.delta', itemId, contentIndex, base64: bytes }
}
const textDone: ChatInput = { type: 'response.output_text.done' }
const done: ChatInput = { type: 'response.done', failure: null }
const error = (code: string, refuses: string | null = null): ChatInput => {
  return { type: 'error', code, message: 'no', refuses }
}
const refused = error('insufficient_quota', 'response.create')
const busy = error('conversation_already_has_active_response', 'response.create')
const started: ChatInput = { type: 'input_audio_buffer.speech_started' }
const stopped: ChatInput = { type: 'input_audio_buffer.speech_stopped' }
const committed: ChatInput = { type: 'input_audio_buffer.committed' }
const ended = (isRenewed: boolean, failure?: GatewayError): ChatInput => {
  const end = { by: 'upstream', code: 1001, reason: '', ...(failure && { error: failure }) } as const
  return { type: 'upstream-ended', end, isRenewed }
}

/** An effect in words. */
function describe(effect: ChatEffect): string {
  switch (effect.kind) {
    case 'tell': {
      const { type, ...fields } = effect.message
      const told = fields as { code?: string; message?: string; value?: string }
      return ['tell', type, told.code ?? told.message ?? told.value].filter(Boolean).join(' ')
    }
    case 'play':
      return `play ${effect.bytes}`
    case 'send': {
      const { item_id, content_index, audio_end_ms } = JSON.parse(String(effect.message))
      const where = item_id === undefined ? '' : ` ${item_id}/${content_index} ${audio_end_ms}`
      return `send ${effect.type}${where}${effect.item === undefined ? '' : ', kept'}`
    }
    default:
      return effect.kind
  }
}

const interrupted = 'tell status Response interrupted'
const ready = 'tell status Model ready'
const ask = 'send response.create'
const sendCancel = 'send response.cancel'
const keepText = 'send conversation.item.create, kept'
const keepSpeech = 'send input_audio_buffer.commit, kept'
const append = 'send input_audio_buffer.append'
const clear = 'send input_audio_buffer.clear'
const update = 'send session.update'
const connecting = 'tell status Connecting to Test...'
const resets = ['tell text-reset', 'tell transcript-reset']
const wanted: SessionView = { ...open, isPending: true, isWanted: true }
const pending: SessionView = { ...open, isPending: true }

type Row = readonly [
  state: keyof typeof states,
  what: string,
  input: ChatInput,
  session: SessionView,
  effects: readonly string[],
  /** What differs in the next state. */
  changes: Partial<ChatState>,
]

const answers: readonly Row[] = [
  ['idle', 'text', say, open, ['cancel', keepText, ask], { answer: 'asked' }],
  ['idle', 'text, no upstream', say, idle, [connecting, 'cancel', keepText, ask], { answer: 'asked' }],
  ['idle', 'text, draining', say, draining, ['tell error draining'], { answer: 'idle' }],
  [
    'idle',
    'text, while another upstream is dialed in its place',
    say,
    { ...idle, isRenewing: true },
    ['cancel', keepText, ask],
    { answer: 'asked' },
  ],
  [
    'idle',
    'text, dialing',
    say,
    { ...open, phase: 'dialing' },
    ['cancel', keepText, ask],
    { answer: 'asked' },
  ],
  ['idle', 'interrupt', interrupt, open, ['cancel'], { answer: 'idle' }],
  ['idle', 'response begins', created, open, resets, { answer: 'answering', isSpokenOver: true }],
  ['idle', 'text delta', text, open, ['tell text-delta a'], { answer: 'idle' }],
  ['idle', 'text done', textDone, open, [], { answer: 'idle' }],
  ['idle', 'response done', done, open, [ready], { answer: 'idle' }],
  ['idle', 'response done, another wanted', done, wanted, [ready, ask], { answer: 'asked' }],
  ['idle', 'already active', busy, open, ['tell error conversation_already_has_active_response'], {}],
  ['idle', 'already active, one wanted', busy, wanted, ['want'], { answer: 'idle' }],
  ['idle', 'refused', refused, open, ['tell error insufficient_quota'], { answer: 'idle' }],
  ['idle', 'speech heard', started, open, ['tell speech-started'], { speech: 'speaking' }],
  [
    'idle',
    'resumed with an answer pending',
    { type: 'resumed' },
    idle,
    [connecting, ask],
    { answer: 'asked' },
  ],
  [
    'idle',
    'the assistant speaks first',
    { type: 'greet', message: '{"type":"response.create"}' },
    idle,
    [connecting, ask],
    { answer: 'asked' },
  ],

  [
    'asked',
    'text',
    say,
    open,
    ['cancel', interrupted, keepText, 'want'],
    { answer: 'cancelling', isCancelled: false },
  ],
  [
    'asked',
    'interrupt',
    interrupt,
    open,
    ['cancel', interrupted],
    { answer: 'cancelling', isCancelled: false },
  ],
  ['asked', 'response begins', created, open, resets, { answer: 'answering', isSpokenOver: true }],
  ['asked', 'text delta', text, open, ['tell text-delta a'], { answer: 'asked' }],
  ['asked', 'text done', textDone, open, [], { answer: 'asked' }],
  ['asked', 'another response done', done, open, [ready], { answer: 'idle' }],
  ['asked', 'already active', busy, open, ['want'], { answer: 'asked' }],
  ['asked', 'refused', refused, open, ['tell error insufficient_quota'], { answer: 'idle' }],
  ['asked', 'one of two refused', refused, pending, ['tell error insufficient_quota'], { answer: 'asked' }],
  [
    'asked',
    'another message refused',
    error('bad', 'session.update'),
    open,
    ['tell error bad'],
    { answer: 'asked' },
  ],
  ['asked', 'an error of nothing', error('bad'), open, ['tell error bad'], { answer: 'asked' }],
  ['asked', 'speech heard', started, open, ['tell speech-started'], { speech: 'speaking' }],

  [
    'answering',
    'text',
    say,
    open,
    [sendCancel, 'cancel', interrupted, keepText, 'want'],
    { answer: 'cancelling', isCancelled: true },
  ],
  [
    'answering',
    'interrupt',
    interrupt,
    open,
    [sendCancel, 'cancel', interrupted],
    { answer: 'cancelling', isCancelled: true, spoken: spoken(1000) },
  ],
  [
    'answering',
    'interrupt that says what was heard',
    { ...interrupt, played_ms: 400.9 },
    open,
    [sendCancel, 'cancel', interrupted, 'send conversation.item.truncate item_1/0 400'],
    { answer: 'cancelling', isCancelled: true, spoken: [] },
  ],
  ['answering', 'another response begins', created, open, resets, { isSpokenOver: true }],
  ['answering', 'text delta', text, open, ['tell text-delta a'], { answer: 'answering' }],
  ['answering', 'transcript delta', transcript, open, ['tell transcript-delta a'], { answer: 'answering' }],
  [
    'answering',
    'audio',
    sound(),
    open,
    ['play 3'],
    { spoken: [...spoken(1000), { itemId: 'item_2', contentIndex: 0, bytes: 3 }] },
  ],
  [
    'answering',
    'audio that is no base64',
    sound('i', 0, null),
    open,
    ['tell error upstream_broke_protocol'],
    { hasBadAudio: true },
  ],
  ['answering', 'text done', textDone, open, ['tell status Response complete'], { answer: 'answering' }],
  ['answering', 'response done', done, open, [ready], { answer: 'idle', spoken: spoken(1000) }],
  [
    'answering',
    'response failed',
    { type: 'response.done', failure: 'server_error' },
    open,
    ['tell error server_error', ready],
    { answer: 'idle' },
  ],
  ['answering', 'already active', busy, open, ['want'], { answer: 'answering' }],
  [
    'answering',
    'another one refused',
    refused,
    pending,
    ['tell error insufficient_quota'],
    { answer: 'answering' },
  ],
  [
    'answering',
    'cancel that came late',
    error('response_cancel_not_active'),
    open,
    [],
    { answer: 'answering' },
  ],
  [
    'answering',
    'speech heard, which upstream itself cancels for',
    started,
    open,
    ['tell speech-started', 'cancel', interrupted],
    { answer: 'cancelling', isCancelled: true, speech: 'speaking' },
  ],

  ['cancelling', 'text', say, open, ['cancel', keepText, 'want'], { answer: 'cancelling' }],
  ['cancelling', 'interrupt', interrupt, open, ['cancel'], { answer: 'cancelling', isCancelled: false }],
  ['cancelling', 'response begins', created, open, [sendCancel], { answer: 'cancelling', isCancelled: true }],
  ['cancelling', 'text delta', text, open, [], { answer: 'cancelling' }],
  ['cancelling', 'audio', sound(), open, [], { answer: 'cancelling', spoken: [] }],
  ['cancelling', 'text done', textDone, open, [], { answer: 'cancelling' }],
  ['cancelling', 'response done', done, open, [], { answer: 'idle' }],
  ['cancelling', 'refused', refused, open, ['tell error insufficient_quota'], { answer: 'idle' }],
  [
    'cancelling',
    'refused, another wanted',
    refused,
    wanted,
    ['tell error insufficient_quota', ask],
    { answer: 'asked' },
  ],
  [
    'cancelling',
    'another message refused',
    error('bad', 'session.update'),
    wanted,
    ['tell error bad'],
    { answer: 'cancelling' },
  ],
  ['cancelling', 'speech heard', started, open, ['tell speech-started'], { speech: 'speaking' }],

  ['cancelled', 'response begins', created, open, [], { answer: 'cancelling', isCancelled: true }],
  ['cancelled', 'response done', done, open, [], { answer: 'idle' }],
  ['cancelled', 'response done, another wanted', done, wanted, [ask], { answer: 'asked' }],
  ['cancelled', 'refused', refused, wanted, ['tell error insufficient_quota'], { answer: 'cancelling' }],
  [
    'cancelled',
    'what was heard',
    { type: 'played', played_ms: 250 },
    open,
    ['send conversation.item.truncate item_1/0 250'],
    { spoken: [] },
  ],
  ['cancelled', 'all was heard', { type: 'played', played_ms: 1000 }, open, [], { spoken: [] }],
  ['idle', 'what was heard of nothing', { type: 'played', played_ms: 1 }, open, [], { spoken: [] }],
]

const speech: readonly Row[] = [
  [
    'idle',
    'first audio',
    audio,
    open,
    [update, 'cancel', append],
    { talks: true, speech: 'speaking', unspentBytes: 3 },
  ],
  [
    'idle',
    'first audio, no upstream',
    audio,
    idle,
    [connecting, 'cancel', append],
    { talks: true, speech: 'speaking', unspentBytes: 3 },
  ],
  [
    'idle',
    'first audio, draining',
    audio,
    draining,
    ['tell error draining'],
    { talks: false, speech: 'refused' },
  ],
  ['idle', 'talk push', { type: 'talk', mode: 'push' }, open, [update], { talks: true, mode: 'push' }],
  ['idle', 'talk open', { type: 'talk', mode: 'open' }, open, [update], { talks: true, mode: 'open' }],
  ['idle', 'talk open, no upstream', { type: 'talk', mode: 'open' }, idle, [], { talks: true, mode: 'open' }],
  [
    'idle',
    'talk, draining',
    { type: 'talk', mode: 'open' },
    draining,
    ['tell error draining'],
    { talks: false, speech: 'refused' },
  ],
  [
    'answering',
    'audio in push',
    audio,
    open,
    [update, sendCancel, 'cancel', interrupted, append],
    { answer: 'cancelling', isCancelled: true, talks: true, speech: 'speaking', unspentBytes: 3 },
  ],

  ['push silent', 'audio', audio, open, ['cancel', append], { speech: 'speaking', unspentBytes: 3 }],
  [
    'push silent',
    'audio-end',
    { type: 'audio-end' },
    open,
    ['tell error input_audio_buffer_commit_empty'],
    { speech: 'silent' },
  ],
  ['push silent', 'talk push', { type: 'talk', mode: 'push' }, open, [], { mode: 'push' }],
  ['push silent', 'talk open', { type: 'talk', mode: 'open' }, open, [update], { mode: 'open' }],
  ['push silent', 'upstream is renewed', ended(true), idle, [], { speech: 'silent' }],

  [
    'push speaking',
    'audio',
    audio,
    draining,
    [append],
    { speech: 'speaking', unspentBytes: 300 * bytesPerMs + 3 },
  ],
  [
    'push speaking',
    'audio-end',
    { type: 'audio-end' },
    open,
    [keepSpeech, 'cancel', ask],
    { speech: 'silent', unspentBytes: 0, answer: 'asked' },
  ],
  [
    'push speaking',
    'talk push',
    { type: 'talk', mode: 'push' },
    open,
    [clear],
    { speech: 'silent', unspentBytes: 0 },
  ],
  [
    'push speaking',
    'talk open, draining',
    { type: 'talk', mode: 'open' },
    draining,
    [clear, 'tell error draining'],
    { speech: 'refused', unspentBytes: 0, mode: 'push' },
  ],
  [
    'push speaking',
    'upstream is renewed',
    ended(true),
    idle,
    ['tell error speech_lost'],
    { speech: 'refused', unspentBytes: 0 },
  ],
  [
    'push speaking',
    'upstream ends',
    ended(false),
    idle,
    ['give-up', 'tell error upstream_closed'],
    { speech: 'refused', unspentBytes: 0 },
  ],
  [
    'push just begun',
    'audio-end',
    { type: 'audio-end' },
    open,
    [clear, 'tell error input_audio_buffer_commit_empty'],
    { speech: 'silent', unspentBytes: 0 },
  ],
  [
    'push speaking over an answer',
    'audio-end',
    { type: 'audio-end' },
    open,
    [keepSpeech, sendCancel, 'cancel', interrupted, 'want'],
    { answer: 'cancelling', isCancelled: true, speech: 'silent', unspentBytes: 0 },
  ],

  ['push refused', 'audio', audio, open, [], { speech: 'refused', unspentBytes: 0 }],
  ['push refused', 'audio-end', { type: 'audio-end' }, open, [], { speech: 'silent' }],
  ['push refused', 'talk push', { type: 'talk', mode: 'push' }, open, [], { speech: 'silent' }],
  ['push refused', 'upstream ends', ended(false), idle, ['give-up'], { speech: 'refused' }],

  ['open silent', 'audio', audio, open, [append], { speech: 'silent', unspentBytes: 3 }],
  ['open silent', 'audio-end', { type: 'audio-end' }, open, [], { speech: 'silent' }],
  ['open silent', 'speech heard', started, open, ['tell speech-started'], { speech: 'speaking' }],
  ['open silent', 'a turn is committed', committed, open, [], { speech: 'silent' }],
  ['open silent', 'talk push', { type: 'talk', mode: 'push' }, open, [update], { mode: 'push' }],
  ['open with audio', 'audio-end', { type: 'audio-end' }, open, [append], { unspentBytes: 0 }],
  ['open with audio', 'talk open', { type: 'talk', mode: 'open' }, open, [clear], { unspentBytes: 0 }],
  ['open with audio', 'upstream is renewed', ended(true), idle, [], { speech: 'silent', unspentBytes: 0 }],
  [
    'open with audio',
    'upstream ends',
    ended(false),
    idle,
    ['give-up', 'tell error upstream_closed'],
    { speech: 'refused', unspentBytes: 0 },
  ],
  ['open speaking', 'audio', audio, draining, [append], { unspentBytes: 51 }],
  ['open speaking', 'speech is over', stopped, open, ['tell speech-stopped'], { speech: 'silent' }],
  ['open speaking', 'upstream is renewed', ended(true), idle, [], { speech: 'silent', unspentBytes: 0 }],
  ['open refused', 'audio', audio, open, [], { speech: 'refused' }],
  ['open refused', 'audio-end', { type: 'audio-end' }, open, [], { speech: 'silent' }],
  [
    'open silent',
    'a turn in writing',
    { type: 'conversation.item.input_audio_transcription.completed', transcript: 'hello' },
    open,
    ['tell heard hello'],
    {},
  ],
]

const lost = new GatewayError('upstream_lost', 'gone')

const ends: readonly Row[] = [
  ['idle', 'upstream is renewed', ended(true), { ...idle, isRenewing: true }, [], { answer: 'idle' }],
  ['idle', 'upstream ends', ended(false), idle, ['give-up'], { answer: 'idle' }],
  [
    'idle',
    'upstream fails',
    ended(false, lost),
    idle,
    ['give-up', 'tell error upstream_lost'],
    { answer: 'idle' },
  ],
  [
    'answering',
    'upstream is renewed, the answer pending',
    ended(true),
    { ...idle, isRenewing: true, isPending: true, isWanted: true },
    [ask],
    { answer: 'asked', spoken: [] },
  ],
  [
    'cancelled',
    'upstream is renewed',
    ended(true),
    { ...idle, isRenewing: true },
    [],
    { answer: 'idle', spoken: [] },
  ],
  [
    'asked',
    'upstream ends',
    ended(false),
    { ...idle, isPending: true, isWanted: true },
    ['give-up', 'tell error upstream_closed'],
    { answer: 'idle' },
  ],
  [
    'idle',
    'time is nearly over',
    { type: 'expiring', deadlineMs: 30_000 },
    open,
    ['tell session.expiring', 'send conversation.item.create', ask],
    { answer: 'asked' },
  ],
  [
    'answering',
    'time is nearly over',
    { type: 'expiring', deadlineMs: 30_000 },
    pending,
    ['tell session.expiring', 'send conversation.item.create'],
    { answer: 'answering' },
  ],
  [
    'idle',
    'time is nearly over, no upstream',
    { type: 'expiring', deadlineMs: 30_000 },
    idle,
    ['tell session.expiring'],
    { answer: 'idle' },
  ],
  ['idle', 'heartbeat', { type: 'heartbeat' }, idle, ['tell heartbeat-ack'], { answer: 'idle' }],
]

for (const [name, what, input, session, effects, changes] of [...answers, ...speech, ...ends]) {
  test(`${name}: ${what}`, t => {
    const [state, done] = reduce(states[name], input, session)
    t.deepEqual(done.map(describe), effects)
    t.deepEqual(state, { ...states[name], ...changes })
  })
}

/** Runs several inputs on an open session. */
function run(state: ChatState, inputs: readonly ChatInput[]): readonly [ChatState, string[]] {
  const effects: string[] = []
  let present = state
  for (const input of inputs) {
    const [next, done] = reduce(present, input, open)
    effects.push(...done.map(describe))
    present = next
  }
  return [present, effects]
}

test('bad audio is told once an answer', t => {
  const bad = sound('i', 0, null)
  const [, effects] = run(states.answering, [bad, bad, sound(), bad, done, created, bad, bad])
  t.is(effects.filter(effect => effect === 'tell error upstream_broke_protocol').length, 2)
})

type Part = readonly [item: string, part: number, ms: number]

const cuts: readonly [what: string, spoken: readonly Part[], heardMs: number, truncated: readonly Part[]][] =
  [
    [
      'the first of two items',
      [
        ['item_1', 0, 2000],
        ['item_2', 0, 1000],
      ],
      500,
      [
        ['item_2', 0, 0],
        ['item_1', 0, 500],
      ],
    ],
    [
      'the second of two items',
      [
        ['item_1', 0, 2000],
        ['item_2', 0, 1000],
      ],
      2400.5,
      [['item_2', 0, 400]],
    ],
    [
      'the end of the first item',
      [
        ['item_1', 0, 2000],
        ['item_2', 0, 1000],
      ],
      2000,
      [['item_2', 0, 0]],
    ],
    [
      'the first of two parts',
      [
        ['item_1', 0, 300],
        ['item_1', 2, 300],
      ],
      100,
      [
        ['item_1', 2, 0],
        ['item_1', 0, 100],
      ],
    ],
    [
      'the second of two parts',
      [
        ['item_1', 0, 300],
        ['item_1', 2, 300],
      ],
      400,
      [['item_1', 2, 100]],
    ],
    [
      'parts that came by turns',
      [
        ['item_1', 0, 100],
        ['item_2', 0, 100],
        ['item_1', 0, 100],
      ],
      150,
      [
        ['item_2', 0, 50],
        ['item_1', 0, 100],
      ],
    ],
    [
      'all of it',
      [
        ['item_1', 0, 300],
        ['item_2', 0, 300],
      ],
      600,
      [],
    ],
  ]

for (const [what, parts, played_ms, truncated] of cuts) {
  test(`of an answer of several parts, ${what} was heard: what was not is truncated`, t => {
    const deltas = parts.map(([item, part, ms]) => {
      const base64 = Buffer.from(Buffer.alloc(ms * bytesPerMs).toString('base64'))
      return sound(item, part, base64)
    })
    const [, effects] = run(firstChatState, [created, ...deltas, done, { type: 'played', played_ms }])
    t.deepEqual(
      effects.filter(effect => effect.includes('truncate')),
      truncated.map(([item, part, ms]) => `send conversation.item.truncate ${item}/${part} ${ms}`),
    )
  })
}

test('the audio of an answer before is cut until the next one has any', t => {
  const heard: ChatInput = { type: 'played', played_ms: 500 }
  const [, late] = run(states.answering, [done, created, heard])
  t.is(late.at(-1), 'send conversation.item.truncate item_1/0 500')
  const [, next] = run(states.answering, [done, created, sound('item_2'), { ...heard, played_ms: 0 }])
  t.is(next.at(-1), 'send conversation.item.truncate item_2/0 0')
  t.false(next.some(effect => effect.includes('item_1')))
})

test('an answer is told apart part by part, and its state stays small whatever upstream sends', t => {
  const inputs = Array.from({ length: 1000 }, (_, n) => sound(`item_${n}`))
  const [state] = run(states.answering, inputs)
  t.true(state.spoken.length <= 256)
  const bytes = state.spoken.reduce((sum, stretch) => sum + stretch.bytes, 0)
  t.is(bytes, 1000 * bytesPerMs + 1000 * 3)
})

test('where nobody writes speech down, a turn is heard as nothing', t => {
  const silent = createChatReducer({ ...settings, audioInput: { ...audioInput, transcription: undefined } })
  const [, effects] = silent(states['open speaking'], committed, open)
  t.deepEqual(effects.map(describe), ['tell heard'])
})

test('a gateway without audio refuses a talk', t => {
  const textOnly = createChatReducer({ ...settings, textOnly: true })
  for (const input of [audio, { type: 'talk', mode: 'open' }] as const) {
    const [state, effects] = textOnly(firstChatState, input, open)
    t.deepEqual(effects.map(describe), ['tell error text_only'])
    t.is(state.speech, 'refused')
  }
})

test('a closed microphone is followed by the silence that ends a turn', t => {
  for (const [silence_duration_ms, ms] of [
    [300, 800],
    [undefined, 1000],
  ]) {
    const turnDetection = {
      type: 'semantic_vad' as const,
      ...(silence_duration_ms && { silence_duration_ms }),
    }
    const reduceSo = createChatReducer({ ...settings, audioInput: { ...audioInput, turnDetection } })
    const [, [effect]] = reduceSo(states['open with audio'], { type: 'audio-end' }, open)
    const { audio: tail } = JSON.parse(String(effect?.kind === 'send' && effect.message))
    t.is(Buffer.from(tail, 'base64').length, Number(ms) * bytesPerMs)
  }
})

test('upstream listens as the mode says, once somebody talks', t => {
  t.deepEqual(audioInputOf(firstChatState, audioInput), {})
  t.deepEqual(audioInputOf(states['open silent'], audioInput), audioInput)
  t.deepEqual(audioInputOf(states['push silent'], audioInput), { ...audioInput, turnDetection: null })
})

test('a drain waits for a turn that only the client can end', t => {
  const held = Object.keys(states).filter(name => holdsTurn(states[name as keyof typeof states]))
  t.deepEqual(held, ['push speaking', 'push just begun', 'push speaking over an answer'])
})

const rows = [...answers, ...speech, ...ends]

test('the same state and input give the same, whatever came before, and no state is changed in place', t => {
  const steps = fc.array(fc.nat(rows.length - 1), { maxLength: 40 })
  fc.assert(
    fc.property(steps, indexes => {
      let state: ChatState = firstChatState
      for (const index of indexes) {
        const [, , input, session] = rows[index] as Row
        Object.freeze(state)
        Object.freeze(state.spoken)
        for (const stretch of state.spoken) Object.freeze(stretch)
        const first = reduce(state, input, session)
        t.deepEqual(reduce(state, input, session), first)
        state = first[0]
      }
    }),
    { numRuns: 300, seed: 1 },
  )
})
