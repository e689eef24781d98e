/**
 * Base64 that goes from one event into another without being decoded. It is written between the quotes of a
 * JSON string as it is, so it must be of the alphabet that needs no escaping there (RFC 4648 section 4).
 */
import { asBuffer } from '../core/bytes.ts'
import { parseFields } from './fields.ts'
import { fieldBytes } from './type.ts'

const minus = 0x2d
const underscore = 0x5f
const equals = 0x3d

/** The alphabet, and up to two characters of padding at the end. */
const alphabet = /^[A-Za-z0-9+/]*={0,2}$/

/** Larger base64 is read by the regular expression (bytes, decoded): 20 times the audio of one event. */
const scratch = Buffer.allocUnsafeSlow(96 * 1024)

/**
 * Reads a string field that holds base64.
 * @param frame UTF-8 bytes of a JSON text.
 * @param name a top-level field: ASCII letters, digits, `_`, `-`, `.`.
 * @returns bytes of the base64 alphabet, safe in a JSON string: a view of the frame's own memory, gone when
 *   the frame is, or a copy where escapes (`\/`) had to be decoded. Null where the field is absent, is not a
 *   string or is not base64. Never throws.
 */
export function base64Field(frame: Uint8Array, name: string): Buffer | null {
  const written = fieldBytes(frame, name)
  if (written !== null) return isBase64(written) ? written : null
  const bytes = asBuffer(frame)
  const value = parseFields(bytes)?.[name]
  return typeof value === 'string' && alphabet.test(value) ? Buffer.from(value, 'latin1') : null
}

/**
 * Tells whether bytes are of the base64 alphabet, with up to two `=` at the end. The length is not checked
 * beyond that. Takes about 1 µs for the 6.4 kB of one event, as copying them does.
 */
export function isBase64(bytes: Uint8Array): boolean {
  const text = asBuffer(bytes).toString('latin1')
  return isWholeBase64(bytes, text) || alphabet.test(text)
}

/**
 * Node's decoder (vectorized) skips what is no base64: then it yields fewer bytes than the length promises,
 * which is unambiguous for multiples of four. Two characters of base64url it takes for their twins.
 */
function isWholeBase64(bytes: Uint8Array, text: string): boolean {
  const length = bytes.length
  if (length % 4 !== 0 || (length / 4) * 3 > scratch.length) return false
  const decoded = scratch.write(text, 'base64')
  return decoded === decodedBytes(bytes) && !bytes.includes(minus) && !bytes.includes(underscore)
}

/** Bytes that a base64 text decodes to, without decoding it (RFC 4648 section 4). */
export function decodedBytes(base64: Uint8Array): number {
  const padding = base64.at(-1) === equals ? (base64.at(-2) === equals ? 2 : 1) : 0
  return Math.max(0, Math.floor((base64.length * 3) / 4) - padding)
}
