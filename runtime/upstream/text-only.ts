/** What clients of a session without audio may not send (`REALTIME_TEXT_ONLY`). */
import { GatewayError } from '../core/errors.ts'
import { gaMessageName } from '../events/event-names.ts'
import { type Fields, isFields } from '../events/fields.ts'

/** Answers audio of a client. */
export function audioRefusal(): GatewayError {
  return new GatewayError('forbidden', 'This gateway has no audio (REALTIME_TEXT_ONLY); send text')
}

/** Whether a message of a type is audio, or commits it. */
export function isAudioMessage(type: string): boolean {
  return type === 'input_audio_buffer.append' || type === 'input_audio_buffer.commit'
}

/** Where a message says in which modalities the model answers, by its type. */
const answerFields: Readonly<Record<string, string>> = {
  'session.update': 'session',
  'response.create': 'response',
}

const modalityFields = ['output_modalities', 'modalities'] as const

/** Whether a message of a type may hold audio, or request an answer in audio. */
export function concernsAudio(type: string): boolean {
  return gaMessageName(type) in answerFields || type === 'conversation.item.create'
}

/** Finds audio in the items of a message. @returns the field that holds it; null where none does */
export function findAudio(type: string, { item, response }: Fields): string | null {
  if (type === 'conversation.item.create') return hasAudio(item) ? 'item.content' : null
  if (type !== 'response.create' || !isFields(response)) return null
  const { input } = response
  return Array.isArray(input) && input.some(hasAudio) ? 'response.input' : null
}

function hasAudio(item: unknown): boolean {
  return (
    isFields(item) &&
    Array.isArray(item.content) &&
    item.content.some(part => isFields(part) && part.type === 'input_audio')
  )
}

/** Has the model answer in text where a message has it answer in audio. @returns null where it does not */
export function answeredInText(type: string, event: Fields): Fields | null {
  const name = answerFields[gaMessageName(type)]
  const settings = name === undefined ? null : event[name]
  if (name === undefined || !isFields(settings)) return null
  const spoken = modalityFields.filter(field => {
    const modalities = settings[field]
    return Array.isArray(modalities) && modalities.includes('audio')
  })
  if (spoken.length === 0) return null
  const written = Object.fromEntries(spoken.map(field => [field, ['text']]))
  return { ...event, [name]: { ...settings, ...written } }
}
