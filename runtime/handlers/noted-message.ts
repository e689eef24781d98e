/** What a client of `/realtime` says, as far as its conversation is concerned. */
import { parseFields } from '../events/fields.ts'
import type { Carryover } from './carryover.ts'

/** An item larger than this is an image or audio, which cannot be told again as text (bytes). */
const maxItemBytes = 256 * 1024

/**
 * Takes in one message on its way to upstream; all but three types are passed over by their type alone.
 * @param message JSON text in upstream's dialect
 */
export function noteMessage(carryover: Carryover, message: string | Uint8Array, type: string | null): void {
  const { conversation } = carryover
  if (type === 'response.create') conversation.ask()
  else if (type !== 'conversation.item.create' && type !== 'session.update') return
  else if (message.length > maxItemBytes) return
  else if (type === 'session.update') conversation.configure(parseFields(Buffer.from(message))?.session)
  else conversation.expect(parseFields(Buffer.from(message))?.item)
  carryover.changed()
}
