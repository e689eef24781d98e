/** Items as clients make them: what is kept of them, what is shown, what the scripted model remembers. */
import type { SeenItem } from '../model/model-turn.ts'
import type { AudioFormat, Item, Part } from '../protocol/types.ts'
import { bytesPerMs } from '../voice/formats.ts'
import type { Entry } from './conversation.ts'

/**
 * Makes an entry of an item that has passed its check. Audio is kept aside: it comes back only by `retrieve`.
 *
 * @param freshId id for an item that names none
 * @param format the session's input format, which user audio is in
 */
export function entryOf(
  given: Partial<Item> & { type: string },
  freshId: string,
  format: AudioFormat,
): Entry {
  const { audio, ...item } = { ...given, id: given.id ?? freshId } as Item & { audio?: never; object?: never }
  delete item.object
  const parts = item.content
  const bytes = parts?.map(part => Buffer.from(part.audio ?? '', 'base64')) ?? []
  const heard = item.role === 'user' ? Buffer.concat(bytes) : Buffer.alloc(0)
  if (parts !== undefined) item.content = parts.map(shownPart)
  if (item.type === 'message' || item.type.endsWith('call')) item.status = given.status ?? 'completed'
  const seconds = heard.length / bytesPerMs(format) / 1000
  const entry: Entry = { item: ordered(item), memory: memoryOf(item, seconds) }
  if (heard.length > 0) entry.audio = heard
  return entry
}

/** What the scripted model remembers of an item; null for items that say nothing. */
export function memoryOf(item: Item, heardSec: number): SeenItem | null {
  if (item.type === 'function_call_output') return { kind: 'call_output', text: item.output ?? '' }
  if (item.type === 'function_call' || item.type === 'mcp_call') {
    return { kind: 'call', text: item.arguments ?? '' }
  }
  if (item.type === 'mcp_approval_response') {
    return {
      kind: 'approval',
      text: item.approve === true ? 'yes' : 'no',
      requestId: item.approval_request_id ?? '',
    }
  }
  if (item.type !== 'message' || item.role === undefined) return null
  const text = wordsOfParts(item.content ?? [])
  if (text === '' && heardSec > 0) return { kind: item.role, text: wordsHeard(heardSec), heardSec }
  const images = (item.content ?? []).filter(({ type }) => type === 'input_image').length
  return { kind: item.role, text, ...(images > 0 && { images }) }
}

/** What the simulator writes down of any audio: it understands no words, and does not put any into a person's mouth. */
export function wordsHeard(seconds: number): string {
  return `(simulated: a voice spoke for ${seconds.toFixed(1)} seconds)`
}

function wordsOfParts(parts: Part[]): string {
  return parts
    .map(part => part.text ?? part.transcript ?? '')
    .filter(text => text !== '')
    .join('\n')
}

function shownPart(part: Part): Part {
  const { audio: _kept, ...shown } = part
  return part.type === 'input_audio' ? { ...shown, transcript: part.transcript ?? null } : shown
}

/** Keys in the order seen on the wire. */
function ordered(item: Item): Item {
  const { id, type, status, role, ...rest } = item
  return { id, type, ...(status !== undefined && { status }), ...(role !== undefined && { role }), ...rest }
}
