/** The sideband page: makes its parts and joins them. */

import { SignInDialog } from '../access/sign-in.ts'
import { say } from '../language/language.ts'
import type { ConnectionState } from '../page/connection.ts'
import { readGatewayInfo } from '../page/gateway-info.ts'
import { lineWords } from '../page/line.ts'
import { Masthead } from '../page/masthead.ts'
import { enablePage, focusScrollers, part } from '../page/page.ts'
import { type RealtimeEvent, readEvent } from '../page/realtime-event.ts'
import { SidebandApi } from './api.ts'
import { Ears } from './audio-output.ts'
import { CallLog } from './call-log.ts'
import type { ControlMessage } from './control-messages.ts'
import { Drawing } from './drawing.ts'
import { createForms } from './forms.ts'
import { Journey } from './journey.ts'
import { Lanes } from './lanes.ts'
import { MicrophoneButton } from './microphone-button.ts'
import { Sessions } from './sessions.ts'
import { createSteps, type StepName } from './steps.ts'
import { Transcript } from './transcript.ts'

enablePage()

const info = readGatewayInfo(document)
const masthead = new Masthead()
const signIn = new SignInDialog(info, () => {
  journey.retryNow()
  sessions.refresh()
})
const api = new SidebandApi(signIn.access)
const sessions = new Sessions(api, { onFault: showFault, onControl: joinCall })
const lanes = new Lanes()
const drawing = new Drawing()
const transcript = new Transcript()
const callLog = new CallLog(words => transcript.announce(words))
const ears = new Ears(direction => drawing.light('sound', direction))
const showStep = createSteps(step => run([step]))
const start = part('#start', HTMLButtonElement)
const hangUp = part('#hang-up', HTMLButtonElement)

const journey = new Journey(api, {
  onStep: (step, state, words) => {
    showStep(step, state, words)
    if (state === 'done') reached(step)
  },
  onEvent: text => {
    const event = readEvent(text)
    if (!event) return
    lanes.add('webrtc', 'in', event)
    drawing.light('channel', 'in')
    callLog.receive(event)
    transcript.receive(event)
  },
  onSound: stream => ears.hear(stream),
  onMicrophone: stream => {
    ears.speak(stream)
    microphone.show(stream !== undefined)
  },
  onControl: controlOnMessage,
  onControlState: controlOnState,
  onDialFailed: () => signIn.access.dialFailed(),
  onCallEnd: callOnEnd,
  onFault: showFault,
})
const microphone = new MicrophoneButton(on => journey.setMicrophone(on))
const forms = createForms({
  byControl: command => send('control', command, journey.sendByControl(command)),
  byChannel: event => send('webrtc', event, journey.sendByChannel(event)),
})

masthead.provider(info)
focusScrollers()
masthead.line('idle', say('No call'))
start.onclick = () => run(['session', 'call', 'control'])
hangUp.onclick = () => journey.hangUp()
addEventListener('pagehide', () => journey.leave())
await signIn.prepare()
sessions.refresh()

async function run(steps: readonly StepName[]): Promise<void> {
  showFault('')
  start.disabled = true
  for (const step of steps) {
    if (step === 'session') beginAnew()
    if (!(await journey.run(step, forms.instructions))) break
  }
  start.disabled = !hangUp.disabled
  sessions.refresh()
}

/** Controls a call that came by telephone, where this page has no call of its own. */
function joinCall(sessionId: string): void {
  if (start.disabled) return showFault(say('Hang up this call first.'))
  showFault('')
  beginAnew()
  start.disabled = true
  hangUp.disabled = false
  journey.join(sessionId)
}

function beginAnew(): void {
  lanes.restart()
  callLog.restart()
  transcript.clear()
  showStep('call', 'waiting')
  showStep('control', 'waiting')
}

function reached(step: StepName): void {
  if (step === 'call') {
    hangUp.disabled = false
    for (const wire of ['sound', 'channel'] as const) drawing.connect(wire, true)
    forms.enable('channel', true)
    microphone.enable(true)
    masthead.line('open', say('Call running'))
  }
  if (step === 'control') {
    for (const wire of ['control', 'call'] as const) drawing.connect(wire, true)
    forms.enable('control', true)
    masthead.line('open', say('Call under control'))
    sessions.refresh()
  }
}

function controlOnMessage(message: ControlMessage): void {
  if (message.type === 'heartbeat-ack') return
  drawing.light('control', 'in')
  if (message.type === 'openai_event') {
    drawing.light('call', 'in')
    lanes.add('control', 'in', message.event)
    callLog.receive(message.event)
    return transcript.receive(message.event)
  }
  lanes.add('control', 'in', message)
  callLog.receiveByControl(message)
  if (message.type === 'error') showFault(message.message)
}

function controlOnState(state: ConnectionState): void {
  if (state.phase !== 'waiting') return
  for (const wire of ['control', 'call'] as const) drawing.connect(wire, false)
  forms.enable('control', false)
  masthead.line(
    'waiting',
    say('Call running; control: {state}', { state: lineWords(state).toLowerCase() }),
    state.reason,
  )
}

function callOnEnd(reason: string): void {
  for (const wire of ['sound', 'channel', 'control', 'call'] as const) drawing.connect(wire, false)
  forms.enable('channel', false)
  forms.enable('control', false)
  microphone.enable(false)
  ears.close()
  start.disabled = false
  if (document.activeElement === hangUp) start.focus()
  hangUp.disabled = true
  masthead.line('idle', say('The call has ended'))
  transcript.announce(say('The call has ended: {reason}', { reason }))
  sessions.refresh()
}

function send(lane: 'webrtc' | 'control', event: RealtimeEvent, sent: boolean): boolean {
  if (!sent) {
    showFault(say('This did not go out: the connection is not open just now.'))
    return false
  }
  showFault('')
  lanes.add(lane, 'out', event)
  drawing.light(lane === 'webrtc' ? 'channel' : 'control', 'out')
  if (lane === 'control') drawing.light('call', 'out')
  return true
}

/** @param words what went wrong; '' where nothing does any more */
function showFault(words: string): void {
  part('#fault', HTMLElement).textContent = words
}
