/** A client that asked for its model by an alias: upstream knows the deployment, the client its own name. */
import { asBuffer } from '../core/bytes.ts'
import type { EventTranslation } from './event-translation.ts'
import type { MessageTranslation } from './message-translation.ts'
import { renameModel } from './rename.ts'
import type { Translator } from './translate.ts'

/** Upstream's events that name the session's model. */
const eventsWithModel = ['session.created', 'session.updated']

/** The one message in which clients name it: SDKs repeat it with each change of a session. */
const messageWithModel = 'session.update'

/**
 * Adds the exchange of names to a translator; every other event and message goes the way it went.
 * @param alias what the client asked for
 * @param deployment what serves it
 */
export function translateAlias(translator: Translator, alias: string, deployment: string): Translator {
  const events = new Map(translator.events)
  for (const type of eventsWithModel) events.set(type, nameAsAsked(translator.events.get(type), type, alias))
  const messages = new Map(translator.messages)
  messages.set(messageWithModel, nameAsServed(translator.messages.get(messageWithModel), alias, deployment))
  return { ...translator, events, messages }
}

function nameAsAsked(translate: EventTranslation | undefined, type: string, alias: string): EventTranslation {
  return (frame, memory) =>
    (translate?.(frame, memory) ?? [{ type, frame }]).map(translated => ({
      ...translated,
      frame: renameModel(Buffer.from(translated.frame), () => alias),
    }))
}

function nameAsServed(
  translate: MessageTranslation | undefined,
  alias: string,
  deployment: string,
): MessageTranslation {
  return (message, memory) => {
    const bytes = asBuffer(message)
    const renamed = renameModel(bytes, model => (model === alias ? deployment : model))
    return translate?.(renamed, memory) ?? renamed
  }
}
