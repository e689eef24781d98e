/** What a client of `/realtime` says, as far as its conversation is concerned. */
import { type Fields, parseFields } from '../events/fields.ts'
import type { Carryover } from './carryover.ts'

/** A message larger than this (bytes) is not read: an item is an image or audio then, which cannot be told again as text. */
const maxReadBytes = 256 * 1024

/**
 * Takes in one message on its way to upstream; all but four types are passed over by their type alone.
 * @param message JSON text in upstream's dialect
 */
export function noteMessage(carryover: Carryover, message: string | Uint8Array, type: string | null): void {
  switch (type) {
    case 'response.create':
      carryover.conversation.ask()
      break
    case 'response.cancel':
      carryover.conversation.forgive()
      break
    case 'session.update':
      carryover.configured(fieldsOf(message)?.session)
      break
    case 'conversation.item.create':
      carryover.conversation.expect(fieldsOf(message)?.item)
      break
    default:
      return
  }
  carryover.changed()
}

function fieldsOf(message: string | Uint8Array): Fields | null {
  return message.length > maxReadBytes ? null : parseFields(Buffer.from(message))
}
