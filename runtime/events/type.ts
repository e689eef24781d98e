/**
 * Reads single top-level fields of an event out of its bytes, without parsing or copying the event.
 * Written here, as a parser reads the whole event, which costs more than relaying it does.
 */
import { asBuffer } from '../core/bytes.ts'
import { backslash, lastAscii, nine, quote, space, zero } from './ascii.ts'
import { closingQuote, decodeString, endsScalar, findValue, isSame } from './member.ts'

/** How the bytes of nearly every event begin, up to the type's own quote. */
const usualStart = '{"type":"'

const rememberedTypes = 256
const maxRememberedLength = 64

/**
 * Reads the `type` of an event.
 * @param frame UTF-8 bytes of a JSON text; not kept and not changed. A Buffer is read fastest.
 * @returns the first top-level `type`, wherever it stands; null where the frame is not an object, its
 *   structure breaks before the type's end, it has no `type`, or the type is not a string. Never throws.
 *   What stands after the type, and inside values before it, is not checked.
 */
export function eventType(frame: Uint8Array): string | null {
  const bytes = asBuffer(frame)
  const start = typeStart(bytes)
  return start < 0 ? null : readString(bytes, start)
}

/**
 * Builds an `eventType` that remembers the types it has seen, for a loop that reads one per event.
 * A known type costs two thirds of the time and no memory, and is the same string object each time,
 * which a Map then finds in half the time.
 * @returns a function with the answers of `eventType`. It holds at most 256 strings of up to 64 characters.
 */
export function createTypeReader(): (frame: Uint8Array) => string | null {
  const seen: string[] = new Array(rememberedTypes).fill('')
  return frame => {
    const length = usualLength(frame)
    if (length === 0) return eventType(frame)
    const slot = slotOf(frame, length)
    const known = seen[slot] ?? ''
    if (isSame(frame, usualStart.length, length, known)) return known
    const type = eventType(frame)
    // A type that was decoded differs from its bytes: remembering it could answer for other bytes.
    if (type !== null && isSame(frame, usualStart.length, length, type)) seen[slot] = type
    return type
  }
}

/**
 * Cuts the bytes of a string field out of an event: base64 audio, without decoding or copying it.
 * @param frame UTF-8 bytes of a JSON text.
 * @param name a top-level field: ASCII letters, digits, `_`, `-`, `.`.
 * @returns a view of the frame's own memory, gone when the frame is: what stands between the quotes of
 *   the first such field. Null where that contains a backslash (bytes and characters would differ), and
 *   where `eventType` would say null of a type.
 */
export function fieldBytes(frame: Uint8Array, name: string): Buffer | null {
  const bytes = asBuffer(frame)
  const value = findValue(bytes, name)
  if (value >= bytes.length || bytes[value] !== quote) return null
  const end = bytes.indexOf(quote, value + 1)
  if (end < 0) return null
  const content = bytes.subarray(value + 1, end)
  return content.includes(backslash) ? null : content
}

/**
 * Reads a string field out of an event.
 * @param frame UTF-8 bytes of a JSON text.
 * @param name a top-level field: ASCII letters, digits, `_`, `-`, `.`.
 * @returns the first such field, its escapes decoded; null as `eventType` has it. Never throws.
 */
export function textField(frame: Uint8Array, name: string): string | null {
  const bytes = asBuffer(frame)
  const value = findValue(bytes, name)
  return value < bytes.length && bytes[value] === quote ? readString(bytes, value + 1) : null
}

/** The most digits of a whole number that a double holds exactly, whatever they are. */
const maxDigits = 15

/**
 * Reads a field that holds a whole number from 0 up: an index, a time.
 * @param frame UTF-8 bytes of a JSON text.
 * @param name a top-level field: ASCII letters, digits, `_`, `-`, `.`.
 * @returns null where the first such field is absent or anything else, and for more than 15 digits. Never throws.
 */
export function indexField(frame: Uint8Array, name: string): number | null {
  const bytes = asBuffer(frame)
  const start = findValue(bytes, name)
  let value = 0
  let at = start
  for (; at < bytes.length && isDigit(bytes[at] ?? 0); at += 1) value = value * 10 + (bytes[at] ?? 0) - zero
  const digits = at - start
  if (digits === 0 || digits > maxDigits || at === bytes.length || !endsScalar(bytes[at] ?? 0)) return null
  return value
}

function isDigit(byte: number): boolean {
  return byte >= zero && byte <= nine
}

/** Finds the first byte inside the type's quotes; -1 if there is none. */
function typeStart(bytes: Buffer): number {
  if (startsAsUsual(bytes)) return usualStart.length
  const value = findValue(bytes, 'type')
  return value < bytes.length && bytes[value] === quote ? value + 1 : -1
}

function startsAsUsual(bytes: Uint8Array): boolean {
  return isSame(bytes, 0, usualStart.length, usualStart)
}

/** Reads the string whose first byte is at `start`. */
function readString(bytes: Buffer, start: number): string | null {
  const end = closingQuote(bytes, start)
  if (end === bytes.length) return null
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] ?? backslash
    if (byte < space || byte > lastAscii || byte === backslash) return decodeString(bytes, start, end)
  }
  return bytes.toString('latin1', start, end)
}

/**
 * Counts the bytes of a type that stands where it usually does, up to the next quote; one by one, as a view
 * for native code to search in costs more than the search.
 * @returns 0 where it stands elsewhere, is empty, has no end, or is longer than what is remembered
 */
function usualLength(frame: Uint8Array): number {
  if (!startsAsUsual(frame)) return 0
  const start = usualStart.length
  const end = Math.min(frame.length, start + maxRememberedLength + 1)
  for (let at = start; at < end; at += 1) if (frame[at] === quote) return at - start
  return 0
}

/** Mixes what tells event types apart: their length, their middle and their last word. */
function slotOf(frame: Uint8Array, length: number): number {
  const start = usualStart.length
  const middle = frame[start + (length >> 1)] ?? 0
  const late = frame[start + length - 3] ?? 0
  return (length * 37 + middle * 5 + late) % rememberedTypes
}
