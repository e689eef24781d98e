/** Plain requests: keys, calls, and what is not there. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { isFields } from '../protocol/check.ts'
import { readJson } from '../protocol/json.ts'
import type { SimulatorState } from '../state.ts'
import { type Address, addressAt, requestUrl } from './address.ts'
import { azureKeyRefusal } from './admission.ts'
import { readBody } from './body.ts'
import { performCallAction } from './call-actions.ts'
import { startCall } from './calls.ts'
import { credentialOf, maskedKey } from './credential.ts'
import { mintLegacyKey, mintSecret } from './keys.ts'
import { listModels } from './models.ts'
import type { Answer, PlainRequest } from './plain-request.ts'
import { type HttpRefusal, httpRefusal, respondWith, statusRefusal } from './refusal.ts'
import { mintTranslationSecret, startTranslationCall } from './translation.ts'

const requestIdLength = 32
const faultPath = '/simulator/fault'

/** Makes the handler of plain requests of one simulator. */
export function createHttpTransport(
  simulator: SimulatorState,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    response.setHeader('access-control-allow-origin', '*')
    response.setHeader('access-control-expose-headers', 'Location, X-Request-Id')
    response.setHeader('x-request-id', `req_${simulator.ids.hex(requestIdLength)}`)
    answer(simulator, request)
      .then(reply => ('kind' in reply ? respondWith(response, reply) : respond(response, reply)))
      .catch(() => respondWith(response, httpRefusal('openai', 500, null, 'The simulator has failed.')))
  }
}

async function answer(simulator: SimulatorState, request: IncomingMessage): Promise<Answer | HttpRefusal> {
  const url = requestUrl(request)
  const address = addressAt(url.pathname)
  if (request.method === 'OPTIONS') return preflight()
  if (url.pathname === faultPath) return orderFault(simulator, request)
  if (address === null) return notFound(url.pathname)
  if (address.purpose === 'session' || address.purpose === 'translation') {
    return httpRefusal(address.vendor, 426, null, 'Expected a WebSocket upgrade.', { upgrade: 'websocket' })
  }
  const method = address.purpose === 'models' ? 'GET' : 'POST'
  if (request.method !== method) {
    const message = `Not allowed to ${request.method} on ${url.pathname}.`
    return httpRefusal(address.vendor, 405, 'method_not_allowed', message, { allow: method })
  }
  // A gateway that starts spends no fault that is meant for its sessions and calls.
  const fault = address.purpose === 'models' ? null : simulator.faults.faultFor(url, request.headers, true)
  if (fault?.name === 'refuse') request.destroy()
  if (fault !== null) return statusRefusal(address.vendor, Number(fault.value))
  const presented = { headers: request.headers, query: url.searchParams, subprotocols: [] }
  const { verdict, key, ephemeral } = credentialOf(address.vendor, presented, simulator.secrets)
  if (verdict !== 'good') return keyRefusal(address, verdict, key)
  const body = await readBody(request)
  if (body === null) return httpRefusal(address.vendor, 413, null, 'The request body is too large.')
  const contentType = request.headers['content-type'] ?? ''
  return dispatch({ address, simulator, query: url.searchParams, contentType, body, key, ephemeral })
}

async function dispatch(request: PlainRequest): Promise<Answer | HttpRefusal> {
  switch (request.address.purpose) {
    case 'models':
      return listModels(request)
    case 'client_secrets':
      return mintSecret(request)
    case 'translation_secrets':
      return mintTranslationSecret(request)
    case 'translation_calls':
      return startTranslationCall(request)
    case 'legacy_session':
      return mintLegacyKey(request, 'realtime')
    case 'legacy_transcription_session':
      return mintLegacyKey(request, 'transcription')
    case 'call_action':
      return performCallAction(request)
    default:
      return startCall(request)
  }
}

/** `POST {"fault":"429","times":2,"path":"/v1/realtime"}` puts a fault on the next connections, `DELETE` takes it away. */
async function orderFault(
  simulator: SimulatorState,
  request: IncomingMessage,
): Promise<Answer | HttpRefusal> {
  const given = readJson((await readBody(request))?.toString() ?? '')
  const { fault, times, path } = isFields(given) ? given : {}
  const words = request.method === 'POST' && typeof fault === 'string' ? fault : null
  const known = simulator.faults.order(
    words,
    typeof times === 'number' ? times : null,
    typeof path === 'string' ? path : null,
  )
  if (simulator.faults.allowed && known) return { status: 204, headers: {}, body: '' }
  const [status, message] = known ? [404, 'Faults are off.'] : [400, `There is no fault '${words}'.`]
  return httpRefusal('openai', Number(status), null, String(message))
}

function keyRefusal(address: Address, verdict: string, key: string): HttpRefusal {
  if (address.vendor === 'azure') return azureKeyRefusal()
  const message =
    verdict === 'missing'
      ? 'Missing bearer or basic authentication in header'
      : `Incorrect API key provided: ${maskedKey(key)}.`
  return httpRefusal('openai', 401, verdict === 'missing' ? null : 'invalid_api_key', message)
}

function preflight(): Answer {
  const headers = {
    'access-control-allow-methods': 'GET, POST, OPTIONS',
    'access-control-allow-headers': '*, authorization, content-type, api-key',
    'access-control-max-age': '600',
  }
  return { status: 204, headers, body: '' }
}

function notFound(path: string): HttpRefusal {
  return path.startsWith('/openai/')
    ? httpRefusal('azure', 404, '404', 'Resource not found')
    : httpRefusal('openai', 404, null, `Invalid URL (POST ${path})`)
}

function respond(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers })
  response.end(body)
}
