/**
 * What an error is about, and with it who can mend it:
 * - `request`: the client sent what is wrong, and corrects it;
 * - `access`: the credential of the client, or its verification;
 * - `limits`: the client sends too much, or reads or answers too slowly;
 * - `session`: a session, conversation or call that has ended or moved;
 * - `upstream`: the model's API, and the gateway's access to it;
 * - `gateway`: the gateway itself, or its store, cannot serve now.
 */
export type ErrorSubject = 'request' | 'access' | 'limits' | 'session' | 'upstream' | 'gateway'

interface ErrorRow {
  readonly subject: ErrorSubject
  /** HTTP status of a refusal before the upgrade. */
  readonly status: number
  /** WebSocket close code after it. */
  readonly close: number
  /** Whether trying again can help. */
  readonly retry: boolean
}

/**
 * Every way in which the gateway refuses or ends something: one code each.
 *
 * Close codes: RFC 6455 section 7.4.1 and the IANA WebSocket close code registry
 * (1012 service restart, 1013 try again later, 1014 bad gateway).
 */
export const errorTable = {
  bad_request: { subject: 'request', status: 400, close: 1008, retry: false },
  not_json: { subject: 'request', status: 400, close: 1008, retry: false },
  unsupported_media_type: { subject: 'request', status: 415, close: 1008, retry: false },
  not_found: { subject: 'request', status: 404, close: 1008, retry: false },
  method_not_allowed: { subject: 'request', status: 405, close: 1008, retry: false },
  upgrade_required: { subject: 'request', status: 426, close: 1002, retry: false },
  model_not_configured: { subject: 'request', status: 404, close: 1008, retry: false },
  unauthorized: { subject: 'access', status: 401, close: 1008, retry: false },
  forbidden: { subject: 'access', status: 403, close: 1008, retry: false },
  access_unavailable: { subject: 'access', status: 503, close: 1013, retry: true },
  limit_reached: { subject: 'limits', status: 429, close: 1008, retry: true },
  message_too_big: { subject: 'limits', status: 413, close: 1009, retry: false },
  client_too_fast: { subject: 'limits', status: 429, close: 1008, retry: true },
  client_too_slow: { subject: 'limits', status: 429, close: 1008, retry: true },
  client_silent: { subject: 'limits', status: 408, close: 1001, retry: true },
  conflict: { subject: 'session', status: 409, close: 1008, retry: false },
  resumed_elsewhere: { subject: 'session', status: 409, close: 1008, retry: false },
  call_not_found: { subject: 'session', status: 404, close: 1008, retry: true },
  upstream_refused: { subject: 'upstream', status: 502, close: 1014, retry: false },
  settings_refused: { subject: 'upstream', status: 502, close: 1014, retry: false },
  upstream_rate_limited: { subject: 'upstream', status: 429, close: 1013, retry: true },
  upstream_unavailable: { subject: 'upstream', status: 502, close: 1013, retry: true },
  upstream_unreachable: { subject: 'upstream', status: 502, close: 1013, retry: true },
  upstream_timeout: { subject: 'upstream', status: 504, close: 1013, retry: true },
  upstream_lost: { subject: 'upstream', status: 502, close: 1014, retry: true },
  upstream_silent: { subject: 'upstream', status: 504, close: 1014, retry: true },
  upstream_too_slow: { subject: 'upstream', status: 504, close: 1013, retry: true },
  upstream_broke_protocol: { subject: 'upstream', status: 502, close: 1014, retry: true },
  credential_unavailable: { subject: 'upstream', status: 503, close: 1013, retry: true },
  draining: { subject: 'gateway', status: 503, close: 1012, retry: true },
  memory_exhausted: { subject: 'gateway', status: 503, close: 1013, retry: true },
  store_unavailable: { subject: 'gateway', status: 503, close: 1013, retry: true },
  internal: { subject: 'gateway', status: 500, close: 1011, retry: true },
} as const satisfies Record<string, ErrorRow>

/** Answers a client's message that a drain refuses, on every path: code `draining`. */
export const drainingMessage = 'This replica is going away; reconnect and ask again'

export type ErrorCode = keyof typeof errorTable

/** What upstream itself said when it refused a session after the upgrade. It quotes no credential of the gateway's. */
export interface UpstreamRefusal {
  /** Its `error` event, JSON text. */
  readonly event: string
  /** Its close frame; null where none came, or its code may not be sent. */
  readonly close: { readonly code: number; readonly reason: string } | null
}

/** How upstream answered an upgrade that it refused. It quotes no credential of the gateway's. */
export interface UpstreamAnswer {
  readonly body: string
  readonly contentType: string
}

/**
 * A failure outside the process, or a request that cannot be served. Its message is written for the
 * person at the other end and never carries a secret or content of a conversation.
 */
export class GatewayError extends Error {
  readonly code: ErrorCode
  /** How long to wait before trying again (ms), where the refusal said so. */
  readonly retryAfterMs: number | undefined
  /** The HTTP status with which upstream refused, where it did. */
  readonly upstreamStatus: number | undefined
  /** The words with which upstream refused after the upgrade, where it did: for clients that speak to the API as such. */
  readonly refusal: UpstreamRefusal | undefined
  /** The id of the request that upstream refused, where it told one. */
  readonly requestId: string | undefined
  /** What upstream's refusal by status said, where it may be repeated: for the same clients. */
  readonly answer: UpstreamAnswer | undefined

  constructor(
    code: ErrorCode,
    message: string,
    options: {
      cause?: unknown
      retryAfterMs?: number
      upstreamStatus?: number
      refusal?: UpstreamRefusal
      answer?: UpstreamAnswer | undefined
      requestId?: string | undefined
    } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.name = 'GatewayError'
    this.code = code
    this.retryAfterMs = options.retryAfterMs
    this.upstreamStatus = options.upstreamStatus
    this.refusal = options.refusal
    this.answer = options.answer
    this.requestId = options.requestId
  }

  get status(): number {
    return errorTable[this.code].status
  }
  get close(): number {
    return errorTable[this.code].close
  }
  get retry(): boolean {
    return errorTable[this.code].retry
  }
}

/**
 * Whether a close code may be put on the wire (RFC 6455 section 7.4.2): 1004, 1005, 1006 and 1015 are
 * reserved, 1000-2999 belong to the protocol's registry, 3000-4999 to libraries and applications.
 */
export function isSendableCloseCode(code: number): boolean {
  if (code >= 3000) return code <= 4999
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006
}

/** Bytes that a close frame has for its reason (RFC 6455 section 5.5: 125 less two for the code). */
const maxCloseReasonBytes = 123

/** Cuts a close reason to what a close frame can carry, at a character's border. */
export function fitCloseReason(reason: string): string {
  if (Buffer.byteLength(reason) <= maxCloseReasonBytes) return reason
  const cut = Buffer.from(reason).subarray(0, maxCloseReasonBytes)
  return new TextDecoder().decode(cut, { stream: true })
}
