/**
 * What a `/chat` conversation does, as a pure function: state and input in, next state and effects out. It sends
 * nothing itself; `chat.ts` runs the effects, in their order.
 *
 * | answer     | asked for          | interrupted          | response begins | deltas | response ends | refused               |
 * |------------|--------------------|----------------------|-----------------|--------|---------------|-----------------------|
 * | idle       | → asked            | –                    | → answering     | tell   | tell          | tell                  |
 * | asked      | → asked            | → cancelling         | → answering     | tell   | → idle, tell  | → idle, tell          |
 * | answering  | → asked            | → cancelling; cancel | → answering     | tell   | → idle, tell  | tell                  |
 * | cancelling | once this one ends | –                    | cancel once     | ignore | → idle        | → idle unless it runs |
 *
 * An answer that is wanted when the one before it ends is asked for then. Whether one is pending the session's
 * response state knows, and it alone.
 *
 * | speech   | audio                  | `audio-end`       | `talk`           | speech starts | speech stops | upstream ends    |
 * |----------|------------------------|-------------------|------------------|---------------|--------------|------------------|
 * | silent   | send; push: → speaking | push: too short   | –                | → speaking    | –            | –                |
 * | speaking | send                   | push: commit, ask | → silent; clear  | –             | → silent     | push: → refused  |
 * | refused  | ignore                 | → silent          | → silent         | → speaking    | → silent     | –                |
 *
 * On an open microphone upstream hears where a turn begins and ends, and answers by itself; audio that was lost there
 * with its upstream is refused, too, unless another session takes over.
 */
import { pcmBytesPerMs } from '../core/contract.ts'
import type { Dialect } from '../core/ports.ts'
import type { ChatMessage, TalkMode } from '../core/wire.ts'
import { type AudioInputSettings, audioInputUpdate } from '../dialect/dialect.ts'
import { decodedBytes } from '../events/base64.ts'
import {
  audioAppend,
  audioClear,
  audioCommit,
  base64Append,
  messageItem,
  responseCreate,
  truncateItem,
  wrapUpItem,
} from '../events/compose.ts'
import type { CloseReason } from '../session/close-reason.ts'
import type { Phase } from '../session/session.ts'
import { badAudio, draining, lossOf, type Refusal, speechLost, textOnly, tooShort } from './chat-errors.ts'
import type { ChatEvent } from './chat-event.ts'
import { type ReadRequest, spokenItem, userItem } from './chat-request.ts'

/** The API commits no less (ms). */
const minTurnMs = 100
/** What upstream needs, beyond the silence that ends a turn, to hear that it has ended (ms). */
const tailMarginMs = 500
/** The longest silence that ends a turn where the settings do not say it (ms): the API's documented default. */
const usualSilenceMs = 500
/** So many stretches of an answer's audio are told apart, so that no upstream can make the state grow without end. */
const maxStretches = 256

/** Audio of one content part, sent to the client without audio of another part in between. */
export interface Stretch {
  readonly itemId: string
  readonly contentIndex: number
  readonly bytes: number
}

export interface ChatState {
  /**
   * - idle: no answer is due
   * - asked: a response was asked for and has not begun
   * - answering: a response streams
   * - cancelling: the response was interrupted; what still comes of it is not shown
   */
  readonly answer: 'idle' | 'asked' | 'answering' | 'cancelling'
  /** While cancelling: the response's end is on its way; otherwise it is cancelled when it begins. */
  readonly isCancelled: boolean
  /** The client was told that audio of this answer was left out. */
  readonly hasBadAudio: boolean
  /** What an interruption would cut: the audio of the last answer that had any, in the order of its sending. */
  readonly spoken: readonly Stretch[]
  /** `spoken` is of an answer before the present one. */
  readonly isSpokenOver: boolean
  /**
   * - silent: no turn is being spoken
   * - speaking: `push`: audio of a turn has gone to upstream; `open`: upstream hears somebody speak
   * - refused: audio is passed over until the client ends it or begins anew; it has been told why
   */
  readonly speech: 'silent' | 'speaking' | 'refused'
  readonly mode: TalkMode
  /** The client has begun to talk: those who only type cost no transcription. */
  readonly talks: boolean
  /** Audio that upstream holds and that is no turn yet, as far as the gateway knows (bytes). */
  readonly unspentBytes: number
}

export const firstChatState: ChatState = {
  answer: 'idle',
  isCancelled: false,
  hasBadAudio: false,
  spoken: [],
  isSpokenOver: false,
  speech: 'silent',
  mode: 'push',
  talks: false,
  unspentBytes: 0,
}

/** What the session knows at the moment of an input. */
export interface SessionView {
  readonly phase: Phase
  /** An answer is wanted and not over. */
  readonly isPending: boolean
  /** An answer is wanted whose `response.create` has not been written yet. */
  readonly isWanted: boolean
  /** Another upstream session is on its way in place of one that was lost. */
  readonly isRenewing: boolean
}

export type ChatInput =
  | ReadRequest
  /** Audio of the client's. `base64`: as `base64Field` checked it; gone when the call returns. */
  | { readonly type: 'audio'; readonly base64: Buffer }
  | ChatEvent
  /** A conversation that was taken up again has an answer pending. */
  | { readonly type: 'resumed' }
  /** The assistant speaks first. `message`: the `response.create` that asks for it */
  | { readonly type: 'greet'; readonly message: string }
  /** @see SessionHooks.keepsClient; `isRenewed`: another upstream session takes over */
  | { readonly type: 'upstream-ended'; readonly end: CloseReason; readonly isRenewed: boolean }
  /** The session's time is nearly over. `deadlineMs`: from now */
  | { readonly type: 'expiring'; readonly deadlineMs: number }

export type ChatEffect =
  /** Tells the client. */
  | { readonly kind: 'tell'; readonly message: ChatMessage }
  /** Sends audio to the client: an `audio-chunk`. `bytes`: its decoded length */
  | { readonly kind: 'play'; readonly base64: Buffer; readonly bytes: number }
  /** Sends an event to upstream. `item`: what it adds to the conversation when upstream confirms it */
  | {
      readonly kind: 'send'
      readonly type: string
      readonly message: string | Uint8Array
      readonly item?: object
    }
  /** An answer is wanted, and is asked for later. */
  | { readonly kind: 'want' }
  /** Nobody waits for the pending answer any more. */
  | { readonly kind: 'cancel' }
  /** The conversation does not go on by itself: the client is told so. */
  | { readonly kind: 'give-up' }

export interface ChatSettings {
  /** How upstream listens to an open microphone; in `push` it leaves the turns to the client. */
  readonly audioInput: AudioInputSettings
  readonly dialect: Dialect
  /** The provider's name, for what the client is told. */
  readonly label: string
  readonly textOnly: boolean
}

/** @returns the next state, and what is to be done, in that order */
export type ChatReducer = (
  state: ChatState,
  input: ChatInput,
  session: SessionView,
) => readonly [ChatState, readonly ChatEffect[]]

/** How upstream is to listen from the start of a session; empty while nobody talks. */
export function audioInputOf(
  { talks, mode }: ChatState,
  audioInput: AudioInputSettings,
): Partial<AudioInputSettings> {
  if (!talks) return {}
  return mode === 'open' ? audioInput : { ...audioInput, turnDetection: null }
}

/** Whether a turn has begun that only the client can end: a drain waits for it. */
export function holdsTurn({ mode, speech }: ChatState): boolean {
  return mode === 'push' && speech === 'speaking'
}

/** Makes the function that all conversations of these settings share. */
export function createChatReducer(settings: ChatSettings): ChatReducer {
  return (state, input, session) => {
    const step = { settings, session, effects: [] }
    return [take(state, input, step), step.effects]
  }
}

/** One call of the reducer: the functions below add to its effects, and return the next state. */
interface Step {
  readonly settings: ChatSettings
  readonly session: SessionView
  readonly effects: ChatEffect[]
}

function take(state: ChatState, input: ChatInput, step: Step): ChatState {
  switch (input.type) {
    case 'heartbeat':
      return tell(state, step, { type: 'heartbeat-ack' })
    case 'message':
      return say(state, step, input.text, input.played_ms)
    case 'interrupt':
      return interrupt(state, step, input.played_ms)
    case 'played':
      return cut(state, step, input.played_ms)
    case 'talk':
      return beginTalk(state, step, input.mode)
    case 'audio':
      return takeAudio(state, step, input.base64)
    case 'audio-end':
      return endAudio(state, step)
    case 'response.created':
      return begin(state, step)
    case 'response.output_text.delta':
      return stream(state, step, { type: 'text-delta', value: input.delta })
    case 'response.output_audio_transcript.delta':
      return stream(state, step, { type: 'transcript-delta', value: input.delta })
    case 'response.output_audio.delta':
      return play(state, step, input)
    case 'response.output_text.done':
      if (state.answer !== 'answering') return state
      return tell(state, step, { type: 'status', message: 'Response complete' })
    case 'response.done':
      return finish(state, step, input.failure)
    case 'error':
      return fail(state, step, input)
    case 'input_audio_buffer.speech_started':
      tell(state, step, { type: 'speech-started' })
      return overhear({ ...state, speech: 'speaking' }, step)
    case 'input_audio_buffer.speech_stopped':
      return tell({ ...state, speech: 'silent' }, step, { type: 'speech-stopped' })
    case 'input_audio_buffer.committed':
      // The client waits for words that nobody writes.
      if (step.settings.audioInput.transcription !== undefined) return state
      return tell(state, step, { type: 'heard', value: '' })
    case 'conversation.item.input_audio_transcription.completed':
      return tell(state, step, { type: 'heard', value: input.transcript })
    case 'resumed':
      return connectAndAsk(state, step)
    case 'greet':
      return greet(state, step, input.message)
    case 'upstream-ended':
      return loseUpstream(state, step, input.end, input.isRenewed)
    case 'expiring':
      return wrapUp(state, step, input.deadlineMs)
  }
}

function tell(state: ChatState, { effects }: Step, message: ChatMessage): ChatState {
  effects.push({ kind: 'tell', message })
  return state
}

function tellError(state: ChatState, step: Step, { code, message }: Refusal): ChatState {
  return tell(state, step, { type: 'error', message, code })
}

function send({ effects }: Step, message: string | Uint8Array, type: string, item?: object): void {
  effects.push({ kind: 'send', type, message, ...(item !== undefined && { item }) })
}

/** Upstream is about to be dialed: the client is told, unless this is to go unnoticed. */
function connect(state: ChatState, step: Step): ChatState {
  const { session, settings } = step
  if (session.phase !== 'idle' || session.isRenewing) return state
  return tell(state, step, { type: 'status', message: `Connecting to ${settings.label}...` })
}

function connectAndAsk(state: ChatState, step: Step): ChatState {
  return ask(connect(state, step), step)
}

/** Why nothing can be said by voice now; null when it can. */
function refusalOf({ settings, session }: Step): Refusal | null {
  if (settings.textOnly) return textOnly
  return session.phase === 'draining' ? draining : null
}

/** A text of the client's is a turn; it interrupts the answer before it. */
function say(state: ChatState, step: Step, text: string, playedMs: number | undefined): ChatState {
  if (step.session.phase === 'draining') return tellError(state, step, draining)
  const next = interrupt(connect(state, step), step, playedMs)
  const message = messageItem('user', text, step.settings.dialect)
  send(step, message, 'conversation.item.create', userItem(text))
  return ask(next, step)
}

/** The assistant speaks first. */
function greet(state: ChatState, step: Step, message: string): ChatState {
  const next = connect(state, step)
  send(step, message, 'response.create')
  return { ...next, answer: 'asked' }
}

/** Asks for an answer; after the interrupted one if there is one, as only one can run at a time. */
function ask(state: ChatState, step: Step): ChatState {
  if (state.answer === 'cancelling') {
    step.effects.push({ kind: 'want' })
    return state
  }
  send(step, responseCreate, 'response.create')
  return { ...state, answer: 'asked' }
}

function askAgain(state: ChatState, step: Step): ChatState {
  const idle: ChatState = { ...state, answer: 'idle' }
  return step.session.isWanted ? ask(idle, step) : idle
}

/**
 * Interrupts the answer: cancels what is being made, cuts what was made to what was heard.
 * @param playedMs how much of the audio was heard (ms); undefined leaves the audio whole
 */
function interrupt(state: ChatState, step: Step, playedMs: number | undefined): ChatState {
  if (state.answer === 'answering') sendCancel(step)
  step.effects.push({ kind: 'cancel' })
  const isDue = state.answer === 'asked' || state.answer === 'answering'
  const next = isDue ? breakOff(state, step) : state
  return playedMs === undefined ? next : cut(next, step, playedMs)
}

/** Upstream heard the person speak, and cancels the answer by itself. */
function overhear(state: ChatState, step: Step): ChatState {
  if (state.answer !== 'answering') return state
  step.effects.push({ kind: 'cancel' })
  return breakOff(state, step)
}

function breakOff(state: ChatState, step: Step): ChatState {
  tell(state, step, { type: 'status', message: 'Response interrupted' })
  return { ...state, answer: 'cancelling', isCancelled: state.answer === 'answering' }
}

function sendCancel(step: Step): void {
  send(step, '{"type":"response.cancel"}', 'response.cancel')
}

/**
 * Cuts the audio that was made to what was heard: each part that was not heard to its end, the last one first.
 * @param playedMs how much of the whole answer was heard (ms)
 */
function cut(state: ChatState, step: Step, playedMs: number): ChatState {
  if (state.spoken.length === 0) return state
  for (const { itemId, contentIndex, madeMs, heardMs } of partsOf(state.spoken, playedMs).reverse())
    if (heardMs < madeMs)
      send(step, truncateItem(itemId, contentIndex, Math.floor(heardMs)), 'conversation.item.truncate')
  return { ...state, spoken: [] }
}

interface SpokenPart {
  readonly itemId: string
  readonly contentIndex: number
  madeMs: number
  heardMs: number
}

/** Sums up what was sent, and what was heard, of each content part. @returns the parts in the order of their beginning */
function partsOf(spoken: readonly Stretch[], playedMs: number): SpokenPart[] {
  const parts: SpokenPart[] = []
  let leftMs = playedMs
  for (const { itemId, contentIndex, bytes } of spoken) {
    let part = parts.find(known => known.itemId === itemId && known.contentIndex === contentIndex)
    if (part === undefined) {
      part = { itemId, contentIndex, madeMs: 0, heardMs: 0 }
      parts.push(part)
    }
    const madeMs = bytes / pcmBytesPerMs
    part.madeMs += madeMs
    part.heardMs += Math.min(leftMs, madeMs)
    leftMs -= Math.min(leftMs, madeMs)
  }
  return parts
}

/** A response begins; one that was interrupted before it did is cancelled now. */
function begin(state: ChatState, step: Step): ChatState {
  if (state.answer === 'cancelling') {
    if (!state.isCancelled) sendCancel(step)
    return { ...state, isCancelled: true }
  }
  tell(state, step, { type: 'text-reset' })
  tell(state, step, { type: 'transcript-reset' })
  return { ...state, answer: 'answering', hasBadAudio: false, isSpokenOver: true }
}

function stream(state: ChatState, step: Step, message: ChatMessage): ChatState {
  return state.answer === 'cancelling' ? state : tell(state, step, message)
}

type AudioDelta = Extract<ChatEvent, { type: 'response.output_audio.delta' }>

function play(state: ChatState, step: Step, { itemId, contentIndex, base64 }: AudioDelta): ChatState {
  if (state.answer === 'cancelling') return state
  if (base64 === null) {
    if (state.hasBadAudio) return state
    return tellError({ ...state, hasBadAudio: true }, step, badAudio)
  }
  const bytes = decodedBytes(base64)
  step.effects.push({ kind: 'play', base64, bytes })
  const before = state.isSpokenOver ? [] : state.spoken
  return { ...state, isSpokenOver: false, spoken: addStretch(before, { itemId, contentIndex, bytes }) }
}

/** Beyond the limit the rest counts towards the last stretch. */
function addStretch(spoken: readonly Stretch[], added: Stretch): readonly Stretch[] {
  const last = spoken.at(-1)
  if (last === undefined) return [added]
  const isSame = last.itemId === added.itemId && last.contentIndex === added.contentIndex
  if (!isSame && spoken.length < maxStretches) return [...spoken, added]
  return spoken.with(-1, { ...last, bytes: last.bytes + added.bytes })
}

/** A response is over. @param failure its error's code */
function finish(state: ChatState, step: Step, failure: string | null): ChatState {
  if (state.answer === 'cancelling') return askAgain(state, step)
  if (failure !== null) {
    const message = `The model failed to answer (${failure}); try again`
    tellError(state, step, { code: failure, message })
  }
  tell(state, step, { type: 'status', message: 'Model ready' })
  return askAgain(state, step)
}

type ErrorEvent = Extract<ChatEvent, { type: 'error' }>

function fail(state: ChatState, step: Step, { code, message, refuses }: ErrorEvent): ChatState {
  const { session, effects } = step
  // The answer ended before the request to cancel it arrived: nothing is wrong.
  if (code === 'response_cancel_not_active') return state
  const isDue = state.answer === 'asked' || state.answer === 'answering' || session.isWanted
  // Upstream had begun to answer speech by itself: what was asked for comes after that.
  if (code === 'conversation_already_has_active_response' && isDue) {
    effects.push({ kind: 'want' })
    return state
  }
  tellError(state, step, { code, message })
  if (refuses !== 'response.create') return state
  if (state.answer === 'asked' && !session.isPending) return { ...state, answer: 'idle' }
  // The interrupted response never began, so no end of it will come.
  if (state.answer === 'cancelling' && !state.isCancelled) return askAgain(state, step)
  return state
}

/** The client says who ends turns, and begins anew. */
function beginTalk(state: ChatState, step: Step, mode: TalkMode): ChatState {
  const next: ChatState = { ...clear(state, step), speech: 'silent' }
  const refusal = refusalOf(step)
  return refusal === null ? listen(next, step, mode) : refuseSpeech(next, step, refusal)
}

function refuseSpeech(state: ChatState, step: Step, refusal: Refusal): ChatState {
  return tellError({ ...state, speech: 'refused' }, step, refusal)
}

/** Upstream discards audio that is no turn yet. */
function clear(state: ChatState, step: Step): ChatState {
  if (state.unspentBytes > 0) send(step, audioClear, 'input_audio_buffer.clear')
  return { ...state, unspentBytes: 0 }
}

/** Has upstream listen as the mode says; a session that does not exist yet is told when it does. */
function listen(state: ChatState, step: Step, mode: TalkMode): ChatState {
  if (state.talks && state.mode === mode) return state
  const next: ChatState = { ...state, talks: true, mode }
  const { audioInput, dialect } = step.settings
  if (step.session.phase === 'open')
    send(
      step,
      audioInputUpdate({ ...audioInput, ...audioInputOf(next, audioInput) }, dialect),
      'session.update',
    )
  return next
}

function takeAudio(state: ChatState, step: Step, base64: Buffer): ChatState {
  const next = admitAudio(state, step)
  if (next.speech === 'refused') return next
  send(step, base64Append(base64), 'input_audio_buffer.append')
  return { ...next, unspentBytes: next.unspentBytes + decodedBytes(base64) }
}

/** Audio that begins a turn interrupts the answer; on an open microphone upstream says when one begins. */
function admitAudio(state: ChatState, step: Step): ChatState {
  if (state.speech !== 'silent') return state
  const refusal = refusalOf(step)
  if (refusal !== null) return refuseSpeech(state, step, refusal)
  const next = connect(listen(state, step, state.mode), step)
  return next.mode === 'open' ? next : { ...interrupt(next, step, undefined), speech: 'speaking' }
}

/** No more audio comes. */
function endAudio(state: ChatState, step: Step): ChatState {
  if (state.speech === 'refused') return { ...state, speech: 'silent' }
  if (state.mode === 'push') return completeTurn(state, step)
  return state.unspentBytes > 0 ? fallSilent(state, step) : state
}

function completeTurn(state: ChatState, step: Step): ChatState {
  if (state.unspentBytes < minTurnMs * pcmBytesPerMs)
    return tellError({ ...clear(state, step), speech: 'silent' }, step, tooShort(minTurnMs))
  send(step, audioCommit, 'input_audio_buffer.commit', spokenItem)
  // A turn that was spoken over an answer ends it.
  const next = interrupt({ ...state, speech: 'silent', unspentBytes: 0 }, step, undefined)
  return ask(next, step)
}

/** Upstream hears the end of a turn by the silence behind it, which a closed microphone does not give. */
function fallSilent(state: ChatState, step: Step): ChatState {
  const silenceMs = step.settings.audioInput.turnDetection?.silence_duration_ms ?? usualSilenceMs
  const tail = Buffer.alloc((silenceMs + tailMarginMs) * pcmBytesPerMs)
  send(step, audioAppend(tail), 'input_audio_buffer.append')
  return { ...state, unspentBytes: 0 }
}

/** Upstream is gone, with its answer and with the audio that was no turn yet. */
function loseUpstream(state: ChatState, step: Step, end: CloseReason, isRenewed: boolean): ChatState {
  const { session, settings, effects } = step
  const isLost = losesSpeech(state, isRenewed)
  const next: ChatState = {
    ...state,
    answer: 'idle',
    spoken: [],
    unspentBytes: 0,
    speech: isLost ? 'refused' : state.speech === 'speaking' ? 'silent' : state.speech,
  }
  if (isRenewed) {
    if (isLost) tellError(next, step, speechLost)
    return session.isPending ? connectAndAsk(next, step) : next
  }
  effects.push({ kind: 'give-up' })
  if (session.isPending || isLost || end.error !== undefined)
    tellError(next, step, lossOf(end, settings.label, isLost))
  return next
}

/** Whether the client has to say something again; what an open microphone hears goes to the next session. */
function losesSpeech({ mode, speech, unspentBytes }: ChatState, isRenewed: boolean): boolean {
  return mode === 'push' ? speech === 'speaking' : unspentBytes > 0 && !isRenewed
}

/** The session's time is nearly over: the model is asked to say goodbye. */
function wrapUp(state: ChatState, step: Step, deadlineMs: number): ChatState {
  const { session, settings } = step
  tell(state, step, { type: 'session.expiring', deadline_ms: deadlineMs })
  if (session.phase !== 'open') return state
  const item = wrapUpItem(Math.round(deadlineMs / 1000), settings.dialect)
  send(step, item, 'conversation.item.create')
  return session.isPending ? state : ask(state, step)
}
