/** Gives an event another type in its bytes; all the rest stays as it came, unread. */
import { quote } from './ascii.ts'
import { closingQuote, findValue } from './member.ts'

/**
 * Replaces the first top-level `type`.
 * @param frame UTF-8 bytes of a JSON text
 * @param type ASCII without quotes or backslashes
 * @returns a copy; the frame itself where it has no type
 */
export function renameType(frame: Buffer, type: string): Buffer {
  const start = findValue(frame, 'type')
  if (start >= frame.length || frame[start] !== quote) return frame
  const end = closingQuote(frame, start + 1)
  if (end >= frame.length) return frame
  return Buffer.concat([frame.subarray(0, start + 1), Buffer.from(type, 'latin1'), frame.subarray(end)])
}
