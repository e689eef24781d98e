/**
 * Translates between a client of one dialect and an upstream of the other. Decided by type: what is not
 * listed is never read, and goes on byte for byte. Stateless: one translator serves all sessions.
 */
import type { Dialect } from '../core/ports.ts'
import { gaName, previewName } from '../events/event-names.ts'
import { type EventTranslation, eventsToGa, eventsToPreview } from './event-translation.ts'
import { type MessageTranslation, messagesTo } from './message-translation.ts'

export interface Translator {
  /** By the type that the client sent. */
  readonly messages: ReadonlyMap<string, MessageTranslation>
  /** By the type that upstream sent. */
  readonly events: ReadonlyMap<string, EventTranslation>
  /** The client's name of an upstream type. */
  clientName(type: string): string
}

/**
 * Makes a translator.
 * @param client the dialect that clients see; `upstream` leaves names and shapes as they came, but for a
 *   `session.update` in the other shape, which upstream would refuse
 */
export function createTranslator(upstream: Dialect, client: Dialect | 'upstream'): Translator {
  const messages = messagesTo(upstream)
  if (client === 'upstream') {
    for (const type of [...messages.keys()]) if (type !== 'session.update') messages.delete(type)
  }
  if (client === 'upstream' || client === upstream)
    return { messages, events: new Map(), clientName: type => type }
  const toGa = client === 'ga'
  return {
    messages,
    events: toGa ? eventsToGa() : eventsToPreview(),
    clientName: toGa ? gaName : previewName,
  }
}
