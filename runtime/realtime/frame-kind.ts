/** Whether a text frame of a client is an event or plain words. */

import { asBuffer } from '../core/bytes.ts'
import { parseJson } from '../core/json.ts'

/**
 * Reads a frame as little as it can: a frame whose type can be read and that ends as an object is an
 * event, without being parsed.
 * @returns the event's type (null for JSON that has none), or the words
 */
export function readFrame(
  data: Uint8Array,
  readType: (frame: Uint8Array) => string | null,
): { type: string | null } | { words: string } {
  const type = readType(data)
  if (type !== null && endsAsObject(data)) return { type }
  const text = asBuffer(data).toString()
  return parseJson(text) === undefined ? { words: text } : { type }
}

/** Whether the last byte that is not white space is a closing brace. */
function endsAsObject(data: Uint8Array): boolean {
  let last = data.length - 1
  while (last >= 0 && (data[last] ?? 0) <= 0x20) last -= 1
  return data[last] === 0x7d
}
