/** Header fields of a request, as RFC 9110 section 5.3 reads those that stand in several lines. */
import { GatewayError } from '../core/errors.ts'

/**
 * Fields whose value is one: of two, a proxy may have read the first and the gateway the second, or the other way
 * round. All other fields that are read here are lists.
 */
const singleFields: ReadonlySet<string> = new Set([
  'authorization',
  'api-key',
  'host',
  'origin',
  'content-type',
  'content-length',
  'sec-websocket-key',
  'sec-websocket-version',
])

/** Reads lines. @returns the fields by lower-case name, and the first that stands twice though it may not */
export function readFields(lines: (each: (name: string, value: string) => void) => void): {
  readonly headers: Map<string, string>
  readonly repeated: string | null
} {
  const headers = new Map<string, string>()
  let repeated: string | null = null
  lines((name, value) => {
    const before = headers.get(name)
    if (before !== undefined && singleFields.has(name)) repeated ??= name
    headers.set(name, before === undefined ? value : `${before}, ${value}`)
  })
  return { headers, repeated }
}

/** The refusal of a request with such a field. */
export function repeatedField(name: string): GatewayError {
  return new GatewayError('bad_request', `The header "${name}" stands twice; send it once`)
}
