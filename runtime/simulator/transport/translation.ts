/** Who may open a session that translates, and keys for those. */
import type { WebSocket } from 'ws'
import { fields, integer, isFields, oneOf } from '../protocol/check.ts'
import { isTranslationModel } from '../protocol/values.ts'
import type { SimulatorState } from '../state.ts'
import { TranslationSession, type TranslationWire } from '../translation/session.ts'
import {
  changedTranslation,
  newTranslation,
  shownTranslation,
  type TranslationConfig,
  translationRequest,
} from '../translation/shape.ts'
import type { Address } from './address.ts'
import { azureKeyRefusal, missingDeployment, openAiKeyRefusal, unknownCall } from './admission.ts'
import { answered, needsEphemeral, nextCallId, unsupportedContentType } from './calls.ts'
import { credentialOf, type Presented } from './credential.ts'
import { checkedBody, defaultLifeSec, faultRefusal, json, needsStandingKey } from './keys.ts'
import type { Answer, PlainRequest } from './plain-request.ts'
import { type HttpRefusal, httpRefusal, type SocketRefusal, socketRefusal } from './refusal.ts'
import { listen } from './socket-wire.ts'

const secretBody = fields(
  {
    session: translationRequest,
    expires_after: fields({ anchor: oneOf('created_at'), seconds: integer(10, 7200) }),
  },
  'session',
)

/** Decides on a socket. On Azure any name is a deployment, but one that begins with `missing`. */
export function admitTranslation(
  simulator: SimulatorState,
  { vendor }: Address,
  presented: Presented,
): TranslationConfig | TranslationSession | HttpRefusal | SocketRefusal {
  const credential = credentialOf(vendor, presented, simulator.secrets)
  if (credential.verdict !== 'good')
    return vendor === 'azure' ? azureKeyRefusal() : openAiKeyRefusal(credential)
  const callId = presented.query.get('call_id')
  if (callId !== null) return simulator.translationCalls.get(callId) ?? unknownCall(vendor)
  const minted = simulator.secrets.find(credential.key)?.translation
  if (minted !== undefined) return minted
  const model = presented.query.get('model') ?? ''
  if (vendor === 'azure') {
    if (model.startsWith('missing')) return missingDeployment()
    return model === ''
      ? httpRefusal('azure', 400, 'BadRequest', "The query parameter 'model' is required.")
      : newTranslation(model)
  }
  if (model === '')
    return socketRefusal('missing_model', 'You must provide a model parameter.', undefined, 'model')
  if (isTranslationModel(model)) return newTranslation(model)
  const message = `Model "${model}" is not supported in translation mode.`
  return socketRefusal('invalid_model', message, undefined, 'model')
}

/** Leads a socket into a session of its own. */
export function openTranslation(
  simulator: SimulatorState,
  socket: WebSocket,
  config: TranslationConfig,
): void {
  const session = new TranslationSession({ config, ...simulator.translationTraits() })
  socket.once('close', () => session.close())
  joinTranslation(simulator, socket, session)
  session.start()
}

/** Leads a socket into the session of a running call. */
export function joinTranslation(
  { clock }: SimulatorState,
  socket: WebSocket,
  session: TranslationSession,
): void {
  const wire: TranslationWire = {
    send: text => socket.readyState === socket.OPEN && socket.send(text),
    close: (code, reason) => socket.close(code, reason),
  }
  session.attach(wire)
  listen(socket, wire, session, clock, () => session.detach(wire))
}

/** `POST translations/calls`: an offer with an ephemeral key that was minted for translation. */
export async function startTranslationCall(request: PlainRequest): Promise<Answer | HttpRefusal> {
  const { address, simulator, contentType, body, key, ephemeral, query } = request
  const { vendor } = address
  if (!contentType.startsWith('application/sdp')) return unsupportedContentType(request, "'application/sdp'")
  if (!ephemeral)
    return vendor === 'azure'
      ? needsEphemeral()
      : httpRefusal('openai', 401, 'invalid_api_key', 'This operation requires an ephemeral key.')
  // Seen by a client that sent one: the key's session names the model.
  if (query.has('model'))
    return httpRefusal(vendor, 400, 'invalid_request', "Unknown query parameter: 'model'.")
  const secret = simulator.secrets.find(key)
  const config = secret?.translation
  if (config === undefined) {
    const message = `Model "${secret?.config.model}" is not supported in translation mode.`
    return httpRefusal(vendor, 400, 'invalid_model', message)
  }
  const { takeTranslationCall } = await import('../webrtc/translation-call.ts')
  const callId = nextCallId(request)
  const answer = await takeTranslationCall(simulator, { callId, config, offer: body.toString() })
  return answered(vendor, answer, `/v1/realtime/translations/calls/${callId}`)
}

/** `POST translations/client_secrets`. */
export function mintTranslationSecret({
  address,
  simulator,
  body,
  ephemeral,
}: PlainRequest): Answer | HttpRefusal {
  const { vendor } = address
  if (ephemeral) return needsStandingKey(vendor)
  const given = checkedBody(secretBody, body)
  if ('message' in given) return faultRefusal(vendor, given)
  const { session, expires_after: after } = given.fields
  const wanted = isFields(session) ? session : {}
  const model = String(wanted.model)
  if (vendor === 'azure' && model.startsWith('missing')) return missingDeployment()
  if (vendor === 'openai' && !isTranslationModel(model))
    return httpRefusal(
      'openai',
      400,
      'invalid_model',
      `Model "${model}" is not supported in translation mode.`,
    )
  const config = changedTranslation(newTranslation(model), wanted)
  const lifeSec = isFields(after) && typeof after.seconds === 'number' ? after.seconds : defaultLifeSec
  const { value, expiresAt } = simulator.secrets.mintTranslation(config, lifeSec)
  const shown = shownTranslation(config, simulator.ids.next('sess'), expiresAt)
  return json({ value, expires_at: expiresAt, session: shown })
}
