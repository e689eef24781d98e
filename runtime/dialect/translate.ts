/**
 * Translates between a client of one dialect and an upstream of the other. Decided by type: what is not
 * listed is never read, and goes on byte for byte. A translator serves all sessions; what one session has to
 * remember is handed in.
 */
import type { Dialect } from '../core/ports.ts'
import { gaName, previewName } from '../events/event-names.ts'
import { type EventTranslation, errorsAsWritten, eventsToGa, eventsToPreview } from './event-translation.ts'
import { type MessageTranslation, messagesTo, type SessionType } from './message-translation.ts'

export interface Translator {
  /** By the type that the client sent. */
  readonly messages: ReadonlyMap<string, MessageTranslation>
  /** By the type that upstream sent. */
  readonly events: ReadonlyMap<string, EventTranslation>
  /** The client's name of an upstream type. */
  clientName(type: string): string
}

/** For sessions of one dialect alone: nothing is read. */
export const untranslated: Translator = { messages: new Map(), events: new Map(), clientName: type => type }

/**
 * Makes a translator. Whatever clients see, what they send is taken in both shapes, and in mixtures of them.
 * @param client the dialect that clients see; `upstream` leaves names and shapes of events as they came
 * @param type that a session has whose client does not name it
 */
export function createTranslator(
  upstream: Dialect,
  client: Dialect | 'upstream',
  type: SessionType = 'realtime',
): Translator {
  const messages = messagesTo(upstream, type)
  if (client === 'upstream' || client === upstream)
    return { messages, events: errorsAsWritten(upstream), clientName: type => type }
  const toGa = client === 'ga'
  return {
    messages,
    events: toGa ? eventsToGa() : eventsToPreview(),
    clientName: toGa ? gaName : previewName,
  }
}

/**
 * Makes the choice of a translator for each connection; one is made for each pair of dialects.
 * @param setting `auto`: the client's own dialect at the SDK addresses; else one for all
 * @param type that a session has whose client does not name it
 */
export function createTranslators(
  upstream: Dialect,
  setting: 'auto' | 'upstream' | Dialect,
  type: SessionType = 'realtime',
) {
  const forced = setting === 'auto' ? null : createTranslator(upstream, setting, type)
  const own = {
    ga: createTranslator(upstream, 'ga', type),
    preview: createTranslator(upstream, 'preview', type),
  }
  return {
    /** For `/realtime`: `auto` leaves names as they came there. */
    unnamed: forced ?? createTranslator(upstream, 'upstream'),
    /** For a client whose dialect is known. */
    of: (client: Dialect): Translator => forced ?? own[client],
  }
}
