/** The chat page: makes its parts and joins them. */
import type { ChatMessage } from '../../runtime/core/wire.ts'
import { SignInDialog } from '../access/sign-in.ts'
import { Connection, type ConnectionState } from '../page/connection.ts'
import { fetchGatewayInfo, readGatewayInfo } from '../page/gateway-info.ts'
import { showLine } from '../page/line.ts'
import { Masthead } from '../page/masthead.ts'
import { part } from '../page/page.ts'
import { Playback, type SoundState } from '../sound/playback.ts'
import { Composer } from './composer.ts'
import { Conversation } from './conversation.ts'
import { readMessage } from './messages.ts'
import { Panel } from './panel.ts'
import { Resume, type ResumeNotice } from './resume.ts'
import { Speech } from './speech.ts'
import { maxKept, Talk } from './talk.ts'
import { TalkBar } from './talk-bar.ts'
import { TalkStatusView } from './talk-status.ts'
import { advice, endsSpeech } from './words.ts'

const info = readGatewayInfo(document)
const masthead = new Masthead()
const panel = new Panel()
const conversation = new Conversation()
const resume = new Resume()
const signIn = new SignInDialog(info, () => connection.retryNow())
const sound: { state: SoundState; muted: boolean } = { state: 'locked', muted: false }
let wasOpen = false
let isLost = false

const playback = new Playback({
  onSound: state => {
    sound.state = state
    panel.sound(sound.state, sound.muted)
  },
  onPlaying: playing => {
    panel.playing(playing)
    conversation.playing(playing)
    talkBar.playing(playing.playing)
    status.playing(playing.playing)
    composer.canStop(talk.busy())
  },
})
const status = new TalkStatusView(words => panel.status(words))
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
  answer: () => playback.analyser(),
})

const connection = new Connection<ChatMessage>({
  address: () => signIn.access.socketAddress('/chat', resume.query()),
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
  question: (text, kept) => conversation.question(text, kept),
  keptAreSent: () => conversation.keptAreSent(),
  spoken: () => conversation.spoken(),
  heard: text => conversation.heard(text),
  wordsAreLost: () => conversation.wordsAreLost(),
  answerBegins: () => conversation.answerBegins(),
  text: value => conversation.text(value),
  transcript: value => conversation.transcript(value),
  audio: bytes => {
    panel.audio(bytes)
    conversation.audio(bytes)
  },
  answerEnds: (outcome, heardMs) => conversation.answerEnds(outcome, heardMs),
  status: message => status.server(message),
  problem: (message, code) => conversation.notice('problem', message, advice(message, code)),
  unanswered: askAgain =>
    conversation.notice(
      'problem',
      'The connection went before the answer was complete.',
      askAgain ? '' : 'Say it again.',
      askAgain && { label: 'Ask again', run: askAgain },
    ),
  turn: turn => {
    status.turn(turn)
    composer.canStop(talk.busy())
  },
})

const speech = new Speech({
  send: request => connection.send(request),
  ready: () => connection.ready(),
  onHold: () => talk.stop(),
  onTurn: () => talk.spoken(),
  onMode: (mode, analyser) => {
    talkBar.mode(mode, analyser)
    status.mode(mode, analyser !== undefined)
  },
  onFault: words => talkBar.fault(words),
})

const composer = new Composer({
  onSay: text => {
    const taken = talk.say(text)
    if (!taken)
      conversation.notice('problem', `${maxKept} messages wait already.`, 'Yours stays in the box below.')
    return taken
  },
  onStop: () => {
    if (speech.discard()) return
    talk.stop()
    talkBar.playing(false)
  },
  onMute: muted => {
    sound.muted = muted
    playback.setMuted(muted)
    panel.sound(sound.state, sound.muted)
  },
})

masthead.provider(info)
panel.info(info)
if (info.textOnly) talkBar.hide()
part('#sound-unlock', HTMLButtonElement).onclick = () => playback.unlock()
composer.focus()
await signIn.prepare()
connection.open()

function connectionOnState(state: ConnectionState): void {
  lineOnState(state)
  status.connected(state.phase === 'open')
  if (state.phase === 'open') lineOnOpen()
  if (state.phase === 'waiting' && !isLost) lineOnLost()
}

function lineOnOpen(): void {
  if (isLost && wasOpen) {
    notify(resume.reopened())
    fetchGatewayInfo().then(fresh => fresh && panel.info(fresh))
  }
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
  status.server('')
  if (wasOpen) conversation.announce('The connection is lost. Reconnecting.')
}

/** Whether a refusal is of an open microphone's sound alone: on its way when the server said that it goes. */
function isLateSound(message: ChatMessage): boolean {
  return message.type === 'error' && message.code === 'draining' && speech.mode === 'open' && !talk.isAsked
}

function showHeard(isHeard: boolean): void {
  speech.heard(isHeard)
  status.heard(isHeard)
}

function notify(notice: ResumeNotice | undefined): void {
  if (notice) conversation.notice('info', notice.what, notice.advice)
}
