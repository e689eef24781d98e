/** What pages are told of the gateway that serves them. Pages are open to everyone: nothing here is a secret. */

import type { InboundEntra } from '../config/access.ts'
import type { Config } from '../config/config.ts'
import type { HttpRoute } from '../server/http.ts'
import type { ModelPermit } from '../upstream/model-permit.ts'
import type { Target } from '../upstream/target.ts'
import type { EntraSignIn, GatewayInfo } from './page-info.ts'

/** Addresses that pages ask where the gateway has them: asked in vain, the browser reports an error. */
const pageAddresses = ['/assistants', '/usage', '/simulator/process'] as const

/**
 * Describes the gateway.
 * @param target the first endpoint: the configuration's, or the embedded simulator
 * @param permit which models clients may name
 * @param api what it answers besides pages, by path
 */
export function describeGateway(
  config: Config,
  target: Target,
  permit: ModelPermit,
  api: ReadonlyMap<string, HttpRoute>,
): GatewayInfo {
  const { transcription } = config.audioInput
  const { access, realtime, revision, replica, socketHost: host } = config
  const signIn = access.entra === null ? null : describeSignIn(access.entra)
  return {
    provider: target.provider,
    model: target.deployments[0],
    revision,
    replica,
    host,
    auth: [...access.modes],
    ...(signIn !== null && { entra: signIn }),
    allowedEventTypes: [...realtime.allowedEventTypes],
    extractedEventTypes: [...(realtime.extraction?.types ?? [])],
    transcriptionModels: [...permit.transcription.transcription],
    ...(transcription !== undefined && { turnTranscription: transcription }),
    textOnly: config.chat.textOnly,
    offers: pageAddresses.filter(path => api.has(path)),
  }
}

/** What MSAL asks for. @returns null where pages have no registration of their own */
function describeSignIn(entra: InboundEntra): EntraSignIn | null {
  const { authority, tenantId, pagesClientId, audiences, scope } = entra
  if (pagesClientId === undefined) return null
  const uri = audiences.find(audience => audience.includes('://')) ?? `api://${audiences[0]}`
  return {
    clientId: pagesClientId,
    authority: `${authority.origin}/${tenantId}`,
    scope: `${uri}/${scope ?? '.default'}`,
  }
}
