/** Minting of ephemeral keys: `client_secrets`, and the endpoints of the preview. */
import { modelAndFault } from '../faults/fault.ts'
import { type Check, type Fault, type Fields, fields, integer, isFields, oneOf } from '../protocol/check.ts'
import { readJson } from '../protocol/json.ts'
import { previewSession, previewTranscriptionSession } from '../protocol/preview.ts'
import { shownPreviewSession } from '../protocol/preview-dialect.ts'
import { sessionInward } from '../protocol/preview-inward.ts'
import { session } from '../protocol/session.ts'
import { Refusal, type SessionConfig } from '../protocol/types.ts'
import { isSpeechModel } from '../protocol/values.ts'
import { changedConfig, shownSession } from '../session/config.ts'
import type { Vendor } from '../session/context.ts'
import { defaultConfig } from '../session/defaults.ts'
import type { SimulatorState } from '../state.ts'
import { settledTranscription } from '../transcription/models.ts'
import { azureKeyRefusal, missingDeployment } from './admission.ts'
import type { Answer, PlainRequest } from './plain-request.ts'
import { type HttpRefusal, httpRefusal } from './refusal.ts'

/** Of an ephemeral key, unless told otherwise (s). */
export const defaultLifeSec = 600
const legacyLifeSec = 60
const defaultModel = 'gpt-realtime'

const secretBody = fields({
  expires_after: fields({ anchor: oneOf('created_at'), seconds: integer(10, 7200) }),
  session,
})

/** `POST client_secrets`: a key of ten minutes unless told otherwise, with session defaults. */
export function mintSecret({ address, simulator, body, ephemeral }: PlainRequest): Answer | HttpRefusal {
  if (ephemeral) return needsStandingKey(address.vendor)
  const given = checkedBody(secretBody, body)
  if ('message' in given) return faultRefusal(address.vendor, given)
  const wanted = isFields(given.fields.session) ? given.fields.session : { type: 'realtime' }
  const config = configOf(simulator, address.vendor, wanted)
  if ('kind' in config) return config
  const after = given.fields.expires_after
  const lifeSec = isFields(after) && typeof after.seconds === 'number' ? after.seconds : defaultLifeSec
  const { value, expiresAt } = simulator.secrets.mint(config, lifeSec, 'ga')
  const shown = shownSession(config, simulator.ids.next('sess'), 0)
  return json({ value, expires_at: expiresAt, session: shown })
}

/** The key endpoints of the preview: the session itself, with a `client_secret` of one minute in it. */
export function mintLegacyKey(request: PlainRequest, type: SessionConfig['type']): Answer | HttpRefusal {
  const { address, simulator, body } = request
  if (request.ephemeral) return needsStandingKey(address.vendor)
  const check = type === 'realtime' ? previewSession : previewTranscriptionSession
  const given = checkedBody(check, body)
  if ('message' in given) return faultRefusal(address.vendor, given)
  const config = configOf(simulator, address.vendor, {
    ...sessionInward(given.fields, type),
    model: given.fields.model,
  })
  if ('kind' in config) return config
  const { value, expiresAt } = simulator.secrets.mint(config, legacyLifeSec, 'preview')
  const shown = shownPreviewSession(config, simulator.ids.next('sess'), 0)
  return json({ ...shown, client_secret: { value, expires_at: expiresAt } })
}

/** The configuration that a `session` object asks for, on top of the model's own. */
export function configOf(
  simulator: SimulatorState,
  vendor: Vendor,
  wanted: Fields,
): SessionConfig | HttpRefusal {
  const type = wanted.type === 'transcription' ? 'transcription' : 'realtime'
  const named = typeof wanted.model === 'string' ? wanted.model : defaultModel
  const model = simulator.faults.allowed ? modelAndFault(named).model : named
  if (vendor === 'azure' && model.startsWith('missing')) return missingDeployment()
  if (vendor === 'openai' && type === 'realtime' && !isSpeechModel(model)) {
    return httpRefusal('openai', 400, 'invalid_model', `Model "${model}" is not supported in realtime mode.`)
  }
  try {
    const config = changedConfig(defaultConfig(type === 'realtime' ? model : '', type), wanted, false)
    return settledTranscription(config, wanted)
  } catch (problem) {
    if (problem instanceof Refusal) return httpRefusal(vendor, 400, problem.code, problem.message)
    throw problem
  }
}

/** Holds a request's body against its shape. */
export function checkedBody(check: Check, body: Buffer): { fields: Fields } | Fault {
  const given = body.length === 0 ? {} : readJson(body.toString())
  if (given === undefined) {
    return { code: 'invalid_json', message: 'We could not parse the JSON body of your request.', param: null }
  }
  const fault = check(given, '')
  return fault ?? { fields: isFields(given) ? given : {} }
}

/** A fault of a request's body, as an HTTP refusal. */
export function faultRefusal(vendor: Vendor, fault: Fault): HttpRefusal {
  const type = 'invalid_request_error'
  const error = { message: fault.message, type, param: fault.param, code: fault.code }
  return { ...httpRefusal(vendor, 400, fault.code, fault.message), body: { error } }
}

/** The answer to an ephemeral key that would mint another. */
export function needsStandingKey(vendor: Vendor): HttpRefusal {
  if (vendor === 'azure') return azureKeyRefusal()
  return httpRefusal('openai', 401, 'invalid_api_key', 'Ephemeral keys cannot be used for this operation.')
}

export function json(body: Fields): Answer {
  return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}
