/** Base64 audio in a field of an event. */
import { parseFields } from './fields.ts'
import { fieldBytes } from './type.ts'

/** RFC 4648 section 4. */
const base64Pattern = /^[A-Za-z0-9+/]*={0,2}$/

/**
 * Reads a field that is base64; it is neither decoded nor, unless the writer escaped `/` or `+`, parsed.
 * @returns what can go on inside another JSON string; empty where the field is absent, no string, or has
 *   escapes and is no base64. Never throws.
 */
export function base64Field(frame: Uint8Array, name: string): Buffer {
  return fieldBytes(frame, name) ?? escapedField(frame, name)
}

function escapedField(frame: Uint8Array, name: string): Buffer {
  const value = parseFields(Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength))?.[name]
  return Buffer.from(typeof value === 'string' && base64Pattern.test(value) ? value : '')
}
