/** Both dialects, each translated to the other, and what either side sees of it. */
import { SessionMemory } from '../../runtime/dialect/session-memory.ts'
import { createTranslator, type Translator } from '../../runtime/dialect/translate.ts'

export const toPreview = createTranslator('ga', 'preview')
export const toGa = createTranslator('preview', 'ga')

export type Json = Record<string, unknown>

/** What a client sees of an event. */
export function seen(translator: Translator, event: Json, memory = new SessionMemory()): Json[] {
  const frame = Buffer.from(JSON.stringify(event))
  const all = translator.events.get(String(event.type))?.(frame, memory)
  return all === undefined
    ? [event]
    : all.map(({ type, frame }) => {
        const read = JSON.parse(frame.toString()) as Json
        if (read.type !== type) throw new Error(`${read.type} is announced as ${type}`)
        return read
      })
}

/** What upstream gets of a message. */
export function got(translator: Translator, message: Json, memory = new SessionMemory()): Json {
  const bytes = Buffer.from(JSON.stringify(message))
  const translate = translator.messages.get(String(message.type))
  return translate === undefined ? message : JSON.parse(translate(bytes, memory).toString())
}
