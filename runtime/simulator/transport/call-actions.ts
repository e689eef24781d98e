/** `POST calls/{id}/{accept,reject,refer,hangup}`: decisions on telephone calls, and the end of any call. */
import { type Fault, isFields } from '../protocol/check.ts'
import { readJson } from '../protocol/json.ts'
import { session as sessionShape } from '../protocol/session.ts'
import type { Vendor } from '../session/context.ts'
import type { SimulatorState } from '../state.ts'
import type { PhoneCall } from '../telephone/phone-call.ts'
import { TranslationSession } from '../translation/session.ts'
import { unknownCall } from './admission.ts'
import { configOf, faultRefusal } from './keys.ts'
import type { Answer, PlainRequest } from './plain-request.ts'
import { type HttpRefusal, httpRefusal } from './refusal.ts'

const hangupReason = 'The call was hung up.'
const declined = 603

/** What telephone calls do not take in `turn_detection` (openai-agents-js leaves it out for that reason). */
const refusedTurnDetection = ['threshold', 'prefix_padding_ms', 'silence_duration_ms'] as const

const done: Answer = { status: 200, headers: {}, body: '' }

export async function performCallAction(request: PlainRequest): Promise<Answer | HttpRefusal> {
  const { address, simulator } = request
  const phoneCall = simulator.phoneCalls.get(address.callId ?? '')
  return phoneCall === undefined ? endWebRtcCall(request) : decide(phoneCall, request)
}

function endWebRtcCall({ address, simulator }: PlainRequest): Answer | HttpRefusal {
  const callId = address.callId ?? ''
  const session = simulator.calls.get(callId) ?? simulator.translationCalls.get(callId)
  if (session === undefined) return unknownCall(address.vendor)
  if (address.action !== 'hangup')
    return httpRefusal(
      address.vendor,
      400,
      'invalid_request',
      `A WebRTC call cannot be asked to ${address.action}.`,
    )
  if (session instanceof TranslationSession) session.close()
  else session.end(1000, hangupReason)
  return done
}

async function decide(call: PhoneCall, request: PlainRequest): Promise<Answer | HttpRefusal> {
  const { address, simulator } = request
  const { vendor, action } = address
  const isActive = call.phase === 'active'
  const body = request.body.length === 0 ? {} : readJson(request.body.toString())
  if (!isFields(body)) return faultRefusal(vendor, notJson())
  if ((action === 'accept' || action === 'reject') && isActive)
    return httpRefusal(vendor, 409, 'decision_already_made', 'This call was decided on already.')
  switch (action) {
    case 'accept':
      return accept(simulator, call, vendor, body)
    case 'reject':
      call.end({ by: 'rejected', status: typeof body.status_code === 'number' ? body.status_code : declined })
      return done
    case 'refer':
      if (!isActive) return httpRefusal(vendor, 400, 'invalid_request', 'The call was not accepted yet.')
      if (typeof body.target_uri !== 'string') return faultRefusal(vendor, missing('target_uri'))
      call.end({ by: 'referred', target: body.target_uri })
      return done
    case 'hangup':
      call.end({ by: 'hung up' })
      return done
    default:
      return httpRefusal(vendor, 404, null, `Invalid URL (POST ${action})`)
  }
}

async function accept(
  simulator: SimulatorState,
  call: PhoneCall,
  vendor: Vendor,
  wanted: Record<string, unknown>,
): Promise<Answer | HttpRefusal> {
  if (wanted.type === undefined) return faultRefusal(vendor, missing('type'))
  if (wanted.type !== 'realtime')
    return faultRefusal(vendor, {
      code: 'invalid_value',
      message: `Invalid value: '${wanted.type}'.`,
      param: 'type',
    })
  const fault = sessionShape(wanted, '') ?? turnDetectionFault(wanted)
  if (fault !== null) return faultRefusal(vendor, fault)
  const config = configOf(simulator, vendor, wanted)
  if ('kind' in config) return config
  return (await call.accept(config)) ? done : unknownCall(vendor)
}

function turnDetectionFault({ audio }: Record<string, unknown>): Fault | null {
  const input = isFields(audio) && isFields(audio.input) ? audio.input : {}
  const given = isFields(input.turn_detection) ? input.turn_detection : {}
  const name = refusedTurnDetection.find(field => field in given)
  if (name === undefined) return null
  const param = `audio.input.turn_detection.${name}`
  return { code: 'unknown_parameter', message: `Unknown parameter: '${param}'.`, param }
}

function missing(name: string): Fault {
  return {
    code: 'missing_required_parameter',
    message: `Missing required parameter: '${name}'.`,
    param: name,
  }
}

function notJson(): Fault {
  return { code: 'invalid_json', message: 'We could not parse the JSON body of your request.', param: null }
}
