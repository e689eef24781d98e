/** Why upstream would not have us: an HTTP status before the upgrade (Azure) or an `error` event after it (OpenAI). */
import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../core/errors.ts'

/** A refusal's body is read up to this (bytes), for its error code. */
const maxBodyBytes = 16 * 1024

/** Error codes are words; anything else could carry more than we may repeat. */
const errorCodePattern = /^[A-Za-z0-9_.-]{1,64}$/

/** Parameters are paths of words: `session.tools[0].name`. */
const errorParamPattern = /^[A-Za-z0-9_.[\]]{1,64}$/

/**
 * Explains an upgrade that was answered with an ordinary response.
 * 429 honours `Retry-After` (RFC 9110 section 10.2.3, seconds or a date); 5xx can be tried again; any
 * other status cannot.
 */
export async function refusalByStatus(label: string, response: IncomingMessage): Promise<GatewayError> {
  return asRefusal(label, response.statusCode ?? 0, await readBody(response), response.headers['retry-after'])
}

/**
 * Explains an HTTP answer that refuses.
 * @param body its text; only the error code in it and the parameter that it names are repeated
 * @param retryAfter the header's value
 */
export function asRefusal(label: string, status: number, body: string, retryAfter?: string): GatewayError {
  const words = [errorCode(body), errorParam(body)].filter(word => word !== null && word !== String(status))
  const what = [`HTTP ${status}`, ...words].join(', ')
  if (status === 429) {
    const retryAfterMs = parseRetryAfter(retryAfter)
    return new GatewayError(
      'upstream_rate_limited',
      `${label} has no capacity left (${what}); try again later`,
      {
        upstreamStatus: status,
        ...(retryAfterMs !== undefined && { retryAfterMs }),
      },
    )
  }
  if (status >= 500) {
    return new GatewayError('upstream_unavailable', `${label} is not available (${what})`, {
      upstreamStatus: status,
    })
  }
  const advice = status === 400 ? 'check what was asked for' : 'check the key and the deployment'
  return new GatewayError('upstream_refused', `${label} refused (${what}); ${advice}`, {
    upstreamStatus: status,
  })
}

/** Explains a first event that is an `error`. Its message is not repeated: it can quote the key. */
export function refusalByEvent(label: string, frame: Buffer): GatewayError {
  const word = errorCode(frame.toString())
  const what = word ?? 'no code given'
  if (word === 'rate_limit_exceeded') {
    return new GatewayError(
      'upstream_rate_limited',
      `${label} has no capacity left (${what}); try again later`,
    )
  }
  if (word === 'server_error' || word === 'internal_error') {
    return new GatewayError('upstream_unavailable', `${label} is not available (${what})`)
  }
  return new GatewayError(
    'upstream_refused',
    `${label} refused the session (${what}); check the key and the model`,
  )
}

/** An upstream that asks for more is asked again after this (ms): a header must not take it out of service for good. */
const maxRetryAfterMs = 10 * 60_000

/** Reads `Retry-After`. @returns ms, ten minutes at most; undefined when absent or unreadable */
export function parseRetryAfter(value: string | undefined, now = Date.now()): number | undefined {
  if (value === undefined) return undefined
  const seconds = Number(value)
  if (Number.isFinite(seconds) && seconds >= 0) return Math.min(maxRetryAfterMs, seconds * 1000)
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.min(maxRetryAfterMs, Math.max(0, date - now))
}

/** Lists what may be repeated of an error's body or event: its code and the parameter that it names; '' where it has neither. */
export function describeError(text: string): string {
  return [errorCode(text), errorParam(text)].filter(word => word !== null).join(', ')
}

function errorCode(text: string): string | null {
  try {
    const body: unknown = JSON.parse(text)
    const error = fieldOf(body, 'error')
    const code = fieldOf(error, 'code') ?? fieldOf(error, 'type') ?? fieldOf(body, 'code')
    return typeof code === 'string' && errorCodePattern.test(code) ? code : null
  } catch {
    return null
  }
}

/** The parameter that an error is about: `session.voice`. */
function errorParam(text: string): string | null {
  try {
    const param = fieldOf(fieldOf(JSON.parse(text), 'error'), 'param')
    return typeof param === 'string' && errorParamPattern.test(param) ? param : null
  } catch {
    return null
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}

async function readBody(response: IncomingMessage): Promise<string> {
  let text = ''
  try {
    for await (const chunk of response.setEncoding('utf8')) {
      text += chunk
      if (text.length > maxBodyBytes) break
    }
  } catch {
    // A body that breaks off explains nothing; the status alone must do.
  }
  return text
}

/** The socket could not be opened. */
export function unreachable(label: string, cause: Error & { code?: string }): GatewayError {
  const why = cause.code ?? 'handshake failed'
  return new GatewayError('upstream_unreachable', `${label} cannot be reached: ${why}`, { cause })
}

/** `ws` names what a peer did wrong with codes of its own; any other error is the network's. */
export function brokenProtocol(label: string, cause: Error & { code?: string }): GatewayError {
  if (cause.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') {
    return new GatewayError('message_too_big', `${label} sent an event larger than REALTIME_MAX_MSG_MB`, {
      cause,
    })
  }
  if (cause.code?.startsWith('WS_ERR_')) {
    return new GatewayError(
      'upstream_broke_protocol',
      `${label} broke the WebSocket protocol: ${cause.code}`,
      { cause },
    )
  }
  return new GatewayError('upstream_lost', `The connection to ${label} was lost: ${cause.code ?? 'reset'}`, {
    cause,
  })
}
