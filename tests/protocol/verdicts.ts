/** What this project does with each name of the protocol, found by trying: translators, the simulator's checks, the doors. */

import { pcmRate } from '../../runtime/core/contract.ts'
import { responseToPreview } from '../../runtime/dialect/response-shape.ts'
import { SessionMemory } from '../../runtime/dialect/session-memory.ts'
import { sessionToPreview } from '../../runtime/dialect/session-shape.ts'
import { checkEvent, clientEvents } from '../../runtime/simulator/protocol/ga.ts'
import { TranslationSession } from '../../runtime/simulator/translation/session.ts'
import {
  newTranslation,
  translationEvents,
  translationRequest,
} from '../../runtime/simulator/translation/shape.ts'
import { toGa, toPreview } from '../dialect/dialects.ts'
import { gaEvents } from '../simulator/ga-events.ts'

type Fields = Record<string, unknown>

/** `as it is`: not a byte is changed. */
export type Verdict = string

export const asItIs = 'as it is'
export const leftOut = 'left out'

/** What an upstream of the preview gets of a message of a GA client. */
export function messageBeforePreview(type: string): Verdict {
  return toGa.messages.has(type) ? 'translated' : asItIs
}

/** What a client of the preview sees of an event of a GA upstream. */
export function eventForPreview(type: string): Verdict {
  const translate = toPreview.events.get(type)
  if (translate === undefined) return asItIs
  const item = { id: 'item_1', type: 'message', role: 'user', content: [] }
  const sample = {
    type,
    item,
    session: { type: 'realtime' },
    response: { output: [] },
    error: { param: 'session.audio' },
  }
  const seen = translate(Buffer.from(JSON.stringify(sample)), new SessionMemory()).map(event => event.type)
  if (seen.length === 0) return leftOut
  return seen.every(each => each === type)
    ? 'translated'
    : `translated: ${seen.map(each => `\`${each}\``).join(', ')}`
}

/** Whether the simulator takes a message on some line. */
export function messageAtSimulator(type: string): Verdict {
  const fault = checkEvent(clientEvents, { type })
  return fault?.param === 'type' ? 'refused' : 'taken'
}

/** Whether the simulator ever sends an event. */
export function eventOfSimulator(type: string): Verdict {
  return type in gaEvents ? 'sent' : 'not sent'
}

/** What an upstream of the preview gets of a field of a session. @param prefix of a transcription session's own */
export function fieldBeforePreview(path: string, isTranscription: boolean): Verdict {
  const base = isTranscription ? { type: 'transcription' } : {}
  const own = inSession(isTranscription)
  return placeOf(path, own, fields => sessionToPreview({ ...base, ...fields }))
}

/** What an upstream of the preview gets of a field of `response.create`. */
export function responseFieldBeforePreview(path: string): Verdict {
  return placeOf(path, inResponse, fields => responseToPreview(fields, false))
}

/** Whether the simulator knows a field of a session. */
export function fieldAtSimulator(path: string, isTranscription: boolean): Verdict {
  return knownForms(path, inSession(isTranscription)).length > 0 ? 'known' : 'refused'
}

/** Whether the simulator knows a field of `response.create`. */
export function responseFieldAtSimulator(path: string): Verdict {
  return knownForms(path, inResponse).length > 0 ? 'known' : 'refused'
}

/** Whether the simulator takes a message in a session that translates. */
export function messageInTranslation(type: string): Verdict {
  return checkEvent(translationEvents, { type })?.param === 'type' ? 'refused' : 'taken'
}

/** Whether the simulator ever sends an event in a session that translates: one that does all is listened to. */
export function eventOfTranslation(type: string): Verdict {
  return translationTypes.has(type) ? 'sent' : 'not sent'
}

/** Whether the simulator knows a field of a session that translates. */
export function fieldOfTranslation(path: string): Verdict {
  const isKnown = holding(path, mark).some(
    fields => translationRequest({ model: mark, ...fields }, 'session')?.code !== 'unknown_parameter',
  )
  return isKnown ? 'known' : 'refused'
}

const translationTypes = listenToTranslation()

function listenToTranslation(): ReadonlySet<string> {
  const types = new Set<string>()
  const config = {
    ...newTranslation('gpt-realtime-translate'),
    transcription: { model: 'gpt-live-transcribe' },
  }
  const session = new TranslationSession({ config, seed: 1, lifetimeSec: 60 })
  const wire = { send: (text: string) => void types.add(JSON.parse(text).type), close: () => undefined }
  session.attach(wire)
  session.start()
  session.receive('nothing that is an event', wire)
  session.receive(JSON.stringify({ type: 'session.update', session: {} }), wire)
  session.hear(Buffer.alloc(pcmRate))
  session.receive(JSON.stringify({ type: 'session.close' }), wire)
  return types
}

/** Where a field stands: the event that carries it, and the name of its object there. */
interface Carrier {
  readonly top: string
  event(fields: Fields): Fields
}

const inResponse: Carrier = {
  top: 'response',
  event: fields => ({ type: 'response.create', response: fields }),
}

function inSession(isTranscription: boolean): Carrier {
  const type = isTranscription ? 'transcription' : 'realtime'
  return { top: 'session', event: fields => ({ type: 'session.update', session: { type, ...fields } }) }
}

/** Marks a value so that it is found wherever a translation puts it. */
const mark = 'a-value-that-nothing-else-has'

/** Values of fields that a translation reads, and how the translated one is told. */
const samples: Readonly<Record<string, { value: unknown; mark: string }>> = {
  output_modalities: { value: ['text'], mark: 'text' },
  'audio.input.format.type': { value: 'audio/pcmu', mark: 'g711_ulaw' },
  'audio.output.format.type': { value: 'audio/pcmu', mark: 'g711_ulaw' },
  'audio.input.turn_detection.type': { value: 'semantic_vad', mark: 'semantic_vad' },
  'tools[].type': { value: 'function', mark: 'function' },
}

/** What must stand beside a member for its object to be one of the protocol's, in each form that the object has. */
const companions: Readonly<Record<string, readonly Fields[]>> = {
  'audio.input.format': [{ type: 'audio/pcm' }],
  'audio.output.format': [{ type: 'audio/pcm' }],
  'audio.input.turn_detection': [{ type: 'server_vad' }, { type: 'semantic_vad' }],
  'audio.input.transcription': [{ model: 'gpt-live-transcribe' }],
  'tools[]': [
    { type: 'function', name: 'f' },
    { type: 'mcp', server_label: 's', server_url: 'https://localhost' },
  ],
  tool_choice: [
    { type: 'function', name: 'f' },
    { type: 'mcp', server_label: 's' },
  ],
  truncation: [{ type: 'retention_ratio', retention_ratio: 0.5 }],
  prompt: [{ id: 'p' }],
}

/** Objects that hold a field at a path: one for each form of the objects around it. */
function holding(path: string, value: unknown): Fields[] {
  const wrap = (parts: readonly string[], at: string): unknown[] => {
    const [part = '', ...rest] = parts
    const name = part.replace(/\[\]$/, '')
    const here = at === '' ? part : `${at}.${part}`
    const inner = rest.length === 0 ? [value] : wrap(rest, here)
    const shaped = part.endsWith('[]') && rest.length > 0 ? inner.map(each => [each]) : inner
    return shaped.flatMap(each => (companions[at] ?? [{}]).map(beside => ({ ...beside, [name]: each })))
  }
  return wrap(path.split('.'), '') as Fields[]
}

function placeOf(path: string, carrier: Carrier, translate: (fields: Fields) => unknown): Verdict {
  const sample = samples[path] ?? { value: mark, mark }
  for (const fields of knownForms(path, carrier, sample.value)) {
    const place = findMark(translate(fields), sample.mark)
    if (place !== null)
      return place.replace(/\[\]$/, '') === path ? asItIs : `\`${place.replace(/\[\]$/, '')}\``
  }
  return leftOut
}

/** Objects that hold a field where it belongs: an MCP server's is none of a function's. */
function knownForms(path: string, { top, event }: Carrier, value: unknown = mark): Fields[] {
  const own = `${top}.${path.replaceAll('[]', '[0]')}`
  return holding(path, value).filter(fields => {
    const fault = checkEvent(clientEvents, event(fields))
    return fault?.code !== 'unknown_parameter' || !`${own}.`.startsWith(`${fault.param}.`)
  })
}

function findMark(value: unknown, wanted: string, path = ''): string | null {
  if (value === wanted) return path
  if (typeof value !== 'object' || value === null) return null
  for (const [name, member] of Object.entries(value)) {
    const inner = Array.isArray(value) ? `${path}[]` : path === '' ? name : `${path}.${name}`
    const found = findMark(member, wanted, inner)
    if (found !== null) return found
  }
  return null
}
