/** Gives an event another type, or its session another model, in its bytes; all the rest stays as it came, unread. */
import { quote } from '../events/ascii.ts'
import { closingQuote, findValue } from '../events/member.ts'

/**
 * Replaces the first top-level `type`.
 * @param frame UTF-8 bytes of a JSON text
 * @returns a copy; the frame itself where it has no type
 */
export function renameType(frame: Buffer, type: string): Buffer {
  return replaceString(frame, findValue(frame, 'type'), () => type)
}

/**
 * Replaces `session.model`.
 * @param frame UTF-8 bytes of a JSON text
 * @param rename gives the new name, or the old one
 * @returns a copy; the frame itself where it has no such member
 */
export function renameModel(frame: Buffer, rename: (model: string) => string): Buffer {
  const session = findValue(frame, 'session')
  return replaceString(frame, session + findValue(frame.subarray(session), 'model'), rename)
}

/** @param start of the string, its quote included; anywhere else nothing is replaced */
function replaceString(frame: Buffer, start: number, replace: (text: string) => string): Buffer {
  if (start >= frame.length || frame[start] !== quote) return frame
  const end = closingQuote(frame, start + 1)
  if (end >= frame.length) return frame
  const text = JSON.stringify(replace(frame.toString('utf8', start + 1, end)))
  return Buffer.concat([frame.subarray(0, start), Buffer.from(text), frame.subarray(end + 1)])
}
