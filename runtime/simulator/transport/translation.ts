/** Who may open a session that translates, and keys for those. */
import type { WebSocket } from 'ws'
import { fields, integer, isFields, oneOf } from '../protocol/check.ts'
import { isTranslationModel } from '../protocol/values.ts'
import type { SimulatorState } from '../state.ts'
import { TranslationSession } from '../translation/session.ts'
import {
  changedTranslation,
  newTranslation,
  shownTranslation,
  type TranslationConfig,
  translationRequest,
} from '../translation/shape.ts'
import type { Address } from './address.ts'
import { azureKeyRefusal, missingDeployment, openAiKeyRefusal } from './admission.ts'
import { credentialOf, type Presented } from './credential.ts'
import { checkedBody, defaultLifeSec, faultRefusal, json, needsStandingKey } from './keys.ts'
import type { Answer, PlainRequest } from './plain-request.ts'
import { type HttpRefusal, httpRefusal, type SocketRefusal, socketRefusal } from './refusal.ts'

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
): TranslationConfig | HttpRefusal | SocketRefusal {
  const credential = credentialOf(vendor, presented, simulator.secrets)
  if (credential.verdict !== 'good')
    return vendor === 'azure' ? azureKeyRefusal() : openAiKeyRefusal(credential)
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
  const session = new TranslationSession(
    {
      send: text => socket.readyState === socket.OPEN && socket.send(text),
      close: (code, reason) => socket.close(code, reason),
    },
    { config, ...simulator.translationTraits() },
  )
  socket.on('message', data => session.receive(data.toString()))
  socket.on('error', () => socket.terminate())
  session.start()
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
