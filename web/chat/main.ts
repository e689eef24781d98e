/** The chat page: makes its parts and joins them. */
import type { ChatMessage } from '../../runtime/types.ts'
import { SignInDialog } from '../access/sign-in.ts'
import { Connection, type ConnectionState } from '../page/connection.ts'
import { fetchGatewayInfo, readGatewayInfo } from '../page/gateway-info.ts'
import { showLine } from '../page/line.ts'
import { Masthead } from '../page/masthead.ts'
import { part } from '../page/page.ts'
import { Playback, type SoundState } from '../sound/playback.ts'
import { Waveform } from '../sound/waveform.ts'
import { Composer } from './composer.ts'
import { Conversation } from './conversation.ts'
import { readMessage } from './messages.ts'
import { Panel } from './panel.ts'
import { Resume, type ResumeNotice } from './resume.ts'
import { maxKept, Talk } from './talk.ts'
import { advice } from './words.ts'

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
    waveform.run(playing.playing)
    composer.canStop(talk.busy())
  },
})
const waveform = new Waveform(part('#waveform', HTMLCanvasElement), () => playback.analyser())

const connection = new Connection<ChatMessage>({
  address: () => signIn.access.socketAddress('/chat', resume.query()),
  heartbeat: { type: 'heartbeat' },
  read: readMessage,
  onMessage: message => {
    notify(resume.receive(message))
    talk.receive(message)
  },
  onState: connectionOnState,
  onDialFailed: () => signIn.access.dialFailed(),
})
const lineOnState = showLine(masthead, connection)

const talk = new Talk(connection, playback, {
  question: (text, kept) => conversation.question(text, kept),
  keptAreSent: () => conversation.keptAreSent(),
  answerBegins: () => conversation.answerBegins(),
  text: value => conversation.text(value),
  transcript: value => conversation.transcript(value),
  audio: bytes => {
    panel.audio(bytes)
    conversation.audio(bytes)
  },
  answerEnds: (outcome, heardMs) => conversation.answerEnds(outcome, heardMs),
  status: message => panel.status(message),
  problem: (message, code) => conversation.notice('problem', message, advice(message, code)),
  unanswered: askAgain =>
    conversation.notice('problem', 'The connection went before the answer was complete.', '', {
      label: 'Ask again',
      run: askAgain,
    }),
  turn: () => composer.canStop(talk.busy()),
})

const composer = new Composer({
  onSay: text => {
    const taken = talk.say(text)
    if (!taken)
      conversation.notice('problem', `${maxKept} messages wait already.`, 'Yours stays in the box below.')
    return taken
  },
  onStop: () => {
    talk.stop()
    waveform.run(false)
  },
  onMute: muted => {
    sound.muted = muted
    playback.setMuted(muted)
    panel.sound(sound.state, sound.muted)
  },
})

masthead.provider(info)
panel.info(info)
part('#sound-unlock', HTMLButtonElement).onclick = () => playback.unlock()
composer.focus()
await signIn.prepare()
connection.open()

function connectionOnState(state: ConnectionState): void {
  lineOnState(state)
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
}

function lineOnLost(): void {
  isLost = true
  talk.lineOnLost(resume.hasTicket)
  panel.status('Not connected to the model')
  if (wasOpen) conversation.announce('The connection is lost. Reconnecting.')
}

function notify(notice: ResumeNotice | undefined): void {
  if (notice) conversation.notice('info', notice.what, notice.advice)
}
