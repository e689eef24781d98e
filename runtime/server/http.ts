/** Requests and answers over HTTP as handlers see them, and the shapes of errors. */
import { getBuiltinModule } from 'node:process'
import { callPaths, isLivePath, sdkPaths } from '../core/contract.ts'
import type { GatewayError } from '../core/errors.ts'
import type { Principal } from '../core/ports.ts'
import { requestIdHeaders } from '../core/request-id.ts'

export interface HttpRequest {
  readonly method: string
  readonly path: string
  /** The segment of the path that the route's path calls `:id`; '' elsewhere. */
  readonly id: string
  readonly query: URLSearchParams
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>
  /** The client's own address, as in an UpgradeRequest. */
  readonly address: string
  /** Who asks; absent on pages that are open to everyone. */
  readonly principal?: Principal
  /** What the request stores is charged to this account; absent on pages that are open to everyone. */
  readonly account?: string
  /** Empty unless the method carries one. */
  readonly body: Buffer
}

export interface HttpAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

/** A GatewayError that a handler throws becomes the answer. */
export type HttpHandler = (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>

/** A request whose body may still be on its way: who asks is judged before that is waited for. */
export interface ArrivingRequest extends Omit<HttpRequest, 'body'> {
  /** @throws GatewayError `message_too_big`, `memory_exhausted`, `client_silent` */
  readonly readBody: () => Promise<Buffer>
}

/** As HttpHandler. */
export type ArrivingHandler = (request: ArrivingRequest) => HttpAnswer | Promise<HttpAnswer>

/** As HttpRoute. */
export type ArrivingRoute = Readonly<Partial<Record<keyof HttpRoute, ArrivingHandler>>>

/** What a path does by method; GET answers HEAD too. */
export type HttpRoute = Readonly<Partial<Record<'GET' | 'POST' | 'DELETE' | 'OPTIONS', HttpHandler>>>

/**
 * On every answer; an answer's own headers come after them. What is no page needs nothing, so its content
 * policy is empty. `Strict-Transport-Security` is left to what ends TLS for the public name: set here, a
 * local certificate would bind every other server on localhost to https.
 */
export const securityHeaders: Readonly<Record<string, string>> = {
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin-allow-popups',
  'Permissions-Policy': 'microphone=(self), camera=(), geolocation=()',
}

// Not by an import: that reads every export of the module, and one of them loads all of `fetch`, 40 ms of CPU.
const { STATUS_CODES } = getBuiltinModule('node:http')

/** Writes a status line's code and phrase (RFC 9110 section 15). */
export function statusLine(status: number): string {
  return `${status} ${STATUS_CODES[status] ?? 'Unknown'}`
}

const socketPaths: ReadonlySet<string> = new Set(sdkPaths)

/** Whether a path is one of those that SDKs ask below their base URL. */
function isForSdks(path: string): boolean {
  return socketPaths.has(path) || callPaths.some(base => path.startsWith(`${base}/`)) || isLivePath(path)
}

/** Bodies are small: settings, and session descriptions of some kilobytes. */
export const maxBodyBytes = 256 * 1024

/** A key is minted for a whole session: instructions, and the tools of an application. */
export const maxSessionBodyBytes = 1024 * 1024

const sessionBodyPaths: ReadonlySet<string> = new Set(callPaths.map(base => `${base}/client_secrets`))

/** Tells how large the body of a request may be (bytes). */
export function maxBodyBytesAt(path: string): number {
  return sessionBodyPaths.has(path) ? maxSessionBodyBytes : maxBodyBytes
}

/** Answers with JSON that no cache keeps. */
export function jsonAnswer(
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): HttpAnswer {
  return {
    status,
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...headers },
    body: JSON.stringify(body),
  }
}

/**
 * Answers with an error's status and `{"detail":"…"}`, and `Retry-After` in whole seconds where it is known.
 * At and below the SDK addresses there is also `error` as SDKs read it, and upstream's own status, and its own body, where it
 * refused.
 */
export function errorAnswer(
  error: GatewayError,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): HttpAnswer {
  const { code, message, retryAfterMs, upstreamStatus, answer, requestId } = error
  const forSdks = isForSdks(path)
  const status = forSdks && upstreamStatus !== undefined ? upstreamStatus : error.status
  const retryAfter: Record<string, string> =
    retryAfterMs === undefined ? {} : { 'Retry-After': String(Math.ceil(retryAfterMs / 1000)) }
  const challenge: Record<string, string> = status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}
  const told = { ...retryAfter, ...challenge, ...requestIdHeaders(requestId), ...headers }
  if (forSdks && answer !== undefined) {
    const type = { 'Content-Type': answer.contentType, 'Cache-Control': 'no-store' }
    return { status, headers: { ...type, ...told }, body: answer.body }
  }
  const body = {
    detail: message,
    ...(forSdks && { error: { type: 'gateway_error', code, message, param: null } }),
  }
  return jsonAnswer(status, body, told)
}
