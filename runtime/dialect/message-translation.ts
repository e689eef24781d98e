/** What clients send, in upstream's dialect. */
import { asBuffer } from '../core/bytes.ts'
import type { Dialect } from '../core/ports.ts'
import { type Fields, isFields, parseExactly } from '../events/fields.ts'
import { notePaths } from './error-path.ts'
import {
  isItemForeignToGa,
  isItemForeignToPreview,
  isResponseForeignToGa,
  isResponseForeignToPreview,
  itemToGa,
  itemToPreview,
  responseToGa,
  responseToPreview,
} from './response-shape.ts'
import type { SessionMemory } from './session-memory.ts'
import { isForeignToGa, isForeignToPreview, sessionToGa, sessionToPreview } from './session-shape.ts'

/** A message of a client's as upstream takes it; the very same bytes where nothing is to be done. */
export type MessageTranslation = (message: Uint8Array, memory: SessionMemory) => string | Uint8Array

export type SessionType = 'realtime' | 'transcription'

/** Null: leave the message as it is. */
type Rewrite = (event: Fields) => Fields | null

/**
 * Lists the messages that may need translation before an upstream takes them, by the type that the client sent.
 * @param type that a session has whose client does not name it
 */
export function messagesTo(
  upstream: Dialect,
  type: SessionType = 'realtime',
): Map<string, MessageTranslation> {
  const all = upstream === 'ga' ? messagesToGa : messagesToPreview
  const rewrites = Object.entries(type === 'realtime' ? all : { ...all, 'session.update': typed(all, type) })
  return new Map(rewrites.map(([type, rewrite]) => [type, translateBy(rewrite, upstream)]))
}

/** Names the type of a session before its update is rewritten. */
function typed(all: Readonly<Record<string, Rewrite>>, type: SessionType): Rewrite {
  return event => {
    if (!isFields(event.session) || 'type' in event.session) return all['session.update']?.(event) ?? null
    const named = { ...event, session: { ...event.session, type } }
    return all['session.update']?.(named) ?? named
  }
}

function translateBy(rewrite: Rewrite, upstream: Dialect): MessageTranslation {
  return (message, memory) => {
    const event = parseExactly(asBuffer(message))
    try {
      const translated = event === null ? null : rewrite(event)
      if (event === null || translated === null) return message
      notePaths(event, upstream, memory)
      return JSON.stringify(translated)
    } catch {
      // Too deep to be written, or fields of another kind than their names say: upstream refuses it by name.
      return message
    }
  }
}

const messagesToGa: Readonly<Record<string, Rewrite>> = {
  'session.update': event =>
    isFields(event.session) && isForeignToGa(event.session)
      ? { ...event, session: sessionToGa(event.session) }
      : null,
  'transcription_session.update': event => ({
    ...event,
    type: 'session.update',
    // Whatever it names there: it stands where the client has said what it changes.
    session: sessionToGa({ ...(isFields(event.session) && event.session), type: 'transcription' }),
  }),
  'conversation.item.create': event =>
    isItemForeignToGa(event.item) ? { ...event, item: itemToGa(event.item) } : null,
  'response.create': event =>
    isFields(event.response) && isResponseForeignToGa(event.response)
      ? { ...event, response: responseToGa(event.response) }
      : null,
}

const messagesToPreview: Readonly<Record<string, Rewrite>> = {
  'session.update': event => {
    const { session } = event
    if (!isFields(session) || !isForeignToPreview(session)) return null
    const type = session.type === 'transcription' ? 'transcription_session.update' : 'session.update'
    return { ...event, type, session: sessionToPreview(session) }
  },
  'conversation.item.create': event =>
    isItemForeignToPreview(event.item) ? { ...event, item: itemToPreview(event.item, false) } : null,
  'response.create': event =>
    isFields(event.response) && isResponseForeignToPreview(event.response)
      ? { ...event, response: responseToPreview(event.response, false) }
      : null,
}
