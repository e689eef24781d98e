/** The dialect that a client of an SDK address speaks, by the way it dials. */
import { previewPath } from '../core/contract.ts'
import type { Dialect, UpgradeRequest } from '../core/ports.ts'

/** How beta clients name their dialect, in a header and as a subprotocol (npm `openai`, `beta/realtime`). */
const betaFeature = 'realtime=v1'
const betaSubprotocol = 'openai-beta.realtime-v1'

/**
 * Reads a client's dialect.
 * @returns `preview` for Azure's preview address with an `api-version` that ends in `-preview`, for `OpenAI-Beta:
 *   realtime=v1` and for the subprotocol of the same meaning; else `ga`
 */
export function dialectOf({ path, query, headers, subprotocols }: UpgradeRequest): Dialect {
  const features = (headers.get('openai-beta') ?? '').split(',').map(feature => feature.trim())
  const isPreview =
    (path === previewPath && query.get('api-version')?.endsWith('-preview') === true) ||
    features.includes(betaFeature) ||
    subprotocols.includes(betaSubprotocol)
  return isPreview ? 'preview' : 'ga'
}
