/** Decides who may open a session, and which one. */

import type { SessionConfig } from '../protocol/types.ts'
import { isSpeechModel } from '../protocol/values.ts'
import { defaultConfig } from '../session/defaults.ts'
import type { Session } from '../session/session.ts'
import type { Address } from './address.ts'
import { type Credential, credentialOf, maskedKey, type Presented } from './credential.ts'
import { authCloseCode, type HttpRefusal, httpRefusal, type SocketRefusal, socketRefusal } from './refusal.ts'
import type { Secrets } from './secrets.ts'

export type Admission =
  | { kind: 'admitted'; config: SessionConfig }
  | { kind: 'joined'; session: Session }
  | HttpRefusal
  | SocketRefusal

const apiVersion = /^\d{4}-\d{2}-\d{2}(-preview)?$/

/** @param callOf finds the session of a running call */
export function admit(
  address: Address,
  presented: Presented,
  secrets: Secrets,
  callOf: (callId: string) => Session | undefined,
): Admission {
  const credential = credentialOf(address.vendor, presented, secrets)
  const refused =
    address.vendor === 'azure'
      ? azureRefusal(address, presented, credential)
      : openAiRefusal(presented, credential)
  if (refused !== null) return refused
  const callId = presented.query.get('call_id')
  if (callId !== null && address.dialect === 'ga') {
    const session = callOf(callId)
    return session === undefined ? unknownCall(address.vendor) : { kind: 'joined', session }
  }
  return { kind: 'admitted', config: configFor(address, presented, secrets.find(credential.key)?.config) }
}

function configFor(address: Address, { query }: Presented, minted: SessionConfig | undefined): SessionConfig {
  if (minted !== undefined) return minted
  if (query.get('intent') === 'transcription') return defaultConfig('', 'transcription')
  const model =
    query.get(address.dialect === 'preview' ? 'deployment' : 'model') ?? query.get('deployment') ?? ''
  return defaultConfig(model, 'realtime')
}

function openAiRefusal(
  { headers, query, subprotocols }: Presented,
  credential: Credential,
): SocketRefusal | null {
  if (credential.verdict !== 'good') return openAiKeyRefusal(credential)
  if (headers['openai-beta']?.includes('realtime=v1') || subprotocols.includes('openai-beta.realtime-v1')) {
    const message = 'The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API.'
    return socketRefusal('beta_api_shape_disabled', message)
  }
  if (query.has('call_id')) return null
  if (query.get('intent') === 'transcription') return query.has('model') ? modelInTranscription() : null
  const model = query.get('model') ?? ''
  if (credential.ephemeral && model === '') return null
  if (model === '')
    return socketRefusal('missing_model', 'You must provide a model parameter.', undefined, 'model')
  if (isSpeechModel(model)) return null
  const message = `Model "${model}" is not supported in realtime mode.`
  return socketRefusal('invalid_model', message, undefined, 'model')
}

/** As openai/openai-python#2652 shows it. */
function modelInTranscription(): SocketRefusal {
  return socketRefusal('invalid_model', 'You must not provide a model parameter for transcription sessions.')
}

/** OpenAI's answer to a missing or wrong key. */
export function openAiKeyRefusal({ verdict, key }: Credential): SocketRefusal {
  const where = 'You can find your API key at https://platform.openai.com/account/api-keys.'
  const message =
    verdict === 'missing'
      ? `You didn't provide an API key. ${where}`
      : `Incorrect API key provided: ${maskedKey(key)}. ${where}`
  return socketRefusal('invalid_api_key', message, authCloseCode)
}

function azureRefusal(address: Address, { query }: Presented, credential: Credential): HttpRefusal | null {
  if (credential.verdict !== 'good') return azureKeyRefusal()
  const version = query.get('api-version')
  if (address.dialect === 'ga' && version !== null) return azureKeyRefusal()
  if (address.dialect === 'preview') {
    if (version === null) return httpRefusal('azure', 404, '404', 'Resource not found')
    if (!apiVersion.test(version)) return httpRefusal('azure', 400, 'BadRequest', 'API version not supported')
  }
  if (query.has('call_id')) return null
  if (query.get('intent') === 'transcription') {
    if (credential.ephemeral || address.dialect === 'preview') return null
    return httpRefusal('azure', 401, 'Unauthorized', 'This operation requires ephemeral authentication.')
  }
  const deployment = query.get('deployment') ?? (address.dialect === 'ga' ? query.get('model') : null) ?? ''
  if (deployment.startsWith('missing')) return missingDeployment()
  if (deployment !== '' || credential.ephemeral) return null
  const name = address.dialect === 'ga' ? 'model' : 'deployment'
  return httpRefusal('azure', 400, 'BadRequest', `The query parameter '${name}' is required.`)
}

/** Azure's answer to a missing or wrong key, or to a key in the wrong form of the address. */
export function azureKeyRefusal(): HttpRefusal {
  const message =
    'Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource.'
  return httpRefusal('azure', 401, '401', message)
}

/** Azure's answer to a deployment that is not there. */
export function missingDeployment(): HttpRefusal {
  const message =
    'The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again.'
  return httpRefusal('azure', 404, 'DeploymentNotFound', message)
}

/** The answer to whoever would join a call that is not there. */
export function unknownCall(vendor: Address['vendor']): HttpRefusal {
  return httpRefusal(vendor, 404, 'call_id_not_found', 'No session found for the provided call_id')
}
