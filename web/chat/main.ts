/** The chat page: makes its parts and joins them. */
import { SignInDialog } from '../access/sign-in.ts'
import { say } from '../language/language.ts'
import { Connection, type ConnectionState } from '../page/connection.ts'
import { fetchGatewayInfo, readGatewayInfo } from '../page/gateway-info.ts'
import { showLine } from '../page/line.ts'
import { Masthead } from '../page/masthead.ts'
import { enablePage, part } from '../page/page.ts'
import { pcmBytes } from '../sound/pcm.ts'
import { Playback, type SoundState } from '../sound/playback.ts'
import { AssistantChoice, assistantInAddress } from './assistant-choice.ts'
import { Composer } from './composer.ts'
import { Conversation } from './conversation.ts'
import { DeviceDialog } from './device-dialog.ts'
import { download, toJson, toText } from './export.ts'
import { type KeptConversation, keep, keepDraft, keepPast, readDraft, readKept } from './kept-conversation.ts'
import { type PageMessage, readMessage } from './messages.ts'
import { Panel } from './panel.ts'
import { PastDialog } from './past-dialog.ts'
import { Plug } from './plug.ts'
import type { ReceivedItem } from './repeated-answer.ts'
import { Resume, type ResumeNotice } from './resume.ts'
import { Speech } from './speech.ts'
import { maxKept, Talk } from './talk.ts'
import { TalkBar } from './talk-bar.ts'
import type { Outcome, ToolActivity } from './talk-parts.ts'
import { TalkStatusView } from './talk-status-view.ts'
import type { TurnRecord } from './turn-record.ts'
import { fetchUsage } from './usage.ts'
import { VoicePicture } from './voice-picture.ts'
import { endsSpeech, errorWords } from './words.ts'

enablePage()

const info = readGatewayInfo(document)
const assistant = assistantInAddress()
const kept = readKeptOf(assistant)
const masthead = new Masthead()
const panel = new Panel()
const past = new PastDialog()
const sound: { state: SoundState; muted: boolean } = { state: 'locked', muted: false }
/** Where nothing was said, there is nothing to go on with. */
let ticket = kept && kept.turns.length > 0 ? kept.ticket : ''
let microphone: AnalyserNode | undefined
/** The page had a connection, or took over a conversation that had one. */
let wasOpen = kept !== undefined && kept.turns.length > 0
let isLost = wasOpen
/** What a conversation begins with is shown: usage, and the assistants that can be chosen. */
let isInformed = false

const conversation = new Conversation({
  onAsk: text => ask(text),
  onEdit: text => composer.edit(text),
  onChange: () => keepConversation(),
  isAudible: () => playback.isAudible,
})
const resume = new Resume(ticket, next => {
  ticket = next
  keepConversation()
})
const signIn = new SignInDialog(info, () => connection.retryNow())
const assistants = new AssistantChoice(
  assistant ?? kept?.assistant ?? '',
  () => beginAnew(),
  name =>
    conversation.notice({
      kind: 'problem',
      what: say('There is no assistant "{name}" here.', { name }),
      advice: say('The usual one answers.'),
    }),
)
const playback = new Playback({
  onSound: state => {
    sound.state = state
    panel.sound(sound.state, sound.muted)
  },
  onPlaying: playing => {
    panel.playing(playing)
    conversation.playing(playing)
    status.playing(playing.playing)
    composer.canStop(talk.busy())
  },
})
const picture = new VoicePicture({ person: () => microphone, assistant: () => playback.analyser() })
const status = new TalkStatusView((state, words) => {
  picture.show(state)
  const shown = part('#status', HTMLElement)
  if (shown.textContent !== words) shown.textContent = words
})
const talkBar = new TalkBar({
  onOpen: () => {
    playback.unlock()
    speech.open()
  },
  onHold: () => {
    playback.unlock()
    speech.hold()
  },
  onClose: () => speech.close(),
})

const connection = new Connection<PageMessage>({
  address: () => {
    const { name } = assistants
    return signIn.access.socketAddress('/chat', {
      ...resume.query(),
      ...plug.query(),
      ...(name && { assistant: name }),
    })
  },
  heartbeat: { type: 'heartbeat' },
  read: readMessage,
  onMessage: message => {
    notify(resume.receive(message))
    if (message.type === 'speech-started' || message.type === 'speech-stopped')
      showHeard(message.type === 'speech-started')
    if (message.type === 'error' && endsSpeech(message.code)) speech.fail()
    if (!isLateSound(message)) talk.receive(message)
  },
  onState: connectionOnState,
  onDialFailed: () => signIn.access.dialFailed(),
})
const lineOnState = showLine(masthead, connection)

const talk = new Talk(connection, playback, {
  question: (text, isKept) => conversation.question(text, isKept),
  keptAreSent: () => conversation.keptAreSent(),
  spoken: () => conversation.spoken(),
  heard: text => conversation.heard(text),
  wordsAreLost: () => conversation.wordsAreLost(),
  answerBegins: () => conversation.answerBegins(),
  answerGoesOn: () => conversation.answerGoesOn(),
  text: value => conversation.text(value),
  transcript: value => conversation.transcript(value),
  partEnds: () => conversation.partEnds(),
  audio: bytes => {
    panel.audio(bytes)
    conversation.audio(bytes)
  },
  answerEnds: (outcome, heardMs) => {
    status.playing(playback.playing())
    conversation.answerEnds(outcome, heardMs)
    if (outcome === 'complete') showUsage()
  },
  problem: (message, code, askAgain) =>
    conversation.notice({
      kind: 'problem',
      ...errorWords(message, code),
      action: askAgain && { label: say('Try again'), run: askAgain },
    }),
  tool: showTool,
  panel: (name, data) => conversation.panel(name, data),
  unanswered: askAgain =>
    conversation.notice({
      kind: 'problem',
      what: say('The connection went before the answer was complete.'),
      advice: askAgain ? '' : say('Say it again.'),
      action: askAgain && { label: say('Try again'), run: askAgain },
    }),
  turn: turn => {
    status.turn(turn)
    composer.canStop(talk.busy())
    keepConversation()
  },
})

const speech = new Speech({
  send: request => connection.send(request),
  ready: () => connection.ready(),
  onHold: () => talk.stop(),
  onTurn: () => talk.spoken(),
  onMode: (mode, analyser) => {
    microphone = analyser
    talkBar.mode(mode)
    status.mode(mode, analyser !== undefined)
  },
  onFault: words => talkBar.fault(words),
})

const composer = new Composer(readDraft(), {
  onSay: ask,
  onStop: () => {
    if (speech.discard()) return
    talk.stop()
    status.playing(false)
  },
  onMute: muted => {
    sound.muted = muted
    playback.setMuted(muted)
    panel.sound(sound.state, sound.muted)
  },
  onDraft: keepDraft,
})

const plug = new Plug(info.offers?.includes('/simulator/process') ?? false, info.provider === 'simulator', {
  access: signIn.access,
  onKilled: pid =>
    conversation.notice({
      kind: 'info',
      what: say('Process {pid} was killed.', { pid: String(pid) }),
      advice: say('Its answer sounds on as far as it had come.'),
    }),
  onMoved: pid => {
    // Where nothing was said yet, nothing goes on.
    if (conversation.turns.length === 0) return
    conversation.notice({
      kind: 'info',
      what: say('Process {pid} goes on with the conversation.', { pid: String(pid) }),
      advice: '',
    })
  },
})

new DeviceDialog(() => playback.useLoudspeaker())
masthead.provider(info)
panel.info(info)
if (info.textOnly) talkBar.hide()
part('#sound-unlock', HTMLButtonElement).onclick = () => playback.unlock()
part('#new-conversation', HTMLButtonElement).onclick = () => {
  beginAnew()
  composer.focus()
}
part('#save-text', HTMLButtonElement).onclick = () =>
  download(toText(conversation.turns), 'text/plain', 'txt')
part('#save-json', HTMLButtonElement).onclick = () =>
  download(toJson(conversation.turns), 'application/json', 'json')
window.addEventListener('pagehide', keepConversation)
if (kept) {
  const broken = kept.due === undefined ? undefined : brokenAnswerOf(kept.turns)
  conversation.restore(kept.turns, broken !== undefined)
  talk.restore(kept.due, conversation.keptWords, broken)
  // Where sound was heard, a browser may let it go on without another gesture.
  if (broken !== undefined && broken.bytes > 0) playback.unlock()
}
composer.focus()
await signIn.prepare()
// A gateway refuses a socket for an assistant that it does not have, and no reason reaches the page.
if (assistants.name !== '' && info.offers?.includes('/assistants')) await assistants.load(signIn.access)
connection.open()

/** The conversation that was kept; one with another assistant than the address names is put away. */
function readKeptOf(assistant: string | undefined): KeptConversation | undefined {
  const last = readKept()
  if (last === undefined || assistant === undefined || assistant === last.assistant) return last
  keepPast(last.turns, Date.now())
  return undefined
}

/** What had come of the answer that is due, before it was broken off: of its sound, what was heard. */
function brokenAnswerOf(turns: readonly TurnRecord[]): ReceivedItem | undefined {
  const last = turns.at(-1)
  if (last?.role !== 'assistant' || !isBrokenOff(last.outcome)) return undefined
  const { text, transcript, playedMs } = last
  return text === '' && transcript === '' ? undefined : { text, transcript, bytes: pcmBytes(playedMs) }
}

/** Whether an answer with this end may go on: `undefined` is one that the page left open. */
function isBrokenOff(outcome: Outcome | undefined): boolean {
  return outcome === undefined || outcome === 'lost' || outcome === 'restarted'
}

/** Says a text, or tells why it cannot be said. @returns whether it was taken */
function ask(text: string): boolean {
  const taken = talk.say(text)
  if (!taken)
    conversation.notice({
      kind: 'problem',
      what: say('{count} messages wait already.', { count: maxKept }),
      advice: say('Yours stays in the box below.'),
    })
  return taken
}

/** Puts the conversation away and begins another one. */
function beginAnew(): void {
  speech.close()
  talk.stop()
  talk.reset()
  keepPast(conversation.turns, Date.now())
  past.refresh()
  resume.forget()
  wasOpen = false
  isLost = false
  isInformed = false
  conversation.clear()
  connection.close()
  connection.open()
}

function keepConversation(): void {
  const { turns } = conversation
  const { due } = talk
  keep({ turns: [...turns], ticket, assistant: assistants.name, ...(due !== undefined && { due }) })
}

function connectionOnState(state: ConnectionState): void {
  lineOnState(state)
  status.connected(state.phase === 'open' || state.phase === 'draining')
  if (state.phase === 'open') lineOnOpen()
  if (state.phase === 'waiting' && !isLost) lineOnLost()
}

function lineOnOpen(): void {
  if (isLost && wasOpen) {
    notify(resume.reopened())
    fetchGatewayInfo().then(fresh => fresh && panel.info(fresh))
  }
  if (!isInformed) {
    isInformed = true
    showUsage()
    if (info.offers?.includes('/assistants')) void assistants.load(signIn.access)
  }
  void plug.opened()
  wasOpen = true
  isLost = false
  talk.lineOnOpen()
  speech.lineOnOpen()
}

function lineOnLost(): void {
  isLost = true
  talk.lineOnLost(resume.hasTicket)
  speech.lineOnLost()
  showHeard(false)
  status.tool('')
  if (wasOpen) conversation.announce(say('The connection is lost. Reconnecting.'))
  keepConversation()
}

/** Whether a refusal is of an open microphone's sound alone: on its way when the server said that it goes. */
function isLateSound(message: PageMessage): boolean {
  return message.type === 'error' && message.code === 'draining' && speech.mode === 'open' && !talk.isAsked
}

function showHeard(isHeard: boolean): void {
  speech.heard(isHeard)
  status.heard(isHeard)
}

function showTool({ name, status: phase }: ToolActivity): void {
  status.tool(phase === 'running' ? name : '')
}

function showUsage(): void {
  if (info.offers?.includes('/usage')) fetchUsage(signIn.access).then(usage => usage && panel.usage(usage))
}

function notify(notice: ResumeNotice | undefined): void {
  if (notice) conversation.notice({ kind: 'info', ...notice })
}
