/** The chat page: makes its parts and joins them. */
import { Composer } from './composer.ts'
import { Connection, type ConnectionState } from './connection.ts'
import { Conversation } from './conversation.ts'
import { fetchGatewayInfo, readGatewayInfo, socketUrl } from './gateway-info.ts'
import { part } from './page.ts'
import { Panel } from './panel.ts'
import { Playback, type SoundState } from './playback.ts'
import { maxKept, Talk } from './talk.ts'
import { advice } from './words.ts'

const info = readGatewayInfo(document)
const panel = new Panel()
const conversation = new Conversation()
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
    composer.canStop(talk.busy())
  },
})

const connection = new Connection(socketUrl('/chat', info.host), {
  onMessage: message => talk.receive(message),
  onState: connectionOnState,
})

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
  onStop: () => talk.stop(),
  onMute: muted => {
    sound.muted = muted
    playback.setMuted(muted)
    panel.sound(sound.state, sound.muted)
  },
})

panel.info(info)
panel.onRetry(() => connection.retryNow())
part('#sound-unlock', HTMLButtonElement).onclick = () => playback.unlock()
composer.focus()
connection.open()

function connectionOnState(state: ConnectionState): void {
  panel.line(state)
  if (state.phase === 'open') lineOnOpen()
  if (state.phase === 'waiting' && !isLost) lineOnLost()
}

function lineOnOpen(): void {
  if (isLost && wasOpen) {
    conversation.notice('info', 'Connected again.', 'The assistant starts a new conversation.')
    fetchGatewayInfo().then(fresh => fresh && panel.info(fresh))
  }
  wasOpen = true
  isLost = false
  talk.lineOnOpen()
}

function lineOnLost(): void {
  isLost = true
  talk.lineOnLost()
  panel.status('Not connected to the model')
  if (wasOpen) conversation.announce('The connection is lost. Reconnecting.')
}
