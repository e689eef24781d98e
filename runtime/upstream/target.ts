/** Where upstream is and which address form it takes. Pure: built from settings, asked for URLs. */
import { GatewayError } from '../core/errors.ts'
import type { Dialect, Provider } from '../core/ports.ts'
import type { Purpose } from './model-permit.ts'

export interface Target {
  readonly provider: Provider
  /** The provider's name as a person reads it. */
  readonly label: string
  /** `https:`, or `http:` on loopback; the WebSocket scheme follows it. */
  readonly baseUrl: URL
  readonly dialect: Dialect
  /** Only in the preview form of the address. */
  readonly apiVersion?: string
  /** Deployments (Azure) or models (OpenAI) that clients may use; the first is the default. */
  readonly deployments: readonly [string, ...string[]]
}

/** Azure's last preview of the Realtime API; the preview form needs some version. */
const defaultPreviewVersion = '2025-04-01-preview'

/** Versions before this month know only the preview form. */
const firstGaMonth = '2025-08'

/** The host suffix whose resources answer at the preview form only. */
const previewHostSuffix = '.cognitiveservices.azure.com'

/**
 * Describes an Azure OpenAI resource.
 * @param endpoint the resource's address; a path such as `/openai/v1` is ignored
 * @param apiVersion decides for the preview form when it is a preview or older than 2025-08
 */
export function azureTarget(
  endpoint: URL,
  deployments: readonly [string, ...string[]],
  apiVersion: string | undefined,
): Target {
  const baseUrl = new URL('/', endpoint)
  const asksForPreview =
    apiVersion !== undefined && (apiVersion.endsWith('-preview') || apiVersion < firstGaMonth)
  const common = { provider: 'azure', label: 'Azure OpenAI', baseUrl, deployments } as const
  if (!asksForPreview && !endpoint.hostname.endsWith(previewHostSuffix)) return { ...common, dialect: 'ga' }
  return { ...common, dialect: 'preview', apiVersion: asksForPreview ? apiVersion : defaultPreviewVersion }
}

/** Describes OpenAI's own API. @param baseUrl as given to SDKs, for example `https://api.openai.com/v1` */
export function openaiTarget(baseUrl: URL, models: readonly [string, ...string[]]): Target {
  return { provider: 'openai', label: 'OpenAI', baseUrl, dialect: 'ga', deployments: models }
}

/** Describes the embedded simulator, which stands at OpenAI's addresses. */
export function simulatorTarget(url: string, models: readonly [string, ...string[]]): Target {
  return {
    provider: 'simulator',
    label: 'the simulator',
    baseUrl: new URL('/v1', url),
    dialect: 'ga',
    deployments: models,
  }
}

/**
 * Builds the WebSocket address of a deployment.
 * GA carries no `api-version`: Azure answers one with 401 there (Azure OpenAI migration guide).
 */
export function realtimeUrl(target: Target, deployment: string): URL {
  const url = new URL(target.baseUrl)
  url.protocol = url.protocol === 'http:' ? 'ws:' : 'wss:'
  if (target.provider !== 'azure') {
    url.pathname = `${url.pathname.replace(/\/+$/, '')}/realtime`
    url.searchParams.set('model', deployment)
  } else if (target.dialect === 'ga') {
    url.pathname = '/openai/v1/realtime'
    url.searchParams.set('model', deployment)
  } else {
    url.pathname = '/openai/realtime'
    url.searchParams.set('api-version', target.apiVersion ?? defaultPreviewVersion)
    url.searchParams.set('deployment', deployment)
  }
  return url
}

/**
 * Builds the WebSocket address of a session by what it is for.
 * A transcription names no model there: OpenAI refuses one, or takes the session for a conversation (openai-python#2652,
 * livekit/agents-js#1756). A translation has an address of its own, which the preview form lacks.
 * @param purpose absent: a conversation
 */
export function sessionUrl(target: Target, deployment: string, purpose?: Purpose): URL {
  const url = realtimeUrl(target, deployment)
  if (purpose === 'transcription') {
    for (const name of ['model', 'deployment']) url.searchParams.delete(name)
    url.searchParams.set('intent', 'transcription')
  } else if (purpose === 'translation') {
    url.pathname = `${url.pathname}/${translationsPath}`
  }
  return url
}

/** Below the address of conversations. */
export const translationsPath = 'translations'

/** @throws GatewayError `not_found` where upstream has no live translation */
export function checkTranslates({ dialect }: Pick<Target, 'dialect'>): void {
  if (dialect === 'preview')
    throw new GatewayError(
      'not_found',
      'The preview form of the API, which upstream speaks, has no translations',
    )
}

/**
 * Builds the WebSocket address that joins a running call (Azure has none in its preview form).
 * That of a call which translates is assumed: no vendor documents one.
 * @param purpose absent: a conversation
 */
export function callUrl(target: Target, callId: string, purpose?: Purpose): URL {
  const url = sessionUrl(target, '', purpose)
  url.search = ''
  url.searchParams.set('call_id', callId)
  return url
}

/** Builds an HTTP address below `/realtime`, for example of `client_secrets` or `calls`. */
export function restUrl(target: Target, path: string): URL {
  const url = realtimeUrl(target, '')
  url.protocol = target.baseUrl.protocol
  url.search = ''
  url.pathname = `${url.pathname}/${path}`
  return url
}
