/** How each vendor says no: in HTTP before the upgrade, or by an `error` event and a close after it. */
import type { ServerResponse } from 'node:http'
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Vendor } from '../session/context.ts'

/** No, before the upgrade or to a plain request. */
export interface HttpRefusal {
  kind: 'http'
  status: number
  body: unknown
  headers: Record<string, string>
}

/** No, after the 101: an `error` event, then a close with `<type>.<code>` as reason. */
export interface SocketRefusal {
  kind: 'socket'
  code: string
  message: string
  closeCode: number
  param: string | null
}

export const authCloseCode = 3000
export const requestCloseCode = 4000

/** A refusal in the vendor's HTTP error shape. OpenAI's `error` has type and param, Azure's a code and a message. */
export function httpRefusal(
  vendor: Vendor,
  status: number,
  code: string | null,
  message: string,
  headers: Record<string, string> = {},
): HttpRefusal {
  const type = status >= 500 ? 'server_error' : 'invalid_request_error'
  const error =
    vendor === 'azure' ? { code: code ?? String(status), message } : { message, type, param: null, code }
  return { kind: 'http', status, body: { error }, headers }
}

/** A refusal after the upgrade, in the code's words. */
export function socketRefusal(
  code: string,
  message: string,
  closeCode = requestCloseCode,
  param: string | null = null,
): SocketRefusal {
  return { kind: 'socket', code, message, closeCode, param }
}

/** Answers a plain request. */
export function respondWith(response: ServerResponse, { status, body, headers }: HttpRefusal): void {
  const text = body === '' ? '' : JSON.stringify(body)
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...headers,
  })
  response.end(text)
}

/** Answers an upgrade with a plain response, and closes. */
export function refuseUpgrade(socket: Duplex, { status, body, headers }: HttpRefusal): void {
  const text = body === '' ? '' : JSON.stringify(body)
  const lines = Object.entries({
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(text)),
    connection: 'close',
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${text}`)
}

const retryAfterSec = 1
const unnamedStatus = 503

const statusMessages: Record<number, [code: string, message: string]> = {
  401: ['401', 'Access denied.'],
  403: ['Forbidden', 'Access to this resource is forbidden.'],
  404: ['404', 'Resource not found'],
  429: ['429', 'Requests have exceeded the call rate limit. Please retry after 1 second.'],
  500: ['InternalServerError', 'The server had an error processing your request.'],
  503: ['ServiceUnavailable', 'The service is temporarily unable to process your request.'],
}

/** A refusal with a status that was asked for as a fault; 429 and 503 say when to come back. */
export function statusRefusal(vendor: Vendor, status: number): HttpRefusal {
  const [code, message] = statusMessages[status] ?? [null, 'Refused.']
  const retry = status === 429 || status === 503
  return httpRefusal(
    vendor,
    status || unnamedStatus,
    code,
    message,
    retry ? { 'retry-after': String(retryAfterSec) } : {},
  )
}
