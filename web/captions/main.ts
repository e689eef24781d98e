/** Live captions: a microphone, a transcription session, and what comes of it in writing. */

import { SignInDialog } from '../access/sign-in.ts'
import { say } from '../language/language.ts'
import { Connection, type ConnectionState } from '../page/connection.ts'
import { readGatewayInfo } from '../page/gateway-info.ts'
import { showLine } from '../page/line.ts'
import { Masthead } from '../page/masthead.ts'
import { enablePage, focusScrollers, part } from '../page/page.ts'
import { type RealtimeEvent, readEvent } from '../page/realtime-event.ts'
import { showLevel } from '../sound/meter.ts'
import { encodePcm16 } from '../sound/pcm.ts'
import { SpeechInput } from '../sound/speech-input.ts'
import type { SpeechMode } from '../sound/speech-mode.ts'
import { CaptionList } from './caption-list.ts'
import { Turns } from './turns.ts'

enablePage()

const path = '/v1/realtime?intent=transcription'
/** After the microphone is closed, the last words may take so long (ms). */
const lastWordsMs = 5000

const info = readGatewayInfo(document)
const masthead = new Masthead()
const captions = new CaptionList()
const turns = new Turns()
const model = part('#model', HTMLSelectElement)
const speak = part('#speak', HTMLButtonElement)
const words = part('#words', HTMLElement)
const fault = part('#fault', HTMLElement)
const signIn = new SignInDialog(info, () => connection?.retryNow())
let connection: Connection<RealtimeEvent> | undefined
let stopLevel = () => {}
let closing = 0
const input = new SpeechInput({
  onMode: showMode,
  onBegin: () => turns.reset(),
  onSamples: hear,
  onEnd: finish,
  onFault: said => {
    fault.textContent = said
  },
})

for (const name of info.transcriptionModels ?? []) model.add(new Option(name))
model.onchange = () => connection?.send(settings())
speak.onclick = () => {
  fault.textContent = ''
  if (input.mode !== 'off') return input.end()
  connect()
  void begin()
}
masthead.provider(info)
focusScrollers()
await signIn.prepare()

/** Opens the microphone; without one there is nothing to connect for. */
async function begin(): Promise<void> {
  await input.begin('open')
  if (input.mode === 'off') finish()
}

function connect(): void {
  clearTimeout(closing)
  if (connection) return
  const opened = new Connection<RealtimeEvent>({
    address: () => signIn.access.socketAddress(path),
    heartbeat: undefined,
    read: data => (typeof data === 'string' ? readEvent(data) : undefined),
    onMessage: receive,
    onState: state => {
      showState(state)
      if (state.phase === 'open') opened.send(settings())
      if (state.phase === 'waiting') captions.giveUp()
    },
    onDialFailed: () => signIn.access.dialFailed(),
  })
  const showState = showLine(masthead, opened) satisfies (state: ConnectionState) => void
  connection = opened
  opened.open()
}

function disconnect(): void {
  clearTimeout(closing)
  connection?.close()
  connection = undefined
  captions.giveUp()
}

/** This page says when a turn is over: models that write down at once take no turn detection. */
function settings(): RealtimeEvent {
  const transcription = { model: model.value }
  return {
    type: 'session.update',
    session: { type: 'transcription', audio: { input: { transcription, turn_detection: null } } },
  }
}

function receive(event: RealtimeEvent): void {
  if (event.type === 'error') fault.textContent = messageOf(event)
  const isDone = captions.receive(event)
  if (isDone && input.mode === 'off' && captions.pending === 0) disconnect()
}

function messageOf({ error }: RealtimeEvent): string {
  const { message } = (error ?? {}) as { message?: unknown }
  return typeof message === 'string' ? message : say('The session reported an error.')
}

function hear(samples: Int16Array<ArrayBuffer>): void {
  const isSent = connection?.send({ type: 'input_audio_buffer.append', audio: encodePcm16(samples) }) ?? false
  // Nobody writes down what is said without a connection.
  if (!isSent) return turns.reset()
  if (turns.take(samples)) connection?.send({ type: 'input_audio_buffer.commit' })
}

/** The microphone is closed: what was said since the last pause is a turn, too. */
function finish(): void {
  clearTimeout(closing)
  if (turns.hasSpeech || captions.hasOpenTurn) connection?.send({ type: 'input_audio_buffer.commit' })
  else if (captions.pending === 0) return disconnect()
  turns.reset()
  closing = window.setTimeout(disconnect, lastWordsMs)
}

function showMode(mode: SpeechMode, analyser: AnalyserNode | undefined): void {
  stopLevel()
  stopLevel = analyser === undefined ? () => {} : showLevel(part('#level', HTMLMeterElement), analyser)
  const isOn = mode !== 'off'
  speak.ariaPressed = String(isOn)
  speak.textContent = isOn ? say('Stop captions') : say('Start captions')
  words.textContent = say(isOn ? 'Speak; a pause ends a caption.' : 'The microphone is off.')
}
