/** What upstream sends, in the client's dialect. */
import { gaName } from '../events/event-names.ts'
import { type Fields, isFields, parseFields, textOr } from '../events/fields.ts'
import { renameType } from './rename.ts'
import { itemToGa, itemToPreview, responseToGa, responseToPreview } from './response-shape.ts'
import { movedSessionFields, sessionToGa, sessionToPreview } from './session-shape.ts'

/** An event of upstream's as the client knows it: none, one, or more, each with its type. */
export type EventTranslation = (frame: Buffer) => readonly TranslatedEvent[]

export interface TranslatedEvent {
  readonly type: string
  readonly frame: string | Uint8Array
}

/** Null: leave the event as it is. */
type Rewrite<T> = (event: Fields) => T | null

/** Renamed only: these carry most of a session's bytes, so nothing but their name is touched. */
const streamed = ['text', 'audio', 'audio_transcript'].flatMap(kind => [
  `response.${kind}.delta`,
  `response.${kind}.done`,
])

/** For a client of the preview before GA, by the type that upstream sends. */
export function eventsToPreview(): Map<string, EventTranslation> {
  const events = new Map(streamed.map(name => [gaName(name), rename(name)]))
  const item = (event: Fields) => ({ ...event, item: itemToPreview(event.item, true) })
  const response = (event: Fields) => ({
    ...event,
    response: isFields(event.response) ? responseToPreview(event.response, true) : event.response,
  })
  for (const type of ['response.created', 'response.done']) events.set(type, onEvent(type, response))
  for (const type of [
    'response.output_item.added',
    'response.output_item.done',
    'conversation.item.retrieved',
  ])
    events.set(type, onEvent(type, item))
  for (const type of ['session.created', 'session.updated'])
    events.set(type, onEvent(type, sessionEventToPreview))
  events.set(
    'conversation.item.added',
    onEvent('conversation.item.added', event => ({ ...item(event), type: 'conversation.item.created' })),
  )
  // The preview announces an item once.
  events.set('conversation.item.done', () => [])
  return events.set(
    'error',
    onEvent('error', event => errorWith(event, pathToPreview)),
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
  for (const type of ['response.output_item.added', 'conversation.item.retrieved'])
    events.set(type, onEvent(type, item))
  for (const word of ['created', 'updated']) {
    events.set(`session.${word}`, onEvent(`session.${word}`, session('realtime')))
    events.set(
      `transcription_session.${word}`,
      onEvent(`transcription_session.${word}`, session('transcription')),
    )
  }
  events.set(
    'conversation.item.created',
    onEvents('conversation.item.created', event => itemEvents(item(event))),
  )
  events.set(
    'response.output_item.done',
    onEvents('response.output_item.done', event => [
      { ...itemDone(item(event)), previous_item_id: null },
      item(event),
    ]),
  )
  events.set('conversation.created', () => [])
  return events.set(
    'error',
    onEvent('error', event => errorWith(event, pathToGa)),
  )
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

const paths = Object.entries(movedSessionFields).map(
  ([preview, ga]) => [`session.${preview}`, `session.${ga.join('.')}`] as const,
)
const pathToPreview = (path: string) => paths.find(([, ga]) => ga === path)?.[0]
const pathToGa = (path: string) => paths.find(([preview]) => preview === path)?.[1]

/** An error names the field at fault; a client must find it in what it sent. */
function errorWith(event: Fields, pathOf: (path: string) => string | undefined): Fields | null {
  const { error } = event
  if (!isFields(error) || typeof error.param !== 'string') return null
  const param = pathOf(error.param)
  if (param === undefined) return null
  const message =
    typeof error.message === 'string' ? error.message.replaceAll(error.param, param) : error.message
  return { ...event, error: { ...error, param, message } }
}

function rename(type: string): EventTranslation {
  return frame => [{ type, frame: renameType(frame, type) }]
}

function onEvent(type: string, rewrite: Rewrite<Fields>): EventTranslation {
  return onEvents(type, event => {
    const translated = rewrite(event)
    return translated === null ? null : [translated]
  })
}

function onEvents(type: string, rewrite: Rewrite<readonly Fields[]>): EventTranslation {
  return frame => {
    const event = parseFields(frame)
    try {
      const translated = event === null ? null : rewrite(event)
      if (translated === null) return [{ type, frame }]
      return translated.map(event => ({ type: textOr(event.type), frame: JSON.stringify(event) }))
    } catch {
      // Too deep to be written, or fields of another kind than their names say: it is left as it came.
      return [{ type, frame }]
    }
  }
}
