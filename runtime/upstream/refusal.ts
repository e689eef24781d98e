/** Why upstream would not have us: an HTTP status before the upgrade (Azure) or an `error` event after it (OpenAI). */

import type { IncomingMessage } from 'node:http'
import { GatewayError, isSendableCloseCode, type UpstreamAnswer } from '../core/errors.ts'
import { parseJson } from '../core/json.ts'
import { readRequestId, requestIdHeader } from '../core/request-id.ts'

/** A refusal's body is read up to this (bytes), for its error code. */
const maxBodyBytes = 16 * 1024

/** Answers of these types are repeated; a page of a proxy between is no word of the API's. */
const textType = /^(application\/(problem\+)?json|text\/plain)(\s*;\s*charset=[\w-]+)?$/i

/** Error codes are words; anything else could carry more than we may repeat. */
const errorCodePattern = /^[A-Za-z0-9_.-]{1,64}$/

/** Parameters are paths of words: `session.tools[0].name`. */
const errorParamPattern = /^[A-Za-z0-9_.[\]]{1,64}$/

/**
 * Explains an upgrade that was answered with an ordinary response.
 * 429 honours `Retry-After` (RFC 9110 section 10.2.3, seconds or a date); 5xx can be tried again; any
 * other status cannot. The answer is kept for clients that speak to the API as such.
 * @param headers of the dial: an answer that quotes a credential in them is not kept
 */
export async function refusalByStatus(
  label: string,
  response: IncomingMessage,
  headers: Readonly<Record<string, string>>,
): Promise<GatewayError> {
  const body = await readBody(response)
  const contentType = response.headers['content-type'] ?? ''
  const isWhole = body !== '' && body.length <= maxBodyBytes
  const isKept = isWhole && textType.test(contentType) && !quotesOf(headers)(body)
  const answer = isKept ? { body, contentType } : undefined
  return asRefusal(label, response.statusCode ?? 0, body, {
    retryAfter: response.headers['retry-after'],
    requestId: readRequestId(response.headers[requestIdHeader]),
    answer,
  })
}

/** What else an answer told. */
export interface RefusalDetails {
  readonly retryAfter?: string | undefined
  readonly requestId?: string | undefined
  readonly answer?: UpstreamAnswer | undefined
}

/**
 * Explains an HTTP answer that refuses.
 * @param body its text; only the error code in it and the parameter that it names are repeated
 * @param told `retryAfter` is the header's value; `answer` may be repeated to clients that speak to the API as such
 */
export function asRefusal(
  label: string,
  status: number,
  body: string,
  { retryAfter, requestId, answer }: RefusalDetails = {},
): GatewayError {
  const words = [errorCode(body), errorParam(body)].filter(word => word !== null && word !== String(status))
  const what = [`HTTP ${status}`, ...words].join(', ')
  if (status === 429) {
    const retryAfterMs = parseRetryAfter(retryAfter)
    return new GatewayError(
      'upstream_rate_limited',
      `${label} has no capacity left (${what}); try again later`,
      {
        upstreamStatus: status,
        answer,
        requestId,
        ...(retryAfterMs !== undefined && { retryAfterMs }),
      },
    )
  }
  if (status >= 500) {
    return new GatewayError('upstream_unavailable', `${label} is not available (${what})`, {
      upstreamStatus: status,
      answer,
      requestId,
    })
  }
  const advice = status === 400 ? 'check what was asked for' : 'check the key and the deployment'
  return new GatewayError('upstream_refused', `${label} refused (${what}); ${advice}`, {
    upstreamStatus: status,
    answer,
    requestId,
  })
}

/** How upstream ended a connection; null where it did not, in time. */
export type Ending = { readonly code: number; readonly reason: string } | null

/**
 * Explains a first event that is an `error`, and keeps it for clients that speak to the API as such. The
 * explanation repeats its code alone.
 * @param ending of the connection, after the event
 * @param headers of the dial: what quotes a credential in them is not kept
 */
export function refusalByEvent(
  label: string,
  event: string,
  ending: Ending,
  headers: Readonly<Record<string, string>>,
): GatewayError {
  const word = errorCode(event)
  const what = word ?? 'no code given'
  const quotes = quotesOf(headers)
  const isClosed = ending !== null && isSendableCloseCode(ending.code)
  const refusal = {
    event: quotes(event) ? withoutMessage(event) : event,
    close: isClosed ? { code: ending.code, reason: quotes(ending.reason) ? '' : ending.reason } : null,
  }
  if (word === 'rate_limit_exceeded') {
    return new GatewayError(
      'upstream_rate_limited',
      `${label} has no capacity left (${what}); try again later`,
      { refusal },
    )
  }
  if (word === 'server_error' || word === 'internal_error') {
    return new GatewayError('upstream_unavailable', `${label} is not available (${what})`, { refusal })
  }
  return new GatewayError(
    'upstream_refused',
    `${label} refused the session (${what}); check the key and the model`,
    { refusal },
  )
}

/** The names of the headers that carry a credential, in lower case. */
const credentialHeaders = new Set(['authorization', 'api-key'])

/** OpenAI masks the key that it refuses, but for so many characters at either end. */
const shownChars = { start: 8, end: 4 }

/** Credentials of at least so many characters are masked; one shorter than `whole` is none that could be told from a word. */
const leastChars = { masked: 16, whole: 8 }

/** Makes the check for a text that quotes a credential of these headers: whole, or as the vendor masks it. */
function quotesOf(headers: Readonly<Record<string, string>>): (text: string) => boolean {
  const quotes = Object.entries(headers)
    .filter(([name]) => credentialHeaders.has(name.toLowerCase()))
    .map(([, value]) => value.replace(/^Bearer /, ''))
    .filter(({ length }) => length >= leastChars.whole)
    .flatMap(key =>
      key.length < leastChars.masked ? [key] : [key.slice(0, shownChars.start), key.slice(-shownChars.end)],
    )
  return text => quotes.some(quote => text.includes(quote))
}

/** In place of a message that quotes the credential. */
const withheldMessage = 'The API refused the credential of the gateway.'

/** An `error` event with its type, code and parameter alone. */
function withoutMessage(event: string): string {
  const error = errorOf(event)
  const [type, code, param] = ['type', 'code', 'param'].map(name => wordOf(fieldOf(error, name)))
  return JSON.stringify({
    type: 'error',
    event_id: null,
    error: { type, code, message: withheldMessage, param, event_id: null },
  })
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
  const body = parseJson(text)
  const error = fieldOf(body, 'error')
  const code = fieldOf(error, 'code') ?? fieldOf(error, 'type') ?? fieldOf(body, 'code')
  return typeof code === 'string' && errorCodePattern.test(code) ? code : null
}

/** The parameter that an error is about: `session.voice`. */
function errorParam(text: string): string | null {
  return wordOf(fieldOf(errorOf(text), 'param'))
}

function errorOf(text: string): unknown {
  return fieldOf(parseJson(text), 'error')
}

function wordOf(value: unknown): string | null {
  return typeof value === 'string' && errorParamPattern.test(value) ? value : null
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
