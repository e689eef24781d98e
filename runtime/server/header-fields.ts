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

/** What a request's header says. */
export interface RequestHeader {
  /** By lower-case name. */
  readonly fields: Map<string, string>
  /** Why the request is refused whatever it asks for; null where it is not. */
  readonly refusal: GatewayError | null
  /**
   * Whether the connection ends with the answer: where a proxy in front may see the request's end elsewhere than the
   * native parser does, nothing that follows is served as a request of its own (RFC 9112 section 11.2).
   */
  readonly isLast: boolean
}

const length = /^\d+$/

/** Reads lines. */
export function readHeader(lines: (each: (name: string, value: string) => void) => void): RequestHeader {
  const fields = new Map<string, string>()
  let refusal: GatewayError | null = null
  lines((name, value) => {
    const before = fields.get(name)
    if (before !== undefined && singleFields.has(name)) refusal ??= repeatedField(name)
    fields.set(name, before === undefined ? value : `${before}, ${value}`)
  })
  refusal ??= framingRefusal(fields)
  return { fields, refusal, isLast: refusal !== null || fields.has('transfer-encoding') }
}

/** The refusal of a request whose body nobody can be sure of (RFC 9112 section 6); null for all others. */
function framingRefusal(fields: ReadonlyMap<string, string>): GatewayError | null {
  const [encoding, contentLength] = [fields.get('transfer-encoding'), fields.get('content-length')]
  if (encoding !== undefined && encoding.toLowerCase() !== 'chunked')
    return new GatewayError('bad_request', 'The header "transfer-encoding" says no more than "chunked" here')
  if (encoding !== undefined && contentLength !== undefined)
    return new GatewayError('bad_request', '"transfer-encoding" and "content-length" exclude each other')
  if (contentLength !== undefined && !length.test(contentLength))
    return new GatewayError('bad_request', 'The header "content-length" is no number of bytes')
  return null
}

/** The refusal of an upgrade that announces a body: it would be read as frames. Null for all others. */
export function upgradeBodyRefusal(fields: ReadonlyMap<string, string>): GatewayError | null {
  if (!fields.has('transfer-encoding') && Number(fields.get('content-length') ?? 0) === 0) return null
  return new GatewayError(
    'bad_request',
    'An upgrade has no body; leave out "content-length" and "transfer-encoding"',
  )
}

function repeatedField(name: string): GatewayError {
  return new GatewayError('bad_request', `The header "${name}" stands twice; send it once`)
}
