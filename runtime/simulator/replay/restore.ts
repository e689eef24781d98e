/**
 * Fills up what a recorder redacted, so that clients can read a replay: audio becomes as many bytes of
 * silence, text as many dots, arguments of a call an empty object.
 */
import { isFields } from '../protocol/check.ts'

/** No event is longer; a recording that says so is wrong (bytes, characters). */
const maxLength = 64 * 1024 * 1024

/** @param value of an event, or the event itself; marks as `runtime/observability/recording/redact.ts` leaves them */
export function restore(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(restore)
  if (!isFields(value)) return value
  switch (value.redacted) {
    case 'audio':
      return Buffer.alloc(lengthOf(value.bytes)).toString('base64')
    case 'text':
      return '·'.repeat(lengthOf(value.chars))
    case 'json':
      return '{}'
    case 'fields':
      return {}
    default:
      return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, restore(member)]))
  }
}

function lengthOf(length: unknown): number {
  return typeof length === 'number' && length >= 0 && length <= maxLength ? Math.floor(length) : 0
}
