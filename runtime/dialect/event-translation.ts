/** What upstream sends, in the client's dialect. */
import type { Dialect } from '../core/ports.ts'
import { gaName } from '../events/event-names.ts'
import { type Fields, isFields, parseExactly, textOr } from '../events/fields.ts'
import { clientPath } from './error-path.ts'
import { renameType } from './rename.ts'
import { isMcpItem, itemToGa, itemToPreview, responseToGa, responseToPreview } from './response-shape.ts'
import type { SessionMemory } from './session-memory.ts'
import { sessionToGa, sessionToPreview } from './session-shape.ts'

/** An event of upstream's as the client knows it: none, one, or more, each with its type. */
export type EventTranslation = (frame: Buffer, memory: SessionMemory) => readonly TranslatedEvent[]

export interface TranslatedEvent {
  readonly type: string
  readonly frame: string | Uint8Array
}

/** Null: leave the event as it is. */
type Rewrite<T> = (event: Fields, memory: SessionMemory) => T | null

/** Renamed only: these carry most of a session's bytes, so nothing but their name is touched. */
const streamed = ['text', 'audio', 'audio_transcript'].flatMap(kind => [
  `response.${kind}.delta`,
  `response.${kind}.done`,
])

/** Events of GA alone (npm `openai`: in `realtime`, and not in `beta/realtime`). */
const gaOnly = [
  'conversation.item.input_audio_transcription.segment',
  'input_audio_buffer.dtmf_event_received',
  'input_audio_buffer.timeout_triggered',
  ...['in_progress', 'completed', 'failed'].flatMap(state => [
    `mcp_list_tools.${state}`,
    `response.mcp_call.${state}`,
  ]),
  'response.mcp_call_arguments.delta',
  'response.mcp_call_arguments.done',
]

/** For a client of the preview before GA, by the type that upstream sends. */
export function eventsToPreview(): Map<string, EventTranslation> {
  const events = new Map(streamed.map(name => [gaName(name), rename(name)]))
  const item = (event: Fields) => ({ ...event, item: itemToPreview(event.item, true) })
  const response = (event: Fields) => ({
    ...event,
    response: isFields(event.response) ? responseToPreview(event.response, true) : event.response,
  })
  for (const type of ['response.created', 'response.done']) events.set(type, onEvent(type, response))
  const ofItem = (type: string, seen = type) =>
    onEvents(type, event => (isMcpItem(event.item) ? [] : [{ ...item(event), type: seen }]))
  for (const type of [
    'response.output_item.added',
    'response.output_item.done',
    'conversation.item.retrieved',
    'conversation.item.created',
  ])
    events.set(type, ofItem(type))
  for (const type of ['session.created', 'session.updated'])
    events.set(type, onEvent(type, sessionEventToPreview))
  events.set('conversation.item.added', ofItem('conversation.item.added', 'conversation.item.created'))
  // The preview announces an item once.
  for (const type of ['conversation.item.done', ...gaOnly]) events.set(type, () => [])
  return events.set(
    'error',
    onEvent('error', event => errorWith(event, path => clientPath(path, 'preview'))),
  )
}

function sessionEventToPreview(event: Fields): Fields {
  if (!isFields(event.session)) return event
  const session = sessionToPreview(event.session)
  if (event.session.type !== 'transcription') return { ...event, session }
  return { ...event, type: `transcription_${textOr(event.type)}`, session }
}

/** For a client of GA before the preview. */
export function eventsToGa(): Map<string, EventTranslation> {
  const events = new Map(streamed.map(name => [name, rename(gaName(name))]))
  const item = (event: Fields) => ({ ...event, item: itemToGa(event.item) })
  const response = (event: Fields) => ({
    ...event,
    response: isFields(event.response) ? responseToGa(event.response) : event.response,
  })
  const session = (type: 'realtime' | 'transcription') => (event: Fields) => ({
    ...event,
    type: textOr(event.type).replace(/^transcription_/, ''),
    session: isFields(event.session) ? sessionToGa(event.session, type) : event.session,
  })
  for (const type of ['response.created', 'response.done']) events.set(type, onEvent(type, response))
  events.set('conversation.item.retrieved', onEvent('conversation.item.retrieved', item))
  events.set(
    'response.output_item.added',
    onEvent('response.output_item.added', (event, memory) => {
      const { id, name } = isFields(event.item) ? event.item : {}
      memory.nameCall(id, name)
      return item(event)
    }),
  )
  // The preview leaves the name to the item.
  events.set(
    'response.function_call_arguments.done',
    onEvent('response.function_call_arguments.done', (event, memory) => {
      const name = memory.takeCallName(event.item_id)
      return name === undefined || 'name' in event ? null : { ...event, name }
    }),
  )
  for (const word of ['created', 'updated']) {
    events.set(`session.${word}`, onEvent(`session.${word}`, session('realtime')))
    events.set(
      `transcription_session.${word}`,
      onEvent(`transcription_session.${word}`, session('transcription')),
    )
  }
  events.set(
    'conversation.item.created',
    onEvents('conversation.item.created', (event, memory) => {
      const announced = itemEvents(item(event))
      if (announced.length === 1 && isFields(event.item)) memory.announce(event.item.id)
      return announced
    }),
  )
  events.set(
    'response.output_item.done',
    onEvents('response.output_item.done', (event, memory) => {
      const isAnnounced = isFields(event.item) && memory.takeAnnounced(event.item.id)
      const done = item(event)
      return isAnnounced ? [{ ...itemDone(done), previous_item_id: null }, done] : [done]
    }),
  )
  events.set('conversation.created', () => [])
  return events.set(
    'error',
    onEvent('error', event => errorWith(event, path => clientPath(path, 'ga'))),
  )
}

/** For a client of upstream's own dialect, or of none in particular: errors name what it wrote in the other's shape. */
export function errorsAsWritten(upstream: Dialect): Map<string, EventTranslation> {
  const other = upstream === 'ga' ? 'preview' : 'ga'
  const translate = onEvent('error', (event, memory) =>
    errorWith(event, path => clientPath(path, other, own => memory.wasMoved(own))),
  )
  return new Map([['error', translate]])
}

/** GA announces an item when it appears and again when it is whole, which an item of the client's is at once. */
function itemEvents(event: Fields): Fields[] {
  const added = { ...event, type: 'conversation.item.added' }
  const isWhole = !isFields(event.item) || event.item.status !== 'in_progress'
  return isWhole ? [added, itemDone(event)] : [added]
}

function itemDone({ event_id, item, previous_item_id }: Fields): Fields {
  return {
    type: 'conversation.item.done',
    event_id: `${textOr(event_id)}_item_done`,
    previous_item_id: previous_item_id ?? null,
    item,
  }
}

/** An error names the field at fault; a client must find it in what it sent. */
function errorWith(event: Fields, pathOf: (path: string) => string | null): Fields | null {
  const { error } = event
  if (!isFields(error) || typeof error.param !== 'string') return null
  const param = pathOf(error.param)
  if (param === null) return null
  const message =
    typeof error.message === 'string' ? error.message.replaceAll(error.param, param) : error.message
  return { ...event, error: { ...error, param, message } }
}

function rename(type: string): EventTranslation {
  return frame => [{ type, frame: renameType(frame, type) }]
}

function onEvent(type: string, rewrite: Rewrite<Fields>): EventTranslation {
  return onEvents(type, (event, memory) => {
    const translated = rewrite(event, memory)
    return translated === null ? null : [translated]
  })
}

function onEvents(type: string, rewrite: Rewrite<readonly Fields[]>): EventTranslation {
  return (frame, memory) => {
    const event = parseExactly(frame)
    try {
      const translated = event === null ? null : rewrite(event, memory)
      if (translated === null) return [{ type, frame }]
      return translated.map(event => ({ type: textOr(event.type), frame: JSON.stringify(event) }))
    } catch {
      // Too deep to be written, or fields of another kind than their names say: it is left as it came.
      return [{ type, frame }]
    }
  }
}
