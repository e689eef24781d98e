/** The playground: makes its parts and joins them. */

import { SignInDialog } from '../access/sign-in.ts'
import { say } from '../language/language.ts'
import type { ConnectionState } from '../page/connection.ts'
import { countWords } from '../page/figures.ts'
import { readGatewayInfo, socketUrl } from '../page/gateway-info.ts'
import { showLine } from '../page/line.ts'
import { Masthead } from '../page/masthead.ts'
import { enablePage, focusScrollers, foldOnNarrowScreens, part } from '../page/page.ts'
import { audioDelta, type RealtimeEvent, readEvent, textDelta } from '../page/realtime-event.ts'
import { AllowList } from './allow-list.ts'
import { AnswerView } from './answer-view.ts'
import { Bench, type Frame } from './bench.ts'
import { CodeView } from './code-view.ts'
import { Composer } from './composer.ts'
import { maxChars } from './event-log.ts'
import { createEventPanel } from './event-panel.ts'
import { LatencyView } from './latency-view.ts'
import { Loudspeaker } from './loudspeaker.ts'
import { readExport, replay } from './replay.ts'
import { createSettings } from './settings.ts'
import { createSpeech } from './speech-view.ts'
import { summarise } from './summary.ts'
import { joinTour } from './tour.ts'
import { detectionOf } from './turn-detection.ts'

enablePage()

const filtered = '/realtime'
const unfiltered = '/v1/realtime'
/** A larger file is not read (bytes): the log keeps no more, each character in UTF-8 and escaped. */
const maxExportBytes = 4 * maxChars
/** Frames that came over the present connection. */
let received = 0
/** What the person sent last, to say it again elsewhere. */
let lastSent: readonly string[] = []
const info = readGatewayInfo(document)
const masthead = new Masthead()
const endpoint = part('#endpoint', HTMLSelectElement)
const connect = part('#connect', HTMLButtonElement)
const again = part('#again', HTMLInputElement)
const signIn = new SignInDialog(info, () => bench.retryNow())
const loudspeaker = new Loudspeaker()
const latency = new LatencyView()
const answer = new AnswerView(announce)
const allowList = new AllowList(info, () => panel.refresh())
const panel = createEventPanel(
  ({ direction, type }) => direction === 'in' && endpoint.value !== filtered && allowList.drops(type),
)
const bench = new Bench({
  address: () => signIn.access.socketAddress(endpoint.value),
  onFrame: benchOnFrame,
  onState: benchOnState,
  onDialFailed: () => signIn.access.dialFailed(),
  onUnsent: frames =>
    note(say('not sent'), say('{events} waited for the connection', { events: countWords(frames, 'event') })),
  again: () => again.checked,
})
const lineOnState = showLine(masthead, bench)
const composer = new Composer(frames => {
  loudspeaker.unlock()
  lastSent = frames
  for (const frame of frames) sendFrame(frame)
})
const speech = createSpeech(
  event => sendFrame(JSON.stringify(event)),
  () => loudspeaker.unlock(),
)
const settings = createSettings({
  transcriptionModel: info.turnTranscription,
  onApply: event => sendFrame(JSON.stringify(event)),
  onCompose: event => composer.put(event),
})

const codeView = new CodeView(() => ({
  socketUrl: socketUrl(endpoint.value, info.host).href,
  frames: composer.frames,
  needsKey: (info.auth?.length ?? 0) > 0,
  session: settings.session(),
}))
joinTour()
joinReplay()
part('#compose-form', HTMLFormElement).addEventListener('input', () => codeView.refresh())
part('#settings-form', HTMLFormElement).addEventListener('input', () => codeView.refresh())

masthead.provider(info)
focusScrollers()
foldOnNarrowScreens()
part('#widen', HTMLButtonElement).onclick = widen
part('#widen-again', HTMLButtonElement).onclick = widen
endpoint.onchange = showEndpoint
connect.onclick = () => {
  loudspeaker.unlock()
  if (connect.dataset.on === 'true') bench.disconnect()
  else bench.connect()
}
part('#silence', HTMLButtonElement).onclick = stopAnswer
// The first thing that is sent shows an answer.
if (allowList.dropsAnswers) endpoint.value = unfiltered
showEndpoint()
await signIn.prepare()

function showEndpoint(): void {
  const isFiltered = endpoint.value === filtered
  bench.disconnect()
  composer.takeText(isFiltered)
  const isDeaf = isFiltered && allowList.dropsAnswers
  part('#endpoint-words', HTMLElement).textContent = endpointWords(isFiltered, isDeaf)
  part('#widen', HTMLElement).hidden = !isDeaf
  part('#widen-hint', HTMLElement).hidden = true
  panel.refresh()
  codeView.refresh()
}

function endpointWords(isFiltered: boolean, isDeaf: boolean): string {
  if (!isFiltered)
    return say('Every frame goes on as it is. Events that /realtime would drop are faint and slanted.')
  if (isDeaf)
    return say(
      "Plain words go out as what the user says. This gateway's filter lets nothing of an answer through.",
    )
  return say(
    'Plain words go out as what the user says. What comes back passes the filter at the end of this page.',
  )
}

/** Goes to the endpoint that lets everything through, and says there what the filter kept without an answer. */
function widen(): void {
  const unanswered = part('#widen-hint', HTMLElement).hidden ? [] : lastSent
  endpoint.value = unfiltered
  showEndpoint()
  endpoint.focus()
  bench.connect()
  for (const frame of unanswered)
    for (const event of composer.asEvents(frame)) sendFrame(JSON.stringify(event))
}

function benchOnState(state: ConnectionState): void {
  lineOnState(state)
  const isOn = state.phase !== 'closed'
  connect.dataset.on = String(isOn)
  connect.textContent = say(isOn ? 'Disconnect' : 'Connect')
  if (state.phase === 'open') {
    received = 0
    speech.setDetection(undefined)
    note(say('connected'), endpoint.value)
  }
  // Its sound would connect again at once.
  if (state.phase === 'closed') speech.cancel()
  if (state.phase !== 'waiting') return
  note(say('connection ended'), endWords(state.code, state.reason))
  if (received > 0 || state.code !== 1000 || endpoint.value !== filtered) return
  note(
    say('nothing passed the filter'),
    say('look below at what /realtime lets through, or choose /v1/realtime'),
  )
  part('#widen-hint', HTMLElement).hidden = false
}

/** Why a connection ended: the server's words, else what its close code means. */
function endWords(code: number, reason: string): string {
  const words = reason || say(code === 1000 ? 'the session is over' : 'the connection broke')
  return say('{words} (close code {code})', { words, code })
}

function benchOnFrame({ type, text, event, value }: Frame): void {
  received++
  panel.log.add({ direction: 'in', type, summary: event ? summarise(event) : text.slice(0, 90), text })
  if (value !== undefined) answer.receiveObject(value)
  if (!event) return
  allowList.saw(type)
  if (type === 'error') announce(say('Error: {words}', { words: summarise(event) }))
  answer.receive(event)
  loudspeaker.receive(event)
  if (textDelta.test(type) || audioDelta.test(type)) latency.delta()
  if (type === 'input_audio_buffer.speech_stopped') latency.asked()
  if (type === 'session.created' || type === 'session.updated') speech.setDetection(detectionOf(event))
}

/** Sends a frame and enters it; the same way for what is typed, spoken and set. */
function sendFrame(frame: string): void {
  const event = readEvent(frame)
  if (!bench.send(frame)) return note(say('not sent'), say('too much waits for the connection'))
  const type = event?.type ?? '<text>'
  const entry = {
    direction: 'out',
    type,
    summary: event ? summarise(event) : frame.slice(0, 90),
    text: frame,
  } as const
  if (type === 'input_audio_buffer.append') panel.log.addChunk(entry)
  else panel.log.add(entry)
  if (type === 'response.create' || type === '<text>') latency.asked()
  if (type === 'response.cancel') loudspeaker.cut()
}

function stopAnswer(): void {
  const cut = loudspeaker.cut()
  const events: RealtimeEvent[] = [{ type: 'response.cancel' }]
  if (cut)
    events.push({
      type: 'conversation.item.truncate',
      item_id: cut.itemId,
      content_index: 0,
      audio_end_ms: cut.heardMs,
    })
  if (connect.dataset.on === 'true') for (const event of events) sendFrame(JSON.stringify(event))
}

/** Says one sentence to a screen reader. */
function announce(sentence: string): void {
  part('#announcer', HTMLElement).textContent = sentence
}

function note(type: string, words: string): void {
  panel.log.add({ direction: 'note', type, summary: words, text: words })
}

/** Sends what an exported session sent. Another file, or another endpoint, ends the one before. */
function joinReplay(): void {
  const input = part('#replay', HTMLInputElement)
  const fault = part('#replay-fault', HTMLElement)
  let running = 0
  input.onchange = async () => {
    const [file] = input.files ?? []
    if (!file) return
    loudspeaker.unlock()
    running++
    const mine = running
    const to = endpoint.value
    const frames = file.size > maxExportBytes ? undefined : readExport(await file.text().catch(() => ''))
    input.value = ''
    fault.textContent = frames ? '' : say('This is no export of this page, or nothing was sent in it.')
    if (frames) await replay(frames, sendFrame, () => mine !== running || endpoint.value !== to)
  }
}
