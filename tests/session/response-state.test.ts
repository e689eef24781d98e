/** Whether an answer is pending, after everything that can become of one. */
import test from 'ava'
import { ResponseState } from '../../runtime/session/response-state.ts'

type Step =
  /** A message that goes up, or an event that comes down, by its type. */
  | `up ${string}`
  | `down ${string}`
  /** A turn whose calls run on the server. */
  | `turn ${ResponseState['turn']}`
  | 'want'
  | 'cancel'
  | 'refused'
  | 'lost'

const ask = 'up response.create'
const begin = 'down response.created'
const end = 'down response.done'
const pending = { isPending: true, isBusy: true }
const idle = { isPending: false, isBusy: false }
/** Nobody waits for the answer, but upstream has yet to end it. */
const ending = { isPending: false, isBusy: true }

const rows: readonly [what: string, steps: readonly Step[], expected: Partial<ResponseState>][] = [
  ['nothing', [], { ...idle, isRunning: false, isWanted: false }],
  ['wanted', ['want'], { ...pending, isWanted: true, isRunning: false }],
  ['wanted, and asked for', ['want', ask], { ...pending, isWanted: false }],
  ['wanted, asked for and refused', ['want', ask, 'refused'], idle],
  ['requested', [ask], { ...pending, isRunning: false }],
  ['requested, then something else', [ask, 'up session.update', 'down session.updated'], pending],
  ['running', [ask, begin], { ...pending, isRunning: true }],
  ['running without having been asked for', [begin], { ...pending, isRunning: true }],
  ['done', [ask, begin, end], { ...idle, isRunning: false }],
  ['done by its other name', [ask, begin, 'down response.completed'], idle],
  ['done, and another one refused', [ask, begin, ask, 'refused', end], idle],
  ['one done of two that run', [ask, begin, ask, begin, end], { ...pending, isRunning: true }],
  ['two done of two that ran', [ask, begin, ask, begin, end, end], idle],
  ['one running, one requested', [ask, begin, ask, end], { ...pending, isRunning: false }],
  ['ended twice', [ask, begin, end, end, ask, begin], pending],
  ['two done of three that run', [begin, begin, begin, end, end], { ...pending, isRunning: true }],
  ['three asked for, one done', [ask, ask, ask, begin, end], pending],
  ['three asked for, two done', [ask, ask, ask, begin, end, begin, end], { ...pending, isRunning: false }],
  ['three asked for, two refused', [ask, ask, ask, 'refused', 'refused'], pending],
  ['three cancelled, two ended', [begin, begin, begin, 'cancel', end, end], ending],
  ['three cancelled before they began, two refused', [ask, ask, ask, 'cancel', 'refused', 'refused'], ending],
  ['refused', [ask, 'refused'], idle],
  ['refused twice, requested once more', [ask, 'refused', 'refused', ask], pending],
  ['one of two refused', [ask, ask, 'refused'], pending],
  ['cancelled while it runs', [ask, begin, 'cancel'], { ...ending, isRunning: true }],
  ['cancelled by a message', [ask, begin, 'up response.cancel'], ending],
  ['cancelled, and ended', [ask, begin, 'cancel', end], idle],
  ['cancelled before it began', [ask, 'cancel'], { ...ending, isRunning: false }],
  ['cancelled before it began, and begun', [ask, 'cancel', begin], { ...ending, isRunning: true }],
  ['cancelled before it began, and ended', [ask, 'cancel', begin, end], idle],
  ['cancelled before it began, and refused', [ask, 'cancel', 'refused'], idle],
  ['cancelled, and another one wanted', [ask, begin, 'cancel', 'want'], { ...pending, isWanted: true }],
  ['wanted over a cancel on its way', [ask, 'cancel', 'want', begin, 'up response.cancel'], pending],
  ['wanted, and cancelled', ['want', 'cancel'], { ...idle, isWanted: false }],
  ['cancelled, another one requested', [ask, begin, 'cancel', ask, end], pending],
  ['cancelled, another one done', [ask, begin, 'cancel', ask, end, begin, end], idle],
  ['a turn is open behind its response', [ask, begin, 'turn open', end], { ...pending, isTurnOpen: true }],
  ['a turn ends behind its response', [ask, begin, 'turn ending', end], { ...ending, isTurnOpen: false }],
  ['a turn moves on', [begin, 'turn moving', end], { isPending: true, isBusy: false, isTurnOpen: true }],
  ['a turn moves on, wanted before', ['want', 'turn moving'], { isPending: true, isBusy: false }],
  ['a turn moves on while a response runs', [begin, 'turn moving'], pending],
  ['a turn is over', [begin, 'turn open', end, 'turn over'], { ...idle, isTurnOpen: false }],
  ['a turn whose responses are cancelled', [begin, 'turn open', 'cancel', end], pending],
  ['lost while a turn was open', [begin, end, 'turn open', 'lost'], { ...pending, isWanted: true }],
  ['lost while idle', ['lost'], { ...idle, isWanted: false }],
  ['lost while requested', [ask, 'lost'], { ...pending, isWanted: true }],
  ['lost while it ran', [ask, begin, 'lost'], { ...pending, isWanted: true, isRunning: false }],
  ['two lost, one asked for and done', [begin, begin, 'lost', ask, begin, end], idle],
  ['lost after it was cancelled', [ask, begin, 'cancel', 'lost'], { ...idle, isRunning: false }],
  ['lost while somebody spoke', ['down input_audio_buffer.speech_started', 'lost'], idle],
  ['speech', ['down input_audio_buffer.speech_started'], ending],
  [
    'speech that became a turn',
    ['down input_audio_buffer.speech_started', 'down input_audio_buffer.committed'],
    ending,
  ],
  [
    'speech that became a turn, and more speech',
    [
      'down input_audio_buffer.speech_started',
      'down input_audio_buffer.committed',
      'down input_audio_buffer.speech_started',
      begin,
      end,
    ],
    idle,
  ],
  ['audio without a type', ['down input_audio_buffer.append'], idle],
  [
    'speech that was cleared',
    ['down input_audio_buffer.speech_started', 'down input_audio_buffer.cleared'],
    idle,
  ],
  ['audio committed by hand', ['down input_audio_buffer.committed'], idle],
  [
    'speech that was answered',
    ['down input_audio_buffer.speech_started', 'down input_audio_buffer.committed', begin, end],
    idle,
  ],
]

function take(state: ResponseState, step: Step): void {
  if (step === 'want') state.want()
  else if (step === 'cancel') state.cancel()
  else if (step === 'refused') state.noteRefusal()
  else if (step === 'lost') state.lose()
  else if (step.startsWith('turn ')) state.turn = step.slice(5) as ResponseState['turn']
  else if (step.startsWith('up ')) state.noteMessage(step.slice(3))
  else state.noteEvent(step.slice(5))
}

for (const [what, steps, expected] of rows) {
  test(what, t => {
    const state = new ResponseState()
    for (const step of steps) take(state, step)
    const { isPending, isBusy, isRunning, isWanted, isTurnOpen } = state
    t.like({ isPending, isBusy, isRunning, isWanted, isTurnOpen }, expected)
  })
}

const [speech, commit, written, failed] = [
  'input_audio_buffer.speech_started',
  'input_audio_buffer.committed',
  'conversation.item.input_audio_transcription.completed',
  'conversation.item.input_audio_transcription.failed',
]

for (const [what, events, isBusy] of [
  ['speech', [speech], true],
  ['a turn that is not written down', [speech, commit], true],
  ['a turn that is written down', [speech, commit, written], false],
  ['a turn that cannot be written down', [commit, failed], false],
  ['one of two turns written down', [commit, commit, written], true],
  ['two of two turns, one of them not', [commit, commit, failed, written], false],
  ['words of a turn that was not seen', [written, commit], true],
] as const) {
  test(`a transcription owes the words of each turn: ${what}`, t => {
    const state = new ResponseState('transcripts')
    for (const type of events) state.noteEvent(type)
    t.is(state.isBusy, isBusy)
    t.false(state.isPending)
    state.lose()
    t.false(state.isBusy)
  })
}
