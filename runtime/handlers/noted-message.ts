/** What a client of `/realtime` says, as far as its conversation is concerned. */
import { type Fields, parseFields } from '../events/fields.ts'
import type { Carryover } from './carryover.ts'

/** An item larger than this is an image or audio, which cannot be told again as text (bytes). */
const maxItemBytes = 256 * 1024

/**
 * Takes in one message on its way to upstream; all but four types are passed over by their type alone.
 * @param message JSON text in upstream's dialect
 */
export function noteMessage(carryover: Carryover, message: string | Uint8Array, type: string | null): void {
  const { conversation } = carryover
  switch (type) {
    case 'response.create':
      conversation.ask()
      break
    case 'response.cancel':
      conversation.forgive()
      break
    case 'session.update':
      conversation.configure(fieldsOf(message)?.session)
      break
    case 'conversation.item.create':
      conversation.expect(fieldsOf(message)?.item)
      break
    default:
      return
  }
  carryover.changed()
}

function fieldsOf(message: string | Uint8Array): Fields | null {
  return message.length > maxItemBytes ? null : parseFields(Buffer.from(message))
}
