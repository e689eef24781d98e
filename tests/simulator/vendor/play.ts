/** Plays the client's side of a recording to a server, when the vendor's server would have come to it. */
import type { Conversation } from '../conversation.ts'
import { append, silence, tone } from '../events.ts'
import { isDelta } from './differences.ts'
import type { Line, Recording, VendorEvent } from './recording.ts'

/** What the server answers a client event with, whose place in the recording says when the server came to it. */
const answers: Readonly<Record<string, string>> = {
  'session.update': 'session.updated',
  'conversation.item.create': 'conversation.item.added',
  'response.create': 'response.created',
}

/** What the recordings' audio was before it was shortened: a second of speech, and silence that ends the turn. */
const speechMs = 1000
const pauseMs = 1200

/**
 * Sends what the client sent and gives what came. A client event is sent once all has come that the vendor had
 * sent before it answered it: who was faster of the two is no property of a server.
 *
 * @returns all that came, and whether it was all that was waited for
 */
export async function playRecording(
  { lines }: Recording,
  { send, seen, next }: Conversation,
): Promise<{ events: VendorEvent[]; complete: boolean }> {
  const ids = new Map<string, string>()
  const steps = stepsOf(lines).map(step => ({ ...step, event: bringAbout(step.event, lines) }))
  try {
    for (const { event, after } of steps) {
      await reach(lines.slice(0, after), seen, next)
      learnIds(lines.slice(0, after), seen, ids)
      send(withOwnIds(event, ids))
    }
    await reach(lines, seen, next)
    return { events: [...seen], complete: true }
  } catch {
    return { events: [...seen], complete: false }
  }
}

/**
 * Asks the simulator for what the vendor's surroundings brought about: it hears no words, so a tool that was asked for
 * in speech is demanded; and any deployment is there for it but those whose name begins with "missing".
 */
function bringAbout(event: object, lines: readonly Line[]): object {
  const { type, session } = event as { type: string; session?: Session }
  if (type !== 'session.update' || session === undefined) return event
  const types = new Set(lines.map(line => line.event.type))
  const hears = types.has('input_audio_buffer.append')
  const asked = hears && types.has('response.function_call_arguments.done') ? { tool_choice: 'required' } : {}
  const input = session.audio?.input
  const lacks =
    types.has('conversation.item.input_audio_transcription.failed') && input?.transcription != null
  const audio = lacks
    ? { ...session.audio, input: { ...input, transcription: { ...input.transcription, model: 'missing' } } }
    : session.audio
  return { type, session: { ...session, ...asked, ...(audio && { audio }) } }
}

interface Session {
  audio?: { input?: { transcription?: object | null } }
}

interface Step {
  readonly event: object
  /** Index of the first line that need not have come yet. */
  readonly after: number
}

/** What is sent: of many appends that lead to one turn, one with a whole turn's sound. */
function stepsOf(lines: readonly Line[]): Step[] {
  const steps: Step[] = []
  const answered = new Set<number>()
  let isSpoken = false
  lines.forEach(({ from, event }, index) => {
    if (event.type === 'input_audio_buffer.speech_stopped') isSpoken = false
    if (from === 'server') return
    if (event.type === 'input_audio_buffer.append') {
      const leadsToSpeech = lines
        .slice(index)
        .some(each => each.event.type === 'input_audio_buffer.speech_started')
      const started = lines
        .slice(0, index)
        .findLast(each => /speech_(started|stopped)$/.test(each.event.type))
      if (isSpoken || !leadsToSpeech || started?.event.type === 'input_audio_buffer.speech_started') return
      // Sound after a turn and before the end of its answer is the silence between.
      const isAnswering = lines
        .slice(0, index)
        .findLast(
          each =>
            /^response\.(created|done)$/.test(each.event.type) ||
            each.event.type === 'input_audio_buffer.committed',
        )
      if (isAnswering !== undefined && isAnswering.event.type !== 'response.done') return
      isSpoken = true
      steps.push({ event: append(Buffer.concat([tone(speechMs), silence(pauseMs)])), after: index })
      return
    }
    const answer = answers[event.type]
    const at = lines.findIndex(
      (line, place) =>
        place > index && line.event.type === answer && !answered.has(place) && isAnswerTo(event, line.event),
    )
    if (at >= 0) answered.add(at)
    steps.push({ event, after: at < 0 ? index : at })
  })
  return steps
}

function isAnswerTo(sent: VendorEvent, answer: VendorEvent): boolean {
  const [asked, given] = [sent.item, answer.item] as [Item | undefined, Item | undefined]
  return asked === undefined || (asked.type === given?.type && asked.role === given?.role)
}

interface Item {
  id?: string
  type?: string
  role?: string
  call_id?: string
}

/** Waits until as many events of each type have come as the vendor had sent, deltas apart. */
async function reach(
  lines: readonly Line[],
  seen: readonly VendorEvent[],
  next: () => Promise<VendorEvent>,
): Promise<void> {
  const wanted = countTypes(lines.filter(({ from }) => from === 'server').map(({ event }) => event))
  for (;;) {
    const have = countTypes(seen)
    if ([...wanted].every(([type, count]) => (have.get(type) ?? 0) >= count)) return
    await next()
  }
}

/** Where the vendor is free in what it sends: not waited for. */
const unpredictable = /^rate_limits\./

function countTypes(events: readonly VendorEvent[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { type } of events)
    if (!isDelta(type) && !unpredictable.test(type)) counts.set(type, (counts.get(type) ?? 0) + 1)
  return counts
}

/** Pairs the vendor's ids of items and calls with those of the server that is played to, by order. */
function learnIds(lines: readonly Line[], seen: readonly VendorEvent[], ids: Map<string, string>): void {
  const items = (events: readonly VendorEvent[]) =>
    events.filter(({ type }) => type === 'conversation.item.added').map(({ item }) => item as Item)
  const theirs = items(lines.filter(({ from }) => from === 'server').map(({ event }) => event))
  const ours = items(seen)
  theirs.forEach(({ id, call_id }, index) => {
    const own = ours[index]
    if (id !== undefined && own?.id !== undefined) ids.set(id, own.id)
    if (call_id !== undefined && own?.call_id !== undefined) ids.set(call_id, own.call_id)
  })
}

function withOwnIds(event: object, ids: ReadonlyMap<string, string>): object {
  return JSON.parse(JSON.stringify(event), (_name, value) =>
    typeof value === 'string' ? (ids.get(value) ?? value) : value,
  )
}
