/** WebRTC calls: an offer becomes a session with a peer; the call is known by its id until it ends. */
import { isFields } from '../protocol/check.ts'
import { readJson } from '../protocol/json.ts'
import { session as sessionShape } from '../protocol/session.ts'
import type { SessionConfig } from '../protocol/types.ts'
import { changedConfig } from '../session/config.ts'
import type { Vendor } from '../session/context.ts'
import { formOf } from './body.ts'
import { configOf, faultRefusal } from './keys.ts'
import type { Answer, PlainRequest } from './plain-request.ts'
import { type HttpRefusal, httpRefusal } from './refusal.ts'

interface WantedCall {
  sdp: string
  config: SessionConfig
}

/** `POST calls`: raw SDP with an ephemeral key, on OpenAI's side a form with the main key too. */
export async function startCall(request: PlainRequest): Promise<Answer | HttpRefusal> {
  const { address, simulator, query } = request
  const wanted = await wantedCall(request)
  if ('kind' in wanted) return wanted
  const { takeCall } = await import('../webrtc/call.ts')
  const callId = nextCallId(request)
  const answer = await takeCall(simulator, {
    callId,
    vendor: address.vendor,
    dialect: address.dialect,
    config: wanted.config,
    offer: wanted.sdp,
    filtered: query.get('webrtcfilter') === 'on',
  })
  return answered(address.vendor, answer, `/v1/realtime/calls/${callId}`)
}

/** The id of a call that begins, in the form of its vendor. */
export function nextCallId({ address, simulator }: PlainRequest): string {
  return address.vendor === 'azure'
    ? `rtc_${simulator.ids.hex(32)}`
    : `rtc_u0_${simulator.ids.next('item').slice(5)}`
}

/** What an offer is answered with. @param location relative, and on Azure too without its prefix, as seen */
export function answered(vendor: Vendor, answer: string | null, location: string): Answer | HttpRefusal {
  if (answer === null) return httpRefusal(vendor, 400, 'invalid_offer', 'The SDP offer could not be used.')
  return { status: 201, headers: { 'content-type': 'text/plain; charset=utf-8', location }, body: answer }
}

/** The answer to a body of another type. @param accepted as the message names them */
export function unsupportedContentType(
  { address, contentType }: PlainRequest,
  accepted: string,
): HttpRefusal {
  const message = `Unsupported content type. This API method only accepts ${accepted} requests, but you specified the header 'Content-Type: ${contentType}'.`
  return httpRefusal(address.vendor, 400, 'unsupported_content_type', message)
}

async function wantedCall(request: PlainRequest): Promise<WantedCall | HttpRefusal> {
  const { address, simulator, contentType, body, key, ephemeral, query } = request
  const secret = simulator.secrets.find(key)
  if (secret?.translation !== undefined) {
    const message = `Model "${secret.translation.model}" is not supported in realtime mode.`
    return httpRefusal(address.vendor, 400, 'invalid_model', message)
  }
  const minted = secret?.config
  if (contentType.startsWith('multipart/form-data')) return wantedByForm(request, minted)
  if (!contentType.startsWith('application/sdp') && address.purpose === 'calls')
    return unsupportedContentType(request, "'application/sdp' or 'multipart/form-data'")
  if (address.vendor === 'azure' && !ephemeral) return needsEphemeral()
  const model = query.get('model')
  const config =
    minted ?? (model === null ? undefined : configOf(simulator, address.vendor, { type: 'realtime', model }))
  if (config === undefined)
    return httpRefusal(address.vendor, 400, 'missing_model', 'You must provide a model parameter.')
  return 'kind' in config ? config : { sdp: body.toString(), config }
}

async function wantedByForm(
  request: PlainRequest,
  minted: SessionConfig | undefined,
): Promise<WantedCall | HttpRefusal> {
  const { address, simulator, contentType, body } = request
  if (address.vendor === 'azure') return needsEphemeral()
  const form = await formOf(body, contentType)
  const sdp = form?.get('sdp')
  if (sdp === undefined) return faultRefusal(address.vendor, missing('sdp'))
  const text = form?.get('session')
  const wanted = text === undefined ? (minted === undefined ? undefined : {}) : readJson(text)
  if (wanted === undefined) return faultRefusal(address.vendor, missing('session'))
  const fault = text === undefined ? null : sessionShape(wanted, 'session')
  if (fault !== null) return faultRefusal(address.vendor, fault)
  const fields = isFields(wanted) ? wanted : {}
  const config =
    minted === undefined ? configOf(simulator, address.vendor, fields) : changedConfig(minted, fields, false)
  return 'kind' in config ? config : { sdp, config }
}

function missing(name: string): { code: string; message: string; param: string } {
  return {
    code: 'missing_required_parameter',
    message: `Missing required parameter: '${name}'.`,
    param: name,
  }
}

/** Azure starts calls with ephemeral keys alone. */
export function needsEphemeral(): HttpRefusal {
  const message = 'This operation requires ephemeral tokens. Please use a client secret.'
  return httpRefusal('azure', 401, 'Unauthorized', message)
}
